# SPDX-License-Identifier: Apache-2.0
"""Every Python example of the README runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})


def test_there_is_an_example_for_every_structure() -> None:
    text = "\n".join(EXAMPLES)
    structures = ("BloomFilter", "CountingBloomFilter", "MapI", "MapB", "HopfieldMembership")
    assert [name for name in structures if f"hypersketch.{name}(" not in text] == []
