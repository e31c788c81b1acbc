# SPDX-License-Identifier: Apache-2.0
"""Random projections: Johnson-Lindenstrauss, AMS, sparse JL, count sketch as a map, and TensorSketch.

A projection S to m outputs keeps inner products, E <Sx, Sy> = <x, y>, and squared norms with them. Dense
signs over sqrt(m), a count sketch (one entry a feature) and Kane-Nelson blocks (s entries a feature, over
sqrt(s)) have one variance: s only thins the tails. Moments come from vectors as numbers: the squared norms
|x|^2, the inner product <x, y> and the overlap sum_i x_i^2 y_i^2.
"""

from __future__ import annotations

import math

import numpy as np

from ._checks import Floats, answer, at_most, count, counts, probabilities, real, reals


def spread(n_components: int, n_nonzeros: int = 1) -> float:
    """Return the factor h that a sparse projection's variances carry: 1/m when s divides m.

    Parameters
    ----------
    n_components : int
        Number of outputs m.
    n_nonzeros : int, default 1
        Entries s a feature, at most m, one in each of s blocks of outputs; block r has
        w_r = floor((r+1) m/s) - floor(r m/s) of them.

    Returns
    -------
    float
        h = (1/s^2) sum_r 1/w_r.

    Raises
    ------
    ValueError
        An argument is not an integer of its range.

    Notes
    -----
    Derived: the blocks are independent count sketches of widths w_r, and the estimate is their mean.

    Examples
    --------
    >>> spread(1024, 8) == 1 / 1024
    True
    >>> round(spread(10, 4) * 10, 4)  # blocks of 2, 3, 2 and 3
    1.0417
    """
    owner = "projection.spread"
    m, s = count(owner, "n_components", n_components), count(owner, "n_nonzeros", n_nonzeros)
    at_most(owner, "n_nonzeros", np.float64(s), np.float64(m), "n_components")
    narrow, wide = m // s, m % s  # so many blocks have one output more
    return ((s - wide) / narrow + wide / (narrow + 1)) / s**2


def inner_product_sd(
    n_components: int,
    squared_norm_x: Floats,
    squared_norm_y: Floats,
    inner: Floats,
    overlap: Floats,
    n_nonzeros: int = 1,
) -> Floats:
    """Return the standard deviation of <Sx, Sy>, whose mean is <x, y>.

    Parameters
    ----------
    n_components : int
        Number of outputs m.
    squared_norm_x, squared_norm_y : float or array
        |x|^2 and |y|^2. Elementwise.
    inner : float or array
        <x, y>.
    overlap : float or array
        sum_i x_i^2 y_i^2.
    n_nonzeros : int, default 1
        Entries a feature of a sparse projection. Dense signs have the same deviation at 1.

    Returns
    -------
    float or ndarray
        sqrt(h (|x|^2 |y|^2 + <x,y>^2 - 2 sum_i x_i^2 y_i^2)), h = `spread`.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formulas 1.7, 5.3 and 5.7, derived; exact for features whose outputs and signs are independent.

    Examples
    --------
    >>> round(inner_product_sd(1024, 100.0, 100.0, 30.0, 1.0), 3)
    3.262
    """
    owner = "projection.inner_product_sd"
    x, y, both, same = (
        reals(owner, name, value, least)
        for name, value, least in (
            ("squared_norm_x", squared_norm_x, 0.0),
            ("squared_norm_y", squared_norm_y, 0.0),
            ("inner", inner, -math.inf),
            ("overlap", overlap, 0.0),
        )
    )
    variance = spread(n_components, n_nonzeros) * (x * y + both**2 - 2.0 * same)
    return answer(np.sqrt(np.maximum(variance, 0.0)))


def squared_norm_sd(
    n_components: int, squared_norm: Floats, fourth_powers: Floats, n_nonzeros: int = 1
) -> Floats:
    """Return the standard deviation of |Sx|^2, whose mean is |x|^2.

    Parameters
    ----------
    n_components : int
        Number of outputs m.
    squared_norm : float or array
        |x|^2. Elementwise.
    fourth_powers : float or array
        sum_i x_i^4.
    n_nonzeros : int, default 1
        Entries a feature of a sparse projection. Dense signs have the same deviation at 1.

    Returns
    -------
    float or ndarray
        sqrt(2 h (|x|^4 - sum_i x_i^4)), h = `spread`; at most sqrt(2/m) |x|^2 when s divides m.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formulas 1.6, 5.6 and 5.7, derived; simulated for s = 1, 4, 8: variances .0587, .0598, .0592 against
    .0585. For s = 1 it is the AMS sketch's, whose published bound is 2 F2^2 / m (Alon, Matias, Szegedy 1996).

    Examples
    --------
    >>> [round(squared_norm_sd(64, 1.0, 1 / 16, s), 4) for s in (1, 8)]
    [0.1712, 0.1712]
    """
    return inner_product_sd(n_components, squared_norm, squared_norm, squared_norm, fourth_powers, n_nonzeros)


