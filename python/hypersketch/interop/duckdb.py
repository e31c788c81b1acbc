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
    key_type: str | None = None,
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
    key_type : str, optional
        SQL type to which DuckDB converts the argument: VARCHAR, BLOB, or an integer type up to BIGINT and
        UBIGINT. Without it the function takes whatever of these it is called with, as it is.
    threads : int, optional
        Threads for each vector, which has some thousands of keys; None for `hypersketch.get_num_threads`.

    Raises
    ------
    ModuleNotFoundError
        When duckdb or pyarrow is missing.
    TypeError
        For a connection or a name that is none, and when the structure has no such method.
    duckdb.Error
        When the name is taken or the type unknown; at the query, for arguments that are no keys.

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
    >>> seen.add([7])
    >>> connection.sql("SELECT was_seen(7), was_seen(8)").fetchall()
    [(True, False)]
    >>> connection.close()
    """
    _optional.require("hypersketch.interop.duckdb", "duckdb", "duckdb", "pyarrow")
    import duckdb
    import pyarrow

    owner = "register_contains"
    if not isinstance(connection, duckdb.DuckDBPyConnection):
        _validation.refuse(owner, "connection", "a duckdb.DuckDBPyConnection", connection, TypeError)
    if not isinstance(name, str):
        _validation.refuse(owner, "name", "a str", name, TypeError)
    if key_type is not None and not isinstance(key_type, str):
        _validation.refuse(owner, "key_type", "a str or None", key_type, TypeError)
    if not callable(getattr(structure, "contains", None)):
        must = "an object with a method 'contains'"
        _validation.refuse(owner, "structure", must, structure, TypeError)

    def contains(*keys: Any) -> Any:
        if len(keys) != 1:
            raise TypeError(f"{name} takes one argument. Got {len(keys)} instead.")
        return pyarrow.array(structure.contains(keys[0], threads=threads))

    # DuckDB keeps NULLs to itself and answers them with NULL. No types are any types.
    types = None if key_type is None else [key_type]
    connection.create_function(name, contains, cast(Any, types), "BOOLEAN", type=cast(Any, "arrow"))
