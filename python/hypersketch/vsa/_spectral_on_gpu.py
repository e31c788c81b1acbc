# SPDX-License-Identifier: Apache-2.0
"""Real spaces on a GPU: atoms, products, sums and cosines of vectors there, in their library's kind.

Spectra of HRR are made and undone by the FFT of the library whose arrays they are (PyTorch's, CuPy's).
Products, quotients, atoms, sums of phasors and what MBAT binds have the CPU's bits; lengths and cosines are
sums of n terms in double precision, in another order: they differ by less than 2 n 2^-53 of the sum of the
terms' magnitudes. Products of matrices (VTB, TVTB) are summed in double precision, too, and on the CPU in
single precision.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hypersketch import _device, _device_keys, _validation
from hypersketch._device import View
from hypersketch._device_array import Passing
from hypersketch.vsa import _on_gpu
from hypersketch.vsa._numbers import Rule
from hypersketch.vsa._real import Numbers


def rows_of(owner: str, name: str, value: Any, space: Any) -> View:
    """Return the view of vectors of a space of numbers."""
    must = f"vectors of {space.dtype} with {space.width} numbers"
    seen = _on_gpu._on_gpu(owner, name, value, must)
    if seen.dtype != space.dtype:
        _validation.refuse(owner, name, must, seen.dtype, TypeError)
    return _on_gpu._rows(owner, name, seen, space.width, f"of {space.dtype}")


def floats(seen: View) -> Any:
    """Return the span of the floats of real or complex numbers."""
    n = seen.size * seen.dtype.itemsize // 4
    return _device.module().Span(seen.pointer, n, seen.device, seen.stream)


def _refuse_strange(owner: str, names: str) -> None:
    must = "finite numbers, as their products and sums must be"
    _validation.refuse(owner, names, must, "NaN, infinity or too large ones")


def drawn(space: Any) -> tuple[int, int, float, int]:
    """Return what kernels need to know of a space's atoms."""
    return space.dim, int(space._NUMBERS), space._scale, space.seed


def atoms(owner: str, space: Any, words: Any, hashed: bool) -> Any:
    """Return normal numbers or phasors of keys."""
    seen = words.seen
    words = _device_keys.as_hashes(words, hashed)
    made = _device.target(owner, None, (words.size, space.dim), space.dtype, seen)
    _device.module().atom_reals(words[0 : words.size], *drawn(space), floats(made.seen))
    return made.finished()


def combined(owner: str, space: Any, rule: Rule, a: tuple[str, Any], b: tuple[str, Any]) -> Any:
    """Return products or quotients, entry by entry; one vector meets each row of the other argument."""

    def make(left: Any, right: Any, out: Any) -> bool:
        return bool(_device.module().combine_phasors(left, right, space.width, int(rule), out))

    return _paired(owner, space, a, b, make)


def multiplied(owner: str, space: Any, a: tuple[str, Any], b: tuple[str, Any]) -> Any:
    """Return products of real numbers, entry by entry; one vector meets each row of the other argument."""

    def make(left: Any, right: Any, out: Any) -> bool:
        return bool(_device.module().multiply_reals(left, right, space.width, out))

    return _paired(owner, space, a, b, make)


def matrices_multiplied(owner: str, space: Any, turned: bool, a: tuple[str, Any], b: tuple[str, Any]) -> Any:
    """Return products of vectors as square matrices, the second one turned round or not, as VTB binds."""

    def make(left: Any, right: Any, out: Any) -> bool:
        return bool(_device.module().multiply_matrices(left, right, space._side, turned, out))

    return _paired(owner, space, a, b, make)


def moved(owner: str, space: Any, back: bool, a: tuple[str, Any], b: tuple[str, Any]) -> Any:
    """Return vectors moved, or moved back, by the matrices that stand for others, as MBAT binds."""

    def make(values: Any, known: Any, out: Any) -> bool:
        return bool(_device.module().move_by_drawn(values, known, space.dim, space.seed, back, out))

    return _paired(owner, space, a, b, make)


