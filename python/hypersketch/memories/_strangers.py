# SPDX-License-Identifier: Apache-2.0
"""The similarity that keeps strangers out of an item memory, in every space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch._structure import chunks
from hypersketch.memories._codebooks import Codebook, StoredCodebook
from hypersketch.theory import item_memory as theory
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._packed import popcounts
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.holographic import FHRR
from hypersketch.vsa.modular import CGR, MCR
from hypersketch.vsa.sparse import BSDC
from hypersketch.vsa.ternary import MapT

_STEPS = 50
"""Of halving: as fine as the numbers are."""


def thresholds(book: Codebook, rate: float, probes: NDArray[Any] | None, threads: int) -> Any:
    """Return the threshold against strangers, or against items that are strangers to each probe."""
    space = book.space
    if isinstance(space, BSDC | MapT):
        return _of_sizes(book, space, rate, probes, threads)
    if isinstance(space, MapSpace) and probes is not None and probes.dtype == np.int32:
        # The inner product of a sum x with random signs, over D: of variance |x|^2 / D^2.
        lengths = np.sqrt(np.square(probes, dtype=np.float64).sum(axis=1))
        return theory.normal_threshold(lengths / space.dim, len(book), rate)
    threshold = _of_all(space, len(book), rate)
    return threshold if probes is None else np.full(len(probes), threshold)


def _of_all(space: Any, n: int, rate: float) -> float:
    """Return the threshold of a space in which all vectors are as likely to meet."""
    if isinstance(space, MapSpace):
        return theory.hamming_threshold(space.dim, n, rate)
    if isinstance(space, CGR):
        return theory.agreement_threshold(space.width, space.modulus, n, rate)
    if isinstance(space, MCR):
        mean, sd = theory.circle_moments(space.width, space.modulus)
        return float(theory.normal_threshold(sd, n, rate, mean))
    if isinstance(space, FHRR):
        return float(theory.normal_threshold(theory.phasor_sd(space.dim), n, rate))
    if isinstance(space, MapC):
        return float(theory.normal_threshold(space.dim**-0.5, n, rate))
    return theory.cosine_threshold(space.dim, n, rate) if space.dim > 1 else np.nextafter(1.0, 2.0)


def _of_sizes(
    book: Codebook, space: BSDC | MapT, rate: float, probes: NDArray[Any] | None, threads: int
) -> float | NDArray[np.float64]:
    """Return thresholds of a space in which they depend on how many entries are not 0."""
    of_atom = np.array([space.n_ones if isinstance(space, BSDC) else space.dim])
    sizes, n_of_size = of_atom, np.array([len(book)])
    if isinstance(book, StoredCodebook):
        parts = [popcounts(book.rows(part, threads)) for part in chunks(len(book), space.width)]
        sizes, n_of_size = np.unique(np.concatenate(parts), return_counts=True)
    asked = of_atom if probes is None else popcounts(probes)
    different, inverse = np.unique(asked, return_inverse=True)
    found = np.array([_of_size(space, int(ones), sizes, n_of_size, rate) for ones in different])
    return float(found[0]) if probes is None else found[inverse]


def _of_size(
    space: BSDC | MapT, ones: int, sizes: NDArray[Any], n_of_size: NDArray[Any], rate: float
) -> float:
    """Return the least threshold at which the chances of all items add up to no more than the rate."""
    low, high = -1.0, 1.0 + 1e-9
    for _ in range(_STEPS):
        middle = (low + high) / 2
        accepted = float((n_of_size * _chances(space, ones, sizes, middle)).sum())
        low, high = (low, middle) if accepted <= rate else (middle, high)
    return high


def _chances(space: BSDC | MapT, ones: int, sizes: NDArray[Any], threshold: float) -> Any:
    if isinstance(space, MapT):
        return theory.ternary_tail(ones, sizes, threshold)
    if space.variant != "seg":
        return theory.overlap_tail(space.dim, ones, sizes, threshold)
    # One of the two is a random atom; the union of several, if there is one, is the other.
    k = space.n_ones
    given = np.maximum(sizes, ones) if ones <= k else np.full(sizes.shape, ones)
    similarity = threshold * np.sqrt(np.maximum(ones * sizes, 1) / np.maximum(given * k, 1))
    return theory.segment_tail(k, space.dim // k, given, similarity)
