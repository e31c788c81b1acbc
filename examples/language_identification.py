# SPDX-License-Identifier: Apache-2.0
"""Which language is this line in? Learned from the translations that are installed on this machine.

    python examples/language_identification.py [--root DIR ...] [--plot confusion.png]

Programs bring their messages in many languages as gettext catalogues (files .mo). Messages of two thirds of
the packages train one hypervector a language, messages of the others test them; a message that occurs in both
is for training only. A message is the majority of its character trigrams, 1,256 bytes. A language is the
signs of the sum of all trigrams of its messages, corrected in a few passes where another was as near; the
answer is the language nearest in Hamming distance. The same is done in floating point for comparison.
"""

from __future__ import annotations

import argparse
import gettext
import importlib.util
import re
import site
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hypersketch
from hypersketch.vsa import BSC, MapI, nearest
from hypersketch.vsa.encoders import NGramEncoder

FOLDERS = (
    "/usr/share/locale",
    "/usr/local/share/locale",
    "/usr/share/locale-langpack",
    f"{sys.prefix}/share/locale",
)
CODE = re.compile(
    r"%(?:\([^)]*\))?[-+#0-9.*$'hlLqjzt]*[a-zA-Z]"  # %s, %(name)d, %1$-5ld
    r"|\{[^}]*\}|<[^>]*>|&\w+;|\\\w|(?<!\w)--?\w[\w-]*"  # {name}, <b>, &amp;, \n, --option
)
NOT_LETTERS = re.compile(r"[\s\d!-/:-@\[-`{-~¡¿«»·\u2000-\u206f\u3000-\u303f\uff00-\uff0f]+")
"""Marks of vowels in Indic scripts are letters here, though not for \\w."""
Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
BATCH = 1000


# ---- text


def messages(roots: Iterable[str | Path]) -> Iterator[tuple[str, str, str]]:
    """Yield the locale, the package and the text of every translated message below some folders."""
    for path in sorted({path for root in roots for path in Path(root).rglob("LC_MESSAGES/*.mo")}):
        try:
            with path.open("rb") as file:
                catalogue: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (OSError, UnicodeDecodeError, LookupError, ValueError):
            continue  # an unreadable file is no reason to have no example
        for key, text in catalogue.items():
            original = key[0] if isinstance(key, tuple) else key
            if original and text != original:
                yield path.parts[-3], path.stem, cleaned(text)


def cleaned(text: str) -> str:
    """Return the words of a message, without placeholders, tags, options and marks of keys.

    >>> cleaned("&Speichern unter „%s“ ...")
    ' speichern unter '
    """
    words = CODE.sub(" ", re.sub(r"_(?=\w)|&(?=\w+\b(?!;))", "", text))
    return f" {NOT_LETTERS.sub(' ', words).strip().lower()} "


@dataclass
class Corpus:
    """Messages and the numbers of their languages; those to test come from other packages."""

    languages: list[str]
    train: list[str]
    train_labels: Labels
    test: list[str]
    test_labels: Labels
    n_packages: tuple[int, int]


def third(package: str) -> int:
    """Return which third of the packages one belongs to; it depends on the name alone."""
    return int(hypersketch.hash_keys(package)[0]) % 3


def corpus(
    roots: Iterable[str | Path],
    letters: tuple[int, int],
    most: tuple[int, int],
    least: tuple[int, int],
    *,
    validate: bool = False,
) -> Corpus:
    """Return messages of ``letters[0]`` to ``letters[1]`` characters, of languages with enough of them.

    ``most`` and ``least`` say how many messages of a language train and test. Packages of the first third
    test; to validate, they are not looked at, and those of the second third are in their place.
    """
    packages: tuple[set[str], set[str]] = (set(), set())
    found: tuple[dict[str, set[str]], dict[str, set[str]]] = (defaultdict(set), defaultdict(set))
    for locale, package, text in messages(roots):
        if letters[0] <= len(text) - 2 <= letters[1] and (third(package) or not validate):
            part = int(third(package) == int(validate))
            packages[part].add(package)
            found[part][locale].add(text)
    known = set().union(*found[0].values())
    texts: tuple[list[str], list[str]] = ([], [])
    labels: tuple[list[int], list[int]] = ([], [])
    languages: list[str] = []
    for locale in sorted(found[0]):
        both = (found[0][locale], found[1][locale] - known)
        if all(len(mine) >= enough for mine, enough in zip(both, least, strict=True)):
            for part, mine in enumerate(both):
                chosen = shuffled(mine)[: most[part]]
                texts[part].extend(chosen)
                labels[part].extend([len(languages)] * len(chosen))
            languages.append(locale)
    sizes = (len(packages[0]), len(packages[1]))
    return Corpus(languages, texts[0], np.array(labels[0]), texts[1], np.array(labels[1]), sizes)


