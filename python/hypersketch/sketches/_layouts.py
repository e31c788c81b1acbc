# SPDX-License-Identifier: Apache-2.0
"""The layouts of a Bloom filter: where a key's bits lie, which loops touch them, and what error follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _memory, _validation
from hypersketch._structure import chunks
from hypersketch.keys import hash_keys, integer_bits
from hypersketch.theory import bloom as theory

Words = NDArray[np.uint64]

_ROUND_KEYS = 255 << 18
_ROUND_BITS = 24 << 23
"""From this size on a large piece is taken in rounds (bloom_rounds.hpp)."""


class Shape(NamedTuple):
    """What a filter is, besides its layout."""

    n_bits: int
    n_hashes: int
    seed: int


class Batch(NamedTuple):
    """Keys on their way in: hashes, or the bits of integers that the loops hash on the way."""

    values: Any
    """An array of uint64, or `_device_keys.Words`."""
    hashed: bool

    def output(self, owner: str, out: Any, size: int, dtype: type[np.generic]) -> Any:
        """Return where the answers go: an array, or what stands for one on a GPU."""
        if isinstance(self.values, np.ndarray):
            return _validation.output(owner, out, size, dtype)
        return _device.target(owner, out, (size,), dtype, self.values.seen)


class Loops(NamedTuple):
    """The compiled loops of one filter, bound to everything but the keys and the answers.

    They are functions of the compiled module, not of Python: `Structure._commit` needs calls that no signal
    can interrupt half-way.
    """

    add: Callable[[Words], None]
    test_and_add: Callable[[Words, NDArray[np.bool_]], int]
    contains: Callable[[Words, NDArray[np.bool_]], None]
    contains_packed: Callable[[Words, NDArray[np.uint8]], None]


class Layout(ABC):
    """One layout: a rule of layout.hpp, its loops and its closed forms."""

    name: ClassVar[str]
    unit: ClassVar[int]
    """The number of bits is a multiple of this."""
    most_hashes: ClassVar[int]
    default_hashes: ClassVar[int | None] = None

    @property
    def most_bits(self) -> int:
        """Largest number of bits: a block's number has 32 bits."""
        return 2**48 - 1 if self.unit == 1 else self.unit << 32

    def require(self, owner: str, n_bits: int, n_hashes: int) -> None:
        """Refuse a size that the layout does not have."""
        if n_bits % self.unit:
            must = f"a multiple of {self.unit} (whole blocks) in the layout {self.name!r}"
            _validation.refuse(owner, "n_bits", must, n_bits)
        if self.unit > 1 and n_bits > self.most_bits:
            must = f"at most 2**32 blocks of {self.unit} in the layout {self.name!r}"
            _validation.refuse(owner, "n_bits", must, n_bits)
        if n_hashes > self.most_hashes:
            must = f"in [1, {self.most_hashes}] in the layout {self.name!r}"
            _validation.refuse(owner, "n_hashes", must, n_hashes)

    def batch(self, keys: Any, threads: int) -> Batch:
        """Return the keys as the loops take them."""
        bits = integer_bits(keys)
        return Batch(hash_keys(keys, threads=threads), True) if bits is None else Batch(bits, False)

    def pieces(self, shape: Shape, n: int) -> Iterator[slice]:
        """Cut n keys into pieces for the loops."""
        return chunks(n, shape.n_hashes)

    def loops_on_gpu(self, shape: Shape, state: _memory.State, hashed: bool, threads: int) -> Loops:
        """Return the loops over a filter on a GPU, for keys there or in host memory."""
        cuda, stream = _device.module(), _device.chosen_stream()
        rule = cuda.BloomRule(self.name, *shape)

        def bound(function: Callable[..., Any]) -> partial[Any]:
            return partial(function, state.memory, rule, hashed=hashed, stream=stream, threads=threads)

        def contains_packed(keys: Any, out: Any) -> None:
            if isinstance(keys, np.ndarray):
                answers = np.empty(keys.size, np.bool_)
                contains(keys, answers)
                out[:] = np.packbits(answers, bitorder="little")
            else:
                cuda.bloom_contains_packed(state.memory, rule, keys, out, hashed)

        contains = bound(cuda.bloom_contains)
        return Loops(bound(cuda.bloom_add), bound(cuda.bloom_test_and_add), contains, contains_packed)

    @abstractmethod
    def loops(self, shape: Shape, words: Words, hashed: bool, threads: int) -> Loops:
        """Return the loops over a filter's words."""

    # ---- closed forms

    @abstractmethod
    def size(self, capacity: int, fpr: float) -> tuple[int, int]:
        """Return (n_bits, n_hashes) of the smallest filter that keeps the rate."""

    @abstractmethod
    def fpr(self, shape: Shape, n: int) -> float:
        """Return the false-positive rate with n keys, exact over random hashes."""

    @abstractmethod
    def cardinality(self, shape: Shape, set_bits: int) -> float:
        """Return the number of keys that so many set bits tell of."""

    @abstractmethod
    def cardinality_sd(self, shape: Shape, n: int) -> float:
        """Return the standard deviation of that estimate."""

    @abstractmethod
    def intersection_sd(self, shape: Shape, n_x: int, n_y: int, shared: int) -> float:
        """Return the standard deviation of an intersection by inclusion and exclusion."""


