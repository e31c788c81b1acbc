# SPDX-License-Identifier: Apache-2.0
"""Atoms behave as independent fair bits, wherever a structure relies on it.

Every threshold is computed for a chance of failure of at most 1e-9 if the bits were perfectly random. The
keys and seeds are fixed, so a test passes or fails for ever.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import reference
from hypersketch import BloomFilter, HopfieldMembership, MapB, MapI, _core, hash_keys

CHANCE = 1e-9
Z = 6.2  # two-sided normal quantile of CHANCE

KEYS: dict[str, Any] = {
    "adjacent integers": range(400),
    "powers of two": [2**i for i in range(63)]
    + [2**i - 1 for i in range(2, 63)]
    + [-(2**i) for i in range(63)],
    "multiples of a page": range(0, 400 * 4096, 4096),
    "short strings": [a + b for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"],
    "numbered strings": [f"key {i}" for i in range(400)],
}


def largest_dot(dim: int, pairs: int) -> float:
    """No |<s, t>| of so many pairs of random sign vectors exceeds this, but for the chance (Hoeffding)."""
    return math.sqrt(2 * dim * math.log(2 * pairs / CHANCE))


def require_fair(ones: Any, n: int) -> None:
    """Numbers of ones among n fair bits each: every one near n/2, and their spread binomial."""
    z = (np.asarray(ones, np.float64).ravel() - n / 2) / math.sqrt(n / 4)
    assert np.abs(z).max() < math.sqrt(2 * math.log(2 * z.size / CHANCE)) + 0.5
    # The sum of squares is chi-squared with z.size degrees of freedom: mean z.size, variance 2 z.size.
    assert abs((z**2).sum() - z.size) < Z * math.sqrt(2 * z.size) + Z**2


def require_uncorrelated(products: np.ndarray) -> None:
    """Sums of products of signs, rows of n: each small, all together of mean 0 and the right variance."""
    n, count = products.shape[-1], products.size // products.shape[-1]
    dots = products.sum(axis=-1, dtype=np.int64).ravel()
    assert np.abs(dots).max() < largest_dot(n, count)
    assert abs(dots.sum()) < Z * math.sqrt(n * count)
    assert abs((dots.astype(float) ** 2).mean() / n - 1) < Z * math.sqrt(2 / count) + Z**2 / count


def vectors(keys: Any, dim: int = 4096, seed: int = 0) -> np.ndarray:
    space = MapI(dim, seed)
    return space.unpack(space.atoms(keys))


@pytest.mark.parametrize("name", KEYS)
def test_bits_are_balanced(name: str) -> None:
    ones = vectors(KEYS[name]) < 0
    require_fair(ones.sum(), ones.size)
    require_fair(ones.sum(axis=0), ones.shape[0])  # every dimension
    require_fair(ones.sum(axis=1), ones.shape[1])  # every atom


@pytest.mark.parametrize("name", KEYS)
def test_atoms_of_different_keys_are_uncorrelated(name: str) -> None:
    atoms = vectors(KEYS[name]).astype(np.float64)
    n, dim = atoms.shape
    dots = (atoms @ atoms.T)[np.triu_indices(n, 1)]
    assert np.abs(dots).max() < largest_dot(dim, dots.size)
    # The dots are pairwise uncorrelated, with variance D; their squares too, with variance 2 D^2 (1 - 1/D).
    assert abs(dots.mean()) < Z * math.sqrt(dim / dots.size)
    assert abs((dots**2).mean() / dim - 1) < Z * math.sqrt(2 / dots.size)


def test_adjacent_integer_keys() -> None:
    atoms = vectors(range(5000), 1024)
    for step in (1, 2, 256):
        require_uncorrelated(atoms[step:] * atoms[:-step])


@pytest.mark.parametrize("seeds", [(0, 1), (1, 2), (0, 2**63), (2**64 - 1, 0), (7, 7 + 2**32)])
def test_seeds_are_independent(seeds: tuple[int, int]) -> None:
    require_uncorrelated(vectors(range(500), seed=seeds[0]) * vectors(range(500), seed=seeds[1]))
    # The atom of one key under one seed is no other key's under the other.
    left, right = (vectors(range(200), 1024, seed).astype(float) for seed in seeds)
    assert np.abs(left @ right.T).max() < largest_dot(1024, 200 * 200)


def test_many_seeds_of_one_key() -> None:
    atoms = np.concatenate([vectors(["key"], 2048, seed) for seed in range(300)]).astype(np.float64)
    dots = (atoms @ atoms.T)[np.triu_indices(300, 1)]
    assert np.abs(dots).max() < largest_dot(2048, dots.size)
    require_fair((atoms < 0).sum(axis=0), 300)


def test_words_of_an_atom_are_independent() -> None:
    words = vectors(range(3000), 64 * 16).reshape(3000, 16, 64)
    for gap in (1, 2, 8):
        products = words[:, gap:] * words[:, :-gap]
        require_fair((products < 0).sum(axis=0), 3000)  # bit b of word j against bit b of word j + gap
        require_uncorrelated(products)
    # Word j + 1 of one key against word j of the next: a counter must not slide from key to key.
    require_uncorrelated(words[1:, :-1] * words[:-1, 1:])


def test_bits_of_a_word_are_independent() -> None:
    bits = vectors(range(400), 64 * 64).reshape(-1, 64).astype(np.float64)
    dots = (bits.T @ bits)[np.triu_indices(64, 1)]
    assert np.abs(dots).max() < largest_dot(len(bits), dots.size)
    triples = bits[:, :62] * bits[:, 1:63] * bits[:, 2:]
    assert np.abs(triples.sum(axis=0)).max() < largest_dot(len(bits), 62)


def word_of_atoms(hashes: np.ndarray, word: int) -> np.ndarray:
    rows = np.empty((hashes.size, word + 1), np.uint64)
    _core.atom_rows(64 * (word + 1), 3, hashes, rows, 1)
    return np.ascontiguousarray(rows[:, word])


@pytest.mark.parametrize("word", [0, 1, 31])
def test_every_bit_of_the_hash_changes_half_the_bits(word: int) -> None:
    hashes = reference.hash_keys(range(2000))
    before = word_of_atoms(hashes, word)
    flips = np.empty((64, 64))
    for bit in range(64):
        changed_words = before ^ word_of_atoms(hashes ^ np.uint64(1 << bit), word)
        changed = np.unpackbits(changed_words.view(np.uint8).reshape(-1, 8), axis=1)
        flips[bit] = changed.sum(axis=0)
    require_fair(flips, 2000)


def test_purposes_do_not_share_words() -> None:
    hashes = reference.hash_keys(range(500))
    others = (reference.BLOOM, reference.SIGN, reference.TIE)
    kinds = [vectors(range(500), 1024), *(reference.atoms(1024, 0, hashes, p) for p in others)]
    for i, a in enumerate(kinds):
        for b in kinds[:i]:
            require_uncorrelated(a * b)


def test_ties_are_independent_of_atoms() -> None:
    tie = MapB(4096).unpack(MapB(4096).bundle().pack().vector)
    dots = vectors(range(1000)) @ tie.astype(np.int64)
    assert np.abs(dots).max() < largest_dot(4096, 1000)


def test_hopfield_signs_are_fair_and_independent_of_atoms() -> None:
    n = 20_000
    hashes = hash_keys(range(n))
    signs = reference.hopfield_signs(0, hashes)
    # They are the signs that the structure uses: in one dimension s s^T = 1, and the trace is their sum.
    memory = HopfieldMembership(1)
    memory.add(range(n))
    assert memory._saved_counts()["trace"] == signs.sum()
    require_fair((signs < 0).sum(), n)
    assert abs((signs[1:] * signs[:-1]).sum()) < largest_dot(n, 1)
    require_fair((vectors(range(n), 64) * signs[:, np.newaxis] < 0).sum(axis=0), n)


@pytest.mark.parametrize("n_bits", [64, 1000, 4097])
def test_bloom_positions_are_uniform_and_independent(n_bits: int) -> None:
    n, k = 20_000, 4
    positions = reference.positions(n_bits, k, 0, hash_keys(range(n)))
    seen = BloomFilter(n_bits=n_bits, n_hashes=k, layout="classic")
    seen.add(range(50))
    assert seen.fill == len(np.unique(positions[:50])) / n_bits  # they are the structure's
    counts = np.bincount(positions.ravel(), minlength=n_bits)
    expected = n * k / n_bits
    statistic = ((counts - expected) ** 2 / expected).sum()  # chi-squared, n_bits - 1 degrees of freedom
    assert abs(statistic - (n_bits - 1)) < Z * math.sqrt(2 * (n_bits - 1)) + Z**2
    for i in range(k):
        for j in range(i):
            equal = (positions[:, i] == positions[:, j]).sum()
            assert abs(equal - n / n_bits) < Z * math.sqrt(n / n_bits) + Z**2
    following = (positions[1:] == positions[:-1]).sum()
    assert abs(following - n * k / n_bits) < Z * math.sqrt(n * k / n_bits) + Z**2
