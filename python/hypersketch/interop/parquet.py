# SPDX-License-Identifier: Apache-2.0
"""Bloom filters of Parquet files: read, probed, built and written, without touching the data.

The split-block layout of `hypersketch.BloomFilter` at seed 0 is Parquet's own, so a filter is lifted out of a
file, or put into one, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _atomic, _validation
from hypersketch._stored import Tally
from hypersketch.interop import _parquet_file
from hypersketch.interop._parquet_source import StrPath, column_type_of, opened, sound
from hypersketch.sketches import BloomFilter

if TYPE_CHECKING:
    from hypersketch.interop._parquet_keys import ColumnType

__all__ = ["ParquetBloom", "build_parquet_bloom", "read_parquet_bloom", "write_parquet_bloom"]

_BLOCK_BITS = 256
_MAX_BLOCKS = 1 << 22
"""128 MiB, the largest filter that Arrow's readers take."""


class ParquetBloom:
    """A Bloom filter of a Parquet column: it hashes keys as the column's type demands.

    Made by `read_parquet_bloom` and `build_parquet_bloom`. An INT32 column hashes 4 bytes a key, an INT64
    column 8, FLOAT and DOUBLE their IEEE bytes, strings their UTF-8; dates, times and timestamps are the
    integers that they are stored as.

    Examples
    --------
    >>> import pyarrow, pyarrow.parquet
    >>> from hypersketch.interop.parquet import build_parquet_bloom
    >>> table = pyarrow.table({"id": pyarrow.array([3, 5], pyarrow.int32())})
    >>> pyarrow.parquet.write_table(table, "x.parquet")
    >>> [bloom] = build_parquet_bloom("x.parquet", "id")
    >>> bloom
    ParquetBloom(column='id', physical_type='INT32', n_blocks=1)
    >>> bloom.contains([3, 4, 5])
    array([ True, False,  True])
    """

    def __init__(self, kind: ColumnType, bloom: BloomFilter) -> None:
        self._kind, self._bloom = kind, bloom

    @property
    def bloom(self) -> BloomFilter:
        """The filter itself, to which only hashes go. Its ``n_added`` is an estimate if it was read.

        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": range(1000)}), "x.parquet")
        >>> [filter] = build_parquet_bloom("x.parquet", "id", fpr=0.01)
        >>> filter.bloom.layout, filter.bloom.seed, filter.bloom.expected_fpr() < 0.01
        ('split-block', 0, True)
        """
        return self._bloom

    @property
    def column(self) -> str:
        """Name (or dotted path) of the column.

        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": [3, 5]}), "x.parquet")
        >>> [bloom] = build_parquet_bloom("x.parquet", "id")
        >>> bloom.column
        'id'
        """
        return self._kind.column

    @property
    def physical_type(self) -> str:
        """Parquet's type of the column, which decides what bytes are hashed.

        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": [3, 5]}), "x.parquet")
        >>> [bloom] = build_parquet_bloom("x.parquet", "id")
        >>> bloom.physical_type
        'INT64'
        """
        return self._kind.physical

    @property
    def n_blocks(self) -> int:
        """Number of blocks of 32 bytes.

        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": [3, 5]}), "x.parquet")
        >>> [bloom] = build_parquet_bloom("x.parquet", "id")
        >>> bloom.n_blocks
        1
        """
        return self._bloom.n_bits // _BLOCK_BITS

    def __repr__(self) -> str:
        fields = f"column={self.column!r}, physical_type={self.physical_type!r}, n_blocks={self.n_blocks}"
        return f"{type(self).__name__}({fields})"

    def hash_keys(self, keys: Any, *, threads: int | None = None) -> NDArray[np.uint64]:
        """Hash keys as the column's writer does: XXH64 of the bytes of the physical type.

        Parameters
        ----------
        keys : a value of the column's type, or a batch of them
            Python, NumPy or Arrow values (int, float, str, bytes, date, time, datetime). Nothing is rounded
            or parsed: 1.5 is no key of a column of integers, "1" neither.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of uint64, shape (n,)

        Raises
        ------
        TypeError
            For values of another kind than the column's.
        ValueError
            For nulls, and for values out of the column's range.

        Examples
        --------
        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": [b"a"]}), "x.parquet")
        >>> [bloom] = build_parquet_bloom("x.parquet", "id")
        >>> hex(bloom.hash_keys("a")[0])
        '0xd24ec4f1a98c6e5b'
        """
        return self._kind.hashes(keys, threads)

    def add(self, keys: Any, *, threads: int | None = None) -> None:
        """Add values of the column.

        Parameters
        ----------
        keys : a value of the column's type, or a batch of them
            As for `hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            As `hash_keys`.

        Examples
        --------
        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": [3, 5]}), "x.parquet")
        >>> [bloom] = build_parquet_bloom("x.parquet", "id")
        >>> bloom.add([7])
        >>> 7 in bloom
        True
        """
        self._bloom.add_hashes(self.hash_keys(keys, threads=threads), threads=threads)

    def contains(self, keys: Any, *, threads: int | None = None) -> NDArray[np.bool_]:
        """Tell which values the column probably holds.

        Parameters
        ----------
        keys : a value of the column's type, or a batch of them
            n keys, as for `hash_keys`.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,)
            True for every value that the column holds in the filter's row group.

        Raises
        ------
        TypeError, ValueError
            As `hash_keys`.

        Examples
        --------
        >>> import pyarrow, pyarrow.parquet
        >>> pyarrow.parquet.write_table(pyarrow.table({"id": [3, 5]}), "x.parquet")
        >>> [bloom] = build_parquet_bloom("x.parquet", "id")
        >>> bloom.contains([3, 4, 5])
        array([ True, False,  True])
        """
        return self._bloom.contains_hashes(self.hash_keys(keys, threads=threads), threads=threads)

    def __contains__(self, key: object) -> bool:
        """Whether the column probably holds one value."""
        return bool(self.contains([key], threads=1)[0])


