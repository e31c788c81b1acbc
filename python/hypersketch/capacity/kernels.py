# SPDX-License-Identifier: Apache-2.0
"""The compiled loops that only experiments use, whole trials in one call: the one door to ``_core``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hypersketch import _core

__all__ = [
    "bundle_trials",
    "cleanup_trials",
    "hash_bytes",
    "members_among_best",
    "runs_among_best",
    "sample_indices",
    "trial_seeds",
]

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]


def hash_bytes(data: bytes, seed: int) -> int:
    """XXH64 of raw bytes.

    Examples
    --------
    >>> hash_bytes(b"a", 0) == hash_bytes(b"a", 0) != hash_bytes(b"b", 0)
    True
    """
    return int(_core.hash_bytes(data, seed))


def trial_seeds(seed: int, trials: int) -> UInt64Array:
    """Seeds of the trials 0, 1, ... of a cell, shape (trials,).

    Examples
    --------
    >>> trial_seeds(1, 3).shape
    (3,)
    """
    seeds = np.empty(trials, dtype=np.uint64)
    _core.hash_u64(np.arange(trials, dtype=np.uint64), seed, seeds, 1)
    return seeds


def sample_indices(seed: int, trials: int, n: int, universe: int) -> Int64Array:
    """`n` distinct indices below `universe` for each trial, uniformly at random, shape (trials, n).

    Examples
    --------
    >>> rows = sample_indices(1, 2, 5, 5)
    >>> sorted(rows[0].tolist())
    [0, 1, 2, 3, 4]
    """
    chosen = np.empty((trials, n), dtype=np.int64)
    _core.sample_indices(seed, trials, n, universe, chosen)
    return chosen


def bundle_trials(
    dim: int,
    packed: bool,
    seeds: UInt64Array,
    members: UInt64Array,
    probes: UInt64Array,
    weights: Int64Array | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> Int64Array:
    """Builds one bundle a trial and scores probes against it, without storing an atom.

    Parameters
    ----------
    dim : int
        Dimensions of the space.
    packed : bool
        Score the signs of the bundle (MAP-B) instead of the sums (MAP-I).
    seeds : array of uint64, shape (T,)
        Seed of each trial's space.
    members, probes : array of uint64, shape (F, T, n) and (F, T, q)
        Hashes of the F factors of every bound item.
    weights : array of int64, shape (n,), optional
        Weight of each member; 1 by default.
    threads : int, default 1
        Worker threads.
    device : str, default "cpu"
        Where: on a GPU trial by trial.

    Returns
    -------
    array of int64, shape (T, q)
        Inner products of bundle and probes.

    Examples
    --------
    >>> import numpy as np
    >>> keys = np.arange(3, dtype=np.uint64).reshape(1, 1, 3)
    >>> bundle_trials(64, False, np.array([1], dtype=np.uint64), keys[:, :, :1], keys[:, :, :1]).tolist()
    [[64]]
    """
    if device != "cpu":
        from hypersketch.capacity.kernels_on_gpu import bundle_scores

        trials = enumerate(seeds.tolist())
        scores = [
            bundle_scores(device, dim, packed, s, members[:, t], probes[:, t], weights) for t, s in trials
        ]
        return np.stack(scores)
    out = np.empty((probes.shape[1], probes.shape[2]), dtype=np.int64)
    _core.bundle_trials(dim, packed, seeds, _packed(members), weights, _packed(probes), out, threads)
    return out


def cleanup_trials(
    dim: int,
    packed: bool,
    seeds: UInt64Array,
    codebook: UInt64Array,
    members: Int64Array,
    threads: int = 1,
    device: str = "cpu",
) -> Int64Array:
    """Bundles n codewords a trial and counts those of them among the n best scores of the codebook.

    Parameters
    ----------
    dim, packed, seeds, threads, device
        As in :func:`bundle_trials`.
    codebook : array of uint64, shape (N,)
        Hashes of the codewords.
    members : array of int64, shape (T, n)
        Indices of the bundled codewords.

    Returns
    -------
    array of int64, shape (T,)
        Hits of each trial, in [0, n].

    Examples
    --------
    >>> import numpy as np
    >>> book = np.arange(10, dtype=np.uint64)
    >>> cleanup_trials(1024, False, book[:1], book, np.array([[3, 7]])).tolist()
    [2]
    """
    if device != "cpu":
        asked = np.broadcast_to(codebook, (1, seeds.size, codebook.size))
        scores = bundle_trials(dim, packed, seeds, codebook[members][np.newaxis], asked, device=device)
        return members_among_best(scores.astype(np.float64), members)
    hits = np.empty(seeds.size, dtype=np.int64)
    _core.cleanup_trials(dim, packed, seeds, codebook, members, hits, threads)
    return hits


def members_among_best(scores: npt.NDArray[np.float64], members: Int64Array) -> Int64Array:
    """How many members of each row are among the n best scores of it; equal scores rank by index.

    Parameters
    ----------
    scores : array of float64, shape (T, N)
        Scores of the codebook, a row a bundle.
    members : array of int64, shape (T, n)
        Indices of the n members of each.

    Returns
    -------
    array of int64, shape (T,)

    Examples
    --------
    >>> import numpy as np
    >>> members_among_best(np.array([[1.0, 0.5, 0.5]]), np.array([[0, 2]])).tolist()
    [1]
    """
    hits = np.empty(len(scores), np.int64)
    _core.members_among_best(np.ascontiguousarray(scores), np.ascontiguousarray(members), hits)
    return hits


def runs_among_best(scores: npt.NDArray[np.float64], members: Int64Array, starts: Int64Array) -> Int64Array:
    """`members_among_best` of rows with different numbers of members: those of row b begin at ``starts[b]``.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])
    >>> runs_among_best(scores, np.array([0, 0, 2]), np.array([0, 1, 3])).tolist()
    [1, 1]
    """
    hits = np.empty(len(scores), np.int64)
    _core.runs_among_best(np.ascontiguousarray(scores), np.ascontiguousarray(members), starts, hits)
    return hits


def _packed(items: UInt64Array) -> UInt64Array:
    return items if items.flags.c_contiguous else np.ascontiguousarray(items)
