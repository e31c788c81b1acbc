# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests: every instruction-set level of this processor, and Hypothesis' settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from hypersketch import _core, set_num_threads
from makers import filled

# Derandomized: a failure repeats, and no run is luckier than another.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None, max_examples=50, database=None)
hypothesis.settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that go through all levels themselves: a run at one level may leave them out."""
    for item in items:
        if "level" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.every_level)


@pytest.fixture(params=_core.available_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test at each level that this processor has."""
    before = _core.simd_level()
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(before)


@pytest.fixture(params=[1, 2, 3], ids=lambda n: f"{n} threads")
def threads(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


@pytest.fixture(autouse=True)
def _default_threads() -> Iterator[None]:
    yield
    set_num_threads(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where to save."""
    return tmp_path / "state.safetensors"


@pytest.fixture
def saved(path: Path) -> bytes:
    """The bytes of a saved filter, which lie at ``path``."""
    filled("BloomFilter").save(path)
    return path.read_bytes()


@pytest.fixture(scope="session")
def plain_parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file without filters, of three row groups."""
    from pyarrow import parquet

    from parquet_makers import TABLE

    path = tmp_path_factory.mktemp("parquet") / "plain.parquet"
    parquet.write_table(TABLE, path, row_group_size=2000)
    return path