def read_parquet_bloom(path: StrPath, column: str) -> list[ParquetBloom | None]:
    """Read the Bloom filters of a column.

    Parameters
    ----------
    path : str or path-like
        A Parquet file.
    column : str
        Name of the column, or its dotted path where it is nested.

    Returns
    -------
    list of ParquetBloom or None
        One a row group; None for a row group without a filter.

    Raises
    ------
    ModuleNotFoundError
        When pyarrow is missing.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is no sound Parquet file, or its filters are of another kind than split blocks of XXH64.

    Notes
    -----
    Safe for files from strangers: no size is believed before it is compared with the file's.

    Examples
    --------
    >>> import pyarrow, pyarrow.parquet
    >>> pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2]}), "x.parquet")
    >>> read_parquet_bloom("x.parquet", "id")
    [None]
    """
    kind = column_type_of("read_parquet_bloom", path, column)
    with open(path, "rb") as file:
        try:
            footer, end = _parquet_file.read_footer(file)
            places = [footer.place(group, column) for group in range(footer.n_row_groups)]
            return [
                None if place is None else _from_bitset(kind, _parquet_file.read_bitset(file, place, end))
                for place in places
            ]
        except ValueError as error:
            raise ValueError(f"The Bloom filters of {path} cannot be read: {error}") from error


def _from_bitset(kind: ColumnType, bitset: bytes) -> ParquetBloom:
    bloom = BloomFilter(n_bits=8 * len(bitset))
    bloom._state[:] = np.frombuffer(bitset, "<u8")
    n = bloom.cardinality()
    bloom._record = (Tally(n_added=round(n) if np.isfinite(n) else 0), [])
    return ParquetBloom(kind, bloom)


def build_parquet_bloom(
    path: StrPath, column: str, fpr: float = 0.01, *, threads: int | None = None
) -> list[ParquetBloom]:
    """Build filters of a column, for `write_parquet_bloom`.

    Parameters
    ----------
    path : str or path-like
        A Parquet file.
    column : str
        Name of the column; not one of a list or struct.
    fpr : float in (0, 1), default 0.01
        False-positive rate that each may have. The numbers of blocks are powers of two, as readers built on
        Arrow want them, so rates are lower than this, by up to some factors.
    threads : int, optional
        Threads for hashing and adding; default `hypersketch.get_num_threads`.

    Returns
    -------
    list of ParquetBloom
        One a row group.

    Raises
    ------
    ModuleNotFoundError
        When pyarrow is missing.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is no sound Parquet file or the column is nested, and for a row group with so many
        values that its filter would be larger than the 128 MiB which Arrow reads.

    Examples
    --------
    >>> import pyarrow, pyarrow.parquet
    >>> pyarrow.parquet.write_table(pyarrow.table({"id": range(1000)}), "x.parquet", row_group_size=500)
    >>> [bloom.n_blocks for bloom in build_parquet_bloom("x.parquet", "id", fpr=0.01)]
    [32, 32]
    """
    kind = column_type_of("build_parquet_bloom", path, column)
    rate = _validation.probability("build_parquet_bloom", "fpr", fpr)
    file = opened(path)
    if column not in file.schema_arrow.names:
        raise ValueError(f"The column {column!r} is nested; filters are built for plain columns.")
    made = []
    for group in range(file.num_row_groups):
        with sound(path):
            values = file.read_row_group(group, columns=[column]).column(0)
        hashes = np.unique(kind.hashes(values, threads, skip_nulls=True))
        bloom = BloomFilter(n_bits=_BLOCK_BITS * _blocks_for(hashes.size, rate))
        bloom.add_hashes(hashes, threads=threads)
        made.append(ParquetBloom(kind, bloom))
    return made