class Classic(Layout):
    """k bits anywhere."""

    name = "classic"
    unit = 1
    most_hashes = 255

    def batch(self, keys: Any, threads: int) -> Batch:
        return Batch(hash_keys(keys, threads=threads), True)  # its loops take hashes only

    def loops(self, shape: Shape, words: Words, hashed: bool, threads: int) -> Loops:
        contains = partial(_core.bloom_contains, words, *shape, threads=threads)

        def contains_packed(keys: Words, out: NDArray[np.uint8]) -> None:
            answers = np.empty(keys.size, np.bool_)
            contains(keys, answers)
            out[:] = np.packbits(answers, bitorder="little")

        return Loops(
            partial(_core.bloom_add, words, *shape, threads=threads),
            partial(_core.bloom_test_and_add, words, *shape),
            contains,
            contains_packed,
        )

    def size(self, capacity: int, fpr: float) -> tuple[int, int]:
        return theory.optimum(capacity, fpr)

    def fpr(self, shape: Shape, n: int) -> float:
        return theory.false_positive_rate(shape.n_bits, shape.n_hashes, n)

    def cardinality(self, shape: Shape, set_bits: int) -> float:
        return float(theory.cardinality(shape.n_bits, shape.n_hashes, set_bits))

    def cardinality_sd(self, shape: Shape, n: int) -> float:
        return float(theory.cardinality_sd(shape.n_bits, shape.n_hashes, n))

    def intersection_sd(self, shape: Shape, n_x: int, n_y: int, shared: int) -> float:
        return float(theory.intersection_sd(shape.n_bits, shape.n_hashes, n_x, n_y, shared))


class Blocked(Layout):
    """All bits of a key in one block."""

    default_hashes = 8

    def pieces(self, shape: Shape, n: int) -> Iterator[slice]:
        """Large filters get large pieces: their loops sort the keys of one, which pays for many."""
        return chunks(n, most=_ROUND_KEYS if shape.n_bits >= _ROUND_BITS else None)

    def loops(self, shape: Shape, words: Words, hashed: bool, threads: int) -> Loops:
        def bound(function: Callable[..., Any]) -> partial[Any]:
            rule = (self.name, shape.n_hashes, shape.seed)
            return partial(function, words, *rule, hashed=hashed, threads=threads)

        return Loops(
            bound(_core.blocks_add),
            bound(_core.blocks_test_and_add),
            bound(_core.blocks_contains),
            bound(_core.blocks_contains_packed),
        )

    def _form(self, shape: Shape) -> tuple[str, int, int]:
        return self.name, shape.n_bits // self.unit, shape.n_hashes

    def cardinality(self, shape: Shape, set_bits: int) -> float:
        return float(theory.blocked_cardinality(*self._form(shape), set_bits))

    def cardinality_sd(self, shape: Shape, n: int) -> float:
        return float(theory.blocked_cardinality_sd(*self._form(shape), n))

    def intersection_sd(self, shape: Shape, n_x: int, n_y: int, shared: int) -> float:
        return float(theory.blocked_intersection_sd(*self._form(shape), n_x, n_y, shared))


class SplitBlock(Blocked):
    """Parquet's: one bit in each of the eight 32-bit lanes of a block of 256 bits."""

    name = "split-block"
    unit = 256
    most_hashes = 8

    def require(self, owner: str, n_bits: int, n_hashes: int) -> None:
        super().require(owner, n_bits, n_hashes)
        if n_hashes != 8:
            _validation.refuse(owner, "n_hashes", f"8 in the layout {self.name!r}", n_hashes)

    def size(self, capacity: int, fpr: float) -> tuple[int, int]:
        return theory.split_block_size(capacity, fpr) * self.unit, 8

    def fpr(self, shape: Shape, n: int) -> float:
        return theory.split_block_fpr(shape.n_bits // self.unit, n)


class CacheLine(Blocked):
    """Up to 16 bits over the eight 64-bit lanes of a block of 512 bits."""

    name = "cache-line"
    unit = 512
    most_hashes = 16

    def size(self, capacity: int, fpr: float) -> tuple[int, int]:
        n_blocks, n_hashes = theory.cache_line_size(capacity, fpr)
        return n_blocks * self.unit, n_hashes

    def fpr(self, shape: Shape, n: int) -> float:
        return theory.cache_line_fpr(shape.n_bits // self.unit, shape.n_hashes, n)


LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (SplitBlock(), CacheLine(), Classic())}