def shuffled(texts: set[str]) -> list[str]:
    """Return texts in an order that depends on them alone."""
    ordered = sorted(texts)
    return [ordered[i] for i in np.argsort(hypersketch.hash_keys(ordered))] if ordered else []


# ---- messages as hypervectors


class Encoder:
    """Messages as bundles of their n-grams of characters, rounded to bits and not, on a CPU or a GPU."""

    def __init__(self, dim: int, n: int, device: str = "cpu") -> None:
        self.space, self.device = BSC(dim), device
        self._bits = NGramEncoder(self.space, n)
        self._sums = NGramEncoder(MapI(dim), n)  # of the same atoms

    def packed(self, texts: list[str], threads: int | None = None) -> Any:
        """Return one packed vector a text, by majority, where they are encoded."""
        return self._bits.encode(texts, device=self.device, threads=threads)

    def sums(self, texts: list[str]) -> Rows:
        """Return one vector of sums a text, which nothing rounds."""
        return np.asarray(self._counted(texts), np.float32)

    def _counted(self, texts: list[str]) -> NDArray[np.int32]:
        return np.asarray(self._sums.encode(texts, device=self.device))

    def total(self, texts: list[str]) -> Rows:
        """Return the sum of all texts' n-grams."""
        parts = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
        return np.sum([self._counted(part).sum(axis=0) for part in parts], axis=0, dtype=np.float32)


# ---- learning and answering


def bundled(encoder: Encoder, texts: list[str], labels: Labels) -> Rows:
    """Return the sum of the n-grams of every language, each of the same size."""
    totals = [
        encoder.total([text for text, mine in zip(texts, labels, strict=True) if mine == label])
        for label in range(labels.max() + 1)
    ]
    return scaled(np.array(totals, np.float32))


def scaled(rows: Rows) -> Rows:
    """Return rows whose squared entries have the mean 1."""
    sizes = np.sqrt(np.square(rows).mean(axis=1, keepdims=True))
    return rows / np.maximum(sizes, np.finfo(np.float32).tiny)


def correct(sums: Rows, rows: Rows, scores: Rows, labels: Labels, margin: float, rate: float) -> None:
    """Add messages that another language wins, or nearly so, to their own; subtract them from the other.

    Languages that win by a margin still win when they are rounded to bits.
    """
    here = np.arange(len(labels))
    own = scores[here, labels].copy()
    scores[here, labels] = -np.inf
    rivals = scores.argmax(axis=1)
    for i in np.flatnonzero(own - scores[here, rivals] < margin):
        sums[labels[i]] += rate * rows[i]
        sums[rivals[i]] -= rate * rows[i]


