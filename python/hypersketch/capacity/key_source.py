# SPDX-License-Identifier: Apache-2.0
"""Where the keys of an experiment come from: made up, Python's own sources, a file, or the caller's batch.

Keys become hashes at once, and equal keys are kept once, so members and non-members of a trial are always
different keys. A source is a small picklable description; each process reads it once.
"""

from __future__ import annotations

import re
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from hypersketch._optional import first_line
from hypersketch.capacity import kernels
from hypersketch.capacity.extras import require
from hypersketch.keys import hash_keys

__all__ = ["ArrayKeys", "FileKeys", "KeySource", "StdlibKeys", "SyntheticKeys", "key_source"]

UInt64Array: TypeAlias = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class SyntheticKeys:
    """The integers 0, 1, ..., `count` - 1.

    Examples
    --------
    >>> SyntheticKeys(1000).hashes().shape
    (1000,)
    """

    count: int

    @property
    def label(self) -> str:
        """What a reader is told about the keys."""
        return f"the integers 0 to {self.count - 1:,}"

    def hashes(self) -> UInt64Array:
        """Hashes of the keys, all different."""
        return _load(self)

    def read(self) -> UInt64Array:
        """Hashes, computed anew."""
        return hash_keys(np.arange(self.count, dtype=np.uint64), threads=1)


@dataclass(frozen=True)
class StdlibKeys:
    """The names in the sources of the standard library of this Python: real keys that every machine has.

    Examples
    --------
    >>> StdlibKeys().hashes().size > 5000
    True
    """

    limit: int | None = None
    option: ClassVar[str] = "stdlib"

    @property
    def label(self) -> str:
        """What a reader is told about the keys."""
        return "the names in the sources of Python's standard library"

    def hashes(self) -> UInt64Array:
        """Hashes of the keys, all different."""
        return _load(self)

    def read(self) -> UInt64Array:
        """Hashes, read anew from the sources."""
        root = Path(sysconfig.get_path("stdlib"))
        names: set[bytes] = set()
        for path in sorted(root.rglob("*.py")):
            if not {"site-packages", "dist-packages", "__pycache__"} & set(path.parts):
                names.update(re.findall(rb"[A-Za-z_][A-Za-z0-9_]*", path.read_bytes()))
        if not names:
            raise ValueError(f"The standard library in '{root}' has no sources; pass a file as keys instead.")
        return _distinct(hash_keys(sorted(names)), self.limit, self.label)


@dataclass(frozen=True)
class FileKeys:
    """The keys in a file: text with one key a line, ``.npy``, or a column of ``.csv`` or ``.parquet``.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("words.txt").write_text("one\\ntwo\\ntwo\\n")
    >>> FileKeys("words.txt").hashes().size
    2
    """

    path: str
    column: str | None = None
    limit: int | None = None

    @property
    def label(self) -> str:
        """What a reader is told about the keys."""
        return f"column '{self.column}' of {self.option}" if self.column else f"the lines of {self.option}"

    @property
    def option(self) -> str:
        """Name of the file."""
        return Path(self.path).name

    def hashes(self) -> UInt64Array:
        """Hashes of the keys, all different."""
        return _load(self)

    def read(self) -> UInt64Array:
        """Hashes, read anew from the file.

        Raises
        ------
        ValueError
            If the file cannot be read or holds no keys, or has no such column.
        TypeError
            If the column holds something that is no key, such as floats.
        """
        if not Path(self.path).is_file():
            raise ValueError(f"There is no file of keys at '{self.path}'.")
        readers = {".npy": _read_npy, ".csv": _read_table, ".parquet": _read_table}
        reader = readers.get(Path(self.path).suffix.lower(), _read_text)
        return _distinct(hash_keys(reader(self.path, self.column)), self.limit, self.label)


@dataclass(frozen=True, eq=False)
class ArrayKeys:
    """Keys that the caller holds in memory, already hashed.

    Examples
    --------
    >>> key_source(["a", "b", "a"]).hashes().size
    2
    """

    values: UInt64Array
    label: str = "the caller's own keys"

    def hashes(self) -> UInt64Array:
        """Hashes of the keys, all different."""
        return self.values


