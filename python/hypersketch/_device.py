# SPDX-License-Identifier: Apache-2.0
"""Arrays on a GPU: how those of other libraries come in, on which stream, and how answers go out alike.

Nothing here loads a library: who passes an array of PyTorch or CuPy has loaded it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypersketch import _validation

if TYPE_CHECKING:
    from hypersketch import _cuda

Library = Literal["torch", "cupy"]

_DLPACK_ON_GPU = 2
_DLPACK_CODES = {0: "i", 1: "u", 2: "f", 5: "c", 6: "b"}
_DLPACK_BFLOAT16 = (4, 16, 1)
BFLOAT16 = np.dtype([("bfloat16", "<u2")])
"""Stands for the type that NumPy lacks, in views of what is converted before it is used."""

_chosen = threading.local()
"""Has `stream` while a thread is within `hypersketch.cuda.stream`."""


def module() -> Any:
    """Return the compiled GPU half, or say why it cannot be used."""
    from hypersketch import cuda

    return cuda.require()


def resolve(owner: str, device: object) -> int | None:
    """Return the index of a GPU, or None for the CPU."""
    must = "'cpu', 'cuda' or 'cuda:0', 'cuda:1', ..."
    if not isinstance(device, str):
        _validation.refuse(owner, "device", must, device, TypeError)
    if device == "cpu":
        return None
    name, colon, index = device.partition(":")
    if name != "cuda" or (colon and not (index.isascii() and index.isdigit() and len(index) < 5)):
        _validation.refuse(owner, "device", must, device)
    from hypersketch import cuda

    count = len(cuda.devices())
    number = int(index) if index else 0
    if number >= count:
        _validation.refuse(owner, "device", f"a GPU of this machine, which has {count}", device)
    return number


def name_of(device: int | None) -> str:
    """Return how a device is called."""
    return "cpu" if device is None else f"cuda:{device}"


def chosen_stream() -> int:
    """Return the stream for arrays that come with none."""
    return int(getattr(_chosen, "stream", 0))


@contextlib.contextmanager
def on_stream(stream: int) -> Iterator[None]:
    """Choose the stream of this thread for a while."""
    before = getattr(_chosen, "stream", None)
    _chosen.stream = stream
    try:
        yield
    finally:
        if before is None:
            del _chosen.stream
        else:
            _chosen.stream = before


class View(NamedTuple):
    """Somebody's array in the memory of a GPU."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In bytes."""
    dtype: np.dtype[Any]
    device: int
    stream: int
    """On which it is ready, and on which its owner goes on."""
    library: Library | None
    writable: bool
    owner: object
    """Keeps the memory."""

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def is_contiguous(self) -> bool:
        step = self.dtype.itemsize
        for length, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if length > 1 and stride != step:
                return False
            step *= length
        return True

    def span(self) -> _cuda.Span:
        span: _cuda.Span = module().Span(self.pointer, self.size, self.device, self.stream)
        return span

    def to_host(self) -> NDArray[Any]:
        """Return a contiguous copy; of strided arrays all from the lowest byte to the highest moves."""
        target = np.empty(self.shape, self.dtype)
        if self.is_contiguous or not self.size:
            self.span().to_host(target.reshape(-1).view(np.uint8))
            return target
        reach = [(length - 1) * stride for length, stride in zip(self.shape, self.strides, strict=True)]
        before, behind_it = sum(min(0, r) for r in reach), sum(max(0, r) for r in reach)
        moved = np.empty(behind_it - before + self.dtype.itemsize, np.uint8)
        module().Span(self.pointer + before, moved.size, self.device, self.stream).to_host(moved)
        target[...] = np.ndarray(self.shape, self.dtype, moved, -before, self.strides)
        return target


def behind(leader: View, *others: View) -> None:
    """Make the leader's stream, on which a call runs, wait for the streams of its other arrays."""
    for other in others:
        if other.stream != leader.stream:
            module().follow(leader.device, leader.stream, other.stream)


def is_on_gpu(array: object) -> bool:
    """Whether this is an array, or strings, on a GPU."""
    if isinstance(array, np.ndarray | str | bytes | int | list | tuple | range):
        return False
    from hypersketch._device_array import DeviceArray, Strings

    if isinstance(array, DeviceArray | Strings) or hasattr(array, "__cuda_array_interface__"):
        return True
    if hasattr(array, "__arrow_c_array__") or not hasattr(array, "__dlpack_device__"):
        return False
    return bool(array.__dlpack_device__()[0] == _DLPACK_ON_GPU)


