# SPDX-License-Identifier: Apache-2.0
"""torchhd on one CPU thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import name_of


class Torchhd:
    """Float atoms, sums or their signs, cosine similarity, topk."""

    def __init__(self) -> None:
        self.name = name_of("torch-hd")
        import torch
        import torchhd

        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self._torch: Any = torch
        self._torchhd: Any = torchhd

    def cleanup(
        self, dims: list[int], sizes: list[int], trials: int, universe: int, signed: bool
    ) -> NDArray[np.float64]:
        """Share of members among the n best of the universe, averaged over trials, shaped (dims, sizes).

        One item memory a dimension and trial serves all sizes, as in the original experiment.
        """
        found = np.zeros((len(dims), len(sizes)))
        for i, dim in enumerate(dims):
            for _ in range(trials):
                memory = self._torchhd.random(universe, dim, vsa="MAP")
                for j, n in enumerate(sizes):
                    found[i, j] += self._found(memory, n, signed)
        return found / (trials * np.array(sizes))

    def _found(self, memory: Any, n: int, signed: bool) -> int:
        members = self._torch.randperm(len(memory))[:n]
        bundle = self._torchhd.multiset(memory[members])
        if signed:
            bundle = bundle.normalize()
        scores = self._torchhd.cosine_similarity(bundle, memory).as_subclass(self._torch.Tensor)
        return int(self._torch.isin(scores.topk(n).indices, members).sum())

    def search(self, rows: Any, probes: Any) -> Any:
        """Return a call that finds the row most alike to each probe, by cosine."""
        stored, asked = (
            self._torchhd.ensure_vsa_tensor(self._torch.from_numpy(np.array(one)), "HRR")
            for one in (rows, probes)
        )
        return lambda: self._torchhd.cosine_similarity(asked, stored).argmax(dim=-1)

    def resonate(self, books: list[Any], probes: Any, budget: int) -> NDArray[np.int64]:
        """Repeat `torchhd.resonator` until the codewords most like the estimates multiply to each probe."""
        torch, vsa = self._torch, self._torchhd.ensure_vsa_tensor
        domains = vsa(torch.from_numpy(np.stack(books)), "MAP")
        left, rest = torch.arange(len(probes)), vsa(torch.from_numpy(probes), "MAP")
        first = torch.stack([self._torchhd.multiset(book).sign() for book in domains])
        state = first.repeat(len(probes), 1, 1)
        found = torch.zeros(len(probes), len(books), dtype=torch.int64)
        factors = torch.arange(len(books))
        for _ in range(budget):
            state = self._torchhd.resonator(rest, state, domains)
            plain = (one.as_subclass(torch.Tensor) for one in (state, domains))
            likeness = torch.einsum("nfd,fmd->nfm", *plain)
            found[left] = best = likeness.abs().argmax(dim=-1)
            product = domains[factors, best].as_subclass(torch.Tensor).prod(dim=1)
            wrong = (product * rest.as_subclass(torch.Tensor)).sum(dim=-1) < probes.shape[1]
            left, rest, state = left[wrong], rest[wrong], state[wrong]
            if not len(left):
                break
        return np.asarray(found)

    def bundle(self, n: int, dim: int) -> Any:
        """Draw n atoms of `dim` dimensions and add them up."""
        return self._torchhd.multiset(self._torchhd.random(n, dim, vsa="MAP"))

    def sequence(self, codebook: NDArray[np.int8], tokens: NDArray[np.int64]) -> Any:
        """The atoms of tokens, a row each."""
        atoms = self._torchhd.ensure_vsa_tensor(self._torch.from_numpy(codebook).float(), "MAP")
        return atoms[self._torch.from_numpy(tokens)]

    def ngrams(self, sequence: Any, n: int) -> Any:
        """The sum of a sequence's n-grams."""
        return self._torchhd.ngrams(sequence, n)

    def vectors(self, n: int, dim: int, space: Any, dtype: str | None = None) -> Any:
        """Random vectors of its class for a space of ours."""
        vsa = "BSC" if type(space).__name__ == "BSC" else "MAP"
        options = {} if dtype is None else {"dtype": getattr(self._torch, dtype)}
        return self._torchhd.random(n, dim, vsa, **options)

    def records(self, table: Any, roles: Any, levels: Any) -> Any:
        """The sums over fields of the vector of its level bound to its role, a row a record."""
        return self._torchhd.multiset(self._torchhd.bind(roles, table[levels]))

    def tensor(self, array: NDArray[Any]) -> Any:
        """An array of numbers as it takes them."""
        return self._torch.from_numpy(array)

    def projected(self, rows: Any, directions: Any) -> Any:
        """Signs of the products of rows and directions, as bools."""
        return self._torch.nn.functional.linear(rows, directions) < 0

    def hash_table(self, keys: Any, values: Any) -> Any:
        """The sum of bound pairs."""
        return self._torchhd.hash_table(keys, values)

    def look_up(self, table: Any, keys: Any, values: Any) -> Any:
        """Which value each key has, all keys at once."""
        found = self._torchhd.bind(table, self._torchhd.inverse(keys))
        return self._torchhd.cosine_similarity(found, values).argmax(dim=-1)

    def bind(self, a: Any, b: Any) -> Any:
        return self._torchhd.bind(a, b)

    def multiset(self, vectors: Any, normalized: bool) -> Any:
        bundle = self._torchhd.multiset(vectors)
        return bundle.normalize() if normalized else bundle

    def nbytes(self, vectors: Any) -> int:
        """Bytes of one vector."""
        return int(vectors[0].numel() * vectors.element_size())

    def languages(self, letters: NDArray[np.float32], classes: NDArray[np.float32], n: int) -> Any:
        """What `language_of` needs: the letters, the languages and how long a gram is."""
        made = (self._torchhd.ensure_vsa_tensor(self._torch.from_numpy(x), "MAP") for x in (letters, classes))
        return (*made, n)

    def language_of(self, languages: Any, texts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """The most similar language of every text, one after the other, as its own example does."""
        letters, classes, n = languages
        found = []
        for tokens in texts:
            grams = self._torchhd.ngrams(letters[self._torch.from_numpy(tokens)], n)
            found.append(int(self._torchhd.cosine_similarity(grams, classes).argmax()))
        return np.array(found)


class SparseDistributed:
    """torchhd's sparse distributed memory over given locations, on one CPU thread."""

    def __init__(self, locations: Any, value_dim: int, p: float) -> None:
        self.name = name_of("torch-hd")
        import torch
        import torchhd

        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self._torch: Any = torch
        n, dim = locations.shape
        self._memory = torchhd.memory.SparseDistributed(n, dim, value_dim, p=p)
        self._memory.keys.data = self._signs(locations, torchhd)
        self._memory.values.data.zero_()
        self._vsa = torchhd
        self.radius = (dim - self._memory.threshold) // 2
        self.nbytes = sum(one.element_size() * one.nelement() for one in self._memory.parameters())

    def _signs(self, rows: Any, library: Any) -> Any:
        values = self._torch.from_numpy(np.ascontiguousarray(rows, np.float32))
        return library.ensure_vsa_tensor(values, "MAP")

    def write(self, rows: Any) -> None:
        """Store rows at themselves."""
        given = self._signs(rows, self._vsa)
        self._memory.write(given, given)

    def read(self, rows: Any) -> NDArray[Any]:
        """Return the sums that rows activate."""
        return np.asarray(self._memory.read(self._signs(rows, self._vsa)))
