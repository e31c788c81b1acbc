# SPDX-License-Identifier: Apache-2.0
"""The rule of Schlegel, Neubert and Protzel for the dimensions that a bundle needs."""

from __future__ import annotations

from collections.abc import Sequence

from hypersketch import _validation
from hypersketch.capacity.experiments.schlegel import DIMENSIONS, SIZES, first_dimensions, line_at
from hypersketch.capacity.results import Measurement
from hypersketch.capacity.runner import run
from hypersketch.capacity.validation import positive

__all__ = ["DIMENSIONS", "SIZES", "first_dimensions", "line_at", "minimal_dimension"]


def minimal_dimension(
    structures: Sequence[str] | str = ("map-i", "map-b"),
    n: int = 15,
    universe: int = 1000,
    accuracy: float = 0.99,
    trials: int = 10,
    seed: int = 1,
) -> dict[str, int]:
    """Dimensions at which the n best of a codebook are the n bundled items, by the published rule.

    For each number of items the first dimension is taken whose mean accuracy over the trials reaches
    `accuracy`; a straight line through these dimensions is read at n.

    Parameters
    ----------
    structures : str or sequence of str, default ("map-i", "map-b")
        Structures with a cleanup: all spaces.
    n : int, default 15
        Bundled items to read the line at.
    universe : int, default 1000
        Items of the codebook.
    accuracy : float, default 0.99
        In (0, 1).
    trials : int, default 10
        Trials of each dimension and number of items.
    seed : int, default 1
        Seed of the run.

    Returns
    -------
    dict of str to int
        Dimensions of each structure.

    Raises
    ------
    ValueError
        If a number makes no sense, or a structure reaches the accuracy nowhere on the grid.

    Notes
    -----
    The grid of dimensions is the square of 2, 4, ..., 40, that of sizes 5, 10, ..., 50; sizes that reach the
    accuracy nowhere are left out of the line. Source: Schlegel, Neubert and Protzel (2022), rule of their
    plot script; they find 470 for MAP-I and 790 for MAP-B at n = 15.

    Examples
    --------
    >>> found = minimal_dimension(["map-i"], seed=1)
    >>> 350 < found["map-i"] < 600
    True
    """
    n = positive("minimal_dimension", "n", n)
    accuracy = _validation.probability("minimal_dimension", "accuracy", accuracy)
    names = [structures] if isinstance(structures, str) else list(structures)
    rows = run(
        "cleanup",
        structures=names,
        n=SIZES,
        dims=DIMENSIONS,
        universe=universe,
        trials=trials,
        seed=seed,
    ).measurements()
    return {
        name: _by_the_line(name, [row for row in rows if row.structure == name], n, accuracy)
        for name in names
    }


def _by_the_line(name: str, rows: Sequence[Measurement], n: int, accuracy: float) -> int:
    """Dimension of one structure at n items, on the line through its first dimensions that suffice."""
    reached = first_dimensions([(row.n, row.size["dim"], row.value) for row in rows], accuracy)
    if len(reached) < 2:
        raise ValueError(f"The structure {name!r} reaches the accuracy {accuracy} at fewer than two sizes.")
    return round(line_at(reached, n))