KeySource: TypeAlias = SyntheticKeys | StdlibKeys | FileKeys | ArrayKeys


def key_source(keys: Any = None, column: str | None = None, universe: int | None = None) -> KeySource:
    """The source that a user's `keys` argument means.

    Parameters
    ----------
    keys : {"synthetic", "stdlib"} or path or batch of keys, optional
        Integers made up for the run (default), the names in the standard library's sources, a file, or any
        batch that :func:`hypersketch.hash_keys` takes.
    column : str, optional
        Column of a CSV or Parquet file; may be left out if the file has one column.
    universe : int, optional
        How many different keys to draw from: exactly so many made-up keys, or that many of the real ones.

    Returns
    -------
    KeySource

    Raises
    ------
    ValueError
        If there are fewer different keys than `universe`, or a batch is no batch of keys.

    Examples
    --------
    >>> key_source(universe=10)
    SyntheticKeys(count=10)
    >>> key_source("stdlib")
    StdlibKeys(limit=None)
    """
    if keys is None or (isinstance(keys, str) and keys == "synthetic"):
        return SyntheticKeys(1_000_000 if universe is None else universe)
    if isinstance(keys, str) and keys == "stdlib":
        return StdlibKeys(universe)
    if isinstance(keys, str | Path):
        return FileKeys(str(keys), column, universe)
    if isinstance(keys, SyntheticKeys | StdlibKeys | FileKeys | ArrayKeys):
        return keys
    return ArrayKeys(_distinct(hash_keys(keys), universe, "the caller's own batch"))


def digest(source: KeySource) -> str:
    """Fingerprint of the keys: two runs with the same digest drew from the same keys.

    Examples
    --------
    >>> digest(SyntheticKeys(10)) == digest(SyntheticKeys(11))
    False
    >>> len(digest(SyntheticKeys(10)))
    16
    """
    return f"{kernels.hash_bytes(source.hashes().tobytes(), 0):016x}"


@lru_cache(maxsize=8)
def _load(source: SyntheticKeys | StdlibKeys | FileKeys) -> UInt64Array:
    hashes = source.read()
    hashes.flags.writeable = False
    return hashes


def _distinct(hashes: UInt64Array, limit: int | None, label: str) -> UInt64Array:
    """The first `limit` different hashes in the order of their values, a fixed random order of the keys."""
    values = np.unique(hashes)
    if limit is not None and values.size < limit:
        raise ValueError(
            f"A universe of {limit} keys was asked for, but {label} holds {values.size} different keys."
        )
    return values[:limit]


def _read_text(path: str, column: str | None) -> list[bytes]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"Could not read keys from '{path}': {error.strerror}.") from error
    if b"\0" in data:
        raise ValueError(
            f"'{path}' is not a text file with one key a line (known besides: .npy, .csv, .parquet)."
        )
    keys = [line for line in data.splitlines() if line]
    if not keys:
        raise ValueError(f"'{path}' holds no keys.")
    return keys


def _read_npy(path: str, column: str | None) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"Could not read keys from '{path}': {first_line(error)}") from error
    if array.ndim != 1:
        raise ValueError(
            f"'{path}' must hold a one-dimensional array of keys. Got shape {array.shape} instead."
        )
    return array


def _read_table(path: str, column: str | None) -> Any:
    """A column as a polars Series; no Python object a key is made."""
    require("A table of keys", "polars")
    import polars as pl

    scan = pl.scan_parquet if path.lower().endswith(".parquet") else pl.scan_csv
    try:
        frame = scan(path)
        names = frame.collect_schema().names()
    except Exception as error:
        raise ValueError(f"Could not read keys from '{path}': {first_line(error)}") from error
    if column is None and len(names) == 1:
        column = names[0]
    if column not in names:
        asked = "A column must be named" if column is None else f"There is no column '{column}'"
        raise ValueError(f"{asked} in '{path}'. Its columns are: {', '.join(names)}.")
    try:
        series = frame.select(column).collect().to_series().drop_nulls()
    except Exception as error:
        raise ValueError(f"Could not read keys from '{path}': {first_line(error)}") from error
    return series
