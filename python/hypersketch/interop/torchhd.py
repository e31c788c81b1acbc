# SPDX-License-Identifier: Apache-2.0
"""Hypervectors to and from torchhd's tensors, for every space that both have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hypersketch import _optional, _validation
from hypersketch.vsa import BSC, CGR, FHRR, HRR, MCR, VTB, MapB, MapC, MapI, SparseBlockCodes

if TYPE_CHECKING:
    import torch
    import torchhd

__all__ = ["from_torchhd", "to_torchhd"]

_TENSORS: dict[type, tuple[str, str]] = {
    MapI: ("MAPTensor", "float32"),
    MapB: ("MAPTensor", "float32"),
    MapC: ("MAPTensor", "float32"),
    BSC: ("BSCTensor", "bool"),
    HRR: ("HRRTensor", "float32"),
    FHRR: ("FHRRTensor", "complex64"),
    VTB: ("VTBTensor", "float32"),
    SparseBlockCodes: ("BSBCTensor", "int64"),
    MCR: ("MCRTensor", "int64"),
    CGR: ("CGRTensor", "int64"),
}
"""torchhd's class for every space of ours, and the type of number that it makes by default."""


def to_torchhd(vectors: NDArray[Any], space: Any, *, dtype: torch.dtype | None = None) -> torchhd.VSATensor:
    """Return vectors as a tensor of torchhd.

    Parameters
    ----------
    vectors : ndarray, shape of one vector or of n rows
        Vectors of the space. `MapI` takes packed signs and sums (int32).
    space : MapI, MapB, MapC, BSC, HRR, FHRR, VTB, SparseBlockCodes, MCR or CGR
        Whose vectors they are.
    dtype : torch.dtype, optional
        One that torchhd's class supports; default what torchhd makes itself.

    Returns
    -------
    torchhd.VSATensor
        On the CPU, of shape (width,) or (n, width). It shares the memory of ``vectors`` where both hold the
        same numbers (the third column) and ``vectors`` may be written to.

        ================== ============ ==================================== ===================
        space              class        entries, default type                 shared for
        ================== ============ ==================================== ===================
        MapI, MapB         MAPTensor    -1 and +1, float32                    sums as int32
        MapC               MAPTensor    float32                               float32
        BSC                BSCTensor    bool                                  never: packed here
        HRR                HRRTensor    float32, also of spectral vectors     float32, plain form
        FHRR               FHRRTensor   complex64                             complex64
        VTB                VTBTensor    float32                               float32
        SparseBlockCodes   BSBCTensor   int64, the place of each block's 1    never: uint16 here
        MCR, CGR           MCRTensor,   int64 in [0, modulus)                 never: uint16 here
                           CGRTensor
        ================== ============ ==================================== ===================

    Raises
    ------
    ModuleNotFoundError
        When torch or torchhd is missing.
    TypeError, ValueError
        For a space that torchhd has not, arrays that are not vectors of the space, and a type that torchhd's
        class does not support or that cannot hold the numbers.

    Notes
    -----
    Sums of int8 wrap silently in torchhd; ask for a wider type where vectors are to be bundled.

    Examples
    --------
    >>> from hypersketch.interop.torchhd import from_torchhd, to_torchhd
    >>> from hypersketch.vsa import BSC
    >>> space = BSC(1000)
    >>> tensor = to_torchhd(space.atoms(["a", "b"]), space)
    >>> type(tensor).__name__, tensor.dtype, tuple(tensor.shape)
    ('BSCTensor', torch.bool, (2, 1000))
    >>> bool((from_torchhd(tensor[0].bind(tensor[1]), space) == space.bind(*space.atoms(["a", "b"]))).all())
    True
    """
    owner = "to_torchhd"
    kind, wanted = _kind(owner, space, dtype)
    import torch

    entries = _entries(vectors, space)
    _require_room(owner, wanted, entries, space)
    if not entries.flags.writeable or not entries.flags.c_contiguous:
        entries = entries.copy()
    made: Any = torch.from_numpy(entries).to(wanted).as_subclass(kind)
    if hasattr(space, "modulus"):
        made.block_size = space.modulus
    return made


def from_torchhd(tensor: torch.Tensor, space: Any, *, sums: bool = False) -> NDArray[Any]:
    """Return a tensor of torchhd as vectors of a space.

    Parameters
    ----------
    tensor : torchhd.VSATensor or torch.Tensor
        Of torchhd's class for the space, or of no class; on any device, of shape (width,) or (n, width),
        where ``width`` counts dimensions, and blocks for `SparseBlockCodes`. Gradients are left behind.
    space : MapI, MapB, MapC, BSC, HRR, FHRR, VTB, SparseBlockCodes, MCR or CGR
        Whose vectors to make.
    sums : bool, default False
        For `MapI`: the tensor holds whole numbers, as torchhd's bundles do, and the answer is int32.
        Otherwise its entries must be -1 and +1, and the answer is packed.

    Returns
    -------
    ndarray
        Vectors in the form of the space. They share the memory of a tensor on the CPU that holds the same
        numbers (see `to_torchhd`). Real numbers of double precision are rounded to single.

    Raises
    ------
    ModuleNotFoundError
        When torch or torchhd is missing.
    TypeError, ValueError
        For a space that torchhd has not, what is no tensor, one of another class, shape or block size, and
        entries that vectors of the space cannot have.

    Examples
    --------
    >>> import torchhd
    >>> from hypersketch.interop.torchhd import from_torchhd
    >>> from hypersketch.vsa import MapI
    >>> atoms = torchhd.random(3, 1000, "MAP")
    >>> space = MapI(1000)
    >>> vectors, bag = from_torchhd(atoms, space), from_torchhd(atoms.multibundle(), space, sums=True)
    >>> vectors.dtype, bag.dtype
    (dtype('uint64'), dtype('int32'))
    """
    owner = "from_torchhd"
    kind, _ = _kind(owner, space, None)
    if _validation.flag(owner, "sums", sums) and not isinstance(space, MapI):
        _validation.refuse(owner, "sums", "False for all spaces but MapI", sums)
    values = _values(owner, tensor, kind, space)
    if hasattr(space, "n_words") and not sums:
        return _packed(owner, values, space)
    if sums or hasattr(space, "modulus"):
        values = _whole(owner, values, np.dtype(np.int32))
    elif getattr(space, "spectral", False):
        return HRR(space.dim, space.seed).to_spectral(values)
    vectors: NDArray[Any] = space._checked("from_torchhd", "tensor", values)
    return vectors


