# SPDX-License-Identifier: Apache-2.0
"""Importing the package loads NumPy and the compiled module, and nothing else that is large."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "scipy",
    "matplotlib",
    "polars",
    "pandas",
    "pyarrow",
    "rich",
    "typer",
    "safetensors",
    "hypersketch.capacity",
    "hypersketch.cli",
    "hypersketch.cuda",
    "hypersketch._cuda",
    "multiprocessing",
]


def modules_after(program: str) -> set[str]:
    code = f"import sys\n{program}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "program",
    [
        "import hypersketch",
        "import hypersketch\nseen = hypersketch.BloomFilter(9, 0.1)\nseen.expected_fpr()\nseen.cardinality()",
        "import hypersketch\nbag = hypersketch.MapB(100).bundle(range(9))\nbag.intersection_cardinality(bag)",
        "import hypersketch\nhypersketch.HopfieldMembership(9).add([1])\ndir(hypersketch)",
    ],
)
def test_nothing_heavy_is_loaded(program: str) -> None:
    loaded = modules_after(program)
    assert "hypersketch._core" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_closed_forms_do_not_need_scipy_to_import() -> None:
    assert "scipy" not in modules_after("import hypersketch.theory")


def test_the_planner_comes_when_asked_for() -> None:
    assert "hypersketch.capacity" in modules_after("import hypersketch\nhypersketch.capacity")
    assert "hypersketch.capacity" in modules_after("from hypersketch import plan\nassert callable(plan)")


def test_keys_are_hashed_without_importing_their_packages() -> None:
    program = (
        "import hypersketch\n"
        "class Column:\n"
        "    def __arrow_c_stream__(self, requested_schema=None): raise ImportError\n"
        "    def __array__(self, dtype=None, copy=None): import numpy; return numpy.arange(3)\n"
        "    def __iter__(self): return iter(range(3))\n"
        "assert (hypersketch.hash_keys(Column()) == hypersketch.hash_keys(range(3))).all()"
    )
    assert [name for name in HEAVY if name in modules_after(program)] == []
