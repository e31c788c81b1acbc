# SPDX-License-Identifier: Apache-2.0
"""The capacity sweep of Schlegel et al. in torchhd, and in NumPy for the models that torchhd lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers.torchhd import Torchhd

Floats = NDArray[np.float64]
Memory = Callable[[int], Any]
Found = Callable[[Any, int], int]

#: Name in torchhd, whether bundles are normalized, and what atoms take besides.
IN_TORCHHD: dict[str, tuple[str, bool, dict[str, int]]] = {
    "map-i": ("MAP", False, {}),
    "map-b": ("MAP", True, {}),
    "bsc": ("BSC", False, {}),
    "hrr": ("HRR", False, {}),
    "fhrr-sum": ("FHRR", False, {}),
    "fhrr": ("FHRR", True, {}),
    "vtb": ("VTB", False, {}),
    "mcr": ("MCR", False, {"block_size": 64}),
    "b-sbc": ("BSBC", False, {"block_size": 16}),
}


class VsaSweep(Torchhd):
    """One item memory a dimension and trial serves all sizes."""

    def __init__(self) -> None:
        super().__init__()
        self._rng = np.random.default_rng(0)

    def sweep(self, model: str, dims: list[int], sizes: list[int], trials: int, universe: int) -> Floats:
        """Mean share of members among the n best, shaped (dims, sizes)."""
        memory, found = (
            self._in_torchhd(model, universe) if model in IN_TORCHHD else self._in_numpy(model, universe)
        )
        hits = np.zeros((len(dims), len(sizes)))
        for i, dim in enumerate(dims):
            for _ in range(trials):
                atoms = memory(dim)
                for j, n in enumerate(sizes):
                    hits[i, j] += found(atoms, n)
        return hits / (trials * np.array(sizes))

    def _in_torchhd(self, model: str, universe: int) -> tuple[Memory, Found]:
        vsa, normalized, more = IN_TORCHHD[model]
        compare = (
            self._torchhd.hamming_similarity if vsa in ("BSC", "BSBC") else self._torchhd.cosine_similarity
        )

        def found(atoms: Any, n: int) -> int:
            members = self._torch.randperm(universe)[:n]
            bundle = self._torchhd.multiset(atoms[members])
            if normalized:
                bundle = bundle.normalize()
            scores = compare(bundle, atoms).as_subclass(self._torch.Tensor)
            return int(self._torch.isin(scores.topk(n).indices, members).sum())

        return lambda dim: self._torchhd.random(universe, dim, vsa=vsa, **more), found

    def _in_numpy(self, model: str, universe: int) -> tuple[Memory, Found]:
        rng = self._rng

        def uniform(dim: int) -> Any:
            return rng.uniform(-1, 1, (universe, dim)).astype(np.float32)

        def sparse(dim: int) -> Any:
            ones = max(1, round(dim**0.5))
            made = np.zeros((universe, dim), np.float32)
            places = rng.random((universe, dim), dtype=np.float32).argpartition(ones - 1, axis=1)[:, :ones]
            np.put_along_axis(made, places, 1, 1)
            return made

        def found(atoms: Any, n: int) -> int:
            members = rng.permutation(universe)[:n]
            total = atoms[members].sum(0)
            if model == "map-c":
                bundle = np.clip(total, -1, 1)
                scores = atoms @ bundle / (np.linalg.norm(atoms, axis=1) * np.linalg.norm(bundle))
            else:
                scores = atoms @ (total > 0).astype(np.float32)
            return int(np.isin(np.argpartition(-scores, n - 1)[:n], members).sum())

        return (uniform if model == "map-c" else sparse), found
