# SPDX-License-Identifier: Apache-2.0
"""Errors of counts when it is known how frequent the keys are: exact laws, where the families give bounds.

The median and the minimum of independent rows follow from the law of one row, and that from the counts. Rows
of skewed counts are no Gaussians, and far better than the bounds: most rows meet none of the few large
counts. `numbers` says how many keys have each of `values`, 1 by default. Exact to five digits while the
counts add up to 2^15 at most; beyond that within 1.5 percent from 64 cells a row on.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from ._checks import count, real, refuse
from ._collisions import Row, distinct_counts, mean_over_keys, median_at_least, place_of


def _odd(owner: str, depth: object) -> int:
    rows = count(owner, "depth", depth)
    if rows % 2 == 0:
        refuse(owner, "depth", "an odd integer", rows)
    return rows


def count_sketch_rmse(width: int, depth: int, values: ArrayLike, numbers: ArrayLike | None = None) -> float:
    """Return the root mean square error of the counts of all stored keys, for given counts.

    Parameters
    ----------
    width : int
        Counters w of a row, at least 3.
    depth : int
        Number of rows d, odd.
    values : array of int
        Counts of the keys.
    numbers : array of int, optional
        How many keys have each of them; 1 by default.

    Returns
    -------
    float
        Root of the mean, over the keys, of the mean squared error of the median.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived: the law of a row's error is the inverse transform of prod_j (1 + (cos(f_j t) - 1)/w), and the
    rows are independent. Simulated (Zipf 1.1, 1,000 keys, w=256, d=5: 1.729 against 1.729). Skewed counts
    gain far more from the median than Gaussian rows would (`count_sketch.median_factor`).

    Examples
    --------
    >>> zipf = [round(1000 / rank**1.5 + 0.5) for rank in range(1, 201)]
    >>> one = count_sketch_rmse(64, 1, zipf)
    >>> round(count_sketch_rmse(64, 3, zipf) / one, 2)  # Gaussian rows: 0.67
    0.19
    """
    owner = "frequency.count_sketch_rmse"
    rows, found = _odd(owner, depth), distinct_counts(owner, values, numbers)
    if not found[0].size:
        return 0.0
    if rows == 1:  # in closed form, with each key's own count left out
        squares = found[0] ** 2
        total = float(squares @ found[1])
        others = total - float(squares @ found[1]) / float(found[1].sum())
        return math.sqrt(max(others, 0.0) / count(owner, "width", width, 3))
    row = Row(count(owner, "width", width, 3), *found, signed=True)
    half = mean_over_keys(row, *found, lambda above: median_at_least(rows, above))
    return math.sqrt(2.0 * half[1])  # the law is symmetric


def count_min_moments(
    width: int, depth: int, values: ArrayLike, numbers: ArrayLike | None = None
) -> tuple[float, float]:
    """Return mean and root mean square of what is added to the counts of all stored keys, for given counts.

    Parameters
    ----------
    width : int
        Counters w of a row, at least 3.
    depth : int
        Number of rows d.
    values : array of int
        Counts of the keys.
    numbers : array of int, optional
        How many keys have each of them; 1 by default.

    Returns
    -------
    tuple of float
        Mean and root mean square, over the keys, of the least of the d excesses.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived: the law of a row's excess is the inverse transform of prod_j (1 + (e^{i f_j t} - 1)/w), and the
    rows are independent: P(least >= x) = P(row >= x)^d. Simulated (Zipf 1.1, 1,000 keys, w=256, d=5: mean
    1.986 against 1.987). A conservative update adds less; no closed form is known for it.

    Examples
    --------
    >>> zipf = [round(1000 / rank) for rank in range(1, 201)]
    >>> [round(count_min_moments(64, d, zipf)[0], 1) for d in (1, 2, 4)]
    [91.3, 35.0, 17.4]
    """
    owner = "frequency.count_min_moments"
    rows, found = count(owner, "depth", depth), distinct_counts(owner, values, numbers)
    if not found[0].size:
        return 0.0, 0.0
    row = Row(count(owner, "width", width, 3), *found, signed=False)
    mean, square = mean_over_keys(row, *found, lambda above: above**rows)
    return float(mean), math.sqrt(square)


def count_min_wrong_count_rate(width: int, depth: int, n: int) -> float:
    """Return the probability that the count of a stored key is too large at all.

    Parameters
    ----------
    width, depth : int
        Counters w of a row and number of rows d.
    n : int
        Number of different keys, this one included.

    Returns
    -------
    float
        (1 - (1 - 1/w)^(n - 1))^d, exact, whatever the counts are.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Derived: another key must share the counter in each of d independent rows.

    Examples
    --------
    >>> round(count_min_wrong_count_rate(100, 3, 51), 4)
    0.0616
    """
    owner = "frequency.count_min_wrong_count_rate"
    w, d = count(owner, "width", width), count(owner, "depth", depth)
    others = count(owner, "n", n) - 1
    alone = math.exp(others * math.log1p(-1.0 / w)) if w > 1 else float(others == 0)
    return (1.0 - alone) ** d


def counting_bloom_rmse(
    n_cells: int, n_hashes: int, values: ArrayLike, numbers: ArrayLike | None = None
) -> float:
    """Return the root mean square error of the counts of all stored keys, for given counts.

    Parameters
    ----------
    n_cells, n_hashes : int
        Number of cells m, at least 3, and of hashes k.
    values : array of int
        Counts of the keys.
    numbers : array of int, optional
        How many keys have each of them; 1 by default.

    Returns
    -------
    float
        Root mean square, over the keys, of the least of the k excesses.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    As `count_min_moments` for one row of m cells that takes every key k times. The k cells are taken as
    independent and as different: where a key's positions coincide, another key's count there is halved.
    Derived, simulated (Zipf 1.1, 150 keys, mean squares: m=300, k=2 23.9 against 25.6; m=900, k=4 .291
    against .294).

    Examples
    --------
    >>> round(counting_bloom_rmse(400, 4, [round(1000 / r) for r in range(1, 201)]), 1)
    12.2
    """
    owner = "frequency.counting_bloom_rmse"
    m, k = count(owner, "n_cells", n_cells, 3), count(owner, "n_hashes", n_hashes)
    found, keys = distinct_counts(owner, values, numbers)
    if not found.size:
        return 0.0
    row = Row(m, found, k * keys, signed=False)
    return math.sqrt(mean_over_keys(row, found, keys, lambda above: above**k, k)[1])


def count_sketch_quantile(
    width: int, depth: int, chance: float, values: ArrayLike, numbers: ArrayLike | None = None
) -> float:
    """Return the error above 0 that the count of a key that never occurred reaches with a given chance.

    Parameters
    ----------
    width, depth : int
        Cells w of a row, at least 3, and number of rows d, odd.
    chance : float
        Probability, strictly between 0 and 1/2.
    values, numbers : array of int
        Counts of the keys, and how many keys have each; 1 by default.

    Returns
    -------
    float
        The least x with P(median >= x) <= chance.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived, as `count_sketch_rmse`.

    Examples
    --------
    >>> count_sketch_quantile(64, 3, 0.01, [round(1000 / r) for r in range(1, 201)])
    125.0
    """
    owner = "frequency.count_sketch_quantile"
    rows, asked = _odd(owner, depth), real(owner, "chance", chance, 0.0, 0.5, "()")
    row = Row(count(owner, "width", width, 3), *distinct_counts(owner, values, numbers), signed=True)
    return place_of(row, asked, lambda above: median_at_least(rows, above))


def count_min_quantile(
    width: int, depth: int, chance: float, values: ArrayLike, numbers: ArrayLike | None = None
) -> float:
    """Return the count that a key that never occurred reaches with a given chance.

    Parameters
    ----------
    width, depth : int
        Cells w of a row, at least 3, and number of rows d.
    chance : float
        Probability, strictly between 0 and 1.
    values, numbers : array of int
        Counts of the keys, and how many keys have each; 1 by default.

    Returns
    -------
    float
        The least x with P(least cell >= x) <= chance.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Derived, as `count_min_moments`.

    Examples
    --------
    >>> count_min_quantile(64, 3, 0.01, [round(1000 / r) for r in range(1, 201)])
    105.0
    """
    owner = "frequency.count_min_quantile"
    rows, asked = count(owner, "depth", depth), real(owner, "chance", chance, 0.0, 1.0, "()")
    row = Row(count(owner, "width", width, 3), *distinct_counts(owner, values, numbers), signed=False)
    return place_of(row, asked, lambda above: above**rows)