def of(array: Any) -> str:
    """Return the name of the device that an array, or strings, lie on; keys of other kinds lie on the CPU."""
    if not is_on_gpu(array):
        return "cpu"
    from hypersketch._device_array import Strings

    seen = array.views()[0] if isinstance(array, Strings) else view_of_any("", "array", array)
    return name_of(seen.device)


def on_host(owner: str, name: str, array: Any) -> Any:
    """Return a copy in host memory of an array on a GPU, bfloat16 as float32; all else as it is."""
    if not is_on_gpu(array):
        return array
    seen = view_of_any(owner, name, array)
    host = seen.to_host()
    if seen.dtype != BFLOAT16:
        return host
    return (host.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def view(owner: str, name: str, array: Any) -> View:
    """Return the view of an array on a GPU, of a type that NumPy has."""
    seen = view_of_any(owner, name, array)
    if seen.dtype == BFLOAT16:
        _validation.refuse(owner, name, "an array of another type on a GPU", type_name(seen.dtype), TypeError)
    return seen


def type_name(dtype: np.dtype[Any]) -> str:
    """Return how a type is called."""
    return "bfloat16" if dtype == BFLOAT16 else dtype.name


def view_of_any(owner: str, name: str, array: Any) -> View:
    """Return the view of an array on a GPU, which may be one of `BFLOAT16`."""
    from hypersketch._device_array import DeviceArray

    if isinstance(array, DeviceArray):
        return array.view()
    library = _library_of(array)
    if hasattr(array, "__cuda_array_interface__"):
        return _of_interface(owner, name, array, library)
    return _of_dlpack(owner, name, array, library)


def _library_of(array: object) -> Library | None:
    top = type(array).__module__.partition(".")[0]
    return "torch" if top == "torch" else "cupy" if top == "cupy" else None


def _of_interface(owner: str, name: str, array: Any, library: Library | None) -> View:
    """Read the CUDA array interface, version 2 or 3."""
    given = array.__cuda_array_interface__
    if given.get("mask") is not None:
        _validation.refuse(owner, name, "an array without a mask", array)
    dtype, shape = np.dtype(given["typestr"]), tuple(given["shape"])
    # The interface has no word for it but "two bytes of something".
    if dtype.itemsize == 2 and str(getattr(array, "dtype", "")).endswith("bfloat16"):
        dtype = BFLOAT16
    strides = given.get("strides") or _row_major(shape, dtype.itemsize)
    pointer, read_only = given["data"]
    device = module().device_of(pointer) if pointer else _device_of_empty(array)
    if device < 0:
        _validation.refuse(owner, name, "in the memory of a GPU", "host memory")
    stream = _stream(library, device, given.get("stream"))
    return View(pointer, shape, tuple(strides), dtype, device, stream, library, not read_only, array)


def _of_dlpack(owner: str, name: str, array: Any, library: Library | None) -> View:
    device = int(array.__dlpack_device__()[1])
    stream = _stream(library, device, None)
    # 1 is the default stream to DLPack; 0 is not one.
    tensor = module().Imported(array.__dlpack__(stream=stream or 1))
    dtype, shape = _dtype_of(owner, name, tensor.dtype), tuple(tensor.shape)
    strides = tensor.strides
    steps = _row_major(shape, dtype.itemsize) if strides is None else [s * dtype.itemsize for s in strides]
    return View(tensor.pointer, shape, tuple(steps), dtype, device, stream, library, False, tensor)


def _dtype_of(owner: str, name: str, given: tuple[int, int, int]) -> np.dtype[Any]:
    """Return DLPack's type as NumPy's."""
    code, bits, lanes = given
    if given == _DLPACK_BFLOAT16:
        return BFLOAT16
    if code not in _DLPACK_CODES or lanes != 1 or bits % 8:
        _validation.refuse(owner, name, "an array of a plain type", f"DLPack's type {given}")
    return np.dtype(f"{_DLPACK_CODES[code]}{bits // 8}")


def _device_of_empty(array: Any) -> int:
    """Return the device of an array without elements, which has no address to ask for."""
    device = getattr(array, "device", None)
    for attribute in ("index", "id"):
        if isinstance(getattr(device, attribute, None), int):
            return int(getattr(device, attribute))
    return 0


def _row_major(shape: tuple[int, ...], itemsize: int) -> list[int]:
    strides = [itemsize] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return strides


def _stream(library: Library | None, device: int, given: int | None) -> int:
    """Return the stream of the caller: his library's current one, else the chosen one, behind the array's."""
    if library == "torch":
        return int(sys.modules["torch"].cuda.current_stream(device).cuda_stream)
    if library == "cupy":
        return int(sys.modules["cupy"].cuda.get_current_stream().ptr)
    chosen = getattr(_chosen, "stream", given or 0)
    if given is not None and chosen != given:
        module().follow(device, chosen, given)
    return int(chosen)


def require_near(owner: str, name: str, seen: View, device: int | None) -> None:
    """Refuse an array on another device than the structure."""
    if seen.device != device:
        raise ValueError(
            f"The {name!r} parameter of {owner} is on {name_of(seen.device)}, but the structure is on "
            f"{name_of(device)}. Move one of them with to()."
        )


# ---- out


def empty(like: View, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return a new array of the view's library, or of ours, on its device."""
    name = np.dtype(dtype).name
    if like.library == "torch":
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, name), device=name_of(like.device))
    if like.library == "cupy":
        cupy = sys.modules["cupy"]
        with cupy.cuda.Device(like.device):
            return cupy.empty(shape, name)
    from hypersketch._device_array import DeviceArray

    return DeviceArray.empty(shape, dtype, like.device)


