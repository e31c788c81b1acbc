# SPDX-License-Identifier: Apache-2.0
"""Graphs: edges between nodes, directed or not, weighted or labelled, as one bundle."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.structures._edges import Edges
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import commutes, keeps_similarity, turn, turns_products
from hypersketch.vsa.structures._vocabulary import Memory, Symbols


@files.register
class Graph(Edges):
    """A graph: the weighted sum of its edges, each the product of its two nodes.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector; its binding must have an inverse.
    sources, targets : int, str, bytes, batches of them, or Hypervectors, optional
        Nodes that edges join, to add at once.
    directed : bool, default False
        Whether edges have a direction.
    memory : ItemMemory or bool, default True
        The nodes that are answers: an item memory that is given, one of its own that grows with the nodes of
        edges added (True), or none (False).
    labels : ItemMemory or bool, default True
        The same for labels of edges, which only `label` needs.

    Raises
    ------
    TypeError, ValueError, OverflowError
        For what is no space or item memory, for BSDC-CDT, whose binding cannot be undone, and as `add`.

    Notes
    -----
    A directed edge is ``bind(permute(target, 1), source)``, with a permutation of its own where the space
    binds by rotation: in HRR a shift would lose the direction. An edge without direction is
    ``bind(target, source)``, and the sum of both orders where the order matters (VTB, MBAT, BSDC-S). There
    is no loop without direction where a vector undoes itself (MAP, BSC), as those of all nodes would be the
    same. `neighbors` compares the edges to all nodes of the item memory with the graph.

    Examples
    --------
    >>> from hypersketch.vsa import Graph, MapI
    >>> roads = Graph(MapI(10_000), ["Rome", "Rome", "Pisa"], ["Pisa", "Siena", "Siena"])
    >>> sorted(roads.neighbors("Siena")), ("Rome", "Pisa") in roads, len(roads)
    (['Pisa', 'Rome'], True, 3)
    >>> likes = Graph(MapI(10_000), directed=True)
    >>> likes.add(["Ann", "Ann", "Bob"], ["Bob", "Eve", "Eve"], weights=[3, 1, 2])
    >>> likes.neighbors("Ann"), likes.neighbors("Eve", incoming=True), likes.neighbors("Eve")
    (['Bob', 'Eve'], ['Bob', 'Ann'], [])
    >>> likes.weight(["Ann", "Bob"], ["Bob", "Ann"]).round() + 0.0
    array([3., 0.])
    """

    _FURTHER: ClassVar[tuple[str, ...]] = ("labels",)

    def __init__(
        self,
        space: Space,
        sources: Any = None,
        targets: Any = None,
        *,
        directed: bool = False,
        memory: Memory = True,
        labels: Memory = True,
    ) -> None:
        self._begin(space, {"directed": directed}, memory=memory, labels=labels)
        if sources is not None or targets is not None:
            self.add(sources, targets)

    def add(self, sources: Any, targets: Any, weights: Any = None, *, labels: Any = None) -> None:
        """Add edges.

        Parameters
        ----------
        sources, targets : int, str, bytes, batches of them, or Hypervectors
            The nodes that n edges join.
        weights : array of shape (n,), optional
            One an edge; default 1. Integers, and real numbers in spaces of real vectors.
        labels : int, str, bytes, a batch of them, or Hypervectors, optional
            What kind each edge is of. Edges with other labels, or without, are other edges.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, unequal numbers, weights
            of another kind or not one an edge, and loops where there are none.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Warns
        -----
        CapacityWarning
            Once, when one test in ten is expected to be wrong.

        Examples
        --------
        >>> from hypersketch.vsa import Graph, MapI
        >>> graph = Graph(MapI(10_000), directed=True)
        >>> graph.add(["Ann", "Ann"], ["Bob", "Eve"], labels=["knows", "likes"])
        >>> graph.neighbors("Ann", label="likes"), graph.label("Ann", "Bob")
        (['Eve'], 'knows')
        """
        found = self._given("add", sources, targets, labels)
        self._put("add", found, weights, 1)
        for one, name in zip(found, ("memory", "memory", "labels"), strict=False):
            self._vocabularies[name].note(one)
        self._warn_of_load()

    def remove(self, sources: Any, targets: Any, weights: Any = None, *, labels: Any = None) -> None:
        """Take edges out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> from hypersketch.vsa import Graph, MapI
        >>> graph = Graph(MapI(64), ["a", "b"], ["b", "c"])
        >>> graph.remove("b", "c")
        >>> graph == Graph(MapI(64), ["a"], ["b"])
        True
        """
        self._put("remove", self._given("remove", sources, targets, labels), weights, -1)

    def reinforce(self, sources: Any, targets: Any, *, labels: Any = None, rounds: int = 10) -> int:
        """Add edges once more that are not found again, until all are or for some rounds.

        Parameters
        ----------
        sources, targets, labels
            As for `add`: edges that were added.
        rounds : int, default 10
            How often at most.

        Returns
        -------
        int
            Number of these edges that are still not found.

        Raises
        ------
        TypeError, ValueError, OverflowError
            As `add`.

        Examples
        --------
        >>> from hypersketch.vsa import Graph, MapB
        >>> nodes = list(range(60))
        >>> graph = Graph(MapB(1000), nodes[:-1], nodes[1:])
        >>> missed = int((~graph.contains(nodes[:-1], nodes[1:])).sum())
        >>> graph.reinforce(nodes[:-1], nodes[1:]) < missed
        True
        """
        most = _validation.integer("Graph.reinforce", "rounds", rounds, 0, 2**31)
        found = self._given("reinforce", sources, targets, labels)
        for done in range(most + 1):
            missed = ~self._passes(self._rows(found), None)
            if not missed.any() or done == most:
                break
            again = [Symbols(one.rows[missed], None, False) for one in found]
            n = len(self)
            self._put("reinforce", again, None, 1)
            self._numbers["size"] = n
        return int(missed.sum())

    # ---- answers

    def contains(
        self, sources: Any, targets: Any, threshold: float | None = None, *, labels: Any = None
    ) -> NDArray[np.bool_]:
        """Tell which edges are probably in the graph.

        Parameters
        ----------
        sources, targets, labels
            As for `add`.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and an edge of weight 1.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `add`, and for a threshold that is not a finite number.

        Examples
        --------
        >>> from hypersketch.vsa import Graph, HRR
        >>> graph = Graph(HRR(4096), ["a", "b"], ["b", "c"], directed=True)
        >>> graph.contains(["a", "b", "a"], ["b", "a", "c"])
        array([ True, False, False])
        """
        return self._passes(self._rows(self._given("contains", sources, targets, labels)), threshold)

    def __contains__(self, edge: Any) -> bool:
        if not isinstance(edge, tuple) or len(edge) not in (2, 3):
            must = "a tuple (source, target), or (source, target, label)"
            _validation.refuse("Graph", "edge", must, edge, TypeError)
        return bool(self.contains(edge[0], edge[1], labels=edge[2] if len(edge) == 3 else None).all())

    def weight(self, sources: Any, targets: Any, *, labels: Any = None) -> NDArray[np.float64]:
        """Estimate the weight of each edge, about 0 of those that are not there; otherwise as `contains`.

        >>> from hypersketch.vsa import FHRR, Graph
        >>> graph = Graph(FHRR(10_000, phase_only=False))
        >>> graph.add(["a", "b"], ["b", "c"], weights=[0.5, 2.5])
        >>> graph.weight(["a", "c", "a"], ["b", "b", "c"]).round(1) + 0.0
        array([0.5, 2.5, 0. ])
        """
        scores, law = self._read(self._rows(self._given("weight", sources, targets, labels)))
        return law.estimates(scores)

    def unbind(self, nodes: Any, *, incoming: bool = False, labels: Any = None) -> Rows:
        """Return what is left of the graph's vector without each node: the sum of its neighbours, and noise.

        Parameters
        ----------
        nodes : int, str, bytes, a batch of them, or Hypervectors
            n nodes.
        incoming : bool, default False
            Whether to follow directed edges backwards.
        labels : int, str, bytes, a batch of them, or Hypervectors, optional
            The kind of edges.

        Returns
        -------
        ndarray, one row a node
            Vectors of the space.

        Raises
        ------
        TypeError, ValueError
            As `add`; and for incoming edges in VTB, MBAT and BSDC, whose first factor cannot be taken out.

        Examples
        --------
        >>> from hypersketch.vsa import Graph, MapI
        >>> space = MapI(10_000)
        >>> graph = Graph(space, ["a", "a"], ["b", "c"])
        >>> space.similarities(graph.unbind("a"), space.atoms(["b", "c", "d"])).round() + 0.0
        array([[1., 1., 0.]])
        """
        back = self.directed and _validation.flag("Graph.unbind", "incoming", incoming)
        if back and not turns_products(self.space):
            raise ValueError(f"Incoming edges cannot be unbound in {self.space}: use neighbors().")
        rows = self._symbols("unbind", "nodes", nodes).rows
        kinds = None if labels is None else self._symbols("unbind", "labels", labels, "labels").rows
        return self._left(rows, kinds, back)

    def _left(self, nodes: Rows, labels: Rows | None, back: bool) -> Rows:
        """Return what is left of the vector without nodes, and labels."""
        vector = self._now()[1]
        if labels is not None:
            vector = turn(self.space, self.space.unbind(vector, labels), -1)
        found = self.space.unbind(vector, turn(self.space, nodes, 1) if back else nodes)
        return turn(self.space, found, -1) if self.directed and not back else np.asarray(found)

    def neighbor_weights(
        self, node: Any, *, incoming: bool = False, label: Any = None, threshold: float | None = None
    ) -> list[tuple[Any, float]]:
        """Return the neighbours of one node with the estimated weights of the edges.

        Parameters
        ----------
        node : int, str, bytes or Hypervectors
            The node.
        incoming : bool, default False
            Whether to follow directed edges backwards.
        label : int, str, bytes or Hypervectors, optional
            The kind of edges.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        list of (key, float)
            Heaviest first.

        Raises
        ------
        TypeError, ValueError
            As `contains`, for more than one node, and when there is no item memory.

        Examples
        --------
        >>> from hypersketch.vsa import Graph, MapI
        >>> graph = Graph(MapI(10_000))
        >>> graph.add(["a", "b"], ["b", "c"], weights=[2, 5])
        >>> [(key, round(weight)) for key, weight in graph.neighbor_weights("b")]
        [('c', 5), ('a', 2)]
        """
        back = _validation.flag("Graph.neighbors", "incoming", incoming)
        own = self._symbols("neighbors", "node", node).rows
        kind = None if label is None else self._symbols("neighbors", "label", label, "labels").rows
        if len(own) != 1 or (kind is not None and len(kind) != 1):
            _validation.refuse("Graph.neighbors", "node", "one node, and at most one label", node)
        back = back and self.directed
        known = [own] if kind is None else [own, kind]
        fast = keeps_similarity(self.space, *known) and (commutes(self.space) or not back)
        return self._scan(
            lambda nodes: self._edge(nodes, own, kind) if back else self._edge(own, nodes, kind),
            threshold,
            probe=self._left(own, kind, back) if fast else None,
        )

    def neighbors(
        self, node: Any, *, incoming: bool = False, label: Any = None, threshold: float | None = None
    ) -> list[Any]:
        """Return the neighbours of one node, heaviest first; otherwise as `neighbor_weights`.

        >>> from hypersketch.vsa import Graph, MapI
        >>> Graph(MapI(10_000), ["a", "b"], ["b", "c"]).neighbors("a")
        ['b']
        """
        found = self.neighbor_weights(node, incoming=incoming, label=label, threshold=threshold)
        return [key for key, _ in found]

    def label(self, source: Any, target: Any, default: Any = None, threshold: float | None = None) -> Any:
        """Return the label of one edge, the heaviest if there are several, or the default.

        >>> from hypersketch.vsa import Graph, MapI
        >>> graph = Graph(MapI(10_000))
        >>> graph.add("a", "b", labels="road")
        >>> graph.label("b", "a"), graph.label("a", "c", "none")
        ('road', 'none')
        """
        found = self._given("label", source, target, None)
        row = self._rows(found)
        if len(row) != 1:
            _validation.refuse("Graph.label", "source", "one node", source)
        kinds = self._scan(
            lambda labels: self.space.bind(turn(self.space, row, 1), labels), threshold, "labels"
        )
        return kinds[0][0] if kinds else default

    def edges(self, threshold: float | None = None) -> list[tuple[Any, Any]]:
        """Return all edges without labels that are found between nodes of the item memory.

        Each comes once: from its source where edges have a direction. It compares every pair of nodes.

        >>> from hypersketch.vsa import Graph, MapI
        >>> Graph(MapI(10_000), ["a", "b"], ["b", "c"]).edges()
        [('a', 'b'), ('b', 'c')]
        """
        seen: set[Any] = set()
        found: list[tuple[Any, Any]] = []
        for keys, rows in self._vocabularies["memory"].pieces():
            for key, row in zip(keys, rows, strict=True):
                near = self.neighbors(Hypervectors(self.space, row), threshold=threshold)
                found += [(key, other) for other in near if other not in seen]
                if not self.directed:
                    seen.add(key)
        return found
