# SPDX-License-Identifier: Apache-2.0
"""SQL functions of DuckDB that ask a structure, a vector of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hypersketch import _optional, _validation

if TYPE_CHECKING:
    import duckdb

__all__ = ["register_contains"]


def register_contains(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    structure: Any,
    *,
    key_type: str = "VARCHAR",
    threads: int | None = 1,
) -> None:
    """Give a connection an SQL function that tells which keys a structure probably holds.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The connection.
    name : str
        Name of the function, of one argument; it returns BOOLEAN, and NULL for NULL.
    structure : BloomFilter, CountingBloomFilter, ...
        Anything with a method ``contains``. What is added to it later counts.
    key_type : str, default 'VARCHAR'
        SQL type of the argument: VARCHAR, BLOB, or an integer type up to BIGINT and UBIGINT. DuckDB converts
        what it is called with.
    threads : int, optional
        Threads for each vector, which has some thousands of keys; None for `hypersketch.get_num_threads`.

    Raises
    ------
    ModuleNotFoundError
        When duckdb or pyarrow is missing.
    TypeError
        When the structure has no such method.
    duckdb.Error
        When the name is taken or the type unknown.

    Notes
    -----
    A structure is built from a query by ``structure.update(connection.sql(query))``, batch after batch.

    Examples
    --------
    >>> import duckdb, hypersketch
    >>> from hypersketch.interop.duckdb import register_contains
    >>> seen = hypersketch.BloomFilter(capacity=100, fpr=0.01)
    >>> seen.add(["a", "b"])
    >>> connection = duckdb.connect()
    >>> register_contains(connection, "was_seen", seen)
    >>> connection.sql("SELECT was_seen(k) FROM (VALUES ('a'), ('x'), (NULL)) t(k)").fetchall()
    [(True,), (False,), (None,)]
    >>> connection.close()
    """
    _optional.require("hypersketch.interop.duckdb", "duckdb", "duckdb", "pyarrow")
    import pyarrow

    if not callable(getattr(structure, "contains", None)):
        must = "an object with a method 'contains'"
        _validation.refuse("register_contains", "structure", must, structure, TypeError)

    def contains(keys: Any) -> Any:
        return pyarrow.array(structure.contains(keys, threads=threads))

    # DuckDB keeps NULLs to itself and answers them with NULL.
    connection.create_function(name, contains, [key_type], "BOOLEAN", type=cast(Any, "arrow"))
