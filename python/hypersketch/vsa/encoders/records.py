# SPDX-License-Identifier: Apache-2.0
"""Records: several fields in one vector, each bound to its role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.keys import host_hashes, is_single
from hypersketch.vsa._gathered import gathered
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa.encoders._base import Encoder, Vectors, _gpu_of, derived, has_table, pieces
from hypersketch.vsa.encoders._bundling import bundled_records, result_rows
from hypersketch.vsa.encoders._columns import Columns, column, columns_of, n_records
from hypersketch.vsa.encoders._majorities import agreement
from hypersketch.vsa.spaces import MapI

N_FIELDS = _validation.within(1, 2**24)
_MUST = "a number of fields, their names, or a mapping of names to encoders"
_CHOICES = 2**17
"""Levels that are looked up at once: their numbers stay in a cache."""


@dataclass(frozen=True, init=False, repr=False)
class RecordEncoder(Encoder):
    """Rows of several values by the bundle of every field's value bound to the field's role.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any.
    fields : int, sequence of names, or mapping of names to encoders
        The fields. Names are keys: integers, strings or bytes; a number n stands for the names 0 to n - 1.
    encoder : encoder, optional
        Of all fields' values, where ``fields`` does not say which.
    seed : int in [0, 2**64), default 0
        Seed of the roles. A field has the same role in all records of equal space and seed.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, names that come twice, and encoders of another space.

    Notes
    -----
    A record is sum_f bind(value_f, role_f), brought to the form of the space. With packed spaces (MAP-I,
    MAP-B, BSC) nothing but the result is stored: rows of the levels' table and of the roles meet in
    registers, where they are counted. MAP-I gives sums (int32).

    Where every field f has the kernel k_f, the cosine of the sums of two records has the expectation
    mean_f k_f(x_f, y_f). That of majorities is, for many fields, the mean over dimensions of
    (2 / pi) arcsin(r_d), where r_d is the share of fields whose values agree in dimension d less that of
    those that do not (Sheppard 1899: sums over many roles are nearly normal); see `kernel`. With encoders of
    different seeds, r_d is about the mean of the kernels. Fields that share a `LevelEncoder` share its two
    random vectors: where these agree, in half of all dimensions, no field tells its values apart, so packed
    records of it are more alike than that.

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import CircularEncoder, LevelEncoder, RandomEncoder, RecordEncoder
    >>> space = BSC(10_000)
    >>> weather = RecordEncoder(
    ...     space,
    ...     {
    ...         "city": RandomEncoder(space, categories=["Oslo", "Rome"]),
    ...         "warmth": LevelEncoder(space, -20, 40, levels=61),
    ...         "hour": CircularEncoder(space, period=24, levels=24),
    ...     },
    ... )
    >>> days = weather.encode({"city": ["Oslo", "Rome"], "warmth": [-3, 25], "hour": [8, 15]})
    >>> weather.decode(days, "city")
    array(['Oslo', 'Rome'], dtype='<U4')
    >>> bool((abs(weather.decode(days, "warmth") - [-3, 25]) < 10).all())
    True

    Pictures, one level a pixel:

    >>> import numpy
    >>> pixels = RecordEncoder(space, 64, LevelEncoder(space, 0, 16, levels=17))
    >>> pixels.encode(numpy.random.default_rng(0).integers(0, 17, (100, 64))).shape
    (100, 157)
    """

    names: tuple[Any, ...]
    """Names of the fields."""
    encoders: tuple[Encoder, ...]
    """One encoder a field, or one for all."""
    seed: int = 0
    """Seed of the roles."""

    def __init__(self, space: Any, fields: Any, encoder: Any = None, *, seed: int = 0) -> None:
        self._set("space", space)
        self._set("seed", seed)
        owner = self._init()
        names, encoders = _fields(owner, fields, encoder)
        for one in encoders:
            if not isinstance(one, Encoder):
                _validation.refuse(owner, "encoder", "an encoder of hypersketch.vsa.encoders", one, TypeError)
            if one.space != space:
                raise ValueError(f"{owner} of {space} cannot have an encoder of another space: {one.space}.")
        known: dict[Encoder, Encoder] = {}  # equal encoders become one, which keeps one table
        encoders = tuple(known.setdefault(one, one) for one in encoders)
        if np.unique(host_hashes(list(names), None)).size < len(names):
            _validation.refuse(owner, "fields", "names that are all different", fields)
        self._set("names", names)
        self._set("encoders", encoders)

    def __repr__(self) -> str:
        if len(self.encoders) > 1:
            fields = repr(dict(zip(self.names, self.encoders, strict=True)))
        else:
            plain = self.names == tuple(range(len(self.names)))
            fields = f"{len(self.names) if plain else self.names}, {self.encoders[0]}"
        return f"RecordEncoder({self.space}, {fields}, seed={self.seed})"

    @property
    def n_fields(self) -> int:
        """Number of fields.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder, RecordEncoder
        >>> RecordEncoder(BSC(64), 784, LevelEncoder(BSC(64))).n_fields
        784
        """
        return len(self.names)

    @cached_property
    def roles(self) -> Vectors:
        """The roles of the fields, one a row; read-only.

        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import LevelEncoder, RecordEncoder
        >>> RecordEncoder(BSC(64), ["x", "y"], LevelEncoder(BSC(64))).roles.shape
        (2, 1)
        """
        made: Vectors = derived(self.space, "RecordEncoder", self.seed).atoms(list(self.names))
        made.flags.writeable = False
        return made

    # ---- encoding

    def encode(self, values: Any, *, device: str | None = None, threads: int | None = None) -> Vectors:
        """Return one vector a record.

        Parameters
        ----------
        values : array of shape (n, n_fields), mapping, table or list of dictionaries
            n records: rows in the order of the fields, or columns by their names (a dictionary, pandas,
            polars or pyarrow), or a dictionary each. One row, or a dictionary of single values, is a batch of
            one. In packed spaces also rows of numbers on a GPU.
        device : str, optional
            Where records of a packed space are bundled and their vectors stay: ``cpu``, ``cuda`` and so on;
            default where the values lie.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n, width)
            Vectors of the space; sums of MAP-I (int32, shape (n, dim)). Of values on a GPU an array of their
            library; where ``device`` asks for it, a `hypersketch.cuda.DeviceArray`.

        Raises
        ------
        TypeError, ValueError
            For missing fields, columns of different lengths, and values that a field's encoder refuses.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> from hypersketch.vsa.encoders import LevelEncoder, RecordEncoder
        >>> points = RecordEncoder(HRR(1000), ["x", "y"], LevelEncoder(HRR(1000), -1, 1))
        >>> points.encode([[0.5, -0.5], [1, 0], [0, 1]]).shape
        (3, 1000)
        """
        if device is not None or _device.is_on_gpu(values):
            from hypersketch.vsa.encoders import _records_on_gpu

            index = _gpu_of(self._owner("encode"), self.space, values, device)
            if index is not None:
                there: Vectors = _records_on_gpu.encoded(self, self._owner("encode"), values, index, threads)
                return there
        columns = columns_of(self._owner("encode"), values, self.names)
        made = result_rows(self.space, n_records(columns))
        for part in pieces(len(made), self.n_fields, _CHOICES):
            book, chosen = self._chosen(columns, part, threads)
            bundled_records(self._owner("encode"), self.space, book, chosen, self.roles, made[part], threads)
        return made

    def _chosen(
        self, columns: Columns, part: slice, threads: int | None
    ) -> tuple[Vectors, NDArray[np.uint32]]:
        """Return a code book, and which of its rows every field of some records has."""
        if len(self.encoders) == 1 and isinstance(columns, np.ndarray):
            rows = columns[part]
            book, which = self.encoders[0]._codes(rows.reshape(-1), threads)
            return book, which.astype(np.uint32).reshape(rows.shape)
        books, chosen = (
            self._books.copy(),
            np.empty((len(column(columns, 0, part)), self.n_fields), np.uint32),
        )
        size, fixed = sum(map(len, books.values())), len(books)
        first = dict(zip(books, np.cumsum([0, *map(len, books.values())]).tolist(), strict=False))
        for f in range(self.n_fields):
            own, which = self.encoders[f % len(self.encoders)]._codes(column(columns, f, part), threads)
            if id(own) not in books:
                books[id(own)], first[id(own)] = own, size
                size += len(own)
            chosen[:, f] = which + first[id(own)]
        if len(books) == fixed:
            return self._book, chosen
        return np.concatenate([self._book, *list(books.values())[fixed:]]), chosen

    @cached_property
    def _books(self) -> dict[int, Vectors]:
        """The tables of the encoders that have one, by their identities."""
        known: list[Any] = [one for one in self.encoders if has_table(one)]
        tables = (one.table for one in known)
        return {id(table): table for table in tables}

    @cached_property
    def _copies(self) -> dict[tuple[str, int], Any]:
        """Tables and roles on GPUs."""
        return {}

    @cached_property
    def _book(self) -> Vectors:
        """All of them, one below the other."""
        tables = list(self._books.values())
        return tables[0] if len(tables) == 1 else np.concatenate([self.roles[:0], *tables])

    # ---- decoding

    def decode(self, vectors: Vectors, field: Any, **how: Any) -> Any:
        """Return the values of one field of records, by the field's encoder.

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of rows
            Records.
        field : key
            The name of a field.
        **how
            What the ``decode`` of the field's encoder takes besides: ``candidates``.

        Returns
        -------
        ndarray, shape (n,)
            What the field's encoder decodes from the records without the role.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of the space, names of no field, encoders that do not decode, and
            spaces that do not unbind.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR
        >>> from hypersketch.vsa.encoders import LevelEncoder, RecordEncoder
        >>> space = FHRR(4096)
        >>> points = RecordEncoder(space, ["x", "y"], LevelEncoder(space, 0, 10, levels=11))
        >>> points.decode(points.encode([[3, 8]]), "y")
        array([8.])
        """
        if field not in self.names:
            _validation.refuse(self._owner("decode"), "field", "the name of a field", field)
        place = self.names.index(field)
        encoder = self.encoders[place % len(self.encoders)]
        if not hasattr(encoder, "decode"):
            raise ValueError(
                f"The field {field!r} cannot be decoded: {type(encoder).__name__} has no inverse."
            )
        return encoder.decode(self.space.unbind(vectors, self.roles[place]), **how)

    def kernel(self, a: Any, b: Any) -> NDArray[np.float64]:
        """Return the expected cosine of the vectors of records, row by row, as the class says.

        Parameters
        ----------
        a, b : records
            As for `encode`, as many of the one as of the other.

        Returns
        -------
        ndarray of float64, shape (n,)
            For MAP-B and BSC the expectation over roles, given the fields' tables (of more than 1,000
            fields in the limit of many); for MAP-I and the real spaces that normalize lengths alone (HRR,
            VTB, MBAT, FHRR with sums) that of the cosine of the sums.

        Raises
        ------
        TypeError, ValueError
            As `encode`; for encoders without a kernel, and for spaces whose form bends sums otherwise.

        Examples
        --------
        >>> from hypersketch.vsa import MapI
        >>> from hypersketch.vsa.encoders import LevelEncoder, RecordEncoder
        >>> points = RecordEncoder(MapI(64), 2, LevelEncoder(MapI(64), 0, 10, levels=11))
        >>> points.kernel([[0, 0]], [[5, 0]])
        array([0.75])
        """
        owner = self._owner("kernel")
        if not (isinstance(self.space, MapSpace) or _keeps_sums(self.space)):
            raise ValueError(f"{owner} knows no closed form for bundles of {self.space}.")
        left, right = (columns_of(owner, one, self.names) for one in (a, b))
        if n_records(left) != n_records(right):
            raise ValueError(f"a has {n_records(left)} records but b has {n_records(right)}.")
        if isinstance(self.space, MapSpace) and self.space.binary:
            return self._majority_kernel(left, right)
        total = np.zeros(n_records(left))
        for f in range(self.n_fields):
            one = self.encoders[f % len(self.encoders)]
            if not hasattr(one, "kernel"):
                raise ValueError(f"{owner} needs kernels of all fields: {type(one).__name__} has none.")
            total += one.kernel(column(left, f, slice(None)), column(right, f, slice(None)))
        return total / self.n_fields

    def _majority_kernel(self, a: Columns, b: Columns) -> NDArray[np.float64]:
        found = np.empty(n_records(a))
        for part in pieces(found.size, self.space.dim + self.n_fields, _CHOICES):
            (book, one), (other_book, other) = (self._chosen(given, part, None) for given in (a, b))
            sums = gathered(
                self._owner("kernel"),
                MapI(self.space.dim),
                book,
                one.reshape(-1),
                np.arange(len(one) + 1) * self.n_fields,
                bound_to=(other_book, other.reshape(-1)),
            )
            n_equal = (sums + self.n_fields) // 2
            found[part] = agreement(self.n_fields)[n_equal].mean(axis=1)
        return found


def _keeps_sums(space: Any) -> bool:
    from hypersketch.vsa.holographic import FHRR, HRR
    from hypersketch.vsa.matrix_binding import MBAT, VTB

    return isinstance(space, HRR | VTB | MBAT) or (isinstance(space, FHRR) and not space.phase_only)


def _fields(owner: str, fields: Any, encoder: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return names, and one encoder each or one for all."""
    if isinstance(fields, Mapping):
        if encoder is not None:
            must = "None where the fields have encoders of their own"
            _validation.refuse(owner, "encoder", must, encoder, TypeError)
        names, encoders = tuple(fields), tuple(fields.values())
    elif isinstance(fields, str | bytes) or fields is None or isinstance(fields, float):
        _validation.refuse(owner, "fields", _MUST, fields, TypeError)
    elif is_single(fields):
        names, encoders = tuple(range(N_FIELDS(owner, "fields", fields))), (encoder,)
    else:
        names, encoders = tuple(fields), (encoder,)
    if not names:
        _validation.refuse(owner, "fields", "one field or more", fields)
    if len(set(map(id, encoders))) == 1:
        encoders = encoders[:1]
    return names, encoders