def _paired(
    owner: str,
    space: Any,
    a: tuple[str, Any],
    b: tuple[str, Any],
    make: Callable[[Any, Any, Any], bool],
) -> Any:
    """Return what is made of rows and rows, which must be finite."""
    left, right = (rows_of(owner, *one, space) for one in (a, b))
    _on_gpu.together(owner, left, **{b[0]: right})
    shape = _on_gpu._broadcast(owner, left, right, (a[0], b[0]))
    made = _device.target(owner, None, shape, space.dtype, left)
    if not make(floats(left), floats(right), floats(made.seen)):
        _refuse_strange(owner, f"{a[0]}, {b[0]}")
    return made.finished()


def spectrum_of(space: Any) -> int:
    """Return the dimension whose half spectrum vectors are; 0 where all numbers count alike."""
    return int(space.dim) if getattr(space, "spectral", False) else 0


def form_of(space: Any) -> int:
    """Return what sums are brought to: length 1 (0), phasors (1), or numbers cut off at -1 and 1 (2)."""
    if space._NUMBERS == Numbers.UNIFORM:
        return 2
    return 1 if getattr(space, "phase_only", False) else 0


def superposed(owner: str, space: Any, vectors: Any, weights: Any, starts: Any) -> Any:
    """Return sums of runs of vectors, brought to the form of the space."""
    given = rows_of(owner, "vectors", vectors, space)
    n = _on_gpu._n_rows(given)
    edges = _on_gpu.edges_of(owner, starts, n)
    if not (edges[1:] > edges[:-1]).all():
        raise ValueError(f"{owner} needs at least one vector in every bundle.")
    given_weights = _device.on_host(owner, "weights", weights)
    checked = _validation.real_weights(owner, given_weights, n, np.dtype(np.float64))
    uploads = Passing(given.device, given.stream)
    shape = (space.width,) if starts is None else (edges.size - 1, space.width)
    made = _device.target(owner, None, shape, space.dtype, given)
    width = space.width * space.dtype.itemsize // 4
    factors = None if checked is None else uploads.span(checked)
    how = width, uploads.span(edges), factors, form_of(space), spectrum_of(space)
    good = _device.module().sum_real_rows(floats(given), *how, floats(made.seen))
    if not good:
        _refuse_strange(owner, "vectors")
    return made.finished()


def similarity(owner: str, space: Any, a: Any, b: Any) -> Any:
    """Return the cosines of vectors, row by row."""
    left, right = rows_of(owner, "a", a, space), rows_of(owner, "b", b, space)
    _on_gpu.together(owner, left, b=right)
    shape = _on_gpu._broadcast(owner, left, right, ("a", "b"))
    n = shape[0] if len(shape) == 2 else 1
    made = _device.target(owner, None, (n,), np.float64, left)
    width = space.width * space.dtype.itemsize // 4
    spectrum = spectrum_of(space)
    if not _device.module().cosines(floats(left), floats(right), width, spectrum, made.whole()):
        _refuse_strange(owner, "a, b")
    return made.finished()


# ---- transforms, by the library whose arrays they are


def _transforms(owner: str, seen: View) -> Any:
    if seen.library is None:
        must = "an array of PyTorch or CuPy, whose FFT takes it to its spectrum and back"
        _validation.refuse(owner, "vectors", must, "one of another library", TypeError)
    return sys.modules[seen.library].fft


def to_spectral(owner: str, space: Any, vectors: Any) -> Any:
    """Return the Fourier transforms of real vectors."""
    seen = rows_of(owner, "vectors", vectors, space)
    return _transforms(owner, seen).rfft(vectors)  # along the last axis, in both libraries


def from_spectral(owner: str, space: Any, vectors: Any) -> Any:
    """Return the real vectors of spectra."""
    seen = rows_of(owner, "vectors", vectors, space)
    return _transforms(owner, seen).irfft(vectors, n=space.dim)


def convolved(owner: str, space: Any, rule: Rule, a: tuple[str, Any], b: tuple[str, Any]) -> Any:
    """Return the convolution, or correlation, of real vectors by their spectra."""
    spectral = type(space)(space.dim, space.seed, spectral=True)
    left, right = ((name, to_spectral(owner, space, value)) for name, value in (a, b))
    return from_spectral(owner, spectral, combined(owner, spectral, rule, left, right))
