# SPDX-License-Identifier: Apache-2.0
"""Every structure from its definition, slowly: plain Python integers and NumPy, never the compiled module.

Vectors are arrays of -1 and +1, matrices are whole, and nothing is done in batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15
ATOM, BLOOM, SIGN, TIE, ROW = 1, 2, 3, 4, 6

# ---- XXH64, from its specification

P1 = 0x9E3779B185EBCA87
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9
P4 = 0x85EBCA77C2B2AE63
P5 = 0x27D4EB2F165667C5


def _rotate(x: int, r: int) -> int:
    return ((x << r) | (x >> (64 - r))) & MASK


def _round(acc: int, lane: int) -> int:
    return _rotate((acc + lane * P2) & MASK, 31) * P1 & MASK


def _merge(acc: int, value: int) -> int:
    return ((acc ^ _round(0, value)) * P1 + P4) & MASK


def xxh64(data: bytes, seed: int = 0) -> int:
    rest = data
    if len(data) >= 32:
        acc = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        while len(rest) >= 32:
            acc = [_round(a, int.from_bytes(rest[8 * i : 8 * i + 8], "little")) for i, a in enumerate(acc)]
            rest = rest[32:]
        total = sum(_rotate(a, r) for a, r in zip(acc, (1, 7, 12, 18), strict=True)) & MASK
        for a in acc:
            total = _merge(total, a)
    else:
        total = (seed + P5) & MASK
    total = (total + len(data)) & MASK
    return _avalanche(_finish(total, rest))


def _finish(total: int, rest: bytes) -> int:
    while len(rest) >= 8:
        total ^= _round(0, int.from_bytes(rest[:8], "little"))
        total = (_rotate(total, 27) * P1 + P4) & MASK
        rest = rest[8:]
    if len(rest) >= 4:
        total ^= int.from_bytes(rest[:4], "little") * P1 & MASK
        total = (_rotate(total, 23) * P2 + P3) & MASK
        rest = rest[4:]
    for byte in rest:
        total = _rotate(total ^ (byte * P5 & MASK), 11) * P1 & MASK
    return total


def _avalanche(total: int) -> int:
    total = (total ^ (total >> 33)) * P2 & MASK
    total = (total ^ (total >> 29)) * P3 & MASK
    return total ^ (total >> 32)


def key_bytes(key: int | str | bytes) -> bytes:
    if isinstance(key, str):
        return key.encode()
    return key if isinstance(key, bytes) else (int(key) & MASK).to_bytes(8, "little")


def hash_keys(keys: Sequence[int] | Sequence[str] | Sequence[bytes], seed: int = 0) -> NDArray[np.uint64]:
    return np.array([xxh64(key_bytes(key), seed) for key in keys], dtype=np.uint64)


# ---- random words


def mix64(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _word(value: int) -> NDArray[np.uint64]:
    return np.array(value & MASK, dtype=np.uint64)


def seed_word(seed: int, purpose: int) -> int:
    return int(mix64(_word(int(mix64(_word(seed + GAMMA))) + purpose * GAMMA)))


def stream_starts(seed: int, purpose: int, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return mix64(np.asarray(hashes, np.uint64) ^ _word(seed_word(seed, purpose)))


def random_words(starts: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Words 0 .. count-1 of each stream, shape (n, count)."""
    with np.errstate(over="ignore"):
        steps = (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(GAMMA)
        return mix64(starts[:, np.newaxis] + steps)


# ---- vectors


def atoms(dim: int, seed: int, hashes: NDArray[np.uint64], purpose: int = ATOM) -> NDArray[np.int64]:
    """Vectors of -1 and +1, shape (n, dim)."""
    words = random_words(stream_starts(seed, purpose, np.asarray(hashes, np.uint64)), -(-dim // 64))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    return 1 - 2 * bits[:, :dim].astype(np.int64)


def pack(vectors: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Bit d of a row is set where entry d is -1."""
    n, dim = vectors.shape
    padded = np.zeros((n, -(-dim // 64) * 64), dtype=np.uint8)
    padded[:, :dim] = vectors < 0
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def products(dim: int, seed: int, factors: Sequence[NDArray[np.uint64]]) -> NDArray[np.int64]:
    result = np.ones((len(factors[0]), dim), dtype=np.int64)
    for hashes in factors:
        result *= atoms(dim, seed, hashes)
    return result


def bundle(vectors: NDArray[np.int64], weights: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    return vectors.sum(axis=0) if weights is None else np.asarray(weights, np.int64) @ vectors


def signs(counters: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    tie = atoms(len(counters), seed, np.zeros(1, np.uint64), TIE)[0]
    return np.where(counters == 0, tie, np.sign(counters))


# ---- packed vectors, as arrays of bits


def majority(
    bits: NDArray[np.bool_],
    ties: NDArray[np.bool_],
    weights: NDArray[np.int64] | None = None,
    at_least: int | None = None,
) -> NDArray[np.bool_]:
    """One bit a column; a negative weight votes for the complement."""
    result = []
    for d in range(bits.shape[1]):
        votes = total = 0
        for i in range(bits.shape[0]):
            weight = 1 if weights is None else int(weights[i])
            votes += abs(weight) * (bool(bits[i, d]) != (weight < 0))
            total += abs(weight)
        tied = 2 * votes == total and bool(ties[d])
        result.append(tied or 2 * votes > total if at_least is None else votes >= at_least)
    return np.array(result, np.bool_)


def bits_of(rows: NDArray[np.uint64], dim: int) -> NDArray[np.bool_]:
    return np.array([[(int(row[d // 64]) >> (d % 64)) & 1 for d in range(dim)] for row in rows], np.bool_)


def grams(vectors: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Products of n neighbouring rows of signs, each shifted once for every row that follows it."""
    count = max(0, len(vectors) - n + 1)
    result = np.ones((count, vectors.shape[1]), np.int64)
    for t in range(count):
        for f in range(n):
            result[t] *= np.roll(vectors[t + f], n - 1 - f)
    return result


# ---- search


def distances(queries: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Hamming distances of vectors of -1 and +1, shape (queries, rows)."""
    found = np.empty((len(queries), len(rows)), np.int64)
    for i, query in enumerate(queries):
        for j, row in enumerate(rows):
            found[i, j] = np.count_nonzero(query != row)
    return found


def ranked(distances: NDArray[np.int64]) -> list[tuple[int, int]]:
    """(distance, row) of all rows of one query, the nearest first; of equally near rows the first."""
    return sorted((int(distance), row) for row, distance in enumerate(distances))


# ---- cells


def positions(n_cells: int, n_hashes: int, seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Cells of each key, shape (n, k); two of a key's may coincide."""
    words = random_words(stream_starts(seed, BLOOM, hashes), n_hashes)
    return np.array([[int(w) * n_cells >> 64 for w in row] for row in words], dtype=np.int64).reshape(
        words.shape
    )


def bloom(n_bits: int, n_hashes: int, seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    bits = np.zeros(n_bits, dtype=bool)
    bits[positions(n_bits, n_hashes, seed, hashes).ravel()] = True
    return bits


SPLIT_SALTS = (
    0x47B6137B,
    0x44974D91,
    0x8824AD5B,
    0xA2B7289D,
    0x705495C7,
    0x2DF1424B,
    0x9EFC4947,
    0x5C6BFB31,
)
LINE_SALTS = [int(mix64(_word(i * GAMMA))) | 1 for i in range(1, 9)]


def split_block_bits(n_bits: int, seed: int, hashed: int) -> list[int]:
    """Parquet's rule; filters with a seed take the start of the key's stream instead of its hash."""
    word = hashed if seed == 0 else int(stream_starts(seed, BLOOM, _word(hashed)))
    block = (word >> 32) * (n_bits // 256) >> 32
    low = word & 0xFFFFFFFF
    return [256 * block + 32 * i + ((low * salt & 0xFFFFFFFF) >> 27) for i, salt in enumerate(SPLIT_SALTS)]


def cache_line_bits(n_bits: int, n_hashes: int, seed: int, hashed: int) -> list[int]:
    start = stream_starts(seed, BLOOM, np.array([hashed], np.uint64))
    word, placed = int(start[0]), int(random_words(start, 1)[0, 0])
    block = (word >> 32) * (n_bits // 512) >> 32
    bits = []
    for i in range(n_hashes):
        lane = (word + i) % 8
        product = placed * LINE_SALTS[lane] & MASK
        bits.append(512 * block + 64 * lane + (product >> (58 if i < 8 else 52)) % 64)
    return bits


def bloom_positions(
    layout: str, n_bits: int, n_hashes: int, seed: int, hashes: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Bits of each key, shape (n, k)."""
    if layout == "classic":
        return positions(n_bits, n_hashes, seed, hashes)
    if layout == "split-block":
        rows = [split_block_bits(n_bits, seed, int(h)) for h in hashes]
    else:
        rows = [cache_line_bits(n_bits, n_hashes, seed, int(h)) for h in hashes]
    return np.array(rows, np.int64).reshape(len(hashes), n_hashes)


def bloom_words(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    padded = np.zeros(-(-bits.size // 64) * 64, dtype=bool)
    padded[: bits.size] = bits
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def counting(
    n_cells: int,
    n_hashes: int,
    seed: int,
    hashes: NDArray[np.uint64],
    weights: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    cells = np.zeros(n_cells, dtype=np.int64)
    for i, row in enumerate(positions(n_cells, n_hashes, seed, hashes)):
        for position in row:
            cells[position] += 1 if weights is None else weights[i]
    return cells


def counts(cells: NDArray[np.int64], n_hashes: int, seed: int, hashes: NDArray[np.uint64]) -> list[int]:
    rows = positions(len(cells), n_hashes, seed, hashes).tolist()
    return [min(int(cells[p]) // row.count(p) for p in row) for row in rows]


def cardinality(n_cells: int, n_hashes: int, occupied: int) -> float:
    return math.inf if occupied == n_cells else -n_cells / n_hashes * math.log1p(-occupied / n_cells)


# ---- count sketches


def row_places(
    width: int, depth: int, seed: int, hashes: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns and signs of each key in each row, shape (n, depth)."""
    words = random_words(stream_starts(seed, ROW, hashes), depth)
    columns = [[(int(word) >> 32) * width >> 32 for word in row] for row in words]
    return np.array(columns, dtype=np.int64).reshape(words.shape), 1 - 2 * (words & np.uint64(1)).astype(
        np.int64
    )


def count_sketch(
    width: int,
    depth: int,
    seed: int,
    hashes: NDArray[np.uint64],
    weights: Sequence[float] | NDArray[Any] | None = None,
    signed: bool = True,
    dtype: Any = np.int64,
) -> NDArray[Any]:
    """Cells of shape (depth, width); floats are rounded after every addition, in the order of the keys."""
    cells = np.zeros((depth, width), dtype)
    columns, signs = row_places(width, depth, seed, hashes)
    for i in range(len(hashes)):
        for r in range(depth):
            weight = 1 if weights is None else weights[i]
            cells[r, columns[i, r]] += dtype(weight * signs[i, r] if signed else weight)
    return cells


def conservative(
    width: int, depth: int, seed: int, hashes: NDArray[np.uint64], weights: Sequence[int] | None = None
) -> NDArray[np.int64]:
    cells = np.zeros((depth, width), np.int64)
    columns, _ = row_places(width, depth, seed, hashes)
    for i in range(len(hashes)):
        mine = [cells[r, columns[i, r]] for r in range(depth)]
        raised = min(mine) + (1 if weights is None else weights[i])
        for r in range(depth):
            cells[r, columns[i, r]] = max(mine[r], raised)
    return cells


def sketch_estimates(
    cells: NDArray[Any], seed: int, hashes: NDArray[np.uint64], signed: bool = True
) -> list[float]:
    """Median of the signed rows, or their minimum."""
    depth, width = cells.shape
    columns, signs = row_places(width, depth, seed, hashes)
    estimates = []
    for i in range(len(hashes)):
        values = sorted(cells[r, columns[i, r]] * (signs[i, r] if signed else 1) for r in range(depth))
        middle = (values[(depth - 1) // 2], values[depth // 2])
        if not signed:
            estimates.append(values[0])
        else:
            odd = depth % 2 == 1
            estimates.append(middle[1] if odd else 0.5 * float(middle[0]) + 0.5 * float(middle[1]))
    return estimates


# ---- projections

PROJECTION = 7


def sparse_signs(n_outputs: int, n_entries: int, seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A row of zeros and signs for each feature: entry r lies in block r of the outputs."""
    matrix = np.zeros((len(hashes), n_outputs), dtype=np.int64)
    words = random_words(stream_starts(seed, ROW, hashes), n_entries)
    for row, of_feature in zip(matrix, words.tolist(), strict=True):
        for r, word in enumerate(of_feature):
            first, last = r * n_outputs // n_entries, (r + 1) * n_outputs // n_entries
            row[first + ((word >> 32) * (last - first) >> 32)] = -1 if word & 1 else 1
    return matrix


def dense_signs(n_outputs: int, seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return atoms(n_outputs, seed, hashes, PROJECTION)


def tensor_sketch(
    rows: NDArray[np.float64], n_outputs: int, degree: int, seed: int, hashes: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """Circular convolution, term by term, of count sketches of width n_outputs."""
    tables = sparse_signs(n_outputs * degree, degree, seed, hashes)
    sketches = [rows @ tables[:, r * n_outputs : (r + 1) * n_outputs] for r in range(degree)]
    total = sketches[0]
    for sketch in sketches[1:]:
        total = sum(np.roll(sketch, c, axis=1) * total[:, [c]] for c in range(n_outputs))
    return total


# ---- Hopfield


def hopfield_signs(seed: int, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return 1 - 2 * (stream_starts(seed, SIGN, hashes) & np.uint64(1)).astype(np.int64)


def hopfield(
    dim: int, seed: int, hashes: NDArray[np.uint64], weights: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The whole matrix W, shape (dim, dim)."""
    vectors = atoms(dim, seed, hashes)
    scale = hopfield_signs(seed, hashes) * (1 if weights is None else np.asarray(weights, np.int64))
    return (vectors * scale[:, np.newaxis]).T @ vectors


def hopfield_scores(
    matrix: NDArray[np.int64], seed: int, hashes: NDArray[np.uint64], diagonal: bool = True
) -> NDArray[np.int64]:
    vectors = atoms(len(matrix), seed, hashes)
    inner = matrix if diagonal else matrix - np.diag(np.diag(matrix))
    return hopfield_signs(seed, hashes) * ((vectors @ inner) * vectors).sum(axis=1)
