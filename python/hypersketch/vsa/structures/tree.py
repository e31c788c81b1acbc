# SPDX-License-Identifier: Apache-2.0
"""Trees: leaves at paths of branches, as one bundle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.vsa._space import Space
from hypersketch.vsa.elementwise import MapC
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import turn
from hypersketch.vsa.structures._vocabulary import Memory


@files.register
class Tree(Mergeable):
    """A tree with named branches: the sum of its leaves' vectors, each bound with the branches to it.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector; its binding must have an inverse.
    memory : ItemMemory or bool, default True
        The leaves that are answers: an item memory that is given, one of its own that grows with the leaves
        added (True), or none (False).

    Raises
    ------
    TypeError, ValueError
        For what is no space or item memory, and for BSDC-CDT, whose binding cannot be undone.

    Notes
    -----
    A path is a str, whose characters are branches, or a sequence of keys, from the root on; any number of
    branches may leave a node. A leaf goes up a branch by ``bind(permute(vector, 1), branch)`` (with a
    permutation of its own where the space binds by rotation), so what `unbind` leaves below a branch is the
    subtree's own vector, and noise. In MAP-C every binding is scaled by sqrt(3), so that deep leaves are not
    lighter than others.

    Examples
    --------
    >>> from hypersketch.vsa import MapI, Tree
    >>> tree = Tree(MapI(10_000))
    >>> tree.add(["apple", "pear", "fig"], ["ll", "lr", "r"])
    >>> tree["lr"], tree.get("rr"), len(tree)
    ('pear', None, 3)
    >>> tree.add("cherry", ["home", "garden"])
    >>> tree[["home", "garden"]]
    'cherry'
    """

    _FACTORS: ClassVar[int] = 1

    def __init__(self, space: Space, *, memory: Memory = True) -> None:
        self._begin(space, {}, memory=memory)

    # ---- paths

    def _branches(self, method: str, path: Any) -> Rows:
        """Return the vectors of a path's branches, from the root on."""
        if isinstance(path, int | bytes) or not isinstance(path, Iterable):
            must = "a str of branches or a sequence of keys"
            _validation.refuse(f"Tree.{method}", "path", must, path, TypeError)
        branches = path if hasattr(path, "space") else list(path)
        return self._symbols(method, "path", branches).rows

    def _lifted(self, row: Rows, branches: Rows) -> Rows:
        for branch in branches[::-1]:
            row = self.space.bind(turn(self.space, row, 1), branch)
            if isinstance(self.space, MapC):  # where deep leaves would be lighter: a factor has variance 1/3
                row = row * np.float32(3**0.5)
        return row

    def _leaves(self, method: str, values: Any, paths: Any) -> tuple[Rows, list[Any] | None]:
        symbols = self._symbols(method, "values", values)
        if symbols.single:
            listed = [paths]
        elif isinstance(paths, str | bytes) or not isinstance(paths, Iterable):
            _validation.refuse(f"Tree.{method}", "paths", "a list of paths", paths, TypeError)
        else:
            listed = list(paths)
        if len(listed) != len(symbols.rows):
            raise ValueError(
                f"Tree.{method} needs as many paths as values. Got {len(listed)} and {len(symbols.rows)}."
            )
        branches = [self._branches(method, path) for path in listed]
        rows = [self._lifted(row, path) for row, path in zip(symbols.rows, branches, strict=True)]
        return (np.stack(rows) if rows else symbols.rows), symbols.keys

    # ---- changes

    def add(self, values: Any, paths: Any, weights: Any = None) -> None:
        """Add leaves.

        Parameters
        ----------
        values : int, str, bytes, a batch of them, or Hypervectors
            n leaves.
        paths : path, or a list of n paths
            Where each is.
        weights : array of shape (n,), optional
            One a leaf; default 1. Integers, and real numbers in spaces of real vectors.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, unequal numbers, and
            weights of another kind or not one a leaf.
        OverflowError
            When a counter could leave int32. Nothing is changed then.

        Warns
        -----
        CapacityWarning
            Once, when one test in ten is expected to be wrong.

        Examples
        --------
        >>> from hypersketch.vsa import FHRR, Tree
        >>> tree = Tree(FHRR(1000))
        >>> tree.add("fig", "lrl")
        >>> tree["lrl"]
        'fig'
        """
        rows, keys = self._leaves("add", values, paths)
        self._change("add", rows, weights, 1)
        self._vocabularies["memory"].learn(keys)
        self._warn_of_load()

    def remove(self, values: Any, paths: Any, weights: Any = None) -> None:
        """Take leaves out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> from hypersketch.vsa import MapI, Tree
        >>> tree = Tree(MapI(64))
        >>> tree.add(["fig", "plum"], ["l", "r"])
        >>> tree.remove("fig", "l")
        >>> len(tree)
        1
        """
        self._change("remove", self._leaves("remove", values, paths)[0], weights, -1)

    def replace(self, path: Any, old: Any, new: Any) -> None:
        """Put another leaf at a path.

        Parameters
        ----------
        path : path
            Where.
        old : int, str, bytes or Hypervectors; or None
            The leaf there; None for the one that `get` finds.
        new : int, str, bytes or Hypervectors
            The leaf instead.

        Raises
        ------
        KeyError
            When no leaf is found there.
        TypeError, ValueError, OverflowError
            As `add`.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Tree
        >>> tree = Tree(MapI(1000))
        >>> tree.add("fig", "l")
        >>> tree.replace("l", "fig", "plum")
        >>> tree["l"], len(tree)
        ('plum', 1)
        """
        before = self[path] if old is None else old
        (out, _), (put, keys) = (self._leaves("replace", leaf, path) for leaf in (before, new))
        with self._lock:
            self._change("replace", np.concatenate([out, put]), np.array([-1, 1]), 1)
            self._numbers["size"] -= 2
        self._vocabularies["memory"].learn(keys)

    # ---- answers

    def unbind(self, path: Any) -> Rows:
        """Return what is below a path: a leaf's vector or a subtree's, and noise.

        Parameters
        ----------
        path : path
            A str of branches or a sequence of keys.

        Returns
        -------
        ndarray
            One vector of the space.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Tree
        >>> space = MapI(10_000)
        >>> tree, below = Tree(space), Tree(space)
        >>> tree.add(["fig", "plum", "pear"], ["ll", "lr", "r"])
        >>> below.add(["fig", "plum"], ["l", "r"])
        >>> round(float(space.similarity(tree.unbind("l"), below.vector)[0]))
        2
        """
        return self._below(self._branches("unbind", path))

    def _below(self, branches: Rows) -> Rows:
        vector = self.vector
        for branch in branches:
            vector = turn(self.space, self.space.unbind(vector, branch), -1)
        return vector

    def search(self, path: Any, k: int = 1) -> Any:
        """Return the k most probable leaves at a path, whether or not there is one.

        >>> from hypersketch.vsa import MapI, Tree
        >>> tree = Tree(MapI(10_000))
        >>> tree.add(["fig", "plum"], ["l", "r"])
        >>> tree.search("r").keys.tolist()
        [['plum']]
        """
        return self._vocabularies["memory"].nearest(self.unbind(path)[np.newaxis], k)

    def get(self, path: Any, default: Any = None, threshold: float | None = None) -> Any:
        """Return the leaf at a path.

        Parameters
        ----------
        path : path
            A str of branches or a sequence of keys.
        default : optional
            The answer where there is no leaf of the item memory.
        threshold : float, optional
            As for `contains`.

        Returns
        -------
        int, str or bytes, or the default

        Raises
        ------
        TypeError, ValueError
            As `add`, and when there is no item memory.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Tree
        >>> tree = Tree(MapI(10_000))
        >>> tree.add(["fig", "plum"], ["l", "r"])
        >>> tree.get("l"), tree.get("lr", "nothing")
        ('fig', 'nothing')
        """
        branches, words = self._branches("get", path), self._vocabularies["memory"]
        if not len(words.items):
            return default
        best = words.nearest(self._below(branches)[np.newaxis], 1)
        row = self._lifted(words.rows_at(best.indices[0])[0], branches)
        return best.keys.tolist()[0][0] if self._passes(row[np.newaxis], threshold)[0] else default

    def __getitem__(self, path: Any) -> Any:
        missing = object()
        found = self.get(path, missing)
        if found is missing:
            raise KeyError(path)
        return found

    def __contains__(self, path: Any) -> bool:
        missing = object()
        return self.get(path, missing) is not missing

    def contains(self, values: Any, paths: Any, threshold: float | None = None) -> NDArray[np.bool_]:
        """Tell which leaves are probably at the paths.

        Parameters
        ----------
        values, paths
            As for `add`.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and a leaf of weight 1.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            As `add`, and for a threshold that is not a finite number.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, Tree
        >>> tree = Tree(MapI(10_000))
        >>> tree.add(["fig", "plum"], ["l", "r"])
        >>> tree.contains(["fig", "fig"], ["l", "r"])
        array([ True, False])
        """
        return self._passes(self._leaves("contains", values, paths)[0], threshold)
