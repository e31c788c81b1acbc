# SPDX-License-Identifier: Apache-2.0
"""Continuous Hopfield memories: real patterns, found by similarity, separation and projection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _validation, files
from hypersketch._stored import Tally
from hypersketch.memories import _patterns
from hypersketch.memories._continuous_answers import ContinuousRetrieval, PatternMatches
from hypersketch.memories._continuous_laws import ContinuousLaws
from hypersketch.memories._continuous_queries import NO_BETAS
from hypersketch.memories._continuous_there import PRECISIONS, Wanted

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SimilarityName = Literal["dot", "cosine", "euclidean", "manhattan"]
Precision = Literal["float32", "tf32", "bfloat16"]
SeparationName = Literal["softmax", "sparsemax", "entmax", "normmax", "top-k", "polynomial", "identity"]
StoredName = Literal["float32", "bfloat16", "int8", "float8"]


@files.register
class ContinuousMemory(ContinuousLaws):
    """Real patterns that are asked with parts or noisy forms of them: modern Hopfield retrieval.

    Parameters
    ----------
    dim : int in [1, 2**16]
        Dimensions of the patterns.
    similarity : {'dot', 'cosine', 'euclidean', 'manhattan'}, default 'dot'
        ``euclidean`` is minus half the squared distance, ``manhattan`` minus the sum of absolute differences.
    separation : str, default 'softmax'
        What makes weights of similarities s: ``softmax``, ``sparsemax``, ``entmax`` and ``normmax`` of
        beta s, ``top-k`` (the softmax over the best ``k``), ``polynomial`` (s to the power ``degree``, over
        the sum of magnitudes) or ``identity`` (its first degree).
    beta : float > 0, optional
        Inverse temperature. By default it is chosen from theory, for as many patterns as there are and their
        mean squared length: the least at which 1 % of a softmax leaks to other random patterns (`beta_for`).
        Real patterns are more alike than these: `measured_beta` says what they need.
    dtype : {'float32', 'bfloat16', 'int8', 'float8'}, default 'float32'
        What patterns are kept as: 4, 2, 1 or 1 bytes a number; int8 and float8 with a scale for each row.
    value_dim : int in [1, 2**16], optional
        Dimensions of separate values, one for each pattern, which are what is retrieved.
    alpha : float in [1.01, 16], default 1.5
        Of entmax and normmax.
    k : int, default 8
        Of ``top-k``.
    degree : int in [1, 64], default 2
        Of ``polynomial``.
    device : str, default 'cpu'
        Where patterns and values lie: ``cpu``, or a GPU as ``cuda``, ``cuda:1`` and so on. Queries and
        patterns may lie there, too, and answers are then of their kind.

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range, and powers of distances.

    Notes
    -----
    One step is x' = X softmax(beta X^T x) of Ramsauer et al. 2020 (arXiv 2008.02217); similarity, separation
    and projection are those of Millidge et al. 2022 (arXiv 2202.04557), sparse separations those of Hu et al.
    2023 (arXiv 2309.12673) and Santos et al. 2024 (arXiv 2402.13725).

    Rounding to what is kept errs by at most 2^-9 of a number in bfloat16, and in int8 by 1 / 253 of the
    largest magnitude of the row. In float8 (E4M3: 4 bits of exponent, 3 of fraction, which 448 is the largest
    of) it errs by at most 2^-4 of a number, or by 1 / 458,000 of the row's largest if that is more: numbers
    below 1 / 28,672 of it lose digits. So int8 is better for rows of numbers alike, float8 for rows of which
    a few numbers are much larger than the others.

    Each pattern is read once a step. Sums run in single precision over tiles of 64 patterns, in double
    precision over 65,536 patterns and more; all thread counts give the same bits. Against exact arithmetic on
    the kept patterns, scores err by at most (dim + 2) 2^-24 |q| |x| (plus 2^-15 of the query's largest number
    times the pattern's sum of magnitudes for one to three queries against int8), weights by beta times that,
    relatively, and sums by another 2^-13 of the mean magnitude at most, usually a thousandth of it. A weight
    below 2^-26 / n of the sum so far may be left out. Energies of beta s beyond 10^5 lose their fraction.
    With ``precision="bfloat16"`` numbers and weights of batches are rounded to 8 bits: scores err by at most
    2^-7 |q| |x| more, sums by 2^-7 of the mean magnitude, and numbers below 2^-126 count as 0.

    On a GPU tensor cores multiply pieces of 8 bits that add up to the numbers. There scores err by at most
    (dim + 64) 2^-22 |q| |x| for each stored type, with ``precision="tf32"`` by 2^-13 |q| |x| more, with
    ``"bfloat16"`` by 2^-6 |q| |x| more, and sums by 2^-13 of the mean magnitude (2^-8 with ``"bfloat16"``).
    Equal calls on equal GPUs give the same bits, and states of several steps stay there. Of a sparse
    separation a query may have up to 2,048 patterns within 1 / beta of its best (of entmax within
    1 / (beta (alpha - 1))); the threshold of one with more is found by passes over all patterns, after each
    of which the host asks whether it was the last.

    Examples
    --------
    >>> import hypersketch
    >>> import numpy as np
    >>> patterns = np.random.default_rng(0).normal(size=(1000, 64)) / 8
    >>> memory = hypersketch.ContinuousMemory(64)
    >>> memory.store(patterns)
    >>> noisy = patterns[:3] + np.random.default_rng(1).normal(size=(3, 64)) / 32
    >>> memory.search(noisy, k=1).indices.ravel()
    array([0, 1, 2])
    >>> found = memory.retrieve(noisy, steps=3)
    >>> bool(np.abs(found.states - patterns[:3]).max() < 0.05)
    True
    >>> memory
    ContinuousMemory(dim=64, similarity='dot', separation='softmax', dtype='float32', n_added=1000)
    """

    def __init__(
        self,
        dim: int,
        similarity: SimilarityName = "dot",
        separation: SeparationName = "softmax",
        beta: float | None = None,
        dtype: StoredName = "float32",
        *,
        value_dim: int | None = None,
        alpha: float = 1.5,
        k: int = 8,
        degree: int = 2,
        device: str = "cpu",
    ) -> None:
        parameters = self._checked(
            dim=dim,
            value_dim=value_dim,
            similarity=similarity,
            separation=separation,
            beta=beta,
            alpha=alpha,
            k=k,
            degree=degree,
            dtype=dtype,
            n_items=0,
        )
        self._fill(parameters, None, Tally(), self._device_for(device))

    def __repr__(self) -> str:
        used = {"entmax": ["alpha"], "normmax": ["alpha"], "top-k": ["k"], "polynomial": ["degree"]}
        names = ["dim", "value_dim", "similarity", "separation", "beta"]
        names += [*used.get(self._values["separation"], []), "dtype"]
        shown = {name: self._values[name] for name in names if self._values[name] is not None}
        shown |= {"n_added": len(self)} | ({} if self.device == "cpu" else {"device": self.device})
        arguments = [f"{name}={value!r}" for name, value in shown.items()]
        return f"ContinuousMemory({', '.join(arguments)})"

    @classmethod
    def over(cls, patterns: NDArray[np.float32], values: Any = None, **options: Any) -> ContinuousMemory:
        """Return a read-only memory of the rows of an array, which is not copied: it may be a mapped file.

        Parameters
        ----------
        patterns : ndarray of float32, shape (n, dim), C-contiguous
            One pattern a row; `numpy.load` with ``mmap_mode="r"`` gives such an array of a file that may be
            larger than memory. It is read once, for lengths and to find what is not finite.
        values : ndarray of float32, shape (n, value_dim), C-contiguous, optional
        **options
            As for the class, without dim, value_dim and dtype.

        Raises
        ------
        TypeError, ValueError
            For another dtype or shape, what is not finite (the row is named), and as for the class.

        Examples
        --------
        >>> import hypersketch
        >>> import numpy as np
        >>> memory = hypersketch.ContinuousMemory.over(np.eye(4, dtype=np.float32), beta=9.0)
        >>> memory.search([0, 1, 0, 0]).indices
        array([[1]])
        """
        owner = "ContinuousMemory.over"
        if options.get("device", "cpu") != "cpu":
            must = "'cpu', where the array is used as it lies; copy such a memory by to()"
            _validation.refuse(owner, "device", must, options["device"])
        if options.get("dtype", "float32") != "float32":
            must = "'float32', that of the array, which is used as it is"
            _validation.refuse(owner, "dtype", must, options["dtype"])
        rows = _patterns.given(owner, "patterns", patterns)
        others = None if values is None else _patterns.given(owner, "values", values)
        made = cls(rows.shape[1], value_dim=None if others is None else others.shape[1], **options)
        made._hold(owner, rows, others)
        return made

    # ---- looks

    @property
    def patterns(self) -> Floats:
        """The patterns as they are kept, in float32.

        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(2, dtype="int8")
        >>> memory.store([1.0, 0.1])
        >>> memory.patterns.round(3)
        array([[1.   , 0.102]], dtype=float32)
        """
        return self._held.patterns.widened()

    @property
    def values(self) -> Floats:
        """What is retrieved: the values, or the patterns where there are none.

        >>> import hypersketch
        >>> hypersketch.ContinuousMemory(2, value_dim=3).values.shape
        (0, 3)
        """
        return self._held.projected.widened()

    def retrieve(
        self,
        queries: Any,
        steps: int = 1,
        tol: float = 1e-6,
        *,
        betas: Any = None,
        weights: bool = False,
        least: float = 1e-6,
        energies: bool = False,
        precision: Precision = "float32",
        out: Any = None,
        threads: int | None = None,
    ) -> ContinuousRetrieval:
        """Return what the patterns, weighted by their likeness to each query, come to.

        Parameters
        ----------
        queries : array of shape (dim,) or (n, dim)
            For a memory on a GPU also an array there: float32, which is used as it lies, or other real
            numbers (float16, bfloat16, float64), which are converted to it there.
        steps : int in [1, 10**6], default 1
            Most steps; each begins at the state that the last one came to. A query that has converged stays.
        tol : float >= 0, default 1e-6
            A step that moves no number by more has converged.
        betas : float or array of shape (n,), optional
            Inverse temperatures, one a query; default the memory's.
        weights : bool, default False
            Whether to list the weights of the last step.
        least : float in [0, 1), default 1e-6
            Weights that are listed are above it.
        energies : bool, default False
            Whether to compute `energy` of the last pattern-side states, which takes another pass.
        precision : {'float32', 'tf32', 'bfloat16'}, default 'float32'
            With how many bits queries and weights are multiplied with what is kept, for speed: 24, 16 (more
            than the 11 of TF32) or the 8 of bfloat16, as attention kernels do. A CPU takes 8 for batches of 8
            queries and more if it has fast products of such numbers (``bfloat16_products`` of
            `hypersketch.build_info`), and else 24. Listed weights and energies always take 24.
        out : array of float32, shape (n, dim) or (n, value_dim), optional
            Takes the states; it lies where the queries do.
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        ContinuousRetrieval

        Raises
        ------
        TypeError, ValueError
            For queries that are not finite (the row is named) or of another dimension, zero queries under
            cosine, betas <= 0, and when there are no patterns.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(3, separation="entmax", beta=4.0)
        >>> memory.store([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> found = memory.retrieve([0.9, 0.2, 0], weights=True)
        >>> found.states  # exactly: the gap of beta s is above 2
        array([[1., 0., 0.]], dtype=float32)
        >>> found.weights.indices, found.effective
        (array([0]), array([1.]))
        """
        owner = "ContinuousMemory.retrieve"
        limits = self._limits(owner, steps, tol, least)
        bits = _validation.one_of(*PRECISIONS)(owner, "precision", precision)
        wanted = Wanted(*limits, weights, energies, bits)
        if self._goes_there(queries):
            return self._retrieved_there(owner, queries, betas, wanted, out, threads)
        call = replace(self._call(owner, queries, betas, threads), precision=bits)
        return self._retrieved(call, wanted, self._output(owner, out, len(call.queries)))

    def search(self, queries: Any, k: int = 1, *, threads: int | None = None) -> PatternMatches:
        """Return the k patterns most alike to every query, best first, ties by number.

        Parameters
        ----------
        queries : array of shape (dim,) or (n, dim)
        k : int in [1, number of patterns], default 1
        threads : int, optional
            Threads for this call; default `hypersketch.get_num_threads`.

        Returns
        -------
        PatternMatches
            ``indices`` and ``similarities`` of shape (n, k). All patterns are compared, in single precision.

        Raises
        ------
        TypeError, ValueError
            As for `retrieve`, and for a k out of range.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(2, similarity="euclidean")
        >>> memory.store([[0, 0], [0, 1], [5, 5]])
        >>> memory.search([0, 0.9], k=2).indices
        array([[1, 0]])
        """
        owner = "ContinuousMemory.search"
        if _device.is_on_gpu(queries):
            return self._searched_there(owner, queries, k)
        call = self._call(owner, queries, NO_BETAS, threads)
        return PatternMatches(
            *self._matches(call, _validation.neighbours(owner, k, len(call.held), "patterns"))
        )

    def energy(self, states: Any, *, betas: Any = None, threads: int | None = None) -> Doubles:
        """Return the energy of states, which no step of softmax or a sparse separation raises.

        Parameters
        ----------
        states : array of shape (dim,) or (n, dim)
            For a memory on a GPU also an array of real numbers there.
        betas : float or array of shape (n,), optional
        threads : int, optional

        Returns
        -------
        array of float64, shape (n,), which lies where the states do
            |x|^2 / 2 - max over weights p of (<p, s> - Omega(p) / beta), up to constants, for the dot
            product; without |x|^2 / 2 for the other similarities. Omega is the separation's regularizer:
            p ln p for softmax and top-k, Tsallis' for sparsemax and entmax, a norm for normmax.

        Raises
        ------
        TypeError, ValueError
            As for `retrieve`, and for powers of similarities, which have none.

        Notes
        -----
        Ramsauer et al. 2020 (arXiv 2008.02217) add constants, ln(M) / beta and half the largest squared
        length. That a step never raises it is the concave-convex procedure, for dot and euclidean.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ContinuousMemory(2, beta=4.0)
        >>> memory.store([[1, 0], [0, 1]])
        >>> state = memory.retrieve([1, 0.1]).states
        >>> bool(memory.energy(state)[0] < memory.energy([1, 0.1])[0])
        True
        """
        owner = "ContinuousMemory.energy"
        if _device.is_on_gpu(states):
            return cast("Doubles", self._energies_there(owner, states, betas, threads))
        return self._energies(self._call(owner, states, betas, threads, "states"))
