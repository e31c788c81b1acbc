# SPDX-License-Identifier: Apache-2.0
"""Trees, graphs, automata and n-grams against Python's own, in every space."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hypersketch.vsa import FiniteStateAutomaton, Graph, MapB, NGrams, Tree
from structure_makers import SPACES, UNBINDING, sure

unbinding = pytest.mark.parametrize("name", UNBINDING)


@unbinding
def test_trees_are_paths(name: str) -> None:
    rng, tree, shadow = np.random.default_rng(5), Tree(SPACES[name]), dict[str, int]()
    for _ in range(15):
        path = "".join(rng.choice(list("lmr"), rng.integers(1, 5)))
        leaf = int(rng.integers(100))
        if path in shadow:
            tree.replace(path, shadow[path] if rng.random() < 0.5 else None, leaf)
        else:
            tree.add(leaf, path)
        shadow[path] = leaf
    gone = next(iter(shadow))
    tree.remove(shadow.pop(gone), gone)
    sure(tree, 200)
    assert {path: tree[path] for path in shadow} == shadow
    assert gone not in tree
    assert tree.get("lllllll", "none") == "none"
    values, paths = list(shadow.values()), list(shadow)
    assert tree.contains(values, paths).all()
    assert not tree.contains(values, [path[::-1] + "m" for path in paths]).any()
    assert len(tree) == len(shadow)


@unbinding
@pytest.mark.parametrize("directed", [False, True])
def test_graphs_are_sets_of_edges(name: str, directed: bool) -> None:
    rng, graph = np.random.default_rng(6), Graph(SPACES[name], directed=directed)
    nodes = [f"n{i}" for i in range(8)]
    shadow: set[tuple[str, str]] = set()
    while len(shadow) < 14:
        a, b = (str(node) for node in rng.choice(nodes, 2, replace=False))
        if (a, b) not in shadow and (directed or (b, a) not in shadow):
            graph.add(a, b)
            shadow.add((a, b))
    gone = next(iter(sorted(shadow)))
    graph.remove(*gone)
    shadow.remove(gone)
    sure(graph, 500)
    whole = shadow if directed else shadow | {(b, a) for a, b in shadow}
    for node in nodes:
        assert set(graph.neighbors(node)) == {b for a, b in whole if a == node}
        if directed:
            assert set(graph.neighbors(node, incoming=True)) == {a for a, b in whole if b == node}
    sources, targets = zip(*((a, b) for a in nodes for b in nodes if a != b), strict=True)
    found = graph.contains(list(sources), list(targets))
    assert found.tolist() == [edge in whole for edge in zip(sources, targets, strict=True)]
    edges = graph.edges()
    assert len(graph) == len(edges) == len(shadow)
    assert {frozenset(edge) for edge in edges} == {frozenset(edge) for edge in shadow}
    assert set(edges) <= whole


@unbinding
def test_automata_are_tables(name: str) -> None:
    rng, machine = np.random.default_rng(7), FiniteStateAutomaton(SPACES[name])
    table = {(s, a): int(rng.integers(6)) for s in range(6) for a in range(2) if (s, a) != (5, 1)}
    machine.add([s for s, _ in table], [a for _, a in table], list(table.values()))
    sure(machine, 500)
    inputs = [int(a) for a in rng.integers(0, 2, 40)]
    states = [0]
    for symbol in inputs:
        if (states[-1], symbol) not in table:
            break
        states.append(table[states[-1], symbol])
    assert machine.run(0, inputs) == states
    assert machine.step([*range(6)] * 2, [0] * 6 + [1] * 6) == [
        table.get((s, a)) for a in (0, 1) for s in range(6)
    ]
    assert machine.accepts(0, inputs[:3], final=[machine.run(0, inputs[:3])[-1]])
    machine.add(0, 0, (table[0, 0] + 1) % 6)
    assert set(machine.successors(0, 0)) == {table[0, 0], (table[0, 0] + 1) % 6}


@unbinding
def test_ngrams_are_counts(name: str) -> None:
    # Where the most frequent value stands for all, what is twice in a text hides what is once.
    text = "abcadcba" if name in ("B-SBC", "CGR") else "abracadabra"
    profile = NGrams(SPACES[name], 3, text)
    shadow = Counter(text[i : i + 3] for i in range(len(text) - 2))
    grams = [a + b + c for a in "abrcd" for b in "abrcd" for c in "abrcd"]
    assert len(profile) == shadow.total()
    assert profile.contains(grams).tolist() == [gram in shadow for gram in grams]
    if name in ("MapI", "HRR", "FHRR, sums"):
        assert profile.count(grams).round().tolist() == [shadow[gram] for gram in grams]
    for prefix in ("ab", "br", "ac", "zz"):
        assert {key for key, _ in profile.following(prefix)} == {
            gram[2] for gram in shadow if gram.startswith(prefix)
        }
    assert profile.similarity(NGrams(SPACES[name], 3, text)) > 0.99


@pytest.mark.parametrize("name", ["MapI", "HRR", "FHRR, sums", "VTB", "MBAT"])
def test_graphs_weigh_edges(name: str) -> None:
    graph = Graph(SPACES[name])
    graph.add(["a", "b", "c"], ["b", "c", "d"], weights=[4, 1, 2])
    graph.add(["a"], ["c"], labels=["road"])
    assert graph.weight(["a", "c", "c", "a"], ["b", "b", "d", "d"]).round().tolist() == [4, 1, 2, 0]
    assert [key for key, _ in graph.neighbor_weights("c")] == ["d", "b"]
    assert graph.neighbors("a") == ["b"]
    assert graph.neighbors("a", label="road") == ["c"]
    assert (graph.label("c", "a"), graph.label("a", "b")) == ("road", None)
    assert ("a", "c", "road") in graph
    assert ("a", "c") not in graph
    assert graph.weight(["a"], ["c"], labels=["road"]).round().tolist() == [1]


def test_reinforced_edges_are_found() -> None:
    nodes = list(range(60))
    graph = Graph(MapB(1200), nodes[:-1], nodes[1:])
    before = int((~graph.contains(nodes[:-1], nodes[1:])).sum())
    left = graph.reinforce(nodes[:-1], nodes[1:], rounds=20)
    assert left == int((~graph.contains(nodes[:-1], nodes[1:])).sum()) < before
    assert len(graph) == 59
