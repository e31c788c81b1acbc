# SPDX-License-Identifier: Apache-2.0
"""Memories of patterns of -1 and +1 whose states follow an energy: retrieval, energies and basins."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _core, _memory, _threads, _validation
from hypersketch.memories import _bipolar
from hypersketch.memories._associative import Retrieval
from hypersketch.memories._pattern_store import PatternStore
from hypersketch.memories._recall_tables import RecallColumns

Update = Literal["sync", "async"]
MAX_SWEEPS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class PatternRetrieval(Retrieval):
    """What a memory of patterns answers; ``states`` have the form of the states that were given.

    Attributes
    ----------
    cycles : ndarray of bool, shape (n,)
        Whether a synchronous update ended in two states that follow each other for ever; the last one stands
        in ``states``.
    """

    cycles: NDArray[np.bool_]


class Basin(NamedTuple):
    """How much noise a pattern survives."""

    distances: NDArray[np.int64]
    """Number of units turned in the starting states."""
    recovered: NDArray[np.float64]
    """Fraction of the trials that ended at the pattern, for each distance."""


@dataclass
class Run:
    """One retrieval: states that are changed in place, how, and what is found out about each."""

    words: Any
    """Packed, in host memory or on a GPU."""
    synchronous: bool
    budget: int
    seed: int
    order: NDArray[np.int64] | None
    threads: int

    def __post_init__(self) -> None:
        n = len(self.words)
        self.values = np.zeros(n)
        self.exponents, self.sweeps = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.converged, self.cycles = np.zeros(n, np.bool_), np.zeros(n, np.bool_)

    @property
    def how(self) -> tuple[Any, ...]:
        """What the compiled loops take after the patterns."""
        answers = self.values, self.exponents, self.sweeps, self.converged, self.cycles
        return self.words, self.synchronous, self.seed, self.order, self.budget, *answers


class PatternMemory(PatternStore):
    """The verbs that ask."""

    @abstractmethod
    def _run(self, run: Run) -> None:
        """Let the states of a run follow the energy."""

    @abstractmethod
    def _energies(self, run: Run) -> NDArray[np.float64]:
        """Return the energies of the states of a run that has ended."""

    def retrieve(
        self,
        states: Any,
        /,
        *,
        update: Update = "sync",
        max_sweeps: int = 100,
        order: Any = None,
        seed: int | None = None,
        threads: int | None = None,
    ) -> PatternRetrieval:
        """Update states until nothing changes any more.

        Parameters
        ----------
        states : array of -1 and +1, shape (n, n_units) or (n_units,); or packed, of uint64
            Where to start, in a form that `store` takes. Stays as it is.
        update : {'sync', 'async'}, default 'sync'
            ``sync``: all units are updated at once. ``async``: one after the other, which lowers the energy
            with every change and so always ends.
        max_sweeps : int in [0, 2**31), default 100
            Updates of all units at most.
        order : array of int, shape (n_units,), optional
            Order of the units in every asynchronous sweep; default a new random one in each. Only with
            ``async``.
        seed : int in [0, 2**64), optional
            Of the random orders; default the memory's own. A state ends the same in every batch.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`. They share the states.

        Returns
        -------
        PatternRetrieval
            ``states`` in the form given (int8 for unsigned integers), and one entry a state of ``energies``,
            ``steps`` (sweeps made, the last of which changed nothing where ``converged``) and ``cycles``.

        Raises
        ------
        TypeError, ValueError
            For states that `store` would refuse, an order that does not name every unit once, or an empty
            memory.

        Notes
        -----
        A unit whose field is zero keeps its state.

        Examples
        --------
        >>> import numpy as np, hypersketch
        >>> patterns = np.random.default_rng(0).choice([-1, 1], (5, 200))
        >>> network = hypersketch.HopfieldNetwork(200)
        >>> network.store(patterns)
        >>> noisy = patterns * np.where(np.arange(200) < 20, -1, 1)
        >>> found = network.retrieve(noisy)
        >>> bool((found.states == patterns).all()), found.steps
        (True, array([2, 2, 2, 2, 2]))
        """
        owner = f"{type(self).__name__}.retrieve"
        words, form = self._given(owner, "states", states)
        _validation.one_of("sync", "async")(owner, "update", update)
        budget = _validation.integer(owner, "max_sweeps", max_sweeps, 0, MAX_SWEEPS)
        if order is not None and update == "sync":
            _validation.refuse(owner, "order", "None with update='sync', which has none", order)
        first = self.seed if seed is None else _validation.seed(owner, "seed", seed)
        run = Run(
            words.copy() if isinstance(words, np.ndarray) and form.is_packed else words,
            update == "sync",
            budget,
            first,
            self._order(owner, order),
            _threads.resolve(owner, threads),
        )
        self._require_patterns(owner)
        self._run(run)
        answers = (self._energies(run), run.sweeps, run.converged, run.cycles)
        return PatternRetrieval(*self._answered(form, run.words, *answers))

    def _answered(self, form: Any, words: Any, *answers: NDArray[Any]) -> tuple[Any, ...]:
        """Return states and what is known of each in the form in which states came."""
        if isinstance(words, np.ndarray):
            return _bipolar.formed(words, form, self.n_units), *answers
        if isinstance(form, _bipolar.Form):
            return _bipolar.formed(_memory.host(words), form, self.n_units), *answers
        return form.formed(words, self.n_units), *map(form.of_host, answers)

    def energy(self, states: Any, /, *, threads: int | None = None) -> NDArray[np.float64]:
        """Return the energy of states, as `retrieve` does for those that it ends in.

        Parameters
        ----------
        states : array of -1 and +1, shape (n, n_units) or (n_units,); or packed, of uint64
            In a form that `store` takes.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As for `retrieve`.

        Examples
        --------
        >>> import hypersketch
        >>> network = hypersketch.HopfieldNetwork(4)
        >>> network.store([1, 1, -1, -1])
        >>> network.energy([[1, 1, -1, -1], [1, 1, 1, -1]])
        array([-1.5,  0. ])
        """
        owner = f"{type(self).__name__}.energy"
        words, form = self._given(owner, "states", states)
        self._require_patterns(owner)
        own = words.copy() if isinstance(words, np.ndarray) else words
        run = Run(own, True, 0, 0, None, _threads.resolve(owner, threads))
        self._run(run)
        energies: NDArray[np.float64] = self._energies(run)
        return energies if isinstance(form, _bipolar.Form) else form.of_host(energies)

    def basin(
        self,
        pattern: Any,
        /,
        distances: Any = None,
        *,
        n_trials: int = 100,
        min_overlap: float = 1.0,
        update: Update = "sync",
        max_sweeps: int = 100,
        seed: int = 0,
        threads: int | None = None,
    ) -> Basin:
        """Measure from how far away states are drawn to a pattern.

        Parameters
        ----------
        pattern : array of -1 and +1, shape (n_units,), or packed
            The pattern; it need not be stored.
        distances : array of int in [0, n_units], optional
            How many random units of it are turned at the start; default eleven from 0 to half of them.
        n_trials : int in [1, 2**20], default 100
            Starting states for each distance.
        min_overlap : float in [-1, 1], default 1.0
            The fraction of agreeing units, less that of the others, from which on a state counts as the
            pattern.
        update, max_sweeps, threads
            As for `retrieve`.
        seed : int in [0, 2**64), default 0
            Of the starting states and the orders of units.

        Returns
        -------
        Basin
            ``distances`` and ``recovered``, the fraction of trials that ended at the pattern.

        Raises
        ------
        TypeError, ValueError
            For what `retrieve` refuses, more than one pattern, and distances or an overlap out of range.

        Examples
        --------
        >>> import numpy as np, hypersketch
        >>> patterns = np.random.default_rng(0).choice([-1, 1], (5, 100))
        >>> network = hypersketch.HopfieldNetwork(100)
        >>> network.store(patterns)
        >>> network.basin(patterns[0], [0, 20, 100]).recovered
        array([1., 1., 0.])
        """
        owner = f"{type(self).__name__}.basin"
        words = _memory.host(self._given(owner, "pattern", pattern)[0])
        if len(words) != 1:
            _validation.refuse(owner, "pattern", "a single pattern", f"{len(words)} patterns")
        away = _distances(owner, distances, self.n_units)
        trials = _validation.integer(owner, "n_trials", n_trials, 1, 2**20)
        limit = _validation.real(owner, "min_overlap", min_overlap, "a float in [-1, 1]")
        if not -1.0 <= limit <= 1.0:
            _validation.refuse(owner, "min_overlap", "a float in [-1, 1]", limit)
        self._require_patterns(owner)
        rng = np.random.default_rng(_validation.seed(owner, "seed", seed))
        own = _bipolar.signs(words, self.n_units)[0]
        recovered = np.empty(away.size)
        for i, distance in enumerate(away.tolist()):
            starts = np.tile(own, (trials, 1))
            for row in starts:
                row[rng.choice(self.n_units, distance, replace=False)] *= -1
            found = self.retrieve(starts, update=update, max_sweeps=max_sweeps, seed=seed, threads=threads)
            overlaps = (found.states.astype(np.int32) @ own.astype(np.int32)) / self.n_units
            recovered[i] = (overlaps >= limit).mean()
        return Basin(away, recovered)

    # ---- helpers

    def _require_patterns(self, owner: str) -> None:
        if not self.n_patterns:
            raise ValueError(f"{owner} needs a stored pattern, and this {type(self).__name__} is empty.")

    def _order(self, owner: str, order: object) -> NDArray[np.int64] | None:
        if order is None:
            return None
        given = np.asarray(order)
        must = f"a permutation of the {self.n_units} units"
        if given.dtype.kind not in "iu":
            _validation.refuse(owner, "order", must, order, TypeError)
        if given.shape != (self.n_units,) or not np.array_equal(np.sort(given), np.arange(self.n_units)):
            _validation.refuse(owner, "order", must, order)
        return np.ascontiguousarray(given, np.int64)

    def _made(self, name: str, make: Callable[[Any], Any]) -> Any:
        """Return what was made of the present patterns, made now if it is not there."""
        rows, ready = self._kept
        if name not in ready:
            ready[name] = make(rows)
        return ready[name]

    def _recall(self, run: Run, columns: RecallColumns, by_units: bool) -> None:
        """Recall through packed patterns."""
        if self._device_index is not None:
            return self._recall_there(run, columns)
        table = self._made("table", lambda _: columns.compiled())
        rows, ready = self._kept
        name = "patterns by units" if by_units else "patterns"
        laid = ready.get(name)
        if laid is None or laid[0] < run.threads:
            laid = run.threads, _core.RecallPatterns(rows, self.n_units, run.threads, by_units)
            ready[name] = laid
        how = *run.how, run.threads
        laid[1].recall(table, *how)

    def _recall_there(self, run: Run, columns: RecallColumns) -> None:
        from hypersketch.memories import _gpu_recall

        rows, n_units = self._rows, self.n_units
        units = self._made("units", lambda rows: _gpu_recall.by_units(rows, n_units))
        device = rows.memory.device
        table = self._made("table", lambda rows: _gpu_recall.GpuTable(columns, n_units, len(rows), device))
        _gpu_recall.recall(rows, units, table, n_units, run)


def _distances(owner: str, value: object, n_units: int) -> NDArray[np.int64]:
    if value is None:
        return np.unique(np.linspace(0, n_units // 2, 11).astype(np.int64))
    given, must = np.asarray(value), f"integers in [0, {n_units}]"
    if given.dtype.kind not in "iu" and given.size:
        _validation.refuse(owner, "distances", must, value, TypeError)
    if given.ndim != 1 or (given.size and not 0 <= int(given.min()) <= int(given.max()) <= n_units):
        _validation.refuse(owner, "distances", must, value)
    return given.astype(np.int64)
