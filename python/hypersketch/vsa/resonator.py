# SPDX-License-Identifier: Apache-2.0
"""Resonator networks: which vectors, one of each codebook, were bound to the product at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch.vsa._phasors import PhasorEngine
from hypersketch.vsa._resonance import MOST_DIM, Found, PackedEngine, Rule
from hypersketch.vsa.holographic import FHRR, HRR
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.modular import ModularSpace
from hypersketch.vsa.spaces import MapB, MapI

OUTCOMES = ("solved", "wrong", "cycle", "unconverged")
_BUDGET = _validation.within(1, 2**31 - 1)


@dataclass(frozen=True)
class Factors:
    """What a `Resonator` found, an entry or a row for every probe."""

    indices: NDArray[np.int64]
    """Row of each factor in its codebook, shape (n, F)."""
    similarities: NDArray[np.float64]
    """Similarity of the probe and the product of these rows; that of the angles for `HRR`."""
    outcomes: NDArray[np.str_]
    """One of 'solved', 'wrong', 'cycle' and 'unconverged'."""
    iterations: NDArray[np.int64]
    """Sweeps over all factors that were made."""
    periods: NDArray[np.int64]
    """After how many sweeps the state came back where it did: 1 for 'wrong', more for 'cycle', else 0."""
    names: tuple[tuple[Any, ...] | None, ...]
    """Keys of each codebook, or None for one given as vectors."""

    def __len__(self) -> int:
        return len(self.outcomes)

    @property
    def solved(self) -> NDArray[np.bool_]:
        """Whether the factors multiply to the probe, so far as chance can tell.

        >>> from hypersketch.vsa import BSC, Resonator
        >>> resonator = Resonator(BSC(1000), [["a", "b"], ["x", "y"]])
        >>> resonator.factorize(resonator.compose([[0, 1]])).solved
        array([ True])
        """
        return np.asarray(self.outcomes == "solved")

    @property
    def signs(self) -> NDArray[np.int8]:
        """The sign with which the product of the factors is like the probe: -1 for a negated probe.

        >>> from hypersketch.vsa import MapB, Resonator
        >>> resonator = Resonator(MapB(64), [["a", "b"], ["x", "y"]])
        >>> resonator.factorize(~resonator.compose([[0, 1]])).signs
        array([-1], dtype=int8)
        """
        return np.where(self.similarities < 0, -1, 1).astype(np.int8)

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        """The factors as keys; as indices where a codebook was given as vectors.

        >>> from hypersketch.vsa import BSC, Resonator
        >>> resonator = Resonator(BSC(1000), [["a", "b"], ["x", "y"]])
        >>> resonator.factorize(resonator.compose([[0, 1], [1, 1]])).keys
        [('a', 'y'), ('b', 'y')]
        """
        rows = self.indices.tolist()
        return [
            tuple(i if book is None else book[i] for i, book in zip(row, self.names, strict=True))
            for row in rows
        ]

    def counts(self) -> dict[str, int]:
        """Return how many probes ended how.

        >>> from hypersketch.vsa import BSC, Resonator
        >>> resonator = Resonator(BSC(1000), [["a", "b"], ["x", "y"]])
        >>> resonator.factorize(resonator.compose([[0, 1], [1, 1]])).counts()
        {'solved': 2, 'wrong': 0, 'cycle': 0, 'unconverged': 0}
        """
        return {outcome: int((self.outcomes == outcome).sum()) for outcome in OUTCOMES}


class Resonator:
    """Resonator network: finds the factors of products of vectors, one factor from each codebook.

    All codebooks together have as many products as the product of their sizes; the network finds the right
    one by updating an estimate of every factor in turn, from the probe and the estimates of the others.

    Parameters
    ----------
    space : MapI, MapB, BSC, FHRR, HRR, MCR, CGR or SparseBlockCodes
        Space of all vectors.
    codebooks : sequence of F >= 2 codebooks
        Each is a batch of keys, whose atoms are its vectors; an array of vectors of the space, one a row; or
        an `ItemMemory`.
    synchronous : bool, default False
        Update all factors from the same state, instead of each from the newest estimates. Slower to converge
        and more prone to cycles.
    noise : float >= 0, default 0
        Standard deviation of the noise added to every similarity in every step, in units of a stranger's
        (1 / sqrt(D) for packed vectors). It shakes the network out of cycles and wrong states, as the
        noise of analogue hardware does.
    threshold : float >= 0, default 0
        Similarities below it in magnitude count as 0, in the same units. Between 1 and 2 it solves
        larger problems than the plain network, and most with a little noise.
    max_iterations : int in [1, 2**31), default 1000
        Budget: sweeps over all factors for each probe.
    false_accept : float in (0, 1), default 1e-6
        Largest probability that an unrelated probe is called solved.
    seed : int in [0, 2**64), default 0
        Seed of the noise.
    device : str, default "cpu"
        Where packed vectors are taken apart: "cpu", "cuda" or "cuda:1". Answers are the same, and in host
        memory. A GPU takes as many probes at once as it has room for, which is what it is good for.

    Raises
    ------
    TypeError, ValueError
        For a space whose vectors the network cannot clean up, fewer than two codebooks, an empty one, vectors
        of another space, or parameters out of range.

    Notes
    -----
    Frady, Kent, Olshausen & Sommer (Neural Computation 2020). With s the probe and X_f the matrix of
    codebook f, an update is x_f <- clean(X_f w), w = X_f^T (s o product of the other estimates); `clean`
    takes signs, or unit phasors where vectors are such. An entry whose sum is 0 stays as it was. Estimates
    start from the sum of all codewords, cleaned. Noise and threshold act on w: the in-memory factorizer
    (Langenegger et al., Nature Nanotechnology 2023).

    After each sweep the codewords with the largest abs(w) are multiplied. An even number of estimates may
    have settled on negatives, which the product of the codewords themselves does not care about. When it is
    as similar to the probe as no product is by chance (Hoeffding's bound over all products) the probe is
    *solved*. Otherwise it goes on until the state stands still (*wrong*), comes back (*cycle*), or the budget
    is spent (*unconverged*). With noise nothing stands still, so only the first and the last occur.

    Packed spaces compute in integers: results are the same for any instruction set and number of threads.
    The noise of a probe depends on the seed and the probe alone, not on what else is in the batch. HRR's
    vectors enter by the angles of their spectra, integers modulo r as angles; these are computed in float32.

    Examples
    --------
    >>> from hypersketch.vsa import BSC, Resonator
    >>> space = BSC(2000)
    >>> colours, shapes, places = ["red", "green"], ["disc", "square", "star"], ["left", "right"]
    >>> scene = space.bind(space.bind(space.atoms("green"), space.atoms("star")), space.atoms("left"))
    >>> found = Resonator(space, [colours, shapes, places]).factorize(scene)
    >>> found.keys, found.outcomes
    ([('green', 'star', 'left')], array(['solved'], dtype='<U11'))
    """

    def __init__(
        self,
        space: Any,
        codebooks: Sequence[Any],
        *,
        synchronous: bool = False,
        noise: float = 0.0,
        threshold: float = 0.0,
        max_iterations: int = 1000,
        false_accept: float = 1e-6,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        packed = isinstance(space, MapI | MapB)
        if not packed and not isinstance(space, FHRR | HRR | ModularSpace):
            must = "MapI, MapB, BSC, FHRR, HRR, MCR, CGR or SparseBlockCodes"
            _validation.refuse("Resonator", "space", must, space, TypeError)
        if packed and space.dim > MOST_DIM:
            _validation.refuse("Resonator", "space", "of at most 2**28 dimensions", space)
        self._space = space
        self._rule = Rule(
            _validation.flag("Resonator", "synchronous", synchronous),
            _size("noise", noise),
            _size("threshold", threshold),
            _validation.probability("Resonator", "false_accept", false_accept),
            _validation.seed("Resonator", "seed", seed),
        )
        self._budget = _BUDGET("Resonator", "max_iterations", max_iterations)
        self._books, self._names = _codebooks(space, codebooks)
        index = _device.resolve("Resonator", device)
        self._engine, self._device = self._made(packed, index, device), _device.name_of(index)

    def _made(self, packed: bool, index: int | None, device: str) -> Any:
        if index is None:
            return (PackedEngine if packed else PhasorEngine)(self._space, self._books, self._rule)
        if not packed:
            must = f"'cpu' for {self._space}, whose vectors are not packed"
            _validation.refuse("Resonator", "device", must, device)
        from hypersketch.vsa._resonance_on_gpu import GpuPackedEngine

        return GpuPackedEngine(self._space, self._books, self._rule, index)

    def __repr__(self) -> str:
        sizes = " x ".join(str(len(book)) for book in self._books)
        where = "" if self._device == "cpu" else f", device={self._device!r}"
        return f"Resonator({self._space!r}, {sizes} products, max_iterations={self._budget}{where})"

    @property
    def space(self) -> Any:
        """Space of all vectors."""
        return self._space

    @property
    def device(self) -> str:
        """Where probes are taken apart: ``cpu``, or a GPU as ``cuda:0``.

        >>> from hypersketch.vsa import BSC, Resonator
        >>> Resonator(BSC(64), [["a", "b"], ["x", "y"]]).device
        'cpu'
        """
        return self._device

    @property
    def codebooks(self) -> tuple[NDArray[Any], ...]:
        """The vectors of each codebook, read-only.

        >>> from hypersketch.vsa import BSC, Resonator
        >>> [book.shape for book in Resonator(BSC(64), [["a", "b"], ["x", "y", "z"]]).codebooks]
        [(2, 1), (3, 1)]
        """
        return tuple(self._books)

    @property
    def accept_similarity(self) -> float:
        """Similarity from which a probe and a product are the same, given ``false_accept``.

        >>> from hypersketch.vsa import BSC, Resonator
        >>> round(Resonator(BSC(1000), [range(30), range(30, 60)]).accept_similarity, 2)
        0.21
        """
        return float(self._engine.accept)

    def compose(self, indices: Any) -> NDArray[Any]:
        """Return the products of codewords.

        Parameters
        ----------
        indices : array of int, shape (F,) or (n, F)
            Row of each factor in its codebook.

        Returns
        -------
        ndarray
            Vectors of the space, one a row.

        Raises
        ------
        TypeError, ValueError
            For what is no array of such rows.

        Examples
        --------
        >>> from hypersketch.vsa import BSC, Resonator
        >>> resonator = Resonator(BSC(1000), [["a", "b"], ["x", "y"]])
        >>> resonator.factorize(resonator.compose([0, 1])).keys
        [('a', 'y')]
        """
        rows = np.asarray(indices)
        must = f"rows of the {len(self._books)} codebooks, one of each"
        if rows.dtype.kind not in "iu":
            _validation.refuse("Resonator.compose", "indices", must, indices, TypeError)
        if rows.ndim not in (1, 2) or rows.shape[-1] != len(self._books):
            _validation.refuse("Resonator.compose", "indices", must, indices)
        rows = np.atleast_2d(rows)
        sizes = np.array([len(book) for book in self._books])
        if rows.size and not ((rows >= 0) & (rows < sizes)).all():
            _validation.refuse("Resonator.compose", "indices", must, indices)
        product = self._books[0][rows[:, 0]]
        for book, column in zip(self._books[1:], rows.T[1:], strict=True):
            product = self._space.bind(product, book[column])
        return np.asarray(product)

    def factorize(
        self, vectors: Any, *, max_iterations: int | None = None, threads: int | None = None
    ) -> Factors:
        """Find the factors of each vector.

        Parameters
        ----------
        vectors : ndarray, shape of one vector or of n rows, or Hypervectors
            Products, or vectors like them: bundles with a product in it, or sums (MAP-I), of which the signs
            count.
        max_iterations : int, optional
            Budget of this call; default that of the network.
        threads : int, optional
            Threads for this call, which share the probes of packed spaces; default
            `hypersketch.get_num_threads`. Matrix products of the other spaces are NumPy's affair.

        Returns
        -------
        Factors
            An entry for every vector; one for a single vector.

        Raises
        ------
        TypeError, ValueError
            For arrays that are not vectors of the space, or a budget out of range.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR, Resonator
        >>> resonator = Resonator(FHRR(512), [range(20), range(20, 40), range(40, 60)])
        >>> found = resonator.factorize(resonator.compose([[3, 1, 4], [15, 9, 2]]))
        >>> found.indices
        array([[ 3,  1,  4],
               [15,  9,  2]])
        """
        budget = self._budget
        if max_iterations is not None:
            budget = _BUDGET("Resonator.factorize", "max_iterations", max_iterations)
        n_threads = _threads.resolve("Resonator.factorize", threads)
        rows = _vectors(self._space, "factorize", "vectors", vectors)
        return self._answer(self._engine.run(rows, budget, n_threads))

    def _answer(self, found: Found) -> Factors:
        outcomes = outcomes_of(found, self._engine.accept)
        return Factors(
            found.codewords, found.similarities, outcomes, found.sweeps, found.periods, self._names
        )


def _size(name: str, value: object) -> float:
    must = "a finite float in [0, 1000]"
    number = _validation.real("Resonator", name, value, must)
    if not 0.0 <= number <= 1000.0:
        _validation.refuse("Resonator", name, must, number)
    return number


def _vectors(space: Any, method: str, name: str, value: Any) -> NDArray[Any]:
    """Return vectors of the space as its atoms are kept, one a row."""
    if isinstance(value, Hypervectors):
        if value.space != space:
            raise TypeError(f"{name} are vectors of {value.space}, but Resonator needs those of {space}.")
        value = np.asarray(value)
    elif _device.is_on_gpu(value):  # few bytes beside what is done with them
        value = _of_gpu(method, name, value)
    rows = space._checked(method, name, value)
    return np.atleast_2d(space.normalize(rows) if isinstance(space, MapI) else rows)


def _of_gpu(method: str, name: str, value: Any) -> NDArray[Any]:
    host: NDArray[Any] = _device.on_host(f"Resonator.{method}", name, value)
    return host.view(np.uint64) if host.dtype == np.int64 else host  # libraries without uint64


def outcomes_of(found: Found, accept: float) -> NDArray[np.str_]:
    """Return how each probe ended."""
    solved = np.abs(found.similarities) >= accept - 1e-9
    codes = np.where(solved, 0, np.where(found.periods == 1, 1, np.where(found.periods > 1, 2, 3)))
    return np.array(OUTCOMES)[codes]


def _codebooks(space: Any, given: Any) -> tuple[list[NDArray[Any]], tuple[tuple[Any, ...] | None, ...]]:
    """Return the vectors of all codebooks, and their keys."""
    must = "a sequence of at least 2 codebooks"
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        _validation.refuse("Resonator", "codebooks", must, given, TypeError)
    if len(given) < 2:
        _validation.refuse("Resonator", "codebooks", must, given)
    books, names = zip(*(_codebook(space, f, book) for f, book in enumerate(given)), strict=True)
    return list(books), names


def _codebook(space: Any, f: int, given: Any) -> tuple[NDArray[Any], tuple[Any, ...] | None]:
    """Return the vectors of one codebook, and their keys where it was given as keys."""
    name, keys = f"codebooks[{f}]", None
    if hasattr(given, "vectors") and hasattr(given, "keys"):  # an item memory
        if given.space != space:
            raise TypeError(f"{name} is a memory of {given.space}, but Resonator needs one of {space}.")
        keys, given = tuple(np.asarray(given.keys).tolist()), np.asarray(given.vectors)
    elif not isinstance(given, Hypervectors) and not (isinstance(given, np.ndarray) and given.ndim == 2):
        given = [given] if isinstance(given, str | bytes) else list(given)
        keys, given = tuple(given), space.atoms(given)
    rows = _vectors(space, "codebooks", name, given)
    if not len(rows):
        _validation.refuse("Resonator", name, "a codebook of at least one vector", "none")
    kept = np.array(rows, order="C")
    kept.flags.writeable = False
    return kept, keys
