# SPDX-License-Identifier: Apache-2.0
"""Sparsey: superposed sparse codes of winner-take-all modules, alike for what is alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import _memory, _threads, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _code_selection
from hypersketch.memories._changes import require_writable
from hypersketch.memories._code_answers import CodeRetrieval, retrieval
from hypersketch.memories._code_store import DIM
from hypersketch.memories._codes_there import CodesThere


@files.register
class SparseyMemory(CodesThere):
    """Items stored, each once, by codes of one winner a module, superposed in binary weights.

    Parameters
    ----------
    n_inputs : int in [1, 2**20]
        Binary inputs N.
    n_modules : int
        Winner-take-all modules Q.
    n_units : int
        Units K of each.
    context : bool, default False
        Whether winners also get the code of the item before by weights of their own, for sequences.
    active : int, optional
        How many inputs of an item theory takes to be active, about the same for all; default a tenth.
    floor : float in [0, 1), default 0.2
        Familiarity G up to which codes are random.
    expansion, exponent : float > 0, default 300 and 2
        How much likelier, at G = 1 and times K, the best units win than those without support, and how
        that grows with G.
    steepness, midpoint : float, default 25 and 0.7
        Of the sigmoid from a unit's support to how likely it wins.
    seed : int in [0, 2**64), default 0
        Of the draws.
    device : str, default 'cpu'
        Where the weights lie and are worked on: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on, which also
        takes arrays there, of integers or bools, and answers in their kind.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Rinkus (1996, 2010, and 2014, Frontiers in Computational Neuroscience 8:160). The support V of a unit is
    the share of the active inputs that are connected with it, times, with context, that of the previous
    winners; G is the mean of the modules' largest V. Winners are drawn with noise that falls as G rises, so
    similar inputs get codes with large intersections. Storing and retrieving take the same time whatever is
    stored; after Ctrl-C a prefix of the batch is. There is one level here, and no weight ages.
    `hypersketch.theory.sparsey` has what can be derived.

    A GPU chooses the CPU's codes, and its answers are the CPU's bits. What it stores takes a turn for each
    item: it counts, and the CPU draws winners from the counts, since exponentials decide, whose last bits
    differ between GPU and CPU. Lists of active inputs are checked by the CPU.

    Examples
    --------
    >>> import hypersketch
    >>> memory = hypersketch.SparseyMemory(100, 20, 8, seed=1)
    >>> items = [range(10), range(30, 40), range(60, 70)]
    >>> memory.store(items)
    >>> memory.retrieve(items).familiarity
    array([1., 1., 1.])
    >>> found = memory.retrieve([[0, 1, 2, 3, 4, 5, 6, 7, 98, 99]])
    >>> found.units, found.familiarity
    ([array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])], array([0.8]))
    """

    def __init__(
        self,
        n_inputs: int,
        n_modules: int,
        n_units: int,
        *,
        context: bool = False,
        active: int | None = None,
        floor: float = 0.2,
        expansion: float = 300.0,
        exponent: float = 2.0,
        steepness: float = 25.0,
        midpoint: float = 0.7,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        DIM(type(self).__name__, "n_inputs", n_inputs)
        parameters = self._checked(
            n_inputs=n_inputs,
            n_modules=n_modules,
            n_units=n_units,
            context=context,
            active=max(1, n_inputs // 10) if active is None else active,
            floor=floor,
            expansion=expansion,
            exponent=exponent,
            steepness=steepness,
            midpoint=midpoint,
            seed=seed,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    # ---- changes

    def store(self, patterns: Any, starts: Any = None) -> None:
        """Store items, one after the other: choose a code for each and set the weights to its winners.

        Parameters
        ----------
        patterns : list of lists of int, array of int of shape (n, k), or bool array of shape (n, n_inputs)
            Active inputs of each item, or a row of bools. One row or list of integers is one item.
        starts : array of int, shape (n_sequences + 1,), optional
            With context, sequence s is of the items ``starts[s]`` to ``starts[s + 1] - 1``; default one
            sequence of all.

        Raises
        ------
        TypeError, ValueError
            For inputs that are not there or come twice in an item, an item without active inputs, starts
            without context, or when the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(50, 10, 8)
        >>> memory.store([1, 2, 3, 4])
        >>> memory.retrieve([1, 2, 3, 4]).familiarity
        array([1.])
        """
        self._form("SparseyMemory.store", "patterns", patterns)  # which refuses those of another GPU
        self._take("SparseyMemory.store", patterns, starts)

    def observe(self, patterns: Any, starts: Any = None) -> CodeRetrieval:
        """Store items as `store` does, and return their codes and how familiar each was before.

        Parameters
        ----------
        patterns, starts
            As for `store`.

        Returns
        -------
        CodeRetrieval
            ``states`` are the items themselves.

        Raises
        ------
        TypeError, ValueError
            As `store`.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(100, 20, 8)
        >>> seen = memory.observe([range(10), range(10), range(5, 15), range(80, 90)])
        >>> seen.familiarity.round(1)
        array([0. , 1. , 0.5, 0. ])
        """
        form = self._form("SparseyMemory.observe", "patterns", patterns)
        items, codes, known = self._take("SparseyMemory.observe", patterns, starts)
        states = np.zeros((len(items), self._values["n_inputs"]), np.bool_)
        states[items.owners, items.indices] = True
        return self._alike(form, retrieval(states, codes, known))

    def merge(self, other: SparseyMemory) -> None:
        """Superpose the traces of another memory of the same parameters: the OR of all weights.

        Parameters
        ----------
        other : SparseyMemory
            Stays as it is. The codes of both were chosen without regard to the other's.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory, or when this one is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.SparseyMemory(50, 10, 8) for _ in "ab")
        >>> a.store([1, 2, 3, 4])
        >>> b.store([5, 6, 7, 8])
        >>> a.merge(b)
        >>> a.retrieve([5, 6, 7, 8]).familiarity
        array([1.])
        """
        self._require_same(other, "merge with")
        self._join(other)

    def clear(self) -> None:
        """Forget everything.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(50, 10, 8)
        >>> memory.store([1, 2, 3, 4])
        >>> memory.clear()
        >>> memory.density
        0.0
        """
        with self._lock:
            require_writable(self)
            change, arguments = _memory.clearing(self._state)
            change(*arguments)
            self._record = (Tally(), [])

    # ---- answers

    def retrieve(self, queries: Any, starts: Any = None, *, threads: int | None = None) -> CodeRetrieval:
        """Return what is stored for each query: the code of best support, and the inputs connected with it.

        Parameters
        ----------
        queries : as for `store`
            Items, or parts or noisy forms of them.
        starts : array of int, optional
            Sequences of queries, as for `store`; with context each query's code is chosen after the one
            before it.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        CodeRetrieval
            In each module the unit of largest support wins, without noise, of equal ones the first.

        Raises
        ------
        TypeError, ValueError
            As `store`, and for an empty memory.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(50, 10, 8, context=True)
        >>> memory.store([[1, 2], [3, 4], [5, 6], [3, 4]], starts=[0, 2, 4])
        >>> after = memory.retrieve([[1, 2], [3, 4], [5, 6], [3, 4]], starts=[0, 2, 4])
        >>> bool((after.codes[1] == after.codes[3]).all())  # the same item in another context
        False
        """
        owner = "SparseyMemory.retrieve"
        form = self._form(owner, "queries", queries)
        items = self._items(owner, "queries", queries)
        edges = self._edges(owner, starts, len(items))
        asked = _threads.resolve(owner, threads)
        self._require_items(owner)
        with self._lock:
            if self._device_index is not None:
                return self._retrieved_there(items, edges, form)
            if self._values["context"]:
                codes, known = self._follow(items, edges)
            else:
                codes, known = self._find(items, asked)
            return retrieval(self._inputs_of(codes, asked), codes, known)

    def recall(self, prompt: Any, n_items: int, *, threads: int | None = None) -> CodeRetrieval:
        """Return how a stored sequence goes on after its beginning, by the context alone.

        Parameters
        ----------
        prompt : as for `store`
            The first items of a sequence.
        n_items : int
            How many items come after them.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        CodeRetrieval
            A row for each item that follows. Familiarity is the mean of the modules' largest support from
            the code before.

        Raises
        ------
        TypeError, ValueError
            As `retrieve`, for a memory without context, and for an empty prompt.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(80, 20, 8, context=True)
        >>> memory.store([[1, 2, 3], [11, 12, 13], [21, 22, 23], [1, 2, 3], [31, 32, 33]])
        >>> [one.tolist() for one in memory.recall([[1, 2, 3], [11, 12, 13]], 3).units]
        [[21, 22, 23], [1, 2, 3], [31, 32, 33]]
        """
        owner = "SparseyMemory.recall"
        if not self._values["context"]:
            raise ValueError(f"{owner} needs a memory with context=True.")
        form = self._form(owner, "prompt", prompt)
        items = self._items(owner, "prompt", prompt)
        n = _validation.integer(owner, "n_items", n_items, 0, 2**31 - 1)
        if not len(items):
            _validation.refuse(owner, "prompt", "at least one item", prompt)
        asked = _threads.resolve(owner, threads)
        self._require_items(owner)
        if self._device_index is not None:
            with self._lock:
                return self._recalled_there(items, n, form)
        codes, known = np.empty((n, self._values["n_modules"]), np.int64), np.empty(n)
        with self._lock:
            before = self._follow(items, frozenset({0}))[0][-1]
            for i in range(n):
                support = self._expected(before).reshape(self._values["n_modules"], -1)
                codes[i], known[i] = _code_selection.best(support), _code_selection.familiarity(support)
                before = codes[i]
            return retrieval(self._inputs_of(codes, asked), codes, known)

    def _require_items(self, owner: str) -> None:
        if not self.n_added:
            raise ValueError(f"{owner} needs items, but this SparseyMemory is empty.")

    # ---- theory

    def capacity(self, error: float = 0.01) -> float:
        """Return how many random items fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Share of the winners that are wrong when a stored item is retrieved.

        Returns
        -------
        float
            As for `expected_error`: of codes drawn at random.

        Raises
        ------
        ValueError
            For an error out of range.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.SparseyMemory(100, 20, 8).capacity(0.01)
        50.0
        """
        rate = _validation.probability("SparseyMemory.capacity", "error", error)
        return float(theory.sparsey.capacity(*self._sizes, rate))

    def expected_error(self) -> float:
        """Return the share of wrong winners for stored items, for as many random items as are stored.

        Returns
        -------
        float
            `hypersketch.theory.sparsey.module_error` for items of ``active`` inputs without context, of codes
            drawn at random: right for a ``floor`` near 1. With a lower one, items get
            codes like those of others once the memory is so full that they look familiar
            (`hypersketch.theory.sparsey.novel_familiarity`), and err more often: with all defaults in the
            example below 0.064 +- 0.005, measured, where this says 0.009; at 30 items 0.003 and 0.001.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> memory = hypersketch.SparseyMemory(100, 20, 8)
        >>> memory.store(np.random.default_rng(0).random((50, 100)).argpartition(10)[:, :10])
        >>> round(memory.expected_error(), 4)
        0.0091
        """
        return theory.sparsey.module_error(*self._sizes, self.n_added) if self.n_added > 0 else 0.0

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return self._values["n_inputs"], self._values["active"], self._values["n_units"]
