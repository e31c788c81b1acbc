# SPDX-License-Identifier: Apache-2.0
"""Bundles: sums of hypervectors built straight from keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _device, _memory, _threads, _validation, files
from hypersketch._additive import Counters
from hypersketch._stored import Tally
from hypersketch._structure import dot, tally_of
from hypersketch.keys import host_hashes, integer_bits
from hypersketch.vsa._answers import Answers, pair_factors, space_parameters
from hypersketch.vsa._quantizing import quantized
from hypersketch.vsa.packed_bundle import PackedBundle
from hypersketch.vsa.quantized import QuantizedBundle
from hypersketch.vsa.spaces import DIM, SPACES, MapB, MapI


@files.register
class Bundle(Counters, Answers):
    """A sum of hypervectors, one int32 counter a dimension.

    Made by ``space.bundle(...)``. In MAP-I it answers by its counters, in MAP-B by their signs.

    Parameters
    ----------
    space : MapI, MapB or BSC
        The space whose atoms it sums.
    device : str, default 'cpu'
        Where the counters lie: ``cpu``, ``cuda``, ``cuda:1`` and so on. On a GPU keys and vectors of that GPU
        are added and compared where they are, on the caller's stream; answers to those lie there too.

    Raises
    ------
    TypeError
        When ``space`` is no such space.

    Notes
    -----
    Adding is linear: the order of additions does not matter, and merging equals adding the other's keys.
    Counters stay within int32: an addition that could make one leave it raises OverflowError and changes
    nothing.

    Examples
    --------
    >>> import hypersketch
    >>> bag = hypersketch.MapI(10_000).bundle(["red", "green"])
    >>> bag.add("blue", weights=[2])
    >>> bag.estimate(["red", "blue", "grey"]).round() + 0.0
    array([1., 2., 0.])
    >>> bag
    Bundle(space='MapI', dim=10000, seed=0, n_added=3)
    """

    _PARAMETERS: ClassVar[dict[str, _validation.Check]] = {
        "space": _validation.one_of(*SPACES),
        "dim": DIM,
        "seed": _validation.seed,
    }

    def __init__(self, space: MapI | MapB, *, device: str = "cpu") -> None:
        parameters = space_parameters("Bundle", space)
        self._fill(parameters, None, Tally(), self._device_for(device))

    @classmethod
    def _layout(cls, parameters: Mapping[str, Any]) -> tuple[int, type[np.generic]]:
        return parameters["dim"], np.int32

    @property
    def counters(self) -> NDArray[np.int32]:
        """The counters, int32 of shape (dim,); a read-only view.

        >>> import hypersketch
        >>> hypersketch.MapI(4).bundle().counters
        array([0, 0, 0, 0], dtype=int32)
        """
        view: NDArray[np.int32] = self.state
        return view

    @property
    def vector(self) -> NDArray[Any]:
        """The bundle as a vector of its space: a copy of the sums (int32) in MAP-I, else the packed signs.

        >>> import hypersketch
        >>> space = hypersketch.MapB(64)
        >>> bool((space.bundle("a").vector == space.atoms("a")[0]).all())
        True
        """
        if self._binary:
            return self._signs()
        vector: NDArray[Any] = (
            _memory.copied(self._state) if _memory.on_gpu(self._state) else np.array(self._state)
        )
        return vector

    def add(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add the atoms of keys.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`. An empty batch adds nothing.
        weights : array of int, shape (n,), optional
            One weight a key, below 2**31 in magnitude, of any sign; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, for weights that are not integers or not one a key,
            or when the state is memory-mapped.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Notes
        -----
        A large batch goes in by pieces. After Ctrl-C the bundle holds a prefix of the batch, and ``n_added``
        has grown by exactly its length.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapI(64).bundle()
        >>> bag.add(["a", "b"], weights=[3, -1])
        >>> bag.n_added, bag.total_weight
        (2, 2)
        """
        self._change_keys("Bundle.add", keys, weights, 1, threads)

    def add_hashes(
        self, hashes: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add the atoms of keys by their hashes (`hypersketch.hash_keys` with seed 0); otherwise as `add`.

        >>> import hypersketch
        >>> space = hypersketch.MapI(64)
        >>> bag = space.bundle()
        >>> bag.add_hashes(hypersketch.hash_keys(["a", "b"]))
        >>> bag == space.bundle(["a", "b"])
        True
        """
        if _memory.on_gpu(self._state):
            self._keys_on_gpu("Bundle.add_hashes", hashes, weights, 1, threads, are_hashes=True)
            return
        batch = _validation.hashes("Bundle.add_hashes", hashes)
        self._change("Bundle.add_hashes", batch[np.newaxis], weights, 1, threads)

    def remove(self, keys: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Take the atoms of keys out again (MAP-I only).

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        weights : array of int, shape (n,), optional
            One weight a key, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError
            As for `add`, and in MAP-B.
        ValueError, OverflowError
            As for `add`. Nothing is changed then.

        Notes
        -----
        Exact for keys that were added; a key that was not gets a negative weight.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(64)
        >>> bag = space.bundle(["a", "b"])
        >>> bag.remove("b")
        >>> bag == space.bundle("a")
        True
        """
        if self._binary:
            raise TypeError(
                f"A bundle of {self._values['space']} answers by the signs of its counters, so keys cannot "
                "be removed from it."
            )
        self._change_keys("Bundle.remove", keys, weights, -1, threads)

    def add_pairs(self, keys: Any, values: Any, weights: Any = None, *, threads: int | None = None) -> None:
        """Add bound pairs: the product of a key's and a value's atoms, for every pair.

        Parameters
        ----------
        keys, values : int, str, bytes or batches of them
            n keys and n values, as for `hypersketch.hash_keys`.
        weights : array of int, shape (n,), optional
            One weight a pair, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for `add`, and for unequal numbers of keys and values.

        Notes
        -----
        A product of atoms does not tell key from value: add ``space.permute`` of one side where that matters.

        Examples
        --------
        >>> import hypersketch
        >>> record = hypersketch.MapI(10_000).bundle()
        >>> record.add_pairs(["capital"], ["Paris"])
        >>> record.pair_similarity("capital", "Paris")
        array([1.])
        """
        if _memory.on_gpu(self._state):
            from hypersketch.vsa import _bundle_on_gpu

            _bundle_on_gpu.add_pairs(self, "Bundle.add_pairs", keys, values, weights, threads)
            return
        self._change(
            "Bundle.add_pairs", pair_factors("add_pairs", keys, values, threads), weights, 1, threads
        )

    def _change_keys(self, owner: str, keys: Any, weights: Any, sign: int, threads: int | None) -> None:
        """Add or take away atoms; plain integers are hashed on the way, without an array of their hashes."""
        if _memory.on_gpu(self._state):
            self._keys_on_gpu(owner, keys, weights, sign, threads)
            return
        bits = integer_bits(keys)
        factors = host_hashes(keys, threads) if bits is None else bits
        self._change(owner, factors[np.newaxis], weights, sign, threads, hashed=bits is None)

    def _keys_on_gpu(
        self, owner: str, keys: Any, weights: Any, sign: int, threads: int | None, are_hashes: bool = False
    ) -> None:
        from hypersketch.vsa import _bundle_on_gpu

        _bundle_on_gpu.add_keys(self, owner, keys, weights, sign, threads, are_hashes)

    def _change(
        self,
        owner: str,
        factors: NDArray[np.uint64],
        weights: Any,
        sign: int,
        threads: int | None,
        hashed: bool = True,
    ) -> None:
        """Add (or for sign -1 take away) products of atoms; factor f of item i is factors[f, i]."""
        checked = _validation.weights(owner, weights, factors.shape[1])
        n_threads = _threads.resolve(owner, threads)
        with self._lock:
            self._require_writable()
            self._require_room(tally_of(factors.shape[1], checked).bound)
            change = partial(_core.bundle_add, self._state, self.seed, threads=n_threads, hashed=hashed)
            work = factors.shape[0] * _validation.words_for(self.dim)
            self._add_chunks(change, factors, checked, sign=sign, words_per_key=work)

    def add_vectors(
        self, vectors: NDArray[np.uint64], weights: Any = None, *, threads: int | None = None
    ) -> None:
        """Add vectors: bound or permuted atoms, or the vectors of other bundles (nesting).

        Parameters
        ----------
        vectors : ndarray of uint64, shape (n_words,) or (n, n_words)
            Packed vectors of this space; in MAP-I also sums, int32 of shape (dim,) or (n, dim).
        weights : array of int, shape (n,), optional
            One weight a vector, as for `add`; default 1.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As for `add`, and for arrays that are not packed vectors of this space.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapI(10_000)
        >>> sequence = space.bundle()
        >>> for position, letter in enumerate("abc"):
        ...     sequence.add_vectors(space.permute(space.atoms(letter), position))
        >>> second = space.permute(space.atoms(["a", "b", "c"]), 1)
        >>> sequence.vector_similarity(second).round() + 0.0
        array([0., 1., 0.])
        """
        owner = "Bundle.add_vectors"
        if _device.is_on_gpu(vectors) or _memory.on_gpu(self._state):
            from hypersketch.vsa import _bundle_on_gpu

            _bundle_on_gpu.add_vectors(self, owner, vectors, weights)
            return
        rows = np.atleast_2d(self.space._checked("bundle().add_vectors", "vectors", vectors))
        checked = _validation.weights(owner, weights, rows.shape[0])
        if rows.dtype == np.int32:
            self._add_sums(rows, checked)
            return
        n_threads = _threads.resolve(owner, threads)
        with self._lock:
            self._require_writable()
            self._require_room(tally_of(rows.shape[0], checked).bound)
            change = partial(_core.bundle_add_rows, self._state, threads=n_threads)
            self._add_chunks(change, rows, checked, axis=0, words_per_key=rows.shape[1])

    def _add_sums(self, sums: NDArray[np.int32], weights: NDArray[np.int64] | None) -> None:
        peaks = np.abs(sums).max(axis=1, initial=0).astype(np.float64)
        most = int(
            peaks.sum() if weights is None else np.abs(weights) @ peaks
        )  # exact far beyond what may stay
        with self._lock:
            self._require_writable()
            self._require_room(most)
            change = sums.sum(axis=0, dtype=np.int64) if weights is None else weights @ sums
            tally = tally_of(len(sums), weights)._replace(bound=most)
            self._commit(*_memory.combining(np.add, self._state, change.astype(np.int32)), tally)

    def norm(self) -> float:
        """Return the length of the bundle's vector over sqrt(D).

        Returns
        -------
        float
            MAP-I: an estimate of sqrt(sum of squared weights), so of sqrt(n) for n distinct keys. MAP-B: 1,
            as for every vector of signs.

        Notes
        -----
        |x| / sqrt(D); the square has the moments `hypersketch.theory.map_i.norm_moments`.

        Examples
        --------
        >>> import hypersketch
        >>> 9.5 < hypersketch.MapI(10_000).bundle(range(100)).norm() < 10.5
        True
        """
        return 1.0 if self._binary else math.sqrt(dot(self._state, self._state) / self.dim)

    def _signs(self) -> NDArray[np.uint64]:
        if _memory.on_gpu(self._state):
            from hypersketch.vsa import _bundle_on_gpu

            on_gpu: Any = _bundle_on_gpu.signs(self._state, self.seed)
            signs: NDArray[np.uint64] = on_gpu
            return signs
        packed = np.empty(_validation.words_for(self.dim), np.uint64)
        _core.pack_signs(self._state, self.seed, packed)
        return packed

    def pack(self) -> PackedBundle:
        """Return the signs of the counters, one bit a dimension (MAP-B only).

        Returns
        -------
        PackedBundle
            It answers as this bundle does now, and takes no more keys.

        Raises
        ------
        TypeError
            In MAP-I, whose bundles are integers.

        Notes
        -----
        A counter of zero takes the sign of the space's tie vector, which is random but the same every time.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapB(10_000).bundle(["a", "b", "c"])
        >>> bag.nbytes, bag.pack().nbytes
        (40000, 1256)
        """
        if not self._binary:
            raise TypeError(
                "A bundle of MapI is a sum of integers and cannot be packed to one bit a dimension."
            )
        with self._lock:
            n, device = self.n_added, self._device_index
            made = object.__new__(PackedBundle)
            made._fill(space_parameters("PackedBundle", self.space), self._signs(), Tally(n, n), device)
            return made

    def quantize(self, bits: int, step: int | None = None) -> QuantizedBundle:
        """Return the counters cut to a few bits a dimension (MAP-I only).

        Parameters
        ----------
        bits : int in [1, 8]
            Bits a dimension.
        step : int, optional
            How far counters are apart that are kept as different values: an even number. By default the one
            that keeps most of a bundle of this length, `hypersketch.theory.quantized.best_step`.

        Returns
        -------
        QuantizedBundle
            It estimates the same weights with more noise, in ``bits`` / 32 of the memory, and takes no more
            keys.

        Raises
        ------
        TypeError
            In MAP-B, whose bundles answer by one bit: `pack` keeps it; and for numbers of another type.
        ValueError
            For bits out of range, or a step that is not an even integer of at least 2.

        Notes
        -----
        An even counter takes the sign of the space's tie vector, as in `MapB`, so that one bit is the
        majority. A bundle on a GPU is cut there, and the answer lies there.

        Examples
        --------
        >>> import hypersketch
        >>> bag = hypersketch.MapI(10_000).bundle(["a", "b", "c"])
        >>> [bag.quantize(bits).nbytes for bits in (1, 2, 4)]
        [1256, 2512, 5024]
        """
        space = self.space
        if not isinstance(space, MapI):
            raise TypeError(
                f"A bundle of {type(space).__name__} answers by its signs and cannot be quantized: pack() it."
            )
        with self._lock:
            return quantized(space, self._state, bits, step, self.n_added)
