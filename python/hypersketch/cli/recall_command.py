# SPDX-License-Identifier: Apache-2.0
"""The command ``hypersketch recall``."""

# No `from __future__ import annotations` here: typer reads the annotations themselves.

from typing import Annotated, Any, cast

import typer
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from hypersketch.cli.arrays import require_output, rows_of_file
from hypersketch.cli.interruptions import Changes
from hypersketch.cli.options import bytes_text
from hypersketch.cli.progress import byte_bar
from hypersketch.cli.recall import Recalled, memory_over, recalled
from hypersketch.cli.terminal import facts, integer, sentences, wide_console
from hypersketch.memories import ContinuousMemory

__all__ = ["recall"]

_OPTIONS = {
    name: f"--{name}"
    for name in (
        *("patterns", "queries", "values", "similarity", "separation", "beta"),
        *("dtype", "alpha", "degree", "steps", "k"),
    )
}
_SHOWN = 10  # queries
_NEAREST = 5  # patterns of each
_DEFAULT_K = 10
_MEASURED = "measured"
_POWERS = ("polynomial", "identity")  # which have no temperature


def recall(
    patterns: Annotated[str, typer.Option(help="File .npy with one stored pattern a row.")],
    queries: Annotated[str, typer.Option(help="File .npy with one query a row.")],
    k: Annotated[str | None, typer.Option(help="Nearest patterns of a query. Default: 10.")] = None,
    values: Annotated[
        str | None, typer.Option(help="File .npy with one value a pattern, to retrieve instead.")
    ] = None,
    similarity: Annotated[str, typer.Option(help="dot, cosine, euclidean or manhattan.")] = "cosine",
    separation: Annotated[
        str,
        typer.Option(help="softmax, sparsemax, entmax, normmax, top-k (of --k), polynomial or identity."),
    ] = "softmax",
    beta: Annotated[
        str | None,
        typer.Option(
            help="Inverse temperature, or 'measured': nine of ten patterns leak 1 % to others. Default: "
            "random ones would, by theory."
        ),
    ] = None,
    alpha: Annotated[float, typer.Option(help="Of entmax and normmax.")] = 1.5,
    degree: Annotated[int, typer.Option(help="Of polynomial.")] = 2,
    steps: Annotated[str, typer.Option(help="Most steps of retrieval.")] = "1",
    dtype: Annotated[str, typer.Option(help="Kept as float32, bfloat16, int8 or float8.")] = "float32",
    out: Annotated[
        str | None,
        typer.Option(help="File .npz for all results, or .npy for the retrieved states alone."),
    ] = None,
) -> None:
    """Find the nearest patterns of queries, and what a modern Hopfield network retrieves for them.

    A file of float32 is mapped, not read into memory, so it may be larger than that; other numbers are
    converted, piece by piece. All patterns are compared.
    """
    with sentences(Changes(out), _OPTIONS):
        target = None if out is None else require_output(out)
        rows, asked, others = _rows(patterns, queries, values)
        wanted = integer("--k", k) if k is not None else min(_DEFAULT_K, len(rows))
        given = _number(beta)
        options: dict[str, Any] = {"similarity": similarity, "separation": separation, "beta": given}
        options |= {"alpha": alpha, "degree": degree, "dtype": dtype, "k": wanted}
        memory = memory_over(rows, others, **options)
        chosen = memory.measured_beta() if beta == _MEASURED else given
        with byte_bar("recalling", asked.nbytes) as advance:
            found = recalled(
                memory,
                asked,
                cast(int, wanted),
                cast(int, integer("--steps", steps)),
                target,
                width=(rows if others is None else others).shape[1],
                beta=chosen,
                no_zeros=similarity == "cosine",
                advance=advance,
            )
        _print(memory, found, separation, (beta, chosen), out)


def _number(beta: str | None) -> float | None:
    """The inverse temperature that was given as a number."""
    if beta is None or beta == _MEASURED:
        return None
    try:
        return float(beta)
    except ValueError:
        raise ValueError(f"--beta must be a number or '{_MEASURED}'. Got '{beta}' instead.") from None


def _rows(
    patterns: str, queries: str, values: str | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """The rows of all files, or what is wrong with them."""
    rows, asked = rows_of_file("--patterns", patterns), rows_of_file("--queries", queries, one=True)
    if rows.shape[1] != asked.shape[1]:
        raise ValueError(
            f"--queries must have as many dimensions as --patterns, {rows.shape[1]}. Got {asked.shape[1]}."
        )
    return rows, asked, None if values is None else rows_of_file("--values", values)


def _print(
    memory: ContinuousMemory,
    found: Recalled,
    separation: str,
    beta: tuple[str | None, float | None],
    out: str | None,
) -> None:
    wide_console().print(_table(found))
    n = len(found.steps)
    rows = [
        ("patterns", f"{len(memory):,}"),
        ("queries", f"{n:,}"),
        ("memory of the patterns", bytes_text(memory.nbytes)),
    ]
    if separation not in _POWERS:
        asked, used = beta
        how = {None: " (1 % leaks)", _MEASURED: " (measured)"}.get(asked, "")
        rows.append(("beta", f"{memory.beta_for() if used is None else used:.4g}{how}"))
    rows += [
        ("converged", f"{found.converged.sum():,} of {n:,}"),
        ("one pattern retrieved (effective number below 1.5)", f"{(found.effective < 1.5).sum():,} of {n:,}"),
    ]
    facts("Recalled", rows + ([] if out is None else [("written", out)]))


def _table(found: Recalled) -> Table:
    table = Table(header_style="bold")
    for name, side in (
        ("query", "right"),
        ("nearest patterns (similarity)", "left"),
        ("steps", "right"),
        ("converged", "left"),
        ("effective number", "right"),
    ):
        table.add_column(Text(name), justify=cast(Any, side), overflow="fold")
    for query in range(min(_SHOWN, len(found.steps))):
        pairs = zip(found.indices[query, :_NEAREST], found.similarities[query, :_NEAREST], strict=True)
        more = ", …" if found.indices.shape[1] > _NEAREST else ""
        table.add_row(
            f"{query:,}",
            ", ".join(f"{index} ({likeness:.4g})" for index, likeness in pairs) + more,
            f"{found.steps[query]}",
            "yes" if found.converged[query] else "no",
            f"{found.effective[query]:.3g}",
        )
    return table
