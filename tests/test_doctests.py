# SPDX-License-Identifier: Apache-2.0
"""Every example of a docstring runs and prints what it says, from the installed package."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil

import pytest

import hypersketch

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(hypersketch.__path__, "hypersketch.")
    if not module.name.endswith(("._core", "._cuda", ".__main__"))
)
"""Private ones too: public classes inherit from what they define."""
NOT_IN_THE_TEST_EXTRA = {"hypersketch.interop.torchhd": "torchhd"}
"""Packages too large to be asked of everyone who runs the tests."""


@pytest.mark.parametrize("name", ["hypersketch", *MODULES])
def test_examples_of_module(name: str, tmp_path, monkeypatch) -> None:
    needed = NOT_IN_THE_TEST_EXTRA.get(name)
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"needs {needed}")
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0


def test_the_public_names_have_examples() -> None:
    finder = doctest.DocTestFinder()
    without = [
        name
        for name in hypersketch.__all__
        if callable(getattr(hypersketch, name))
        and not any(test.examples for test in finder.find(getattr(hypersketch, name), name))
    ]
    assert without == []
