# SPDX-License-Identifier: Apache-2.0
"""Keys: whatever a user calls a key becomes one 64-bit hash, XXH64 of its bytes.

An integer is its 8 little-endian bytes (two's complement), a str its UTF-8 bytes. All structures take these
hashes; their own seeds enter only afterwards, so keys are hashed once however many structures they go into.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _device_keys, _threads, _validation

_WANTED = "integers, strings or bytes (one of them, or a list, array or column of one type)"


def hash_keys(
    keys: Any,
    seed: int = 0,
    *,
    nulls: Literal["error", "skip"] = "error",
    out: NDArray[np.uint64] | None = None,
    threads: int | None = None,
) -> NDArray[np.uint64]:
    """Hash keys to 64 bits each: XXH64 of their bytes.

    Parameters
    ----------
    keys : int, str, bytes, or a batch of one of these types
        A single key is a batch of one. A batch is a list, tuple, set, range or other iterable; a
        one-dimensional NumPy array of integers, ``S``, ``U``, StringDType or objects; or a column that offers
        ``__arrow_c_array__`` or ``__arrow_c_stream__`` (polars, pyarrow, pandas), which is read without a
        Python object a key. Integers lie in [-2**63, 2**64) and equal their two's complement: 5,
        ``np.int8(5)`` and ``np.uint64(5)`` are one key, and so are -1 and 2**64 - 1. A str equals its UTF-8
        bytes. NumPy ``S`` and ``U`` elements end at their last character that is not NUL, as in NumPy.
        Integers may lie on a GPU, in arrays of PyTorch, CuPy or of whoever has ``__cuda_array_interface__``
        or DLPack, and strings as `hypersketch.cuda.Strings`; their hashes stay there, in the same kind of
        array.
    seed : int in [0, 2**64), default 0
        Seed of XXH64. The structures use 0.
    nulls : {'error', 'skip'}, default 'error'
        Whether nulls (of an Arrow column, a masked array, None or the NA of pandas in a list) are refused or
        left out. Where they are left out there are fewer hashes than keys, so structures take this policy
        only where no answer belongs to a key: here, in their ``update`` and in ``add`` of the count sketches.
    out : ndarray of uint64, shape (n,), optional
        Where the hashes go. Reusing one array for many large batches saves the time that the system takes to
        hand out fresh memory.
    threads : int, optional
        Threads for integer arrays and Arrow columns; default `get_num_threads`.

    Returns
    -------
    ndarray of uint64, shape (n,)
        The hashes, in the order of the keys; `out` where it was given. n counts no nulls.

    Raises
    ------
    TypeError
        For floats, booleans, None, dates, complex numbers and batches of mixed types.
    ValueError
        For integers out of range, nulls that are not skipped and arrays that are not one-dimensional, and for
        ``out`` where nulls are skipped.

    Notes
    -----
    XXH64 is Yann Collet's published hash (xxHash specification, version 0.1.1); the results equal those of
    any other implementation.

    Examples
    --------
    >>> from hypersketch import hash_keys
    >>> [hex(h) for h in hash_keys(["apple", "pear"])]
    ['0x5889a1c15c94729f', '0xe42ac4c17c8625b2']
    >>> bool(hash_keys(5) == hash_keys(np.array([5], dtype=np.int8)))
    True
    >>> hash_keys(["apple", None, "pear"], nulls="skip").size
    2
    """
    seed = _validation.seed("hash_keys", "seed", seed)
    n_threads = _threads.resolve("hash_keys", threads)
    skip = skips_nulls("hash_keys", nulls)
    if skip and out is not None:
        raise ValueError("The 'out' parameter of hash_keys must be None where nulls are skipped.")
    if isinstance(keys, np.ndarray):
        return _hash_array(without_nulls(keys) if skip else keys, seed, n_threads, out)
    if _device.is_on_gpu(keys):
        hashes: NDArray[np.uint64] = _device_keys.hashed(keys, seed, out)
        return hashes
    if is_single(keys):
        return _placed(hash_list([keys], seed), out)
    if hasattr(keys, "__arrow_c_array__") or hasattr(keys, "__arrow_c_stream__"):
        return _hash_arrow(keys, seed, n_threads, out, skip)
    if isinstance(keys, range):
        return _hash_range(keys, seed, n_threads, out)
    if isinstance(keys, bytearray | memoryview) or not isinstance(keys, Iterable):
        _refuse(f"a {type(keys).__name__}")
    if hasattr(keys, "__array__"):
        array = np.asarray(keys)
        return _hash_array(without_nulls(array) if skip else array, seed, n_threads, out)
    return _placed(hash_list(listed(keys, skip), seed), out)


def host_hashes(keys: Any, threads: int | None) -> NDArray[np.uint64]:
    """Return the hashes of keys for a structure on the CPU, which takes none that lie on a GPU."""
    if _device.is_on_gpu(keys):
        raise ValueError(
            "The 'keys' parameter is on a GPU, but the structure is on the CPU. Bring them to host memory."
        )
    return hash_keys(keys, threads=threads)


def skips_nulls(owner: str, nulls: object) -> bool:
    """Return whether nulls are left out rather than refused."""
    return bool(_validation.one_of("error", "skip")(owner, "nulls", nulls) == "skip")


def listed(keys: Iterable[Any], skip: bool) -> list[Any]:
    """Return the keys as a list, without those that are null where they are skipped."""
    if skip:
        return [key for key in keys if not _is_null(key)]
    return keys if isinstance(keys, list) else list(keys)


def without_nulls(keys: NDArray[Any]) -> NDArray[Any]:
    """Return the elements that are neither masked nor null."""
    kept = _not_null(keys)
    some: NDArray[Any] = np.asarray(keys) if kept is None else np.asarray(keys)[kept]
    return some


def _is_null(key: object) -> bool:
    """Return whether a key is None or the NA of pandas, which nothing but itself is."""
    return key is None or type(key).__name__ == "NAType"


def _not_null(keys: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return where elements are neither masked nor null; None where all are kept for sure."""
    kept = ~np.ma.getmaskarray(keys) if isinstance(keys, np.ma.MaskedArray) else None
    if keys.dtype.kind != "O":
        return kept
    given = np.fromiter((not _is_null(key) for key in np.asarray(keys).flat), bool, keys.size)
    return given.reshape(keys.shape) if kept is None else kept & given.reshape(keys.shape)


