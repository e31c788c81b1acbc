# SPDX-License-Identifier: Apache-2.0
"""One small space of every kind, and item memories in them, for the tests of these."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypersketch import ItemMemory, vsa

SPACES: dict[str, Any] = {
    "MapI": vsa.MapI(65, 1),
    "MapB": vsa.MapB(100, 1),
    "MapT": vsa.MapT(70, 1),
    "BSC": vsa.BSC(64, 1),
    "MapC": vsa.MapC(33, 1),
    "HRR": vsa.HRR(32, 1),
    "HRR, spectral": vsa.HRR(31, 1, spectral=True),
    "FHRR": vsa.FHRR(30, 1),
    "VTB": vsa.VTB(36, 1),
    "TVTB": vsa.TVTB(25, 1),
    "MBAT": vsa.MBAT(17, 1),
    "BSDC": vsa.BSDC(100, 1),
    "BSDC, seg": vsa.BSDC(101, 1, "seg"),
    "B-SBC": vsa.SparseBlockCodes(40, 1, modulus=4),
    "CGR": vsa.CGR(19, 1, modulus=5),
    "MCR": vsa.MCR(20, 1, modulus=7),
}

CODEBOOKS = ["stored", "procedural"]


def noisy(space: Any, keys: list[Any]) -> Any:
    """One vector a key, like its atom: a bundle with two strangers."""
    bags = [space.bundle([f"{key}", "stranger", f"other {key}"]).vector for key in keys]
    return np.stack(bags)


def filled(space: Any = SPACES["MapB"], codebook: Any = "stored") -> ItemMemory:
    memory = ItemMemory(space, codebook=codebook)
    memory.add(["a", "b", "c"])
    return memory
