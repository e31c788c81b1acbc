# SPDX-License-Identifier: Apache-2.0
"""Memories of facts: subject, predicate, object, and when; asked for any of them by the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.memories._changes import require_writable
from hypersketch.memories._facts import MEMORIES, SLOTS, Facts
from hypersketch.memories._probes import Matches
from hypersketch.memories._triple_store import TripleStore, named
from hypersketch.vsa._space import Space
from hypersketch.vsa.structures._vocabulary import Memory


@files.register
class TripleMemory(TripleStore):
    """A weighted sum of facts (subject, predicate, object), asked for any slot given the others.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        Whose atoms stand for the keys; its binding must have an inverse.
    form : {'bundle', 'tensor'}, default 'bundle'
        ``bundle``: facts are bound products, summed in one vector of the space. ``tensor``: they are outer
        products of the three vectors, summed in D x D x D numbers; for MapI, MapB, BSC (bits as signs), MapC
        and HRR, of at most 1024 dimensions.
    memory, predicates, episodes : ItemMemory or bool, default True
        The entities, predicates and episodes that are answers: an item memory that is given, one of its own
        that grows with the facts added (True), or none (False).
    device : str, default 'cpu'
        Where the sum lies and is worked on: ``cpu``, or a GPU, ``cuda``, ``cuda:1`` and so on, for the tensor
        and in spaces whose bundles can.

    Raises
    ------
    TypeError, ValueError
        For what is no space or item memory, for spaces that cannot unbind, and for the tensor others than
        those above.

    Notes
    -----
    The semantic memory of the Tensor Brain (Tresp et al. 2023), and with episodes its episodic one: a fact of
    an episode is stored twice, with the episode and without, so that what is known of it at any time is the
    sum over all episodes. The tensor is RESCAL's with embeddings that are drawn at random and cores that are
    summed up, not trained. A fact counts as often as it is added; `remove` takes it out again.

    In the bundle noise grows with the number of facts alone; in the tensor also with how many share parts,
    but it has D^3 numbers for it.

    On a GPU facts of MAP and BSC are bound, summed, unbound and compared there, with the CPU's bits. Facts of
    other spaces are bound by the CPU and summed there; the item memory of a space of real vectors is searched
    there. Sums and products of the tensor are made there, in another order than on the CPU, so they differ by
    rounding; what two slots leave of it is compared with the entities by the CPU. Keys come from host memory,
    and answers are there.

    Examples
    --------
    >>> import hypersketch
    >>> facts = hypersketch.TripleMemory(hypersketch.MapI(10_000))
    >>> facts.add(["Ann", "Ann", "Bob"], ["knows", "likes", "knows"], ["Bob", "tea", "Eve"])
    >>> facts.query(subject="Ann", predicate="knows").keys
    array([['Bob']], dtype=object)
    >>> facts.query(subject=["Ann", "Bob"], object=["tea", "Eve"]).keys.ravel()
    array(['likes', 'knows'], dtype=object)
    >>> facts.score("Ann", "knows", ["Bob"]).round()
    array([1.])
    >>> facts.add("Ann", "likes", "wine", episodes="Monday")
    >>> facts.query(subject="Ann", predicate="likes", object="wine").keys  # when?
    array([['Monday']], dtype=object)
    """

    def __init__(
        self,
        space: Space,
        *,
        form: Literal["bundle", "tensor"] = "bundle",
        memory: Memory = True,
        predicates: Memory = True,
        episodes: Memory = True,
        device: str = "cpu",
    ) -> None:
        where = self._device_for(device)
        with named():
            self._hold(Facts(space, form, memory, predicates, episodes, where))

    # ---- changes

    def add(
        self, subjects: Any, predicates: Any, objects: Any, weights: Any = None, *, episodes: Any = None
    ) -> None:
        """Add facts.

        Parameters
        ----------
        subjects, predicates, objects : int, str, bytes, batches of them, or Hypervectors
            The parts of n facts.
        weights : array of shape (n,), optional
            One a fact; default 1. Integers, and real numbers in spaces of real vectors.
        episodes : int, str, bytes, a batch of them, or Hypervectors, optional
            When each fact held: a time, or the name of an episode.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, unequal numbers, and
            weights of another kind or not one a fact; when the memory is memory-mapped.
        OverflowError
            When a number could leave its type. Nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(64))
        >>> facts.add(["Ann", "Bob"], ["likes", "likes"], ["tea", "wine"])
        >>> len(facts)
        2
        """
        self._put("add", subjects, predicates, objects, weights, episodes, 1)

    def remove(
        self, subjects: Any, predicates: Any, objects: Any, weights: Any = None, *, episodes: Any = None
    ) -> None:
        """Take facts out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(64))
        >>> facts.add(["Ann", "Bob"], ["likes", "likes"], ["tea", "wine"])
        >>> facts.remove("Ann", "likes", "tea")
        >>> facts.score("Bob", "likes", "wine")
        array([1.])
        """
        self._put("remove", subjects, predicates, objects, weights, episodes, -1)

    def _put(
        self,
        method: str,
        subjects: Any,
        predicates: Any,
        objects: Any,
        weights: Any,
        episodes: Any,
        sign: int,
    ) -> None:
        require_writable(self)
        with named():
            found = self._given(method, subjects, predicates, objects, episodes)
            self._facts.put(method, found, weights, sign)

    def _given(self, method: str, subjects: Any, predicates: Any, objects: Any, episodes: Any) -> Any:
        slots = {"subjects": subjects, "predicates": predicates, "objects": objects}
        if episodes is not None:
            slots["episodes"] = episodes
        return self._facts.given(method, **slots)

    def store(self, facts: Any, weights: Any = None) -> None:
        """Store facts that come as rows; otherwise as `add`.

        Parameters
        ----------
        facts : sequence of tuples (subject, predicate, object), or all with an episode
            n facts.
        weights : array of shape (n,), optional
            As for `add`.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As `add`, and for rows that are no such tuples, all of one length.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(10_000))
        >>> facts.store([("Ann", "likes", "tea"), ("Bob", "likes", "wine")])
        >>> facts.query(predicate="likes", object="wine").keys
        array([['Bob']], dtype=object)
        """
        columns = _columns("TripleMemory.store", facts)
        if columns:
            one, two, three, *episodes = columns
            self.add(one, two, three, weights, episodes=episodes[0] if episodes else None)

    def merge(self, other: TripleMemory) -> None:
        """Add everything another memory of the same space and form holds.

        Parameters
        ----------
        other : TripleMemory
            Stays as it is.

        Raises
        ------
        TypeError, ValueError
            When the other is no such memory, or this one is memory-mapped.
        OverflowError
            When a counter would leave its range; nothing is changed then.

        Examples
        --------
        >>> import hypersketch
        >>> a, b = (hypersketch.TripleMemory(hypersketch.MapI(10_000)) for _ in "ab")
        >>> a.add("Ann", "likes", "tea")
        >>> b.add("Bob", "likes", "wine")
        >>> a.merge(b)
        >>> a.query(predicate="likes", object="wine").keys
        array([['Bob']], dtype=object)
        """
        self._require_same(other, "merge with")
        require_writable(self)
        self._facts.merge(other._facts)

    def clear(self) -> None:
        """Forget all facts, and the keys of its own item memories.

        Raises
        ------
        ValueError
            When the memory is memory-mapped.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(64))
        >>> facts.add("Ann", "likes", "tea")
        >>> facts.clear()
        >>> len(facts)
        0
        """
        require_writable(self)
        self._facts.clear()

    # ---- answers

    def query(
        self,
        subject: Any = None,
        predicate: Any = None,
        object: Any = None,
        *,
        episode: Any = None,
        k: int = 1,
    ) -> Matches:
        """Return the keys that most probably fill the one slot that is left open.

        Parameters
        ----------
        subject, predicate, object : int, str, bytes, batches of them, or Hypervectors
            n queries: all but one of the three. Where all three are given, the episode is what is asked for.
        episode : int, str, bytes, a batch of them, or Hypervectors, optional
            Asks for what held then; default for what was ever added.
        k : int, default 1
            How many keys a query, at most as many as there are for the slot.

        Returns
        -------
        keys : ndarray, shape (n, k)
            Keys of the slot's item memory: the heaviest first.
        similarities : ndarray of float64, shape (n, k)
            Estimated weights of the facts that they would complete: about 1 for a fact that was added once,
            about 0 for others.
        indices : ndarray of int64, shape (n, k)
            Places among the slot's keys.

        Raises
        ------
        TypeError, ValueError
            As `add`, for other numbers of open slots, an item memory that is empty or not there, and a k
            beyond its size.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(10_000))
        >>> facts.add(["Ann", "Ann", "Bob"], ["likes"] * 3, ["tea", "wine", "wine"])
        >>> sorted(facts.query(subject="Ann", predicate="likes", k=2).keys[0])
        ['tea', 'wine']
        >>> facts.add("Bob", "likes", "tea", episodes=1999)
        >>> facts.query(predicate="likes", object="tea", episode=1999).keys
        array([['Bob']], dtype=object)
        """
        owner = "TripleMemory.query"
        given = {"subject": subject, "predicate": predicate, "object": object, "episode": episode}
        slot = _open_slot(owner, given)
        with named():
            known = {f"{name}s": one for name, one in given.items() if one is not None}
            found = self._facts.given("query", **known)
            items = self._facts._vocabularies[MEMORIES[slot]].items
            if not len(items):
                raise ValueError(f"{owner} needs keys for the {slot}, but there are none.")
            few = _validation.neighbours(owner, k, len(items), f"keys for the {slot}")
            n = len(next(iter(found.values())).rows)
            places, weights = self._facts.rank(slot, found, n, few)
        return Matches(items.keys[places], weights, places)

    def retrieve(self, queries: Any, k: int = 1) -> Matches:
        """Return what fills the open slots of queries that come as rows; otherwise as `query`.

        Parameters
        ----------
        queries : sequence of tuples (subject, predicate, object), or all with an episode
            n queries, with None in the slot that is asked for, the same in all of them.
        k : int, default 1
            How many keys a query.

        Returns
        -------
        Matches
            As `query`.

        Raises
        ------
        TypeError, ValueError
            As `query`, and for rows that are no such tuples.

        Examples
        --------
        >>> import hypersketch
        >>> facts = hypersketch.TripleMemory(hypersketch.MapI(10_000))
        >>> facts.store([("Ann", "likes", "tea"), ("Bob", "likes", "wine")])
        >>> facts.retrieve([("Ann", "likes", None), ("Bob", "likes", None)]).keys.ravel()
        array(['tea', 'wine'], dtype=object)
        """
        owner = "TripleMemory.retrieve"
        columns = _columns(owner, queries)
        if not columns:
            _validation.refuse(owner, "queries", "at least one query", queries)
        open_ones = [[part is None for part in column] for column in columns]
        if any(any(column) and not all(column) for column in open_ones):
            _validation.refuse(owner, "queries", "rows with None in the same slot of all", queries)
        whole = [None if any(gaps) else one for gaps, one in zip(open_ones, columns, strict=True)]
        given = dict(zip(SLOTS, whole, strict=False))
        return self.query(**given, k=k)

    def score(
        self, subjects: Any, predicates: Any, objects: Any, *, episodes: Any = None
    ) -> NDArray[np.float64]:
        """Estimate the weight of facts: about 1 for one that was added once, about 0 for others.

        Parameters
        ----------
        subjects, predicates, objects, episodes
            As for `add`.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `add`.

        Examples
        --------
        >>> import hypersketch
        >>> from hypersketch.vsa import HRR
        >>> facts = hypersketch.TripleMemory(HRR(64), form="tensor")
        >>> facts.add(["Ann", "Bob"], ["likes", "likes"], ["tea", "wine"])
        >>> facts.score(["Ann", "Ann"], ["likes", "likes"], ["tea", "wine"]).round() + 0.0
        array([1., 0.])
        """
        with named():
            return self._facts.weigh(self._given("score", subjects, predicates, objects, episodes))


def _open_slot(owner: str, given: Mapping[str, Any]) -> str:
    """Return the slot that is asked for."""
    slots = [name for name in SLOTS[:3] if given[name] is None]
    if len(slots) == 1:
        return slots[0]
    if not slots and given["episode"] is None:
        return "episode"
    came = ", ".join(name for name in SLOTS if given[name] is not None) or "none"
    raise ValueError(
        f"{owner} needs all but one of subject, predicate and object, or all three to ask for the episode. "
        f"Got {came}."
    )


def _columns(owner: str, facts: Any) -> list[list[Any]]:
    """Return the parts of rows of facts."""
    try:
        rows = [tuple(row) for row in facts if not isinstance(row, str | bytes)]
    except TypeError:
        rows = []
    lengths = {len(row) for row in rows}
    is_rows = hasattr(facts, "__len__") and len(rows) == len(facts) and lengths <= {3, 4} and len(lengths) < 2
    if not is_rows:
        must = "rows (subject, predicate, object), or all with an episode"
        name = "facts" if owner.endswith("store") else "queries"
        _validation.refuse(owner, name, must, facts, TypeError)
    return [list(column) for column in zip(*rows, strict=True)]
