# SPDX-License-Identifier: Apache-2.0
"""What the expressions of one call may name, and what they add if the whole call succeeds."""

from __future__ import annotations

import ast
import difflib
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa import _expressions
from hypersketch.vsa.hypervectors import Hypervectors

if TYPE_CHECKING:
    from hypersketch.memories.item_memory import ItemMemory

Vector = NDArray[Any]
_IDENTITY = "Identity"
_MOST_COMPARED = 1000
"""Names that are looked through for one that was meant."""


class Scope:
    """The names of a memory and those that a call has defined so far."""

    def __init__(self, owner: str, memory: ItemMemory, *, strict: bool) -> None:
        self.owner, self.memory, self.strict = owner, memory, strict
        self.space: Any = memory.space
        self.new: dict[str, Vector] = {}
        self.atoms_alone = True
        self._evaluate = _expressions.Evaluator(owner, self.space, self.look_up)

    # ---- names

    def look_up(self, name: str) -> Vector:
        """Return the vector of a name; unknown ones are refused or defined."""
        name = _plain(name)
        if name in self.new:
            return self.new[name]
        if name in self.memory:
            return np.asarray(self.memory.vector([name])[0])
        if name == _IDENTITY:
            return np.asarray(self.space.identity())
        if self.strict:
            raise KeyError(f"The name {name!r} is not in this Vocabulary{self._meant(name)}.")
        self.define(name, None)
        return self.new[name]

    def _meant(self, name: str) -> str:
        keys = [key for key in self.memory.keys[:_MOST_COMPARED].tolist() if isinstance(key, str)]
        near = difflib.get_close_matches(name, [*self.new, *keys], 1)
        return f"; {near[0]!r} is" if near else ""

    def define(self, name: str, vector: Vector | None) -> None:
        """Note a new name; without a vector one that is there already stays, others get their atom."""
        name = _plain(name)
        if vector is None and (name in self.new or name in self.memory):
            return
        if vector is None:
            self.new[name] = self.space.atoms([name])[0]
            return
        self.atoms_alone = False
        self.new[name] = vector if vector.dtype == self.space.dtype else self.space.normalize(vector)

    def keep(self) -> None:
        """Add what was defined to the memory."""
        if self.new and self.atoms_alone:
            self.memory.add(list(self.new))
        elif self.new:
            self.memory.add(list(self.new), np.stack(list(self.new.values())))

    # ---- vectors

    def value(self, node: ast.expr) -> Any:
        """Return the number or vector of an expression."""
        return self._evaluate(node)

    def vector(self, node: ast.expr) -> Vector:
        """Return the vector of an expression; numbers are refused."""
        found = self._evaluate(node)
        if not isinstance(found, np.ndarray):
            raise ValueError(f"{self.owner} needs a vector, but {ast.unparse(node)} is the number {found}.")
        return found

    def rows(self, given: Any) -> Vector:
        """Return the vector of an expression, or vectors as they came."""
        if isinstance(given, str):
            return self.vector(_expressions.expression(self.owner, given))
        theirs = getattr(given, "space", None)
        if theirs is not None and theirs != self.space:
            raise TypeError(f"Vectors of different spaces do not mix: {self.space} and {theirs}.")
        if theirs is not None and not isinstance(given, Hypervectors):
            given = given.vector
        array = np.asarray(given)
        return np.asarray(Hypervectors(self.space, array))

    def one(self, given: Any) -> Vector:
        """Return one vector, of an expression or as it came."""
        found = self.rows(given)
        if found.ndim != 1:
            must = "one vector, not a batch"
            _validation.refuse(self.owner, "vector", must, f"{len(found)} vectors")
        return found

    def several(self, name: str, texts: Any) -> Vector:
        """Return the vectors of several expressions, one a row."""
        given = [texts] if isinstance(texts, str) else list(texts)
        if not given:
            _validation.refuse(self.owner, name, "at least one expression", texts)
        rows = [self.one(text) for text in given]
        if len({row.dtype for row in rows}) > 1:  # packed vectors and sums of MAP-I
            rows = [self.space.unpack(row).astype(np.int32) for row in rows]
        return np.stack(rows)


def _plain(name: str) -> str:
    """Return a name as Python's parser has it: the same letter in two forms is one."""
    return unicodedata.normalize("NFKC", name) if name.isidentifier() else name