def _kind(owner: str, space: Any, dtype: Any) -> tuple[Any, Any]:
    """Return torchhd's class for a space and a type of number that it supports."""
    _optional.require("hypersketch.interop.torchhd", "torchhd", "torch", "torchhd")
    import torch
    import torchhd

    if type(space) not in _TENSORS:
        names = ", ".join(kind.__name__ for kind in _TENSORS)
        _validation.refuse(owner, "space", f"a space that torchhd has too ({names})", space, TypeError)
    name, default = _TENSORS[type(space)]
    kind = getattr(torchhd, name)
    wanted = getattr(torch, default) if dtype is None else dtype
    if wanted not in kind.supported_dtypes:
        known = ", ".join(sorted(map(str, kind.supported_dtypes)))
        _validation.refuse(owner, "dtype", f"one that {name} supports ({known})", dtype)
    return kind, wanted


# ---- out


def _entries(vectors: object, space: Any) -> NDArray[Any]:
    """Return the numbers of checked vectors in an array that torch can take."""
    rows: NDArray[Any] = space._checked("to_torchhd", "vectors", vectors)
    if hasattr(space, "n_words"):
        entries: NDArray[Any] = space.unpack(rows)
        return entries.view(np.bool_) if isinstance(space, BSC) else entries
    if getattr(space, "spectral", False):
        return HRR(space.dim).from_spectral(rows)
    return rows.astype(np.int64) if hasattr(space, "modulus") else rows


def _require_room(owner: str, dtype: Any, entries: NDArray[Any], space: Any) -> None:
    """Refuse a type that cannot hold all entries exactly: small integers, and floats with sums."""
    import torch

    if entries.dtype.kind not in "iu" or not entries.size:
        return
    most = int(np.abs(entries.astype(np.int64)).max())
    if hasattr(space, "modulus"):
        most = 2 * (space.modulus - 1)  # torchhd adds before it takes the remainder
    room = round(2 / torch.finfo(dtype).eps) if dtype.is_floating_point else torch.iinfo(dtype).max
    if most > room:
        must = f"a type that holds whole numbers up to {most}"
        _validation.refuse(owner, "dtype", must, dtype)


# ---- in


def _require_shape(owner: str, name: str, shape: tuple[int, ...], width: int) -> None:
    if len(shape) not in (1, 2) or shape[-1] != width:
        raise ValueError(f"{name} has the shape {tuple(shape)} but {owner} needs ({width},) or (n, {width}).")


def _values(owner: str, tensor: Any, kind: Any, space: Any) -> NDArray[Any]:
    """Return the numbers of a checked tensor, on the host."""
    import torch
    import torchhd

    must = f"a tensor of the class {kind.__name__}, for {type(space).__name__}"
    if not isinstance(tensor, torch.Tensor):
        _validation.refuse(owner, "tensor", must, tensor, TypeError)
    if isinstance(tensor, torchhd.VSATensor) and not isinstance(tensor, kind):
        _validation.refuse(owner, "tensor", must, type(tensor).__name__, TypeError)
    modulus, block_size = getattr(space, "modulus", None), getattr(tensor, "block_size", None)
    if block_size is not None and block_size != modulus:
        raise ValueError(f"tensor has the block size {block_size} but the space has the modulus {modulus}.")
    width = space.dim if hasattr(space, "n_words") or modulus is None else space.width
    _require_shape(owner, "tensor", tuple(tensor.shape), width)
    with torch._C.DisableTorchFunctionSubclass():  # which guards block sizes in all calls
        plain = tensor.as_subclass(torch.Tensor).detach().cpu().resolve_conj().resolve_neg()
        values: NDArray[Any] = plain.numpy()
    return values


def _whole(owner: str, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return whole numbers, which torchhd may keep as floats, as integers."""
    limits, must = np.iinfo(dtype), f"whole numbers that fit {dtype}"
    if values.dtype.kind not in "iuf":
        _validation.refuse(owner, "tensor", must, values.dtype, TypeError)
    odd = ~((values >= limits.min) & (values <= limits.max) & (values == np.round(values)))
    if odd.any():
        _validation.refuse(owner, "tensor", must, values[odd].ravel()[0].item())
    return values.astype(dtype, copy=False)


def _packed(owner: str, values: NDArray[Any], space: Any) -> NDArray[np.uint64]:
    """Return the packed form of signs or bits."""
    clear, set_ = space._ENTRIES
    hint = " (or sums=True)" if isinstance(space, MapI) else ""
    must = f"of entries {min(clear, set_)} and {max(clear, set_)}{hint}"
    if values.dtype.kind not in "biuf":
        _validation.refuse(owner, "tensor", must, values.dtype, TypeError)
    bits = values == set_
    if not (known := bits | (values == clear)).all():
        _validation.refuse(owner, "tensor", must, values[~known].ravel()[0].item())
    vectors: NDArray[np.uint64] = space.pack(bits)
    return vectors
