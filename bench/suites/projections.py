# SPDX-License-Identifier: Apache-2.0
"""Linear sketches against scikit-learn: 2,000 rows of 1,024 features to 1,024 components, one thread."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hypersketch
from data import strings
from harness import Row, Work, rate_text, rates, row, two_thread_row
from peers.sklearn import Sklearn

N_ROWS, FEATURES, COMPONENTS = 2000, 1024, 1024
TOKENS, HASHED = 10**6, 1 << 20
Floats = NDArray[Any]


def samples(dtype: type[np.floating[Any]]) -> Floats:
    """Rows of length one."""
    rows = np.random.default_rng(5).standard_normal((N_ROWS, FEATURES))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


def product_error(sketched: Floats, degree: int, exact: Floats) -> float:
    """Root mean square error of the inner products of 200 rows, to the power of the degree."""
    few = sketched[:200].astype(np.float64)
    products = exact[:200].astype(np.float64) @ exact[:200].T
    return float(np.sqrt(np.mean((few @ few.T - products**degree) ** 2)))


def transform(model: Any, data: Any, threads: int = 1) -> Any:
    hypersketch.set_num_threads(threads)
    return model.transform(data)


def case_rows(
    repeats: int, what: str, ours: Any, peer: tuple[str, Any], bar: float, degree: int
) -> list[Row]:
    """Both on the same rows, in float32 and in float64."""
    peer_name, theirs = peer
    results = []
    for dtype in (np.float32, np.float64):
        data = samples(dtype)
        ours.fit(data)
        theirs.fit(data)
        got = rates(
            repeats,
            {
                "ours": Work(partial(transform, ours, data), N_ROWS),
                "peer": Work(partial(theirs.transform, data), N_ROWS),
            },
        )
        sketched = [m.transform(data) for m in (ours, theirs)]
        errors = [product_error(one, degree, data) for one in sketched]
        name = np.dtype(dtype).name
        results.append(
            row(
                f"{what}, {name}, rows/s",
                rate_text(got["ours"]),
                f"{peer_name}: {rate_text(got['peer'])}",
                got["ours"] / got["peer"],
                bar,
                f"rms error of products {errors[0]:.4f}; peer {errors[1]:.4f}",
                f"{sketched[0].itemsize} a component; peer {sketched[1].itemsize}",
                headline=dtype is np.float32,
            )
        )
    results.append(
        two_thread_row(repeats, f"{what}, float64, rows/s", N_ROWS, partial(transform, ours, data))
    )
    return results


def token_row(repeats: int, ours: Any, peer: tuple[str, Any]) -> Row:
    """One row of 10⁶ tokens into a sparse row."""
    data = [strings(7, TOKENS)]
    peer_name, theirs = peer
    got = rates(
        repeats,
        {
            "ours": Work(partial(transform, ours, data), TOKENS),
            "peer": Work(partial(theirs.transform, data), TOKENS),
        },
    )
    kept = [float(abs(m.transform(data)).sum()) / TOKENS for m in (ours, theirs)]
    return row(
        "hashing 10⁶ tokens of 20 B to 2²⁰ features, tokens/s",
        rate_text(got["ours"]),
        f"{peer_name} FeatureHasher: {rate_text(got['peer'])}",
        got["ours"] / got["peer"],
        None,
        f"tokens not cancelled {kept[0]:.4f}; peer {kept[1]:.4f}",
        "8 a value",
    )


def rows(repeats: int) -> list[Row]:
    """TensorSketch, sparse Johnson-Lindenstrauss and hashed tokens."""
    peer = Sklearn()
    from hypersketch.interop.sklearn import CountSketchTransformer, SparseJL, TensorSketch

    shape = f"{FEATURES:,} → {COMPONENTS:,}"
    tensor = TensorSketch(n_components=COMPONENTS, degree=2)
    polynomial = (f"{peer.name} PolynomialCountSketch", peer.polynomial(COMPONENTS))
    sparse = (f"{peer.name} SparseRandomProjection", peer.sparse(COMPONENTS))
    hasher = CountSketchTransformer(n_components=HASHED, input_type="string")
    return [
        *case_rows(repeats, f"TensorSketch of degree 2, {shape}", tensor, polynomial, 5, 2),
        *case_rows(repeats, f"sparse JL, {shape}", SparseJL(n_components=COMPONENTS), sparse, 3, 1),
        token_row(repeats, hasher, (peer.name, peer.hasher(HASHED))),
    ]
