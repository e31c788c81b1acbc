# SPDX-License-Identifier: Apache-2.0
"""Holographic reduced representations: binding by circular convolution, on real vectors and on phasors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation
from hypersketch.vsa import _entries, _transforms
from hypersketch.vsa._numbers import Rule, combined, unit_phasors
from hypersketch.vsa._real import Numbers, RealSpace, Vectors


@dataclass(frozen=True)
class HRR(RealSpace):
    """HRR: normal vectors of length about 1, bound by circular convolution.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.
    spectral : bool, default False
        Keep vectors as their real Fourier transforms, D // 2 + 1 complex numbers: binding is then
        elementwise, and costs no transform. `to_spectral` and `from_spectral` convert.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Plate (1995). Entries of atoms are normal with variance 1/D. `unbind` correlates, which brings a value
    back with noise: the similarity to it is about 1/sqrt(2) for one product; ``unbind(..., exact=True)``
    divides spectra, which is exact for one product and amplifies the noise of bundles.

    Examples
    --------
    >>> from hypersketch.vsa import HRR
    >>> space = HRR(4096)
    >>> role, filler = space.atoms(["colour", "red"])
    >>> found = space.unbind(space.bind(role, filler), role)
    >>> space.similarity(found, space.atoms(["red", "green"])).round(1) + 0.0
    array([0.7, 0. ])
    """

    spectral: bool = False
    """Whether vectors are kept as their Fourier transforms."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _validation.flag("HRR", "spectral", self.spectral)

    @property
    def width(self) -> int:
        """Numbers of an array that make one vector: D, or D // 2 + 1 in spectral form.

        >>> from hypersketch.vsa import HRR
        >>> HRR(100).width, HRR(100, spectral=True).width
        (100, 51)
        """
        return self.dim // 2 + 1 if self.spectral else self.dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of these numbers: float32, or complex64 in spectral form.

        >>> from hypersketch.vsa import HRR
        >>> HRR(100, spectral=True).dtype
        dtype('complex64')
        """
        return np.dtype(np.complex64 if self.spectral else np.float32)

    def _atoms_of(self, hashes: NDArray[np.uint64], threads: int) -> Vectors:
        plain = super()._atoms_of(hashes, threads)
        return np.asarray(self._spectra(plain), np.complex64) if self.spectral else plain

    def _atoms_on_gpu(self, method: str, words: Any, hashed: bool) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        owner, plain = self._owner(method), HRR(self.dim, self.seed)
        made: Vectors = _spectral_on_gpu.atoms(owner, plain, words, hashed)
        return plain.to_spectral(made) if self.spectral else made

    def _combined_on_gpu(self, method: str, a: tuple[str, Any], b: tuple[str, Any]) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        rule = Rule.PRODUCT if method == "bind" else Rule.CONJUGATE
        combine = _spectral_on_gpu.combined if self.spectral else _spectral_on_gpu.convolved
        made: Vectors = combine(self._owner(method), self, rule, a, b)
        return made

    @property
    def _STORES_NO_ATOMS(self) -> bool:  # type: ignore[override]
        return not self.spectral

    def identity(self) -> Vectors:
        """Return the vector with which binding changes nothing: 1 at entry 0.

        >>> from hypersketch.vsa import HRR
        >>> HRR(4).identity()
        array([1., 0., 0., 0.], dtype=float32)
        """
        if self.spectral:
            return np.ones(self.width, np.complex64)
        made = np.zeros(self.dim, np.float32)
        made[0] = 1.0
        return made

    # ---- the two forms

    def _spectra(self, plain: Vectors) -> Vectors:
        return _transforms.spectra(plain)

    def _plain(self, spectra: Vectors) -> Vectors:
        return _transforms.signals(spectra, self.dim)

    def to_spectral(self, vectors: Vectors) -> Vectors:
        """Return the Fourier transforms of vectors in plain form.

        Parameters
        ----------
        vectors : ndarray, shape (D,) or (n, D)
            Vectors of ``HRR(dim, seed)``; on a GPU of PyTorch or CuPy, whose FFT is taken.

        Returns
        -------
        ndarray of complex64, shape (D // 2 + 1,) or (n, D // 2 + 1)
            Vectors of ``HRR(dim, seed, spectral=True)``.

        Raises
        ------
        TypeError, ValueError
            For arrays that are no such vectors.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> plain, spectral = HRR(64), HRR(64, spectral=True)
        >>> bool((abs(plain.to_spectral(plain.atoms("a")) - spectral.atoms("a")) < 1e-6).all())
        True
        """
        if _device.is_on_gpu(vectors):
            from hypersketch.vsa import _spectral_on_gpu

            made: Vectors = _spectral_on_gpu.to_spectral(self._owner("to_spectral"), HRR(self.dim), vectors)
            return made
        rows = HRR(self.dim)._checked("to_spectral", "vectors", vectors)
        spectra: Vectors = self._spectra(rows).astype(np.complex64)
        return spectra

    def from_spectral(self, vectors: Vectors) -> Vectors:
        """Return vectors in plain form of their Fourier transforms; otherwise as `to_spectral`.

        >>> from hypersketch.vsa import HRR
        >>> space = HRR(64)
        >>> a = space.atoms("a")
        >>> bool((abs(space.from_spectral(space.to_spectral(a)) - a) < 1e-6).all())
        True
        """
        if _device.is_on_gpu(vectors):
            from hypersketch.vsa import _spectral_on_gpu

            owner, spectral = self._owner("from_spectral"), HRR(self.dim, spectral=True)
            made: Vectors = _spectral_on_gpu.from_spectral(owner, spectral, vectors)
            return made
        rows = HRR(self.dim, spectral=True)._checked("from_spectral", "vectors", vectors)
        plain: Vectors = self._plain(rows).astype(np.float32)
        return plain

    # ---- algebra

    _FINDS_STRANGE = frozenset({"bind", "unbind", "similarity"})

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        if self.spectral:
            return _combined(self, Rule.PRODUCT, "bind", a=a, b=b)
        return self._convolved("bind", a=a, b=b)

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        if self.spectral:
            return _combined(self, Rule.CONJUGATE, "unbind", bound=bound, known=known)
        return self._convolved("unbind", correlate=True, bound=bound, known=known)

    def _convolved(self, method: str, correlate: bool = False, **given: Vectors) -> Vectors:
        a, b = given.values()
        made = _transforms.convolve(a, b, correlate=correlate)
        if made is None:
            self._refuse_strange(method, **given)
        assert made is not None
        return made

    def unbind(self, bound: Vectors, known: Vectors, *, exact: bool = False) -> Vectors:
        """Take a known vector out of a product.

        Parameters
        ----------
        bound, known : ndarray, shape (width,) or (n, width)
            ``bind(x, known)``, or a bundle of such products, and the vector to take out.
        exact : bool, default False
            Divide by the known vector's spectrum instead of correlating with it.

        Returns
        -------
        ndarray
            x with noise; with ``exact`` without noise for a single product.

        Raises
        ------
        TypeError, ValueError
            As for `bind`; with ``exact`` also for a vector whose spectrum has a zero, which has no inverse.

        Examples
        --------
        >>> from hypersketch.vsa import HRR
        >>> space = HRR(1000)
        >>> a, b = space.atoms(["a", "b"])
        >>> space.similarity(space.unbind(space.bind(a, b), a, exact=True), b).round(3)
        array([1.])
        """
        if not _validation.flag(self._owner("unbind"), "exact", exact):
            return super().unbind(bound, known)
        if _device.is_on_gpu(bound) or _device.is_on_gpu(known):
            raise self._not_on_gpu("unbind(exact=True)")
        product, factor = (self._checked("unbind", *one) for one in (("bound", bound), ("known", known)))
        self._require_rows(("bound", "known"), product, factor)
        spectra = factor if self.spectral else self._spectra(factor)
        if not np.all(spectra):
            must = "vectors whose spectra have no zero, to be divided by"
            _validation.refuse(self._owner("unbind"), "known", must, "one that has")
        quotient = (product if self.spectral else self._spectra(product)) / spectra
        return (quotient if self.spectral else self._plain(quotient)).astype(self.dtype, copy=False)

    def _inverse(self, vectors: Vectors) -> Vectors:
        """Return the involution: entry d goes to -d mod D."""
        if self.spectral:
            return np.conj(vectors)
        return np.concatenate([vectors[..., :1], vectors[..., :0:-1]], axis=-1)

    _REAL_POWERS = True

    def _power(self, rows: Vectors, exponent: Any) -> Vectors:
        base = self._inverse(rows) if exponent < 0 else rows
        raised = _raised(base if self.spectral else self._spectra(base), abs(exponent))
        raised[..., 0] = raised[..., 0].real  # as in every transform of a real vector
        if self.dim % 2 == 0:
            raised[..., -1] = raised[..., -1].real
        return np.asarray(raised if self.spectral else self._plain(raised), self.dtype)

    def unitary(self, vectors: Vectors) -> Vectors:
        """Return vectors whose Fourier transforms keep their angles and have the length 1 everywhere.

        Binding with such a vector changes no similarity, and unbinding it is exact: for roles and for powers.

        >>> from hypersketch.vsa import HRR
        >>> space = HRR(1000)
        >>> role, filler = space.atoms(["role", "filler"])
        >>> role = space.unitary(role)
        >>> space.similarity(space.unbind(space.bind(role, filler), role), filler).round(3)
        array([1.])
        """
        rows = self._checked("unitary", "vectors", vectors)
        spectra = rows if self.spectral else self._spectra(rows)
        lengths = np.abs(spectra)
        turns = np.divide(spectra, lengths, out=np.ones_like(spectra), where=lengths > 0)
        return np.asarray(turns if self.spectral else self._plain(turns), self.dtype)

    def _permute(self, rows: Vectors, steps: int) -> Vectors:
        if not self.spectral:
            return np.roll(rows, steps, axis=-1)
        turns = np.arange(self.width) * steps % self.dim / self.dim
        turned: Vectors = (rows * np.exp(-1j * math.tau * turns)).astype(self.dtype)
        return turned

    def _products(self, a: Vectors, b: Vectors) -> NDArray[np.float64]:
        if not self.spectral or a.dtype == b.dtype == self.dtype:
            return super()._products(a, b)
        left, right = (rows.astype(self._wide, copy=False).view(np.float64) for rows in (a, b))
        return np.asarray(np.einsum("...d,...d,d->...", left, right, np.repeat(self._parseval(), 2)))

    def _terms(self, a: Vectors, b: Vectors) -> NDArray[np.float64]:
        terms = super()._terms(a, b)
        if not self.spectral:
            return terms
        ends = [0, -1] if self.dim % 2 == 0 else [0]  # frequencies that stand for one; others stand for two
        once = super()._terms(a[..., ends], b[..., ends])
        with np.errstate(invalid="ignore"):  # of what is not finite
            return np.asarray((2.0 * terms - once) / self.dim)

    def _entries(self, rows: Vectors) -> Vectors:
        return self._plain(rows) if self.spectral else rows

    def _of_entries(self, entries: Vectors) -> Vectors:
        vectors = self._spectra(entries) if self.spectral else entries
        return np.ascontiguousarray(vectors, dtype=self.dtype)

    def _weighed(self, rows: Vectors) -> Vectors:
        return np.asarray(rows * self._parseval(), self.dtype) if self.spectral else rows

    def _parseval(self) -> NDArray[np.float64]:
        """Return by what the terms of spectra count: twice where a frequency stands for two."""
        both = np.full(self.width, 2.0)
        both[0] = 1.0
        if self.dim % 2 == 0:
            both[-1] = 1.0
        return both / self.dim


def _combined(space: RealSpace, rule: Rule, method: str, **given: Vectors) -> Vectors:
    """Return products or quotients of complex numbers of vectors, which are found to be finite by them."""
    a, b = given.values()
    made, good = combined(a, b, rule)
    if not good:
        space._refuse_strange(method, **given)
    return made


def _raised(numbers: Vectors, exponent: float) -> Vectors:
    """Return powers of complex numbers, with angles in (-pi, pi]; 0 stays 0, but for the exponent 0."""
    if exponent == 0:
        return np.ones_like(numbers)
    lengths, angles = np.abs(numbers), np.angle(numbers)
    sizes = np.power(lengths, exponent, out=np.zeros_like(lengths), where=lengths > 0)
    return np.asarray(sizes * np.exp(1j * exponent * angles))


@dataclass(frozen=True)
class FHRR(RealSpace):
    """FHRR: unit phasors, bound by adding their angles.

    Parameters
    ----------
    dim : int in [1, 2**26]
        Dimension D.
    seed : int in [0, 2**64), default 0
        Seed of the atoms.
    phase_only : bool, default True
        Whether bundles are brought back to unit phasors, one angle an entry, or kept as sums.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range.

    Notes
    -----
    Plate (2003). Binding and unbinding are exact. A member of a sum of n atoms scores, by the inner product
    over D, with mean 1 and variance (n - 1) / (2 D); a stranger with mean 0 and variance n / (2 D).

    Examples
    --------
    >>> from hypersketch.vsa import FHRR
    >>> space = FHRR(2048)
    >>> bag = space.bundle(["red", "green", "blue"])
    >>> bag.similarity(["red", "grey"]).round(1) + 0.0
    array([0.5, 0. ])
    """

    phase_only: bool = True
    """Whether bundles answer by their angles alone."""

    _DTYPE: ClassVar[type[np.generic]] = np.complex64

    def __post_init__(self) -> None:
        super().__post_init__()
        _validation.flag("FHRR", "phase_only", self.phase_only)

    _NUMBERS = Numbers.PHASORS
    _scale = 1.0

    def _combined_on_gpu(self, method: str, a: tuple[str, Any], b: tuple[str, Any]) -> Vectors:
        from hypersketch.vsa import _spectral_on_gpu

        rule = Rule.PRODUCT if method == "bind" else Rule.QUOTIENT
        made: Vectors = _spectral_on_gpu.combined(self._owner(method), self, rule, a, b)
        return made

    def identity(self) -> Vectors:
        """Return the vector with which binding changes nothing: angles 0.

        >>> from hypersketch.vsa import FHRR
        >>> FHRR(2).identity()
        array([1.+0.j, 1.+0.j], dtype=complex64)
        """
        return np.ones(self.dim, np.complex64)

    _FINDS_STRANGE = frozenset({"bind", "unbind", "similarity"})

    def _bind(self, a: Vectors, b: Vectors) -> Vectors:
        return _combined(self, Rule.PRODUCT, "bind", a=a, b=b)

    def _unbind(self, bound: Vectors, known: Vectors) -> Vectors:
        return _combined(self, Rule.QUOTIENT, "unbind", bound=bound, known=known)

    def _inverse(self, vectors: Vectors) -> Vectors:
        """Return the conjugates, over squared lengths where vectors are sums."""
        lengths = np.square(np.abs(vectors))
        inverses: Vectors = np.divide(
            np.conj(vectors), lengths, out=np.zeros_like(vectors), where=lengths > 0
        )
        return inverses

    _REAL_POWERS = True

    def _power(self, rows: Vectors, exponent: Any) -> Vectors:
        return np.asarray(_raised(rows, exponent), self.dtype)

    def _normalize(self, rows: Vectors) -> Vectors:
        """Return unit phasors; sums keep their relative lengths where the space keeps sums."""
        if not self.phase_only:
            return super()._normalize(rows)
        return unit_phasors(rows)

    def from_phases(self, phases: NDArray[Any]) -> Vectors:
        """Return the phasors of angles in radians.

        >>> from hypersketch.vsa import FHRR
        >>> import numpy
        >>> FHRR(2).from_phases(numpy.array([0.0, numpy.pi])).round()
        array([ 1.+0.j, -1.+0.j], dtype=complex64)
        """
        given = _entries.angles(self._owner("from_phases"), phases)
        return self._checked("from_phases", "phases", np.exp(1j * given))

    def to_phases(self, vectors: Vectors) -> NDArray[np.float32]:
        """Return the angles of phasors in radians, in (-pi, pi].

        >>> from hypersketch.vsa import FHRR
        >>> FHRR(2).to_phases(FHRR(2).identity())
        array([0., 0.], dtype=float32)
        """
        return np.angle(self._checked("to_phases", "vectors", vectors)).astype(np.float32)
