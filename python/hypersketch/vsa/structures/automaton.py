# SPDX-License-Identifier: Apache-2.0
"""Finite-state automata: transitions as one bundle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import files
from hypersketch.vsa._space import Space
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import keeps_similarity, turn
from hypersketch.vsa.structures._vocabulary import Memory, Symbols


@files.register
class FiniteStateAutomaton(Mergeable):
    """A finite-state automaton: the sum of its transitions, each the product of state, input and next state.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector; its binding must have an inverse.
    memory : ItemMemory or bool, default True
        The states that are answers: an item memory that is given, one of its own that grows with the states
        of transitions added (True), or none (False).

    Raises
    ------
    TypeError, ValueError
        For what is no space or item memory, and for BSDC-CDT, whose binding cannot be undone.

    Notes
    -----
    A transition is ``bind(permute(bind(permute(next, 1), state), 1), input)`` (with a permutation of its own
    where the space binds by rotation), so states, inputs and next states may share keys. Every step is
    cleaned up by the item memory, so errors do not add up over a run: each step fails with the same
    probability (`expected_error`).

    Examples
    --------
    >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
    >>> gate = FiniteStateAutomaton(MapI(10_000))
    >>> gate.add(["locked", "locked", "open", "open"], ["coin", "push"] * 2, ["open", "locked"] * 2)
    >>> gate.step("locked", "coin"), gate.step("locked", "kick")
    ('open', None)
    >>> gate.run("locked", ["push", "coin", "coin", "push"])
    ['locked', 'locked', 'open', 'open', 'locked']
    >>> gate.accepts("locked", ["coin"], final=["open"])
    True
    """

    _FACTORS = 3
    _STEPS = 2

    def __init__(self, space: Space, *, memory: Memory = True) -> None:
        self._begin(space, {}, memory=memory)

    def _transition(self, state: Rows, symbol: Rows, following: Rows) -> Rows:
        inner = self.space.bind(turn(self.space, following, 1), state)
        made: Rows = self.space.bind(turn(self.space, inner, 1), symbol)
        return made

    def _given(self, method: str, states: Any, inputs: Any, following: Any) -> list[Symbols]:
        return self._paired(method, {}, states=states, inputs=inputs, next_states=following)

    # ---- changes

    def add(self, states: Any, inputs: Any, next_states: Any, weights: Any = None) -> None:
        """Add transitions.

        Parameters
        ----------
        states, inputs, next_states : int, str, bytes, batches of them, or Hypervectors
            n transitions. Several from one state at one input make the automaton nondeterministic.
        weights : array of shape (n,), optional
            One a transition; default 1. Integers, and real numbers in spaces of real vectors.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, unequal numbers, and
            weights of another kind or not one a transition.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Warns
        -----
        CapacityWarning
            Once, when one test in ten is expected to be wrong.

        Examples
        --------
        >>> from hypersketch.vsa import FiniteStateAutomaton, MapB
        >>> clock = FiniteStateAutomaton(MapB(10_000))
        >>> clock.add(range(12), ["tick"] * 12, [*range(1, 12), 0])
        >>> clock.step([3, 11], ["tick", "tick"])
        [4, 0]
        """
        found = self._given("add", states, inputs, next_states)
        self._change("add", self._transition(*(one.rows for one in found)), weights, 1)
        for one in (found[0], found[2]):
            self._vocabularies["memory"].note(one)
        self._warn_of_load()

    def remove(self, states: Any, inputs: Any, next_states: Any, weights: Any = None) -> None:
        """Take transitions out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
        >>> gate = FiniteStateAutomaton(MapI(1000))
        >>> gate.add(["locked", "open"], ["coin", "push"], ["open", "locked"])
        >>> gate.remove("open", "push", "locked")
        >>> gate.step("open", "push") is None
        True
        """
        found = self._given("remove", states, inputs, next_states)
        self._change("remove", self._transition(*(one.rows for one in found)), weights, -1)

    # ---- answers

    def unbind(self, states: Any, inputs: Any) -> Rows:
        """Return what each state and input leave of the automaton's vector: the next state, and noise.

        Parameters
        ----------
        states, inputs : int, str, bytes, batches of them, or Hypervectors
            n states and n inputs.

        Returns
        -------
        ndarray, one row a state
            Vectors of the space.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR, FiniteStateAutomaton
        >>> space = FHRR(10_000)
        >>> gate = FiniteStateAutomaton(space)
        >>> gate.add(["locked", "open"], ["coin", "push"], ["open", "locked"])
        >>> space.similarities(gate.unbind("locked", "coin"), space.atoms(["open", "locked"])).round(1) + 0.0
        array([[0.6, 0. ]])
        """
        state, symbol = self._paired("unbind", {}, states=states, inputs=inputs)
        return self._below(state.rows, symbol.rows)

    def _below(self, state: Rows, symbol: Rows) -> Rows:
        outer = turn(self.space, self.space.unbind(self._now()[1], symbol), -1)
        return turn(self.space, self.space.unbind(outer, state), -1)

    def step(self, states: Any, inputs: Any, default: Any = None, threshold: float | None = None) -> Any:
        """Return the next state of each state at each input.

        Parameters
        ----------
        states, inputs : int, str, bytes, batches of them, or Hypervectors
            n states and n inputs.
        default : optional
            The answer where there is no such transition.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        int, str or bytes; a list of them for batches
            A key of the item memory each, or the default.

        Raises
        ------
        TypeError, ValueError
            As `add`, and when there is no item memory.

        Examples
        --------
        >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
        >>> gate = FiniteStateAutomaton(MapI(10_000))
        >>> gate.add(["locked", "open"], ["coin", "push"], ["open", "locked"])
        >>> gate.step("open", "push"), gate.step(["open", "open"], ["push", "coin"])
        ('locked', ['locked', None])
        """
        state, symbol = self._paired("step", {}, states=states, inputs=inputs)
        words = self._vocabularies["memory"]
        if not len(words.items) or not len(state.rows):
            return state.answer([default] * len(state.rows))
        best = words.nearest(self._below(state.rows, symbol.rows), 1)
        atoms = state.atoms and symbol.atoms
        if words.holds_atoms and keeps_similarity(self.space, state.rows, symbol.rows, atoms=atoms):
            good = self._reaches(best.similarities[:, 0], threshold)
        else:
            rows = words.rows_at(best.indices[:, 0])
            good = self._passes(self._transition(state.rows, symbol.rows, rows), threshold)
        found = [key if ok else default for key, ok in zip(best.keys[:, 0].tolist(), good, strict=True)]
        return state.answer(found)

    def successors(self, state: Any, symbol: Any, threshold: float | None = None) -> list[Any]:
        """Return all next states of one state at one input, of automata that have several.

        >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
        >>> maze = FiniteStateAutomaton(MapI(10_000))
        >>> maze.add(["hall", "hall"], ["door", "door"], ["cellar", "attic"])
        >>> sorted(maze.successors("hall", "door"))
        ['attic', 'cellar']
        """
        one, two = self._paired("successors", {}, states=state, inputs=symbol)
        fast = keeps_similarity(self.space, one.rows, two.rows) and len(one.rows) == 1
        found = self._scan(
            lambda rows: self._transition(one.rows, two.rows, rows),
            threshold,
            probe=self._below(one.rows, two.rows) if fast else None,
        )
        return [key for key, _ in found]

    def run(self, start: Any, inputs: Iterable[Any], threshold: float | None = None) -> list[Any]:
        """Return the states that inputs lead through.

        Parameters
        ----------
        start : int, str or bytes
            The first state.
        inputs : iterable of keys
            One after the other; of a str its characters.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        list
            The states, the first among them. It ends before the first input without a transition, so it has
            one state more than there are inputs unless the automaton got stuck.

        Raises
        ------
        TypeError, ValueError
            As `step`.

        Examples
        --------
        >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
        >>> parity = FiniteStateAutomaton(MapI(10_000))
        >>> parity.add(["even", "even", "odd", "odd"], list("0101"), ["even", "odd", "odd", "even"])
        >>> parity.run("even", "1101")[-1], parity.run("even", "12")
        ('odd', ['even', 'odd'])
        """
        missing, states = object(), [start]
        for symbol in inputs:
            following = self.step(states[-1], symbol, missing, threshold)
            if following is missing:
                break
            states.append(following)
        return states

    def accepts(
        self, start: Any, inputs: Iterable[Any], final: Iterable[Any], threshold: float | None = None
    ) -> bool:
        """Tell whether inputs lead from one state to a final one, by any way where there are several.

        Parameters
        ----------
        start : int, str or bytes
            The first state.
        inputs : iterable of keys
            One after the other; of a str its characters.
        final : iterable of keys
            The states that accept.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        bool

        Raises
        ------
        TypeError, ValueError
            As `step`.

        Examples
        --------
        >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
        >>> ends_in_ab = FiniteStateAutomaton(MapI(10_000))
        >>> ends_in_ab.add([0, 0, 0, 1], list("abab"), [0, 0, 1, 2])
        >>> [ends_in_ab.accepts(0, word, final=[2]) for word in ("aab", "aba", "b")]
        [True, False, False]
        """
        now, accepting = {start}, set(final)
        for symbol in inputs:
            now = {state for one in now for state in self.successors(one, symbol, threshold)}
            if not now:
                return False
        return bool(now & accepting)

    def contains(
        self, states: Any, inputs: Any, next_states: Any, threshold: float | None = None
    ) -> NDArray[np.bool_]:
        """Tell which transitions are probably in the automaton.

        Parameters
        ----------
        states, inputs, next_states
            As for `add`.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and a transition of weight 1.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `add`, and for a threshold that is not a finite number.

        Examples
        --------
        >>> from hypersketch.vsa import FiniteStateAutomaton, MapI
        >>> gate = FiniteStateAutomaton(MapI(10_000))
        >>> gate.add("locked", "coin", "open")
        >>> gate.contains(["locked", "open"], ["coin", "coin"], ["open", "locked"])
        array([ True, False])
        """
        found = self._given("contains", states, inputs, next_states)
        return self._passes(self._transition(*(one.rows for one in found)), threshold)