class Target:
    """Where answers go on a GPU; parts of it are spans."""

    def __init__(self, array: Any, seen: View) -> None:
        self.array = array
        self.seen = seen

    def __getitem__(self, part: slice) -> _cuda.Span:
        seen = self.seen
        first, stop, _ = part.indices(seen.size)
        start = seen.pointer + first * seen.dtype.itemsize
        span: _cuda.Span = module().Span(start, max(0, stop - first), seen.device, seen.stream)
        return span

    def whole(self) -> _cuda.Span:
        """Return the span of all elements."""
        return self[0 : self.seen.size]

    def another(self) -> Target:
        """Return a new one of the same kind."""
        array = empty(self.seen, self.seen.shape, self.seen.dtype)
        made = view("", "out", array)
        return Target(array, made._replace(stream=self.seen.stream, owner=array))

    def __ior__(self, other: Target) -> Target:
        module().either(self.whole(), other.whole())  # bools or bytes
        return self

    def copy_from(self, host: NDArray[Any]) -> None:
        """Fill it with an array of host memory."""
        self.whole().from_host(host.reshape(-1).view(np.uint8))

    def finished(self) -> Any:
        """Return the array; who uses ours on another stream waits for this one."""
        from hypersketch._device_array import DeviceArray

        if isinstance(self.array, DeviceArray):
            self.array.mark(self.seen.stream)
        return self.array


def target(owner: str, out: Any, shape: tuple[int, ...], dtype: Any, like: View) -> Target:
    """Return the checked ``out``, or a new array of the kind of ``like``."""
    if out is None:
        array = empty(like, shape, dtype)
        return Target(array, view(owner, "out", array)._replace(stream=like.stream, owner=array))
    kind = f"an array of {np.dtype(dtype)} and shape {shape} on {name_of(like.device)}, where the keys are"
    if not is_on_gpu(out):
        _validation.refuse(owner, "out", kind, type(out), TypeError)
    seen = view(owner, "out", out)
    fits = seen.dtype == dtype and seen.shape == shape and seen.device == like.device
    if not fits:
        came = f"one of {seen.dtype} and shape {seen.shape} on {name_of(seen.device)}"
        raise ValueError(f"The 'out' parameter of {owner} must be {kind}. Got {came} instead.")
    if not (seen.is_contiguous and seen.writable):
        _validation.refuse(owner, "out", "contiguous and writable", out)
    behind(like, seen)
    return Target(out, seen._replace(stream=like.stream))


def result(answers: Any) -> Any:
    """Return what the user gets, once all that makes it was enqueued."""
    if not isinstance(answers, Target):
        return answers
    return answers.finished()


def reaching(owner: str, numbers: Any, limit: float) -> Any:
    """Return which doubles are at least a limit, of the host or of a GPU, in an array of their kind."""
    if isinstance(numbers, np.ndarray):
        return numbers >= limit
    seen = view(owner, "numbers", numbers)
    made = target(owner, None, seen.shape, np.bool_, seen)
    module().reach_limit(seen.span(), limit, made.whole())
    return made.finished()


def divided(owner: str, numbers: Any, divisor: float) -> Any:
    """Return doubles over a divisor; those of a GPU, which are nobody else's yet, are changed."""
    if isinstance(numbers, np.ndarray):
        return numbers / divisor
    seen = view(owner, "numbers", numbers)
    module().divide_numbers(seen.span(), divisor)
    return Target(numbers, seen).finished()
