# SPDX-License-Identifier: Apache-2.0
"""Structures that several processes look at: shared memory and mapped files."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import BloomFilter, attach
from hypersketch.sharing import Shared
from makers import ALL, MAKERS, answers, filled, same, state


def run(program: str, *arguments: str) -> str:
    """What a process of its own prints; it must be silent on stderr, as a resource tracker is not."""
    command = [sys.executable, "-W", "error", "-c", f"import sys, hypersketch\n{program}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


def there(name: str) -> bool:
    try:
        attach(name)
    except FileNotFoundError:
        return False
    return True


# ---- shared memory


@pytest.mark.parametrize("name", ALL)
def test_attached_structures_are_equal_and_read_only(name: str) -> None:
    made = filled(name)
    with made.share() as shared:
        assert shared.nbytes >= made.nbytes
        seen = attach(shared.name)
        assert same(seen, made)
        assert np.array_equal(answers(seen, range(500)), answers(made, range(500)))
        if name in MAKERS:
            with pytest.raises(ValueError, match="is read-only"):
                seen.add(1)
            seen.copy().add(1)
    assert not there(shared.name)
    assert same(seen, made)  # what was attached stays


def test_states_begin_at_a_line_of_the_cache() -> None:
    with filled("BloomFilter").share() as shared:
        assert attach(shared.name).state.ctypes.data % 64 == 0


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "ScalableBloomFilter"])
def test_what_a_writer_changes_all_see(name: str) -> None:
    with filled(name).share() as shared:
        reader, writer = attach(shared.name), attach(shared.name, writable=True)
        writer.add(range(40, 80))
        assert writer == filled(name, range(80))
        assert np.array_equal(state(reader), state(writer))


def test_what_grows_cannot_be_changed_in_shared_memory() -> None:
    made = filled("ScalableBloomFilter")
    with made.share() as shared:
        with pytest.raises(
            ValueError, match=r"a ScalableBloomFilter cannot grow in shared memory\. Attach it read"
        ):
            attach(shared.name, writable=True)
        seen = attach(shared.name)
        for change in (lambda: seen.add(range(500)), seen.clear, lambda: seen.merge(made)):
            with pytest.raises(ValueError, match="read-only"):
                change()
        assert same(seen, made)


def test_names() -> None:
    made = filled("BloomFilter")
    name = f"hypersketch-test-{os.getpid()}"  # other runs of this test may be under way
    with made.share(name) as shared:
        assert shared.name == name
        assert repr(shared) == f"Shared(name='{name}', nbytes={shared.nbytes})"
        assert attach(name) == made
        with pytest.raises(FileExistsError):
            made.share(name)
        assert attach(name) == made
    with made.share(name):  # the name is free again
        pass
    for wrong, error in (("", ValueError), ("a/b", ValueError), ("a\0b", ValueError), (5, TypeError)):
        with pytest.raises(error, match="The 'name' parameter of share must be"):
            made.share(wrong)
        with pytest.raises(error, match="The 'name' parameter of attach must be"):
            attach(wrong)
    with pytest.raises(FileNotFoundError):
        attach(name)
    with pytest.raises(TypeError, match="'writable' parameter of attach"):
        attach(name, writable=1)  # type: ignore[arg-type]


def test_closing_twice_and_forgetting() -> None:
    shared = filled("BloomFilter").share()
    shared.close()
    shared.close()
    assert not there(shared.name)
    name = filled("BloomFilter").share().name
    gc.collect()
    assert not there(name)


def test_memory_that_holds_something_else() -> None:
    for content in (b"x" * 100, filled("BloomFilter").to_bytes()[:-1], b"\0"):
        segment = shared_memory.SharedMemory(create=True, size=len(content))
        try:
            segment.buf[: len(content)] = content
            with pytest.raises(ValueError, match=r"The shared memory .* cannot be loaded: it is not a sound"):
                attach(segment.name)
        finally:
            segment.close()
            segment.unlink()


def test_more_memory_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    with pytest.raises(OSError, match="No space left"):
        filled("BloomFilter").share()
    assert not before or set(os.listdir("/dev/shm")) <= before


def test_other_programs_look_without_taking_the_name_away() -> None:
    made = filled("BloomFilter")
    with made.share() as shared:
        for _ in range(2):
            program = "print(hypersketch.attach(sys.argv[1]).contains(range(40)).all())"
            assert run(program, shared.name) == "True"
            assert there(shared.name)
        writer = "hypersketch.attach(sys.argv[1], writable=True).add(range(1000, 1040))"
        run(writer, shared.name)
        assert attach(shared.name).contains(range(1000, 1040)).all()


def test_a_program_that_ends_leaves_nothing() -> None:
    program = (
        "seen = hypersketch.BloomFilter(n_bits=256, n_hashes=8)\nshared = seen.share()\nprint(shared.name)"
    )
    assert not there(run(program))


def test_a_program_that_crashes_leaves_nothing() -> None:
    program = (
        "import os, signal, hypersketch\n"
        "print(hypersketch.BloomFilter(n_bits=256, n_hashes=8).share().name, flush=True)\n"
        "shared = hypersketch.BloomFilter(n_bits=256, n_hashes=8).share()\n"
        "print(shared.name, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    for name in done.stdout.split():  # the pipe closes when the resource tracker has ended, too
        assert not there(name)


CHILD = "import hypersketch; assert hypersketch.attach(name).contains(range(40)).all()"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(method: str, capfd: pytest.CaptureFixture[str]) -> None:
    context = multiprocessing.get_context(method)
    with filled("BloomFilter").share() as shared:
        children = [context.Process(target=exec, args=(CHILD, {"name": shared.name})) for _ in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
            assert child.exitcode == 0
        assert there(shared.name)
    assert not there(shared.name)
    assert capfd.readouterr().err == ""


def _forget(shared: Shared) -> None:
    shared.close()


def test_a_forked_child_cannot_end_what_its_parent_shares() -> None:
    context = multiprocessing.get_context("fork")
    with filled("BloomFilter").share() as shared:
        child = context.Process(target=_forget, args=(shared,))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert there(shared.name)


def test_attaching_tells_the_resource_tracker_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    with filled("BloomFilter").share() as shared:
        monkeypatch.setattr(resource_tracker, "register", lambda *arguments: told.append(arguments))
        attach(shared.name)
        attach(shared.name, writable=True)
        monkeypatch.undo()
    assert told == []


# ---- mapped files


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="Linux tells what is mapped")
def test_processes_share_the_pages_of_a_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    seen = BloomFilter(n_bits=1 << 20, n_hashes=8)
    seen.add(range(1000))
    seen.save(path)
    program = (
        "seen = hypersketch.load(sys.argv[1], mmap=True)\n"
        "print(seen.contains(range(1000)).all(), seen.state.ctypes.data % 64, end=' ')\n"
        "with open('/proc/self/maps') as maps: print([x.split()[1] for x in maps if sys.argv[1] in x])"
    )
    mapped = hypersketch.load(path, mmap=True)
    for _ in range(2):
        assert run(program, str(path)) == "True 0 ['r--s']"  # s: shared with all who map it
    assert mapped == seen


# ---- states with two owners

MOST = 2**31 - 1
COUNTERS = {
    "CountSketch": lambda: hypersketch.CountSketch(16, 1, dtype="int32"),
    "CountMinSketch": lambda: hypersketch.CountMinSketch(16, 1, dtype="int32"),
    "Bundle": lambda: hypersketch.MapI(64).bundle(),
    "HopfieldMembership": lambda: hypersketch.HopfieldMembership(16),
}


def attached_twice(made: Any) -> Any:
    with made.share() as shared:
        return attach(shared.name, writable=True), attach(shared.name, writable=True)


def pickled_twice(made: Any) -> Any:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(made, 5, buffer_callback=buffers.append)
    return made, pickle.loads(data, buffers=buffers)


@pytest.mark.parametrize("twice", [attached_twice, pickled_twice])
@pytest.mark.parametrize("name", COUNTERS)
def test_owners_who_take_turns_never_wrap(name: str, twice: Any) -> None:
    for one, other in (twice(COUNTERS[name]()), twice(COUNTERS[name]())[::-1]):
        other.add(["a"], weights=[1])
        one.add(["a"], weights=[MOST - 10])
        before, full = state(one).copy(), COUNTERS[name]()
        assert np.abs(before).max() == MOST - 9
        full.add(["a"], weights=[100])
        changes: list[tuple[Callable[..., Any], Any]] = [
            (other.add, (["a"], [100])),
            (other.merge, (full,)),
            (full.merge, (other,)),
            (other.copy().add, (["a"], [100])),
            (one.copy().merge, (one,)),
        ]
        for change, arguments in changes:
            with pytest.raises(OverflowError):
                change(*arguments)
            assert np.array_equal(state(one), before)
        other.add(["a"], weights=[9])
        other.clear()
        assert not state(one).any()
        assert full.total_weight == 100


def test_floats_with_two_owners_stay_finite() -> None:
    one, other = attached_twice(hypersketch.CountSketch(1, 1, dtype="float32"))
    other.add(["a"], weights=[1.0])
    for _ in range(2):
        one.add(["a"], weights=[1.6e38])
    with pytest.raises(OverflowError):
        other.add(["a"], weights=[1.6e38])
    assert np.isfinite(state(one)).all()
