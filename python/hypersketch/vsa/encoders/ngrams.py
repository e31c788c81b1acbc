# SPDX-License-Identifier: Apache-2.0
"""Texts and sequences by their n-grams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _threads, _validation
from hypersketch.keys import hash_key, hash_list, is_single
from hypersketch.vsa import _packed
from hypersketch.vsa._map import MapSpace
from hypersketch.vsa.encoders._base import Encoder, Vectors, _gpu_of, derived, pieces
from hypersketch.vsa.encoders._bundling import result_rows
from hypersketch.vsa.encoders._tokens import UNITS, Runs, ranked, runs_of
from hypersketch.vsa.holographic import HRR
from hypersketch.vsa.sparse import BSDC

_AT_ONCE = 2**20
"""Numbers of gram vectors that are made at once in spaces where they are made."""


@dataclass(frozen=True)
class NGramEncoder(Encoder):
    """Documents by the bundle of their n-grams: runs of n neighbouring tokens.

    Parameters
    ----------
    space : a space of `hypersketch.vsa`
        The space of the vectors; any, of `BSDC` with ``variant='seg'`` those whose dimension is a multiple of
        its number of ones.
    n : int in [1, 255], default 3
        Tokens a gram.
    unit : {'characters', 'bytes', 'words', 'keys'}, default 'characters'
        What the tokens of a document are: characters of a str, its bytes in UTF-8, what white space
        separates, or the keys of a sequence.
    pad : key, optional
        A token that stands n - 1 times before and behind every document, so that its ends count and that
        short ones have grams: a character, a byte (int), a word or a key.
    seed : int in [0, 2**64) or None, default None
        Encoders of different seeds have vectors that have nothing to do with each other. None takes the
        atoms of the space itself: of the characters as strings of one character, of bytes as integers.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    The gram of tokens a, b, ..., z is bind(... bind(P^(n-1) a, P^(n-2) b) ..., z), where P is the cyclic
    shift by one (Joshi, Halseth & Kanerva 2016). In packed spaces atoms are rotated and bound in registers
    and counted at once: no gram is ever stored. A shift would be lost in `HRR` and in `BSDC` with
    ``variant='s'``, whose bindings are shifts themselves: 'ab' and 'ba' would be one gram. There P is a fixed
    random permutation; with ``variant='seg'`` it is the shift by one segment.

    Two documents' sums have an expected inner product proportional to sum_g c(g) c'(g), where c counts grams:
    the spectrum kernel (Leslie, Eskin & Noble 2002).

    Examples
    --------
    >>> from hypersketch.vsa import BSC
    >>> from hypersketch.vsa.encoders import NGramEncoder
    >>> space = BSC(10_000)
    >>> texts = NGramEncoder(space, n=3).encode(["the cat sat", "the cat sits", "un chat noir"])
    >>> space.similarities(texts[:1], texts).round(1) + 0.0
    array([[1. , 0.5, 0.1]])
    """

    n: int = 3
    """Tokens a gram."""
    unit: str = "characters"
    """What tokens are."""
    pad: Any = None
    """Token that stands before and behind documents; None for none."""
    seed: int | None = None
    """Seed of the vectors, besides that of the space; None for the atoms of the space."""

    _SEED_IS_OPTIONAL: ClassVar[bool] = True

    def __post_init__(self) -> None:
        owner = self._init()
        self._set("n", _validation.integer(owner, "n", self.n, 1, _packed.MAX_GRAM))
        _validation.one_of(*UNITS)(owner, "unit", self.unit)
        if self.pad is not None:
            self._pad_token(owner)
        if (
            isinstance(self.space, BSDC)
            and self.space.variant == "seg"
            and self.space.dim % self.space.n_ones
        ):
            must = f"of a dimension that is a multiple of {self.space.n_ones}, its number of segments"
            _validation.refuse(owner, "space", must, self.space)

    def _pad_token(self, owner: str) -> Any:
        pad = self.pad
        if self.unit == "characters":
            if not isinstance(pad, str) or len(pad) != 1:
                _validation.refuse(owner, "pad", "one character", pad)
            return ord(pad)
        if self.unit == "bytes":
            return _validation.integer(owner, "pad", pad, 0, 255)
        if not is_single(pad):
            _validation.refuse(owner, "pad", "one key: an int, str or bytes", pad, TypeError)
        return hash_key(owner, pad)[0]

    @cached_property
    def _own(self) -> Any:
        return self.space if self.seed is None else derived(self.space, "NGramEncoder", self.seed)

    # ---- encoding

    def encode(
        self, values: Any, *, starts: Any = None, device: str | None = None, threads: int | None = None
    ) -> Vectors:
        """Return one vector a document.

        Parameters
        ----------
        values : documents
            One document or a batch of them: strings (a list, an array, a column of Arrow, pandas or polars)
            or, for ``unit='keys'``, a batch of sequences of keys. With ``starts`` the tokens of all documents
            in one batch: a block of UTF-8 (bytes or an array of uint8) for characters and bytes, keys
            otherwise. In packed spaces also `hypersketch.cuda.Strings`, or with ``starts`` an array on a GPU.
        starts : array of int, shape (n_documents + 1,), optional
            Document d is the bytes, or keys, ``starts[d]`` to ``starts[d + 1] - 1``: offsets as Arrow has
            them.
        device : str, optional
            Where documents of a packed space are encoded and their vectors stay: ``cpu``, ``cuda`` and so on;
            default where the documents lie.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n_documents, width)
            Vectors of the space; sums of MAP-I (int32, shape (n_documents, dim)). Of documents on a GPU an
            array of their library; where ``device`` asks for it, a `hypersketch.cuda.DeviceArray`.

        Raises
        ------
        TypeError, ValueError
            For what is no document of the unit, documents of fewer than n tokens, and starts that fall or lie
            outside.

        Examples
        --------
        >>> from hypersketch.vsa import BSC
        >>> from hypersketch.vsa.encoders import NGramEncoder
        >>> words = NGramEncoder(BSC(1000), n=2, unit="words", pad=".")
        >>> words.encode(["so it goes", "so"]).shape
        (2, 16)
        >>> NGramEncoder(BSC(1000), n=2).encode(b"catdog", starts=[0, 3, 6]).shape
        (2, 16)
        """
        owner = self._owner("encode")
        if device is not None or _device.is_on_gpu(values):
            from hypersketch.vsa.encoders import _text_on_gpu

            index = _gpu_of(owner, self.space, values, device)
            if index is not None:
                made: Vectors = _text_on_gpu.encoded(self, owner, values, starts, index, threads)
                return made
        runs = self._runs(owner, values, starts, threads)
        if isinstance(self.space, MapSpace):
            return self._encode_packed(owner, runs, threads)
        return self._encode_any(runs, threads)

    def _runs(self, owner: str, values: Any, starts: Any, threads: int | None) -> Runs:
        runs = runs_of(owner, values, starts, self.unit, threads)
        if self.pad is not None:
            runs = runs.padded(self.n - 1, self._pad_token(owner))
        self._require_long(owner, np.diff(runs.starts))
        return runs

    def _require_long(self, owner: str, lengths: NDArray[np.int64]) -> None:
        short = np.flatnonzero(lengths < self.n)
        if short.size:
            raise ValueError(
                f"{owner} needs at least n = {self.n} tokens a document. Document {short[0]} has "
                f"{int(lengths[short[0]])}. A pad gives short documents grams."
            )

    def _atoms(self, tokens: NDArray[Any], threads: int | None) -> Vectors:
        """Return the atoms of distinct tokens."""
        if tokens.dtype == np.uint64:
            hashes = tokens
        else:
            keys = tokens.tolist()
            hashes = hash_list(keys if self.unit == "bytes" else list(map(chr, keys)), 0)
        vectors: Vectors = self._own._atoms_of(hashes, _threads.resolve(self._owner("encode"), threads))
        return vectors

    def _encode_packed(self, owner: str, runs: Runs, threads: int | None) -> Vectors:
        how: dict[str, Any] = {"starts": runs.starts, "threads": threads}
        if self.space.binary:
            how["ties"] = self.space._ties()
        if runs.are_hashes:
            return _packed.ngram_bundle(
                owner, runs.tokens, self.space.dim, self.n, seed=self._own.seed, **how
            )
        distinct, which = ranked(runs.tokens)
        if distinct.size == 0:
            return result_rows(self.space, runs.starts.size - 1)
        book = self._atoms(distinct, threads)
        return _packed.ngram_bundle(owner, which, self.space.dim, self.n, codebook=book, **how)

    def _encode_any(self, runs: Runs, threads: int | None) -> Vectors:
        """Bundle one document after the other, equal grams once, with their number for a weight."""
        made = result_rows(self.space, runs.starts.size - 1)
        permute = _permutation(self._own)
        for d, row in enumerate(made):
            tokens = runs.tokens[runs.starts[d] : runs.starts[d + 1]]
            distinct, which = np.unique(tokens, return_inverse=True)
            atoms = self._atoms(distinct, threads)
            windows = np.lib.stride_tricks.sliding_window_view(which.reshape(-1), self.n)
            grams, counts = np.unique(windows, axis=0, return_counts=True)
            turned = [permute(atoms, self.n - 1 - f) for f in range(self.n)]
            bag = self.space.bundle()
            for part in pieces(len(grams), self.space.width, _AT_ONCE):
                vectors = turned[0][grams[part, 0]]
                for f in range(1, self.n):
                    vectors = self.space.bind(vectors, turned[f][grams[part, f]])
                bag.add_vectors(vectors, counts[part])
            row[...] = bag.vector
        return made


def _permutation(space: Any) -> Callable[[Vectors, int], Vectors]:
    """Return the permutation that tells positions apart: permute(vectors, times)."""
    if isinstance(space, BSDC) and space.variant == "seg":
        length = space.dim // space.n_ones
        return lambda vectors, times: space.permute(vectors, length * times)
    is_shift = isinstance(space, HRR) or (isinstance(space, BSDC) and space.variant == "s")
    if not is_shift:
        return lambda vectors, times: space.permute(vectors, times)

    def shuffled(vectors: Vectors, times: int) -> Vectors:
        for _ in range(times):
            vectors = space.shuffle(vectors, "the next token")
        return vectors

    return shuffled
