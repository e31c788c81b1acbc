# SPDX-License-Identifier: Apache-2.0
"""Classifiers against torchhd's: scikit-learn's digits, 70 % of them to learn from, D = 10,000."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hypersketch
from harness import Row, Work, row, seconds, two_thread_row
from peers.torchhd_learning import TorchhdLearning

DIM, CLASSES, SEEDS, PASSES = 10_000, 10, 3, 20
ENCODED_DIM = 2048  # a power of two, as the peer's CompHD needs
Split = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[Any], NDArray[Any]]


def digits() -> Split:
    """Rows in [-1, 1] by the training rows' ranges, as the peer's encoders want them."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    one, other, labels, wanted = train_test_split(
        X.astype(np.float32), y, test_size=0.3, random_state=0, stratify=y
    )
    low, high = one.min(axis=0), one.max(axis=0)
    scale = 2 / np.where(high > low, high - low, 1)
    parts = [np.clip((part - low) * scale - 1, -1, 1).astype(np.float32) for part in (one, other)]
    return parts[0], parts[1], labels, wanted


class Match:
    """The same method here and in the peer, fitted and asked on the same rows."""

    def __init__(self, peer: TorchhdLearning, data: Split, method: str, **options: Any) -> None:
        self.peer, self.method, self.options = peer, method, options
        self.X, self.other, self.y, self.wanted = data
        self.batches = peer.batches(self.X, self.y)
        self.asked = peer.batches(self.other, self.wanted)

    def fit(self, settings: dict[str, Any], seed: int = 0, threads: int = 1) -> Any:
        from hypersketch.learn import HDClassifier

        hypersketch.set_num_threads(threads)
        return HDClassifier(DIM, random_state=seed, **settings).fit(self.X, self.y)

    def fit_peer(self, seed: int = 0) -> Any:
        return self.peer.fit(self.method, self.batches, DIM, CLASSES, seed, **self.options)

    def accuracies(self, settings: dict[str, Any]) -> tuple[float, float]:
        """Mean over seeds, ours and the peer's."""
        ours = [self.fit(settings, seed).score(self.other, self.wanted) for seed in range(SEEDS)]
        theirs = [self.peer.accuracy(self.fit_peer(seed), self.asked) for seed in range(SEEDS)]
        return float(np.mean(ours)), float(np.mean(theirs))

    def training(self, repeats: int, settings: dict[str, Any], bar: float | None, what: str) -> Row:
        """Seconds to learn."""
        got = seconds(repeats, {"ours": Work(partial(self.fit, settings)), "peer": Work(self.fit_peer)})
        return self._row(f"digits, {what}, learning", settings, got, bar)

    def answering(self, repeats: int, settings: dict[str, Any], bar: float | None, what: str) -> Row:
        """Seconds to classify the other rows."""
        model, theirs = self.fit(settings), self.fit_peer()
        got = seconds(
            repeats,
            {
                "ours": Work(partial(model.predict, self.other)),
                "peer": Work(partial(self.peer.accuracy, theirs, self.asked)),
            },
        )
        return self._row(f"digits, {what}, answering", settings, got, bar)

    def width(self, settings: dict[str, Any]) -> int:
        """Entries of a class."""
        return DIM

    def peer_width(self) -> int:
        """Entries of a class of the peer."""
        return DIM

    def _row(self, what: str, settings: dict[str, Any], got: dict[str, float], bar: float | None) -> Row:
        ours, theirs = self.accuracies(settings)
        dim = self.width(settings)
        size = -(-dim // 64) * 8 if settings.get("packed") else 4 * dim
        return row(
            what,
            f"{got['ours'] * 1e3:.1f} ms",
            f"{self.peer.name} {self.method}: {got['peer'] * 1e3:,.0f} ms",
            got["peer"] / got["ours"],
            bar,
            f"{ours:.4f}; peer {theirs:.4f}",
            f"{size:,} a class; peer {4 * self.peer_width():,}",
            headline=bar is not None,
        )


class EncodedMatch(Match):
    """Learning alone: both get the same hypervectors, signs of records of levels."""

    def __init__(self, peer: TorchhdLearning, data: Split, dim: int, method: str, **options: Any) -> None:
        from hypersketch.learn import HDEncoder

        encoder = HDEncoder(dim, kind="level", output="sign", random_state=0).fit(data[0])
        rows, other = (encoder.transform(part).astype(np.float32) for part in data[:2])
        super().__init__(peer, (rows, other, *data[2:]), method, **options)
        self.dim = dim

    def fit(self, settings: dict[str, Any], seed: int = 0, threads: int = 1) -> Any:
        from sklearn.preprocessing import FunctionTransformer

        return super().fit({"encoder": FunctionTransformer(), **settings}, seed, threads)

    def fit_peer(self, seed: int = 0) -> Any:
        return self.peer.fit_encoded(self.method, self.batches, CLASSES, seed, **self.options)

    def width(self, settings: dict[str, Any]) -> int:
        return -(-self.dim // 4) if settings["method"] == "compressed" else self.dim

    def peer_width(self) -> int:
        return -(-self.dim // 4) if self.method == "CompHD" else self.dim


def encoded_rows(repeats: int, peer: TorchhdLearning, data: Split) -> list[Row]:
    """Methods that the peer has for records of levels alone."""
    lehdc = EncodedMatch(peer, data, ENCODED_DIM, "LeHDC", epochs=PASSES)
    sparse = EncodedMatch(peer, data, ENCODED_DIM, "SparseHD", epochs=PASSES, sparsity=0.5)
    short = EncodedMatch(peer, data, ENCODED_DIM, "CompHD", chunks=4)
    return [
        lehdc.training(repeats, {"method": "lehdc", "packed": True}, None, "LeHDC of encoded rows"),
        sparse.training(repeats, {"method": "sparse", "sparsity": 0.5}, None, "SparseHD of encoded rows"),
        short.training(repeats, {"method": "compressed", "n_iter": 1}, None, "CompHD of encoded rows"),
        short.training(repeats, {"method": "compressed"}, None, "CompHD and 19 passes more"),
    ]


def rows(repeats: int) -> list[Row]:
    """Methods that learn from floats, and records of levels in bits."""
    peer, data = TorchhdLearning(), digits()
    online = Match(peer, data, "OnlineHD", epochs=PASSES)
    neural = Match(peer, data, "NeuralHD", epochs=PASSES, regen_freq=5)
    dist = Match(peer, data, "DistHD", epochs=PASSES, regen_freq=5)
    vanilla = Match(peer, data, "Vanilla")
    levels = {"method": "centroid", "encoder": "level", "packed": True}
    return [
        online.training(repeats, {"method": "online"}, 20, "OnlineHD"),
        online.training(repeats, {"method": "online", "packed": True}, None, "OnlineHD in bits"),
        online.answering(repeats, {"method": "online"}, None, "OnlineHD"),
        neural.training(repeats, {"method": "neural"}, None, "NeuralHD"),
        dist.training(repeats, {"method": "dist", "encoder": "projection"}, None, "DistHD"),
        vanilla.training(repeats, levels, None, "records of levels"),
        vanilla.answering(repeats, levels, 50, "records of levels"),
        *encoded_rows(repeats, peer, data),
        two_thread_row(repeats, "digits, OnlineHD, learning", len(data[0]), partial(_threads_fit, online)),
    ]


def _threads_fit(match: Match, threads: int) -> Any:
    return match.fit({"method": "online"}, threads=threads)
