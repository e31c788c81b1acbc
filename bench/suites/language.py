# SPDX-License-Identifier: Apache-2.0
"""Which language a message is in: examples/language_identification.py beside torchhd, one thread."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from harness import HERE, Row, Work, note, rate_text, rates, row
from hypersketch.vsa import MapI
from peers.torchhd import Torchhd

sys.path.append(str(HERE.parent / "examples"))
import language_identification as example  # the folder is only known above

DIM, GRAM, FEW = 10_000, 3, 50


def accuracies(data: example.Corpus, *learners: Any) -> list[float]:
    """Return which share of the test messages each learner names rightly."""
    return [float(np.mean(learner.predict(data.test) == data.test_labels)) for learner in learners]


def rows(repeats: int) -> list[Row]:
    """Messages a second and accuracy, as the example has them by default."""
    given = example.arguments([])
    data = example.corpus(
        example.roots(None), *(tuple(pair) for pair in (given.letters, given.most, given.least))
    )
    n = len(data.languages)
    if n < 40:
        return [note("language identification", f"needs catalogues of 40 languages; here are {n}")]
    encoder = example.Encoder(DIM, GRAM)
    sums = example.bundled(encoder, data.train, data.train_labels)
    packed, real = (kind(encoder, sums) for kind in (example.Packed, example.Float))
    bundled = accuracies(data, packed, real)
    for learner in (packed, real):
        learner.refine(data.train, data.train_labels, given.passes, given.margin, given.rate)
    corrected = accuracies(data, packed, real)

    torchhd = Torchhd()
    few = data.test[:: len(data.test) // FEW][:FEW]
    letters = sorted(set("".join(few)))
    atoms = MapI(DIM).unpack(MapI(DIM).atoms(letters)).astype(np.float32)
    languages = torchhd.languages(atoms, np.ascontiguousarray(real.classes.T), GRAM)
    tokens = [np.array([letters.index(letter) for letter in text]) for text in few]
    same = np.array_equal(torchhd.language_of(languages, tokens), real.predict(few))
    got = rates(
        repeats,
        {
            "ours": Work(lambda: packed.predict(data.test, threads=1), len(data.test)),
            "peer": Work(lambda: torchhd.language_of(languages, tokens), len(few)),
        },
    )
    space = encoder.space
    what = f"{n} languages by trigrams, {np.mean([len(text) for text in data.test]):.0f} characters a message"
    mine = f"{rate_text(got['ours'])} messages/s"
    speed = row(
        f"{what}, D = {DIM:,}, encoded and found",
        mine,
        f"{torchhd.name}: {got['peer']:.0f}",
        got["ours"] / got["peer"],
        50,
        f"{corrected[0]:.2%} right" if same else "WRONG",
        f"{space.nbytes:,} a language; peer {4 * DIM:,}",
        headline=True,
    )
    losses = [
        row(
            f"{what}, accuracy lost by bits, {how}",
            f"{right[0]:.2%}",
            f"the same in floating point: {right[1]:.2%}",
            right[1] - right[0],
            0.005,
            f"{len(data.test):,} messages of other packages",
            f"{space.nbytes:,} a language; in float {4 * DIM:,}",
            at_most=True,
        )
        for how, right in (("bundled", bundled), ("corrected", corrected))
    ]
    return [speed, *losses]
