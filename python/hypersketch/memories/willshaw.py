# SPDX-License-Identifier: Apache-2.0
"""Willshaw's associative memory: pairs of sparse binary patterns in a binary matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hypersketch import _memory, _threads, _validation, files, theory
from hypersketch._stored import Tally
from hypersketch.memories import _unit_lists
from hypersketch.memories._changes import require_writable
from hypersketch.memories._synapse_store import DIM, SynapseStore
from hypersketch.memories._unit_answers import UnitRetrieval, chosen, rows_of
from hypersketch.memories._unit_lists import Units


@files.register
class WillshawMemory(SynapseStore):
    """Pairs of sparse patterns in a binary matrix: a synapse is set if both its units were active in a pair.

    Parameters
    ----------
    n_in : int in [1, 2**24]
        Units of the inputs.
    n_out : int, optional
        Units of the outputs; default those of the inputs.
    active_in, active_out : int, optional
        How many units of a pattern theory takes to be active; default log2 of the units. Patterns may have
        any number.
    device : str, default 'cpu'
        Where the synapses lie and are worked on: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Willshaw, Buneman & Longuet-Higgins (1969). One bit a synapse, packed by input unit. Complete cues, or
    parts of stored inputs, give all units of the output, and false ones at a rate that
    `hypersketch.theory.willshaw` has exactly. Matrices of parts of the data merge by OR into the matrix of
    all of them. On a GPU pairs are stored and patterns retrieved there, with the CPU's bits and sums; arrays
    of bools or integers there stay there, and answers to them are of their kind.

    Examples
    --------
    >>> import hypersketch
    >>> memory = hypersketch.WillshawMemory(1000, 500)
    >>> memory.store([[3, 14, 159], [2, 71, 828]], [[10, 20], [30, 40]])
    >>> memory.retrieve([[3, 14, 159], [828, 71]]).units
    [array([10, 20]), array([30, 40])]
    >>> memory
    WillshawMemory(n_in=1000, n_out=500, active_in=10, active_out=9, n_added=2)
    """

    def __init__(
        self,
        n_in: int,
        n_out: int | None = None,
        *,
        active_in: int | None = None,
        active_out: int | None = None,
        device: str = "cpu",
    ) -> None:
        owner = type(self).__name__
        DIM(owner, "n_in", n_in)
        outputs = n_in if n_out is None else DIM(owner, "n_out", n_out)
        parameters = self._checked(
            n_in=n_in,
            n_out=outputs,
            active_in=_usual(n_in) if active_in is None else active_in,
            active_out=_usual(outputs) if active_out is None else active_out,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    # ---- changes

    def store(self, inputs: Any, outputs: Any = None) -> None:
        """Set the synapses between all active units of inputs and their outputs.

        Parameters
        ----------
        inputs : list of lists of int, array of int of shape (n, k), or bool array of shape (n, n_in)
            Active units of each pattern, or a row of bools. One row or list of integers is one pattern.
        outputs : the same with n_out, optional
            As many patterns; default the inputs themselves (auto-association).

        Raises
        ------
        TypeError, ValueError
            For units that are not there or come twice in a pattern, rows of other lengths, unequal numbers
            of patterns, or when the memory is memory-mapped.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(4)
        >>> memory.store(np.array([[True, False, False, True]]))
        >>> memory.retrieve([3]).units
        [array([0, 3])]
        """
        owner = "WillshawMemory.store"
        keys, _ = self._given(owner, "inputs", inputs, "n_in")
        if outputs is None and not self._auto:
            _validation.refuse(owner, "outputs", "given, as n_out is not n_in", None)
        values = keys
        if outputs is not None:
            values, _ = self._given(owner, "outputs", outputs, "n_out")
        if len(keys) != len(values):
            raise ValueError(f"{owner} needs as many outputs as inputs. Got {len(values)} and {len(keys)}.")
        self._take(keys, values)

    def merge(self, other: WillshawMemory) -> None:
        """Take in everything another memory of the same parameters holds: the OR of both matrices.

        Parameters
        ----------
        other : WillshawMemory
            Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory, or when this one is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = hypersketch.WillshawMemory(8), hypersketch.WillshawMemory(8)
        >>> a.store([[1, 5]])
        >>> b.store([[2, 3]])
        >>> a.merge(b)
        >>> a.retrieve([[1], [2]]).units, a.n_added
        ([array([1, 5]), array([2, 3])], 2)
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
        >>> memory = hypersketch.WillshawMemory(8)
        >>> memory.store([[1, 5]])
        >>> memory.clear()
        >>> memory.density
        0.0
        """
        with self._lock:
            require_writable(self)
            function, arguments = _memory.clearing(self._state)
            function(*arguments)
            self._record = (Tally(), [])

    # ---- answers

    def retrieve(
        self,
        queries: Any,
        *,
        threshold: float | None = None,
        winners: int | None = None,
        steps: int = 1,
        threads: int | None = None,
    ) -> UnitRetrieval:
        """Return the units that are connected with enough of each query's active units.

        Parameters
        ----------
        queries : as for `store`
            Inputs, or parts or noisy forms of them.
        threshold : int >= 1 or float in (0, 1], optional
            A unit answers that is connected with so many of the query's active units, or with such a share of
            them. Default: all of them, which finds every stored output whose input holds the query.
        winners : int, optional
            Instead, so many units answer that are connected with most; of equal ones the first.
        steps : int, default 1
            Retrieval goes on from the answer, at most so often and until it stays; more than 1 needs as many
            outputs as inputs.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        UnitRetrieval
            ``states`` as rows of bools, ``units`` as lists, ``sums`` of the last step. A query without active
            units has no answer. Where outputs are no inputs, one step counts as converged.

        Raises
        ------
        TypeError, ValueError
            As `store`, for a threshold or number out of range, and for an empty memory.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(100)
        >>> memory.store([[1, 2, 3, 4], [50, 60, 70, 80]])
        >>> noisy = [[1, 2, 3, 99]]
        >>> memory.retrieve(noisy).units, memory.retrieve(noisy, threshold=0.75).units
        ([array([], dtype=int64)], [array([1, 2, 3, 4])])
        >>> memory.retrieve(noisy, winners=4, steps=5).units
        [array([1, 2, 3, 4])]
        """
        owner = "WillshawMemory.retrieve"
        level, k = self._readout(owner, threshold, winners)
        many = _validation.integer(owner, "steps", steps, 1, 2**31 - 1)
        if many > 1 and not self._auto:
            _validation.refuse(owner, "steps", "1, as n_out is not n_in", steps)
        asked, form = self._given(owner, "queries", queries, "n_in")
        if not self.n_added:
            raise ValueError(f"{owner} needs patterns, but this WillshawMemory is empty.")
        with self._lock:
            if self._there is not None:
                return self._read_there(self._there, asked, form, (level, k), many)
            return self._read_on(asked, level, k, many, _threads.resolve(owner, threads))

    def _readout(self, owner: str, threshold: object, winners: object) -> tuple[float | None, int | None]:
        if threshold is not None and winners is not None:
            _validation.refuse(owner, "winners", "None where a threshold is given", winners)
        if winners is not None:
            return None, _validation.neighbours(owner, winners, self._values["n_out"], "outputs", "winners")
        if isinstance(threshold, float | np.floating):
            must = "an integer >= 1 or a float in (0, 1]"
            share = _validation.real(owner, "threshold", threshold, must)
            if not 0.0 < share <= 1.0:
                _validation.refuse(owner, "threshold", must, threshold)
            return share, None
        if threshold is None:
            return 1.0, None
        return _validation.integer(owner, "threshold", threshold, 1, 2**31 - 1), None

    def _read_on(
        self, asked: Units, level: float | None, k: int | None, many: int, threads: int
    ) -> UnitRetrieval:
        n, n_out = len(asked), self._values["n_out"]
        states, sums = np.zeros((n, n_out), np.bool_), np.zeros((n, n_out), np.int32)
        steps, converged = np.zeros(n, np.int64), np.zeros(n, np.bool_)
        going, now = np.arange(n), asked
        for _ in range(many):
            before = now
            sums[going] = self._sums(now, threads)
            answer = chosen(sums[going], now.numbers, level, k)
            states[going] = answer
            steps[going] += 1
            stays = np.ones(len(going), np.bool_)
            if self._auto:
                stays = (answer == rows_of(before, n_out)).all(axis=1)
            converged[going] = stays
            going = going[~stays]
            if not going.size:
                break
            now = _unit_lists.units("", "", states[going], n_out)
        return UnitRetrieval(states, None, steps, converged, sums)

    # ---- theory

    def capacity(self, error: float = 0.01) -> float:
        """Return how many random pairs fit while `expected_error` stays at or below ``error``.

        Parameters
        ----------
        error : float in (0, 1), default 0.01
            Share of the units outside an output that answer, too.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            For an error out of range.

        Examples
        --------
        >>> import hypersketch
        >>> hypersketch.WillshawMemory(1024).capacity(1e-3)
        7018.0
        """
        rate = _validation.probability("WillshawMemory.capacity", "error", error)
        n, m, k, given = self._values.values()
        return float(theory.willshaw.capacity(n, k, rate, m, given))

    def expected_error(self) -> float:
        """Return the share of false ones in answers to complete cues, for as many random pairs as are stored.

        Returns
        -------
        float
            `hypersketch.theory.willshaw.false_ones` for patterns of ``active_in`` and ``active_out`` units.

        Examples
        --------
        >>> import numpy as np
        >>> import hypersketch
        >>> memory = hypersketch.WillshawMemory(256)
        >>> rng = np.random.default_rng(0)
        >>> memory.store(*(rng.random((2, 700, 256)).argpartition(8)[:, :, :8]))
        >>> round(memory.expected_error(), 4)
        0.0057
        """
        n, m, k, given = self._values.values()
        return theory.willshaw.false_ones(n, k, self.n_added, m, given) if self.n_added > 0 else 0.0


def _usual(n: int) -> int:
    """log2 n, the number of active units at which a matrix holds most."""
    return max(1, round(math.log2(n)))
