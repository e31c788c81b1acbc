# SPDX-License-Identifier: Apache-2.0
"""The GPU half: what it says of a machine without a GPU, and on one with a GPU what its devices are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hypersketch
from hypersketch import cuda

REASON = cuda.why_not()
needs_gpu = pytest.mark.skipif(REASON is not None, reason=str(REASON))
BUILT = list(Path(hypersketch.__file__).parent.glob("_cuda*.so"))


def test_reason_and_answer_agree() -> None:
    assert cuda.available() == (REASON is None)
    assert REASON is None or REASON.endswith(".")


@pytest.mark.skipif(REASON is None, reason="this machine has a GPU")
def test_without_a_gpu_devices_say_why() -> None:
    with pytest.raises(RuntimeError) as error:
        cuda.devices()
    assert str(error.value) == REASON


def test_a_build_without_the_gpu_half_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "_module", lambda: None)
    assert not cuda.available()
    assert "HYPERSKETCH_CUDA=ON" in str(cuda.why_not())
    with pytest.raises(RuntimeError, match="without its GPU half"):
        cuda.devices()


def test_nothing_of_it_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, hypersketch; print([m for m in sys.modules if 'cuda' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not BUILT, reason="the GPU half was not built")
def test_it_needs_no_library_of_cuda() -> None:
    done = subprocess.run(["readelf", "-d", str(BUILT[0])], capture_output=True, text=True, check=True)
    needed = [line for line in done.stdout.splitlines() if "NEEDED" in line]
    assert needed
    assert not [line for line in needed if "cuda" in line or "nv" in line]


@needs_gpu
def test_devices() -> None:
    found = cuda.devices()
    assert [device.index for device in found] == list(range(len(found)))
    for device in found:
        assert device.name
        assert device.capability >= (8, 0)
        assert device.memory > 1 << 30
        assert device.processors > 0