def places_kept(keys: Any) -> NDArray[np.intp]:
    """Return the places of the keys that are not null, of a list or an array."""
    if not isinstance(keys, np.ndarray):
        return np.flatnonzero(np.fromiter((not _is_null(key) for key in keys), bool, len(keys)))
    kept = _not_null(keys)
    return np.arange(keys.size) if kept is None else np.flatnonzero(kept)


def integer_bits(keys: Any) -> NDArray[np.uint64] | None:
    """Return the 64 bits of each key where they stand in memory as such, else None."""
    if type(keys) is not np.ndarray or keys.ndim != 1 or not keys.flags.c_contiguous:
        return None
    return keys.view(np.uint64) if keys.dtype in (np.int64, np.uint64) else None


def is_single(keys: object) -> bool:
    """Return whether the argument is one key rather than a batch."""
    return isinstance(keys, str | bytes | int | np.integer) and not isinstance(keys, bool)


def hash_list(keys: list[Any], seed: int) -> NDArray[np.uint64]:
    """Return the hashes of a list of keys of one type."""
    try:
        return _core.hash_list(keys, seed)
    except UnicodeEncodeError as error:
        came = _validation.shown(error.object)
        raise ValueError(
            f"The 'keys' parameter must be strings of UTF-8. Got {came} with a lone surrogate instead."
        ) from error


def hash_key(owner: str, key: object) -> NDArray[np.uint64]:
    """Return the hash of exactly one key, as an array of one element."""
    if not is_single(key):
        _validation.refuse(owner, "key", "one int, str or bytes", key, TypeError)
    return hash_list([key], 0)


def _refuse(came: str) -> NoReturn:
    raise TypeError(f"The 'keys' parameter must be {_WANTED}. Got {came} instead.")


def _placed(hashes: NDArray[np.uint64], out: NDArray[np.uint64] | None) -> NDArray[np.uint64]:
    """Return the hashes, in the caller's array where there is one."""
    if out is None:
        return hashes
    target: NDArray[np.uint64] = _validation.output("hash_keys", out, hashes.size, np.uint64)
    target[:] = hashes
    return target


def _hash_integers(
    bits: NDArray[np.uint64], seed: int, threads: int, out: NDArray[np.uint64] | None
) -> NDArray[np.uint64]:
    target = _validation.output("hash_keys", out, bits.size, np.uint64)
    _core.hash_u64(np.ascontiguousarray(bits), seed, target, threads)
    return target


def _hash_range(keys: range, seed: int, threads: int, out: NDArray[np.uint64] | None) -> NDArray[np.uint64]:
    """Hash a range without a Python object a key where int64 arithmetic surely holds it."""
    if max(abs(keys.start), abs(keys.stop), abs(keys.step)) >= 2**62:
        return _placed(hash_list(list(keys), seed), out)
    values = np.arange(keys.start, keys.stop, keys.step, dtype=np.int64)
    return _hash_integers(values.view(np.uint64), seed, threads, out)


def _hash_array(
    keys: NDArray[Any], seed: int, threads: int, out: NDArray[np.uint64] | None
) -> NDArray[np.uint64]:
    if keys.ndim == 0:
        keys = keys.reshape(1)
    if keys.ndim != 1:
        raise ValueError(
            f"The 'keys' parameter must be one-dimensional. Got an array of shape {keys.shape} instead."
        )
    if np.any(getattr(keys, "mask", False)):
        raise ValueError("The 'keys' parameter must have no nulls. Got a masked array with masked elements.")
    if keys.size == 0:
        return _placed(np.empty(0, np.uint64), out)
    kind = keys.dtype.kind
    if kind == "i":
        signed = np.asarray(keys).astype(np.int64, copy=False)
        return _hash_integers(signed.view(np.uint64), seed, threads, out)
    if kind == "u":
        return _hash_integers(np.asarray(keys).astype(np.uint64, copy=False), seed, threads, out)
    if kind in "SU":
        return _placed(_hash_fixed_width(keys, seed), out)
    if kind in "OT":
        return _placed(hash_list(keys.tolist(), seed), out)
    _refuse(f"an array of {keys.dtype}")


def _hash_fixed_width(keys: NDArray[Any], seed: int) -> NDArray[np.uint64]:
    """Hash NumPy's NUL-padded strings."""
    unit: type[np.unsignedinteger[Any]] = np.uint8 if keys.dtype.kind == "S" else np.uint32
    if keys.dtype.itemsize == 0:
        buffer = np.zeros((keys.size, 1), unit)
    else:
        native = np.ascontiguousarray(keys, dtype=keys.dtype.newbyteorder("="))
        buffer = native.view(unit).reshape(keys.size, -1)
    return _core.hash_fixed(buffer, seed) if keys.dtype.kind == "S" else _core.hash_ucs4(buffer, seed)


def _hash_arrow(
    keys: Any, seed: int, threads: int, out: NDArray[np.uint64] | None, skip: bool
) -> NDArray[np.uint64]:
    """Hash a column through the Arrow C interface (arrow.apache.org/docs/format/CDataInterface.html)."""
    if out is not None:
        _validation.output("hash_keys", out, np.size(out), np.uint64)
    try:
        if hasattr(keys, "__arrow_c_array__"):
            schema, array = keys.__arrow_c_array__()
            return _core.hash_arrow_array(schema, array, seed, threads, out, skip)
        return _core.hash_arrow_stream(keys.__arrow_c_stream__(), seed, threads, out, skip)
    except ImportError:
        # pandas offers the door but needs pyarrow to open it.
        if not hasattr(keys, "__array__"):
            raise
    array = np.asarray(keys)
    return _hash_array(without_nulls(array) if skip else array, seed, threads, out)