class Learner:
    """Languages as sums of their messages, each answering as it is kept."""

    def __init__(self, encoder: Encoder, sums: Rows) -> None:
        self._encoder, self._sums = encoder, sums.copy()
        self._keep()

    def refine(self, texts: list[str], labels: Labels, passes: int, margin: float, rate: float) -> None:
        """Go through the texts some times, in another order and with smaller steps each."""
        rng = np.random.default_rng(0)
        for step in range(passes):
            for part in np.array_split(rng.permutation(len(texts)), -(-len(texts) // BATCH)):
                rows, scores = self._scored([texts[i] for i in part])
                correct(self._sums, rows, scores, labels[part], margin, rate / (1 + step))
                self._keep()


class Packed(Learner):
    """One bit a dimension; the answer is the nearest in Hamming distance, exactly."""

    def _keep(self) -> None:
        self.classes = self._encoder.space.pack(self._sums < 0)

    def _scored(self, texts: list[str]) -> tuple[Rows, Rows]:
        space, packed = self._encoder.space, np.asarray(self._encoder.packed(texts))
        return 1 - 2 * space.unpack(packed).astype(np.float32), space.similarities(packed, self.classes)

    def predict(self, texts: list[str], threads: int | None = None) -> Labels:
        packed, classes = self._encoder.packed(texts, threads), self.classes
        if self._encoder.device != "cpu":
            classes = hypersketch.cuda.DeviceArray.of(classes, packed.memory.device)
        found = nearest(packed, classes, self._encoder.space.dim, 1, threads=threads)[0]
        return np.asarray(found)[:, 0]


class Float(Learner):
    """The same in floating point, with the cosine."""

    def _keep(self) -> None:
        self.classes = scaled(self._sums).T / np.float32(self._encoder.space.dim)

    def _scored(self, texts: list[str]) -> tuple[Rows, Rows]:
        rows = scaled(self._encoder.sums(texts))
        return rows, rows @ self.classes

    def predict(self, texts: list[str]) -> Labels:
        parts = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
        return np.concatenate([self._scored(part)[1].argmax(axis=1) for part in parts])


# ---- what came out


def confusion(data: Corpus, answers: Labels) -> NDArray[np.float64]:
    """Return which share of each language's messages was taken for each language."""
    n = len(data.languages)
    counts = np.zeros((n, n))
    np.add.at(counts, (data.test_labels, answers), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def confused(data: Corpus, shares: NDArray[np.float64], most: int = 8) -> list[str]:
    """Return the languages that are taken for another most often."""
    others = shares - np.diag(np.diag(shares))
    order = np.argsort(others, axis=None)[::-1][:most]
    pairs = [np.unravel_index(i, others.shape) for i in order]
    names = data.languages
    return [f"{names[a]} for {names[b]} ({others[a, b]:.0%})" for a, b in pairs if others[a, b] > 0]


def plot(data: Corpus, shares: NDArray[np.float64], title: str, path: str) -> None:
    """Draw who is taken for whom; languages taken for each other stand together."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    alike = (shares + shares.T) / 2
    apart = 1 - alike / max(alike.max(), 1e-9)
    np.fill_diagonal(apart, 0)
    order = leaves_list(linkage(squareform(apart, checks=False), "average", optimal_ordering=True))
    names = [data.languages[i] for i in order]
    figure, axes = pyplot.subplots(figsize=(11, 10), layout="constrained")
    image = axes.imshow(np.sqrt(shares[np.ix_(order, order)]), cmap="magma_r", vmin=0, vmax=1)
    axes.set(title=title, xlabel="taken for", ylabel="language of the message")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label="share of the messages (root scale)")
    bar.set_ticks(np.sqrt([0, 0.01, 0.05, 0.2, 0.5, 1]), labels=["0", "1 %", "5 %", "20 %", "50 %", "100 %"])
    figure.savefig(path, dpi=110)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--root", action="append", help="folder with catalogues (default: those of the system)"
    )
    parser.add_argument("--dim", type=int, default=10_000)
    parser.add_argument("--gram", type=int, default=3, help="characters a gram (default: 3)")
    parser.add_argument("--letters", type=int, nargs=2, default=(100, 400), help="length of messages taken")
    parser.add_argument(
        "--most", type=int, nargs=2, default=(1500, 150), help="messages a language, train and test"
    )
    parser.add_argument(
        "--least", type=int, nargs=2, default=(100, 10), help="languages with fewer are left out"
    )
    parser.add_argument("--passes", type=int, default=4, help="passes of correction (default: 4)")
    parser.add_argument("--margin", type=float, default=0.05, help="how clearly to be right (default: 0.05)")
    parser.add_argument("--rate", type=float, default=0.1, help="step of the first pass (default: 0.1)")
    parser.add_argument(
        "--validate", action="store_true", help="leave the test packages alone: for choosing the above"
    )
    parser.add_argument(
        "--device", default="cpu", help="where messages are encoded and told apart (cuda, ...)"
    )
    parser.add_argument("--no-float", action="store_true", help="do not compare with floating point")
    parser.add_argument("--plot", metavar="PNG", help="draw the confusions (needs the extra 'lab')")
    asked = parser.parse_args(given)
    if asked.plot and importlib.util.find_spec("matplotlib") is None:  # before minutes of work
        parser.error("--plot needs matplotlib: pip install 'hypersketch[lab]'")
    return asked


def roots(given: list[str] | None) -> list[str]:
    return given or [*FOLDERS, *site.getsitepackages()]


def main(given: list[str] | None = None) -> None:
    asked = arguments(given)
    sizes = (tuple(pair) for pair in (asked.letters, asked.most, asked.least))
    data = corpus(roots(asked.root), *sizes, validate=asked.validate)
    if len(data.languages) < 2:
        raise SystemExit("There are too few catalogues here: name a folder with --root.")
    print(
        f"{len(data.languages)} languages, {len(data.train):,} messages of {data.n_packages[0]} packages to "
        f"train, {len(data.test):,} of {data.n_packages[1]} others to test"
    )
    encoder = Encoder(asked.dim, asked.gram, asked.device)
    sums = bundled(encoder, data.train, data.train_labels)
    learners: list[Any] = [Packed(encoder, sums)] + ([] if asked.no_float else [Float(encoder, sums)])
    for learner in learners:
        name = type(learner).__name__
        before = np.mean(learner.predict(data.test) == data.test_labels)
        learner.refine(data.train, data.train_labels, asked.passes, asked.margin, asked.rate)
        start = time.perf_counter()
        answers = learner.predict(data.test)
        rate = len(data.test) / (time.perf_counter() - start)
        after = np.mean(answers == data.test_labels)
        print(f"{name:6} {after:.2%} right ({before:.2%} before correction), {rate:,.0f} messages/s")
        if isinstance(learner, Packed):
            shares, best = confusion(data, answers), after
    print("taken for another most often:", ", ".join(confused(data, shares)))
    if asked.plot:
        title = f"{len(data.languages)} languages, {asked.dim:,} bits: {best:.1%} right"
        plot(data, shares, title, asked.plot)
        print(f"wrote {asked.plot}")


if __name__ == "__main__":
    main()
