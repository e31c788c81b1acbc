# SPDX-License-Identifier: Apache-2.0
"""Files: what is saved comes back, old files stay readable, and no bytes of any kind do harm."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import hypersketch
from hypersketch import BloomFilter, HopfieldMembership, _atomic, files
from makers import ALL, MAKERS, answers, filled, same, state

DATA = Path(__file__).parent / "data"


def golden() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("make_golden", DATA / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    structures: dict[str, Any] = module.structures()
    return structures


GOLDEN = golden()


# ---- round trips


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_round_trip(name: str, mmap: bool, path: Path) -> None:
    made = filled(name)
    made.save(path)
    loaded = hypersketch.load(path, mmap=mmap)
    assert same(loaded, made)
    assert np.array_equal(answers(loaded, range(500)), answers(made, range(500)))
    assert repr(loaded) == repr(made)
    assert loaded.copy() == made


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("mmap", [False, True])
def test_golden_files(name: str, mmap: bool) -> None:
    assert same(hypersketch.load(DATA / f"v1_{name}.safetensors", mmap=mmap), GOLDEN[name])


def header_and_state(content: bytes) -> tuple[Any, bytes]:
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def test_golden_files_are_what_is_written_today_but_for_the_padding() -> None:
    for name, made in GOLDEN.items():
        golden = (DATA / f"v1_{name}.safetensors").read_bytes()
        assert header_and_state(made.to_bytes()) == header_and_state(golden)


@pytest.mark.parametrize("name", ALL)
def test_the_state_begins_at_a_line_of_the_cache(name: str) -> None:
    made = filled(name)
    assert (len(made.to_bytes()) - made.nbytes) % 64 == 0


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_loaded_structure_goes_on(name: str, path: Path) -> None:
    made = filled(name)
    made.save(path)
    loaded = hypersketch.load(path)
    for structure in (made, loaded):
        structure.add(range(100, 200))
    assert same(loaded, made)


@pytest.mark.parametrize("name", list(MAKERS))
def test_memory_mapped_structures_are_read_only(name: str, path: Path) -> None:
    made = filled(name)
    made.save(path)
    content = path.read_bytes()
    mapped = hypersketch.load(path, mmap=True)
    changes: list[Callable[[], Any]] = [
        lambda: mapped.add(1),
        lambda: mapped.merge(made),
        mapped.clear,
        lambda: mapped.add([]),
    ]
    if hasattr(mapped, "remove") and "MapB" not in name:
        changes.append(lambda: mapped.remove(1))
    for change in changes:
        with pytest.raises(
            ValueError, match=r"is read-only \(memory-mapped\)\. Change a copy\(\) of it instead"
        ):
            change()
    assert same(mapped, made)
    assert path.read_bytes() == content
    other = mapped.copy()
    other.merge(mapped)
    assert other.n_added == 2 * made.n_added


def test_the_state_of_a_mapped_structure_is_not_read_into_memory(path: Path) -> None:
    BloomFilter(n_bits=10_000, n_hashes=3, layout="classic").save(path)
    base: Any = state(hypersketch.load(path, mmap=True))
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_other_readers_can_open_the_file(path: Path) -> None:
    bag = filled("Bundle of MapI")
    bag.save(path)
    tensors = safetensors.numpy.load_file(path)
    assert list(tensors) == ["state"]
    assert np.array_equal(tensors["state"], bag.counters)


def test_capacity_is_kept(path: Path) -> None:
    BloomFilter(100, 0.01).save(path)
    assert hypersketch.load(path).capacity == 100


def test_states_without_elements(path: Path) -> None:
    memory = HopfieldMembership(1)
    memory.add("a", [5])
    memory.save(path)
    for mmap in (False, True):
        assert hypersketch.load(path, mmap=mmap).score("a") == [5.0]


# ---- atomic saving


def full_disk(*args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupted(*args: object) -> None:
    raise KeyboardInterrupt


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    made = hypersketch.BloomFilter(100, 0.01)
    umask = os.umask(0o022)
    try:
        made.save(path)
        assert path.stat().st_mode & 0o777 == 0o644
        for mode in (0o600, 0o664):
            path.chmod(mode)
            made.save(path)
            assert path.stat().st_mode & 0o777 == mode
    finally:
        os.umask(umask)


@pytest.mark.parametrize(("failure", "error"), [(full_disk, OSError), (interrupted, KeyboardInterrupt)])
@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "hypersketch.files._write_array"])
def test_a_failed_save_leaves_the_old_file_and_no_other(
    where: str,
    failure: Any,
    error: type[BaseException],
    saved: bytes,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = filled("HopfieldMembership")
    with monkeypatch.context() as patch:
        patch.setattr(where, failure)
        with pytest.raises(error) as caught:
            other.save(path)
    if error is OSError:
        assert caught.value.errno == errno.ENOSPC
        assert "No space left on device; nothing was saved and an older file stays as it was" in str(
            caught.value
        )
    assert path.read_bytes() == saved
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_device_that_is_really_full(saved: bytes, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def onto_full_device(file: Any, *modes: Any, **others: Any) -> Any:
        return open("/dev/full", "wb") if modes == ("xb",) else open(file, *modes, **others)

    monkeypatch.setattr(_atomic, "open", onto_full_device, raising=False)
    with pytest.raises(OSError, match="No space left on device"):
        filled("HopfieldMembership").save(path)
    assert path.read_bytes() == saved
    assert os.listdir(path.parent) == [path.name]


def test_places_that_cannot_be_saved_to(tmp_path: Path) -> None:
    seen = filled("BloomFilter")
    with pytest.raises(FileNotFoundError):
        seen.save(tmp_path / "missing" / "state.safetensors")
    with pytest.raises(ValueError, match="cannot be saved to: it is not a regular file"):
        seen.save(tmp_path)
    with pytest.raises(ValueError, match="cannot be saved to: it is not a regular file"):
        seen.save("/dev/null")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", [5, None, b"bytes", True, ["a"]])
def test_what_is_no_path(path: Any) -> None:
    for name, call in (
        ("load", hypersketch.load),
        ("save", filled("BloomFilter").save),
        ("save", lambda path: files.save(filled("BloomFilter"), path)),
    ):
        with pytest.raises(TypeError, match=rf"^The 'path' parameter of {name} must be a str or path-like"):
            call(path)


def test_links_and_permissions(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    before = os.umask(0o027)
    try:
        filled("BloomFilter").save(link)
    finally:
        os.umask(before)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert hypersketch.load(link) == filled("BloomFilter")


def test_saving_over_the_file_that_is_mapped(path: Path) -> None:
    filled("Bundle of MapI").save(path)
    mapped = hypersketch.load(path, mmap=True)
    bigger = mapped.copy()
    bigger.add(range(1000))
    bigger.save(path)
    assert mapped == filled("Bundle of MapI")
    assert hypersketch.load(path) == bigger


def test_another_process_sees_the_same(path: Path) -> None:
    filled("BloomFilter").save(path)
    code = (
        "import sys, hypersketch; print(hypersketch.load(sys.argv[1], mmap=True).contains(range(40)).all())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.glob(".hypersketch-*"))
