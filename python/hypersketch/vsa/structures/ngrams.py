# SPDX-License-Identifier: Apache-2.0
"""Statistics of n-grams: how often each run of n tokens is in texts, as one bundle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation, files
from hypersketch.keys import host_hashes
from hypersketch.vsa import _packed
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa._space import Space
from hypersketch.vsa.hypervectors import Hypervectors
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._kept import Rows
from hypersketch.vsa.structures._order import commutes, keeps_similarity, turn
from hypersketch.vsa.structures._vocabulary import Memory, Symbols, plain_keys

_PIECE = 1024
"""N-grams that are made at once."""


@files.register
class NGrams(Mergeable):
    """The n-grams of texts: the sum of the products of every n tokens in a row, in their order.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of its vector.
    n : int in [1, 255], default 3
        Tokens of a gram.
    tokens : str, batch of keys, or Hypervectors, optional
        A text to add at once.
    memory : ItemMemory or bool, default True
        The tokens that are answers: an item memory that is given, one of its own that grows with the tokens
        added (True), or none (False).

    Raises
    ------
    TypeError, ValueError, OverflowError
        For what is no space or item memory, and as `add`.

    Notes
    -----
    A gram is made token by token, ``bind(permute(gram, 1), token)`` (with a permutation of its own where the
    space binds by rotation). Profiles of texts are alike as far as their counts of grams are: `similarity`
    estimates the cosine of the two vectors of counts in MAP-I and real spaces. Binary spaces make and add all
    grams of a text in one pass that stores none. In BSDC-CDT, where products are like their factors, counts
    mean little.

    Examples
    --------
    >>> from hypersketch.vsa import MapI, NGrams
    >>> profile = NGrams(MapI(10_000), n=2, tokens="banana band")
    >>> profile.count(["an", "ba", "na", "nb"]).round() + 0.0
    array([3., 2., 2., 0.])
    >>> [key for key, _ in profile.following("a")], len(profile)
    (['n', ' '], 10)
    """

    _OPTIONS: ClassVar[dict[str, _validation.Check]] = {"n": _validation.within(1, _packed.MAX_GRAM)}
    _UNBINDS = False

    def __init__(self, space: Space, n: int = 3, tokens: Any = None, *, memory: Memory = True) -> None:
        self._begin(space, {"n": n}, memory=memory)
        if tokens is not None:
            self.add(tokens)

    @property
    def n(self) -> int:
        """Tokens of a gram.

        >>> from hypersketch.vsa import MapI, NGrams
        >>> NGrams(MapI(64), n=4).n
        4
        """
        return int(self._values["n"])

    # ---- grams

    def _tokens(self, method: str, tokens: Any) -> Any:
        """Return a text as a batch of keys: a str as its characters."""
        if isinstance(tokens, bytes | int):
            must = "a str, a batch of keys, or Hypervectors"
            _validation.refuse(f"NGrams.{method}", "tokens", must, tokens, TypeError)
        return list(tokens) if isinstance(tokens, str) else tokens

    def _folded(self, columns: Iterable[Rows]) -> Rows:
        """Return the products of first, second, ... tokens."""
        made: Rows | None = None
        for rows in columns:
            made = rows if made is None else self.space.bind(turn(self.space, made, 1), rows)
        assert made is not None
        return made

    def _grams(self, rows: Rows, first: int, last: int) -> Rows:
        return self._folded(rows[first + i : last + i] for i in range(self.n))

    def add(self, tokens: Any, weight: Any = 1) -> None:
        """Add the n-grams of one text.

        Parameters
        ----------
        tokens : str, batch of keys, or Hypervectors
            The text: the characters of a str, words, any keys. One with fewer than n tokens adds nothing.
        weight : int, default 1
            How often; a real number in spaces of real vectors.

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses, vectors of another space, and another weight.
        OverflowError
            When a counter could leave int32. Nothing is changed then, or a part of a text was added.

        Examples
        --------
        >>> from hypersketch.vsa import HRR, NGrams
        >>> profile = NGrams(HRR(1000), n=2)
        >>> profile.add("abc")
        >>> profile.add(["to", "be", "or"], weight=0.5)
        >>> len(profile)
        4
        """
        self._put("add", tokens, weight, 1)

    def remove(self, tokens: Any, weight: Any = 1) -> None:
        """Take the n-grams of a text out again, exactly up to rounding of real vectors; otherwise as `add`.

        >>> from hypersketch.vsa import MapI, NGrams
        >>> profile = NGrams(MapI(64), tokens="banana")
        >>> profile.remove("banana")
        >>> profile == NGrams(MapI(64))
        True
        """
        self._put("remove", tokens, weight, -1)

    def update(self, texts: Iterable[Any]) -> None:
        """Add text after text; grams do not run from one into the next.

        >>> from hypersketch.vsa import MapI, NGrams
        >>> profile = NGrams(MapI(64), n=2)
        >>> profile.update(["abc", "de"])
        >>> len(profile)
        3
        """
        for text in texts:
            self.add(text)

    def _put(self, method: str, tokens: Any, weight: Any, sign: int) -> None:
        one = self._weights(method, [weight], 1, sign)
        assert one is not None
        given, words = self._tokens(method, tokens), self._vocabularies["memory"]
        if isinstance(self.space, MapSpace) and words.given is None and not isinstance(given, Hypervectors):
            batch = given if words.memory is None else plain_keys(given)[0]
            self._add_fused(method, host_hashes(batch, None), one, sign)
            words.learn(batch if sign == 1 and words.memory is not None else None)
            return
        symbols = self._symbols(method, "tokens", given)
        n_grams = max(0, len(symbols.rows) - self.n + 1)
        with self._lock:
            for first in range(0, n_grams, _PIECE):
                rows = self._grams(symbols.rows, first, min(n_grams, first + _PIECE))
                self._bundle.add_vectors(rows, np.repeat(one, len(rows)))
                self._numbers["size"] += sign * len(rows)
        words.learn(symbols.keys if sign == 1 else None)

    def _add_fused(self, method: str, hashes: NDArray[np.uint64], weight: NDArray[Any], sign: int) -> None:
        """Add the grams of hashed tokens without making any."""
        n_grams = max(0, hashes.size - self.n + 1)
        if not n_grams:
            return
        owner = f"NGrams.{method}"
        sums = _packed.ngram_bundle(owner, hashes, self.space.dim, self.n, seed=self.space.seed)
        with self._lock:
            self._bundle._add_sums(sums[np.newaxis], weight)
            self._numbers["size"] += sign * n_grams

    # ---- answers

    def _given(self, method: str, grams: Any) -> tuple[Rows, Symbols]:
        """Return the vectors of grams: one of n tokens, or a batch of such."""
        listed = [grams] if isinstance(grams, str | Hypervectors) else list(grams)
        texts = [self._tokens(method, gram) for gram in listed]
        found = [self._symbols(method, "grams", text) for text in texts]
        for gram, symbols in zip(listed, found, strict=True):
            if len(symbols.rows) != self.n:
                _validation.refuse(f"NGrams.{method}", "grams", f"runs of {self.n} tokens", gram)
        if not found:
            rows = self._symbols(method, "grams", []).rows
            return rows, Symbols(rows, [], False)
        stacked = np.stack([symbols.rows for symbols in found])
        return self._folded(stacked[:, i] for i in range(self.n)), found[0]

    def count(self, grams: Any) -> NDArray[np.float64]:
        """Estimate how often each gram was added.

        Parameters
        ----------
        grams : str, or a list of grams
            A str is one gram of characters; others are lists of n tokens each, or of str.

        Returns
        -------
        ndarray of float64, shape (number of grams,)

        Raises
        ------
        TypeError, ValueError
            For grams that have not n tokens, and as `add`.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, NGrams
        >>> profile = NGrams(MapI(10_000), 2, ["to", "be", "or", "not", "to", "be"])
        >>> profile.count([["to", "be"], ["be", "to"]]).round() + 0.0
        array([2., 0.])
        """
        scores, law = self._read(self._given("count", grams)[0])
        return law.estimates(scores)

    def contains(self, grams: Any, threshold: float | None = None) -> NDArray[np.bool_]:
        """Tell which grams were probably added; otherwise as `count`.

        >>> from hypersketch.vsa import MapI, NGrams
        >>> NGrams(MapI(10_000), tokens="banana").contains(["nan", "nab"])
        array([ True, False])
        """
        return self._passes(self._given("contains", grams)[0], threshold)

    def __contains__(self, gram: Any) -> bool:
        return bool(self.contains([gram])[0])

    def following(self, prefix: Any, threshold: float | None = None) -> list[tuple[Any, float]]:
        """Return the tokens that come after n - 1 others, with how often they do.

        Parameters
        ----------
        prefix : str, batch of keys, or Hypervectors
            n - 1 tokens.
        threshold : float, optional
            Similarity from which on; default half way between a stranger and a gram of weight 1.

        Returns
        -------
        list of (key, float)
            Most frequent first.

        Raises
        ------
        TypeError, ValueError
            For a prefix of another length, and when there is no item memory.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, NGrams
        >>> profile = NGrams(MapI(10_000), n=3, tokens="the cat that has the hat")
        >>> [(key, round(n)) for key, n in profile.following("th")]
        [('e', 2), ('a', 1)]
        """
        symbols = self._symbols("following", "prefix", self._tokens("following", prefix))
        if len(symbols.rows) != self.n - 1:
            _validation.refuse("NGrams.following", "prefix", f"{self.n - 1} tokens", prefix)
        if self.n == 1:
            return self._scan(lambda rows: rows, threshold)
        before = turn(self.space, self._folded(symbols.rows[i : i + 1] for i in range(self.n - 1)), 1)
        fast = keeps_similarity(self.space, before) and commutes(self.space)
        probe = self.space.unbind(self._now()[1], before) if fast else None
        return self._scan(lambda rows: self.space.bind(before, rows), threshold, probe=probe)

    def similarity(self, other: NGrams) -> float:
        """Return how alike the profiles of two texts are: the cosine of their vectors, or their space's form.

        Parameters
        ----------
        other : NGrams
            Of the same space and n.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            When the other is of another type, space or n.

        Examples
        --------
        >>> from hypersketch.vsa import MapI, NGrams
        >>> a, b, c = (NGrams(MapI(10_000), tokens=text) for text in ("bananas", "banana", "cherry"))
        >>> round(a.similarity(b), 1), round(abs(a.similarity(c)), 1)
        (0.9, 0.0)
        """
        self._require_same(other, "be compared with")
        mine, theirs = self.vector, other.vector
        score = float(self.space.similarity(mine, theirs)[0])
        if mine.dtype != np.int32:
            return score
        own = [float(self.space.similarity(vector, vector)[0]) for vector in (mine, theirs)]
        return score / (own[0] * own[1]) ** 0.5 if own[0] and own[1] else 0.0