def _blocks_for(n: int, fpr: float) -> int:
    """Return the number of blocks, a power of two, that keep the rate for n values."""
    least = BloomFilter(max(1, n), fpr).n_bits // _BLOCK_BITS
    blocks = 1 << (least - 1).bit_length()
    if blocks > _MAX_BLOCKS:
        raise ValueError(
            f"A Bloom filter of {n} values and rate {fpr} would have {32 * blocks} bytes; Parquet readers "
            f"take up to {32 * _MAX_BLOCKS}. Write smaller row groups, or ask for a higher rate."
        )
    return blocks


def write_parquet_bloom(
    source: StrPath, destination: StrPath, filters: Mapping[str, Sequence[ParquetBloom | None]]
) -> None:
    """Write a Parquet file once more, with Bloom filters; its data are copied as they are.

    Parameters
    ----------
    source : str or path-like
        A Parquet file.
    destination : str or path-like
        Where to; may be the source. An existing file is replaced, and stays as it was when anything fails.
    filters : mapping of str to sequence of ParquetBloom or None
        For each column one filter a row group, as `build_parquet_bloom` makes them; None leaves the row group
        as it is.

    Raises
    ------
    FileNotFoundError, OSError
        When a file cannot be read or written.
    TypeError, ValueError
        When the source is no sound Parquet file (or an encrypted one), when the filters are not one a row
        group, of that column and type, and when their number of blocks is not a power of two, which readers
        built on Arrow want.

    Notes
    -----
    Everything of the footer that is not about these filters is kept, understood or not. Where a column had
    filters before, their bytes stay in the file, unused.

    Examples
    --------
    >>> import pyarrow, pyarrow.parquet
    >>> pyarrow.parquet.write_table(pyarrow.table({"id": range(1000)}), "x.parquet")
    >>> write_parquet_bloom("x.parquet", "y.parquet", {"id": build_parquet_bloom("x.parquet", "id")})
    >>> [bloom] = read_parquet_bloom("y.parquet", "id")
    >>> bloom.contains([0, 999, 1000])
    array([ True,  True, False])
    """
    if not isinstance(filters, Mapping):
        must = "a mapping of names of columns to lists of filters"
        _validation.refuse("write_parquet_bloom", "filters", must, filters, TypeError)
    kinds = {column: column_type_of("write_parquet_bloom", source, column) for column in filters}
    target = _atomic.resolved(destination)
    with open(source, "rb") as file:
        try:
            footer, end = _parquet_file.read_footer(file)
        except ValueError as error:
            raise ValueError(f"{source} is not a sound Parquet file: {error}") from error
        for column, blooms in filters.items():
            _require_filters(kinds[column], blooms, footer.n_row_groups)
        with _atomic.replacing(target) as out:
            _parquet_file.copy_data(file, out, end)
            for column, blooms in filters.items():
                for group, bloom in enumerate(blooms):
                    if bloom is not None:
                        words = bloom.bloom.state
                        footer.put(group, column, out.tell(), _parquet_file.write_bitset(out, words))
            out.write(footer.encoded())


def _require_filters(kind: ColumnType, blooms: object, n_row_groups: int) -> None:
    owner, name = "write_parquet_bloom", "filters"
    if not isinstance(blooms, Sequence) or isinstance(blooms, str | bytes):
        must = f"a list with one filter a row group for the column {kind.column!r}"
        _validation.refuse(owner, name, must, blooms, TypeError)
    if len(blooms) != n_row_groups:
        raise ValueError(
            f"The column {kind.column!r} needs one filter for each of {n_row_groups} row groups. "
            f"Got {len(blooms)} instead."
        )
    for bloom in blooms:
        if bloom is None:
            continue
        if not isinstance(bloom, ParquetBloom):
            _validation.refuse(owner, name, "ParquetBloom objects or None", bloom, TypeError)
        if bloom._kind != kind:
            _validation.refuse(owner, name, f"of the column {kind.column!r} of {kind.physical}", bloom)
        shape = (bloom.bloom.layout, bloom.bloom.seed)
        if shape != ("split-block", 0) or bloom.n_blocks & (bloom.n_blocks - 1):
            must = "filters of split blocks, a power of two of them, and seed 0"
            _validation.refuse(owner, name, must, bloom.bloom)
        if bloom.n_blocks > _MAX_BLOCKS:
            _validation.refuse(owner, name, f"filters of at most {_MAX_BLOCKS} blocks", bloom)