def tensor_sketch_sd(
    n_components: Floats,
    degree: Floats,
    squared_norm_x: Floats,
    squared_norm_y: Floats,
    inner: Floats,
    overlap: Floats,
) -> Floats:
    """Return the standard deviation of <T(x), T(y)> of a TensorSketch, whose mean is <x, y>^p.

    Parameters
    ----------
    n_components : int or array
        Number of outputs m. Elementwise.
    degree : int or array
        Degree p.
    squared_norm_x, squared_norm_y : float or array
        |x|^2 and |y|^2.
    inner : float or array
        <x, y>.
    overlap : float or array
        sum_i x_i^2 y_i^2.

    Returns
    -------
    float or ndarray
        sqrt(E Z^2 - P^p) with P = <x,y>^2, b = |x|^2 |y|^2 - D, c = P - D for the overlap D, q = 1/m^2 for
        odd m and 2/m^2 for even m, E Z^2 = P^p + ((P+b)^p - P^p)/m + ((P+c)^p - P^p)/m
        + q ((P+b+c)^p - (P+b)^p - (P+c)^p + P^p).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 5.8, derived for fully independent outputs and signs; simulated at m = 64 p = 2 .01101 against
    .01092, p = 3 .00851 against .00854; m = 31 p = 2 .02270 against .02254. With the constant c0 of a kernel
    (g <x,y> + c0)^p pass g |x|^2 + c0, g <x,y> + c0 and g^2 sum_i x_i^2 y_i^2 + c0^2.

    Examples
    --------
    >>> tensor_sketch_sd(1024, 1, 1.0, 1.0, 0.3, 0.01) == inner_product_sd(1024, 1.0, 1.0, 0.3, 0.01)
    True
    >>> round(tensor_sketch_sd(1024, 2, 1.0, 1.0, 0.3, 0.01), 4)
    0.0339
    """
    owner = "projection.tensor_sketch_sd"
    m, p = counts(owner, "n_components", n_components), counts(owner, "degree", degree)
    x, y, same = (
        reals(owner, name, value, 0.0)
        for name, value in (
            ("squared_norm_x", squared_norm_x),
            ("squared_norm_y", squared_norm_y),
            ("overlap", overlap),
        )
    )
    square = reals(owner, "inner", inner) ** 2
    b, c = x * y - same, square - same
    q = np.where(m % 2 == 0, 2.0, 1.0) / m**2
    one, other = (square + b) ** p - square**p, (square + c) ** p - square**p
    both = (square + b + c) ** p - square**p
    return answer(np.sqrt(np.maximum((one + other) / m + q * (both - one - other), 0.0)))


def tensor_sketch_components(degree: int, eps: float, delta: float) -> int:
    """Return outputs that suffice for inner products of TensorSketches within eps |x|^p |y|^p.

    Parameters
    ----------
    degree : int
        Degree p.
    eps : float
        Largest error over |x|^p |y|^p, above 0.
    delta : float
        Probability of a larger one, in (0, 1).

    Returns
    -------
    int
        ceil((2 + 3^p) / (eps^2 delta)).

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Formula 5.9; recalled (Avron, Nguyen, Woodruff, NeurIPS 2014): Chebyshev's bound, for products of whole
    matrices in the Frobenius norm too. `tensor_sketch_sd` is what to expect.

    Examples
    --------
    >>> tensor_sketch_components(2, 0.1, 0.1)
    11000
    """
    owner = "projection.tensor_sketch_components"
    p = count(owner, "degree", degree)
    error = real(owner, "eps", eps, 0.0, math.inf, "()")
    risk = real(owner, "delta", delta, 0.0, 1.0, "()")
    return math.ceil((2.0 + 3.0**p) / (error**2 * risk) * (1.0 - 1e-12))


def jl_components(n_samples: Floats, eps: Floats, delta: Floats = 0.05) -> Floats:
    """Return outputs of dense signs that keep all distances among n points within a factor 1 +- eps.

    Parameters
    ----------
    n_samples : int or array
        Number of points n, at least 2. Elementwise.
    eps : float or array
        Largest relative error of a squared distance, in (0, 1).
    delta : float or array, default 0.05
        Probability that any of the n (n - 1) / 2 errs more, in (0, 1).

    Returns
    -------
    float or ndarray
        ceil(2 ln(n (n - 1) / delta) / (eps^2/2 - eps^3/3)), as whole floats.

    Raises
    ------
    ValueError
        An argument is out of its range.

    Notes
    -----
    Recalled (Achlioptas, J. Comput. Syst. Sci. 66, 2003): for signs, a squared norm leaves either side of the
    interval with probability at most exp(-(m/2)(eps^2/2 - eps^3/3)); the union bound over pairs and sides.
    The bound does not know the data; `squared_norm_sd` does.

    Examples
    --------
    >>> jl_components(1000, 0.1)
    7205.0
    """
    owner = "projection.jl_components"
    n = counts(owner, "n_samples", n_samples, 2)
    error, risk = probabilities(owner, "eps", eps), probabilities(owner, "delta", delta)
    return answer(np.ceil(2.0 * np.log(n * (n - 1.0) / risk) / (error**2 / 2.0 - error**3 / 3.0)))
