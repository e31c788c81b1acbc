# SPDX-License-Identifier: Apache-2.0
"""Expressions of names, read from text: parsed as Python's, but never run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation
from hypersketch.vsa._space import Space

Vector = NDArray[Any]
Number = int | float
LookUp = Callable[[str], Vector]

_MOST_CHARACTERS = 100_000
_ALLOWED = "names, quoted names, numbers, + - * / ** ~ << >> @ and parentheses"


class Terms(NamedTuple):
    """A sum that has not been made yet: vectors and their weights."""

    vectors: list[Vector]
    weights: list[Number]


Value = Number | Terms


def statements(owner: str, text: object) -> list[ast.stmt]:
    """Return the parsed statements of a text, or refuse it.

    >>> len(statements("example", "A; B = ~A"))
    2
    """
    if not isinstance(text, str):
        _validation.refuse(owner, "expression", "a str", text, TypeError)
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(
            f"The expression for {owner} has {len(text)} characters, more than {_MOST_CHARACTERS}."
        )
    try:
        return ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error or "it nests too deeply"
        raise ValueError(f"{owner} cannot read the expression {_validation.shown(text)}: {reason}.") from None


def expression(owner: str, text: object) -> ast.expr:
    """Return the one parsed expression that a text holds.

    >>> ast.unparse(expression("example", " A*B + 2 * ~C"))
    'A * B + 2 * ~C'
    """
    found = statements(owner, text)
    if len(found) != 1 or not isinstance(found[0], ast.Expr):
        raise ValueError(f"{owner} needs one expression. Got {_validation.shown(text)} instead.")
    return found[0].value


def assignment(owner: str, node: ast.stmt) -> tuple[str, ast.expr | None]:
    """Return the name that a statement defines and the expression for it, None for a name alone."""
    value = None
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
    elif isinstance(node, ast.Expr):
        target = node.value
    else:
        raise ValueError(f"{owner} takes names and name = expression. Got {_source(node)} instead.")
    if isinstance(target, ast.Name):
        return target.id, value
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        return target.value, value
    raise ValueError(f"{owner} takes names and name = expression. Got {_source(node)} instead.")


def _source(node: ast.AST) -> str:
    try:
        return _validation.shown(ast.unparse(node))
    except RecursionError:
        return "a long one"


class Evaluator:
    """Computes expressions in a space."""

    def __init__(self, owner: str, space: Space, look_up: LookUp) -> None:
        self.owner, self.look_up = owner, look_up
        self.space: Any = space

    def __call__(self, node: ast.expr) -> Number | Vector:
        """Return the number or the vector that an expression stands for."""
        try:
            value = self._value(node)
        except RecursionError:
            raise ValueError(f"{self.owner} cannot read an expression that nests so deeply.") from None
        return self._vector(value, node) if isinstance(value, Terms) else value

    def _refuse(self, node: ast.AST, why: str) -> Any:
        raise ValueError(f"{self.owner} cannot compute {_source(node)}: {why}.")

    def _vector(self, value: Value, node: ast.AST) -> Vector:
        """Return a sum as one vector, of all its terms at once."""
        if not isinstance(value, Terms):
            return np.asarray(self._refuse(node, f"it needs a vector where it has the number {value}"))
        vectors, weights = value
        if len(vectors) == 1 and weights[0] == 1:
            return vectors[0]
        if len({one.dtype for one in vectors}) > 1:  # packed vectors and sums of MAP-I
            vectors = [self.space.unpack(one).astype(np.int32) for one in vectors]
        return np.asarray(self.space.superpose(np.stack(vectors), np.array(weights)))

    def _number(self, value: Value, node: ast.AST) -> Number:
        if isinstance(value, Terms):
            return int(self._refuse(node, "it needs a number where it has a vector"))
        return value

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            return Terms([self.look_up(node.id)], [1])
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._sum(node) if isinstance(node.op, ast.Add | ast.Sub) else self._binary(node)
        found: Value = self._refuse(node, f"expressions hold {_ALLOWED} alone")
        return found

    def _constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, str):
            return Terms([self.look_up(node.value)], [1])
        if type(node.value) in (int, float):
            return node.value  # type: ignore[return-value]
        found: Value = self._refuse(node, f"expressions hold {_ALLOWED} alone")
        return found

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self._value(node.operand)
        if isinstance(node.op, ast.Invert):
            return Terms([self.space.inverse(self._vector(value, node))], [1])
        if isinstance(node.op, ast.Not):
            self._refuse(node, f"expressions hold {_ALLOWED} alone")
        return value if isinstance(node.op, ast.UAdd) else _scaled(value, -1)

    def _sum(self, node: ast.expr) -> Value:
        """Return a chain of sums and differences, however long, as one."""
        parts: list[tuple[int, ast.expr]] = []
        left = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add | ast.Sub):
            parts.append((1 if isinstance(left.op, ast.Add) else -1, left.right))
            left = left.left
        parts.append((1, left))
        values = [_scaled(self._value(part), sign) for sign, part in reversed(parts)]
        terms = [value for value in values if isinstance(value, Terms)]
        if not terms:
            return sum(self._number(value, node) for value in values)
        if len(terms) < len(values):
            self._refuse(node, "a vector and a number have no sum")
        return Terms([v for one in terms for v in one.vectors], [w for one in terms for w in one.weights])

    def _binary(self, node: ast.BinOp) -> Value:
        a, b = self._value(node.left), self._value(node.right)
        if isinstance(node.op, ast.Mult | ast.Div) and not (isinstance(a, Terms) and isinstance(b, Terms)):
            return self._scaling(node, a, b)
        first = self._vector(a, node)
        if isinstance(node.op, ast.LShift | ast.RShift):
            shift = self._number(b, node)
            sign = 1 if isinstance(node.op, ast.LShift) else -1
            made = self.space.permute(first, sign * shift)
        elif isinstance(node.op, ast.Pow):
            made = self.space.power(first, self._number(b, node))
        elif isinstance(node.op, ast.MatMult):
            return float(self.space.similarities(first, self._vector(b, node)).ravel()[0])
        elif isinstance(node.op, ast.Mult):
            made = self.space.bind(first, self._vector(b, node))
        elif isinstance(node.op, ast.Div):
            made = self.space.unbind(first, self._vector(b, node))
        else:
            made = self._refuse(node, f"expressions hold {_ALLOWED} alone")
        return Terms([made], [1])

    def _scaling(self, node: ast.BinOp, a: Value, b: Value) -> Value:
        """Return a product or quotient with a number in it."""
        if isinstance(node.op, ast.Mult):
            return _scaled(a, self._number(b, node)) if isinstance(a, Terms) else _scaled(b, a)
        divisor = self._number(b, node)
        if divisor == 0:
            self._refuse(node, "it divides by 0")
        return _scaled(a, 1 / divisor)


def _scaled(value: Value, factor: Number) -> Value:
    if isinstance(value, Terms):
        return Terms(value.vectors, [weight * factor for weight in value.weights])
    return value * factor
