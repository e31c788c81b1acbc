# SPDX-License-Identifier: Apache-2.0
"""The report of a run: one self-contained page that a reader needs no paper for, and its figures as files."""

from __future__ import annotations

import base64
import io
import string
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from hypersketch.capacity import tables
from hypersketch.capacity.experiments import Experiment
from hypersketch.capacity.journal import write_atomically
from hypersketch.capacity.plots import Picture, style
from hypersketch.capacity.results import Results
from hypersketch.capacity.structures import Structure, structure

__all__ = [
    "command_line",
    "glossary",
    "heading",
    "html_table",
    "paragraphs",
    "reproduction",
    "standard_page",
    "verdict_reading",
    "write_report",
]

_PAGE = string.Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { --ink: #1d2126; --soft: #5b636d; --line: #dfe3e8; --good: #0a7d4b; --bad: #c00000; }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; color: var(--ink);
  background: #fff; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 70rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p, ul, dl { max-width: 46rem; margin: .5rem 0; }
.lead { font-size: 1.1rem; color: var(--soft); } .source { color: var(--soft); font-size: .93rem; }
code { background: #f6f7f9; padding: .1rem .35rem; font-size: .93em; }
.outcome { border-left: 5px solid var(--good); background: #f1f8f4; padding: .8rem 1.1rem; margin: 1.4rem 0;
  max-width: 46rem; font-weight: 600; }
.outcome.bad { border-color: var(--bad); background: #fdf2f2; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; }
dt { font-weight: 600; } dd { margin: 0; }
figure { margin: 1.4rem 0; } figure img { max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .93rem; max-width: 46rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; margin: .8rem 0; }
th, td { padding: .3rem .5rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { background: #f6f7f9; font-weight: 600; }
th.text, td.text { text-align: left; } td.wide { white-space: normal; min-width: 11rem; }
.inside { color: var(--good); font-weight: 600; } .above, .below { color: var(--bad); font-weight: 600; }
pre { background: #f6f7f9; padding: .8rem 1rem; overflow-x: auto; font-size: .88rem; max-width: 46rem; }
footer { margin-top: 3rem; color: var(--soft); font-size: .88rem; }
</style>
</head>
<body>
$body
</body>
</html>
"""
)


def write_report(
    experiment: Experiment, results: Results, config: Mapping[str, Any], folder: Path
) -> list[Path]:
    """Writes ``index.html`` and the figures, PNG and SVG.

    Parameters
    ----------
    experiment : Experiment
        What was run.
    results : Results
        Its rows.
    config : mapping
        Its configuration.
    folder : Path
        Where to write.

    Returns
    -------
    list of Path
        The files written.
    """
    written = []
    figures = []
    with style():
        for picture in experiment.pictures(results):
            vector, files = _save(picture, folder / "figures")
            figures.append(_figure_html(picture, vector))
            written += files
    body = experiment.page(results, config, figures)
    page = folder / "index.html"
    write_atomically(page, _PAGE.substitute(title=f"hypersketch: {escape(experiment.title)}", body=body))
    return [page, *written]


def standard_page(
    experiment: Experiment, results: Results, config: Mapping[str, Any], figures: Sequence[str]
) -> str:
    """The body of the page of an ordinary experiment."""
    names = dict.fromkeys(row.structure for row in results)
    sections = [
        heading(experiment, results),
        "<h2>What was asked</h2>" + paragraphs(experiment.question),
        glossary([structure(name) for name in names]),
        "<h2>How it was measured</h2>"
        + paragraphs(
            experiment.method, f"The keys are {config['keys']} ({config['universe']:,} different ones)."
        ),
        "<h2>What theory says</h2>" + paragraphs(experiment.prediction),
        "<h2>Results</h2>" + html_table(tables.SUMMARY_HEAD, tables.summary(results)),
        "".join(figures),
        "<h2>All numbers</h2>" + html_table(tables.HEAD, tables.lines(results.rows), left=(2, 4)),
        verdict_reading(results),
        reproduction(config),
    ]
    return "\n".join(sections)


def glossary(structures: Iterable[Structure]) -> str:
    """What each structure is, in a sentence."""
    items = "".join(f"<dt>{escape(one.title)}</dt><dd>{escape(one.explanation)}</dd>" for one in structures)
    return f"<h3>The structures</h3><dl>{items}</dl>"


def heading(experiment: Experiment, results: Results) -> str:
    """Title, summary and the outcome in one sentence."""
    kind = "outcome" if results.all_inside else "outcome bad"
    lead = experiment.summary.removeprefix(experiment.title).strip()
    return (
        f"<h1>{escape(experiment.title)}</h1><p class='lead'>{escape(lead)}</p>"
        f"<div class='{kind}'>{escape(tables.headline(results))}</div>"
    )


def paragraphs(*texts: str) -> str:
    """Texts as HTML paragraphs."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def html_table(
    head: Sequence[str], lines: Iterable[Sequence[str]], left: Sequence[int] = (), wide: Sequence[int] = ()
) -> str:
    """A table whose first column, and those in `left` and `wide`, are text; wide ones may wrap."""

    def cell(tag: str, index: int, value: str) -> str:
        names = ["text"] if index == 0 or index in left or index in wide else []
        names += ["wide"] if index in wide else []
        names += [value] if value in ("inside", "above", "below") and tag == "td" else []
        attribute = f' class="{" ".join(names)}"' if names else ""
        return f"<{tag}{attribute}>{escape(value)}</{tag}>"

    def line(tag: str, values: Sequence[str]) -> str:
        return "<tr>" + "".join(cell(tag, index, value) for index, value in enumerate(values)) + "</tr>"

    body = "\n".join(line("td", values) for values in lines)
    return f"<div class='scroll'><table><thead>{line('th', head)}</thead><tbody>{body}</tbody></table></div>"


def verdict_reading(results: Results) -> str:
    """How to read the verdicts."""
    judged = max(1, sum(row.verdict != "" for row in results))
    return "<h2>How to read the verdicts</h2>" + paragraphs(
        "Every measurement is repeated with independent random seeds, and its interval says how far the "
        "true value may lie from it by chance. The verdict is inside if the predicted value lies in that "
        "interval; above (below) if the whole interval lies above (below) the prediction, so the structure "
        "really behaves differently from the formula.",
        f"{judged} verdicts stand on this page. The intervals are so wide that all of them together are "
        f"wrong by chance in one run of a thousand: each one is a {1 - 0.001 / judged:.4%} interval. A seed "
        "is never chosen to make a verdict pass, and nothing is fitted.",
        "Rates count wrong answers; tests of one trial share one memory, so the interval is built from "
        "whole trials (Clopper-Pearson at the effective number of tests, Korn and Graubard 1998). Means use "
        "Student's interval over trials, root mean squares the same on a logarithmic scale. results.jsonl "
        "holds the ordinary 95 % intervals too (Wilson's for rates).",
    )


def reproduction(config: Mapping[str, Any]) -> str:
    """The command that makes the same numbers again, and on what it ran."""
    device = config.get("device", "cpu")
    where, digits = "the CPU", ""
    if device != "cpu":
        where = f"a GPU ({device})"
        digits = ", and on a GPU the last digits of projections. Without --device the CPU measures the same"
    return (
        "<h2>To reproduce</h2>"
        + paragraphs(
            f"hypersketch {config['version']}, seed {config['seed']}, measured on {where}. The same command "
            "gives the same numbers to the last digit on every machine and with any number of workers; only "
            f"the figures' fonts may differ{digits}."
        )
        + f"<pre>pip install 'hypersketch[lab]=={config['version']}'\n{escape(command_line(config))}</pre>"
        + "<footer>Files beside this page: results.jsonl (all rows), run.json (settings and machine), "
        "figures/ (PNG and SVG).</footer>"
    )


def command_line(config: Mapping[str, Any]) -> str:
    """The command of a configuration.

    Examples
    --------
    >>> command_line({"experiment": "cleanup", "n": [5, 15], "dims": None, "seed": 1})
    'hypersketch capacity cleanup --n 5,15 --seed 1 --out report'
    """
    parts = ["hypersketch", "capacity", config["experiment"]]
    for name in ("structures", "n", "dims", "trials", "asked_universe", "asked_keys", "column", "device"):
        value = config.get(name)
        if value is not None and (name, value) != ("device", "cpu"):
            listed = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            parts += [f"--{name.removeprefix('asked_')}", listed]
    return " ".join([*parts, "--seed", str(config["seed"]), "--out", "report"])


def _save(picture: Picture, folder: Path) -> tuple[bytes, list[Path]]:
    """Writes a figure as PNG and SVG and gives back the SVG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    folder.mkdir(parents=True, exist_ok=True)
    figure = picture.draw()
    FigureCanvasAgg(figure)
    content = {}
    for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=ending, metadata=metadata)
        content[ending] = buffer.getvalue()
    files = []
    for ending, data in content.items():
        files.append(folder / f"{picture.name}.{ending}")
        write_atomically(files[-1], data)
    return content["svg"], files


def _figure_html(picture: Picture, vector: bytes) -> str:
    data = base64.b64encode(vector).decode()
    return (
        f"<figure><h3>{escape(picture.title)}</h3>"
        f"<img alt='{escape(picture.caption, quote=True)}' src='data:image/svg+xml;base64,{data}'>"
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )
