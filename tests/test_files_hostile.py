# SPDX-License-Identifier: Apache-2.0
"""Untrusted bytes: every file either raises ValueError with a sentence or gives a valid structure."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hypersketch
from hypersketch import BloomFilter, MapB, MapI
from makers import ALL, filled, state


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: dict[str, Any] | str, data: bytes) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def refused(path: Path, content: bytes, text: str, mmap: bool = False) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text) as caught:
        hypersketch.load(path, mmap=mmap)
    assert str(caught.value).startswith(f"{path} cannot be loaded: ")


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_truncated_files(name: str, mmap: bool, path: Path) -> None:
    filled(name).save(path)
    content = path.read_bytes()
    for length in sorted({0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 8, len(content) - 1}):
        refused(path, content[:length], "not a sound safetensors file", mmap)
    refused(path, content + b"\0", "not a sound safetensors file", mmap)


def test_every_damaged_byte_is_noticed(path: Path) -> None:
    filled("Bundle of MapB").save(path)
    content = path.read_bytes()
    for i in range(len(content)):
        damaged = bytearray(content)
        damaged[i] ^= 1 << (i % 8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="cannot be loaded"):
            hypersketch.load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(content=st.binary(max_size=300), mmap=st.booleans())
def test_garbage(content: bytes, mmap: bool, path: Path) -> None:
    refused(path, content, "not a sound safetensors file", mmap)


def metadata_of(header: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = header["__metadata__"]
    return metadata


def change_parameter(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        parameters = json.loads(metadata_of(header)["parameters"])
        metadata_of(header)["parameters"] = json.dumps({**parameters, name: value})

    return change


def change_count(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        metadata_of(header)["counts"] = json.dumps({**json.loads(metadata_of(header)["counts"]), name: value})

    return change


def change_metadata(name: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda header: metadata_of(header).update({name: value})


HOSTILE = {
    "foreign": (lambda h: h.pop("__metadata__"), "not one that hypersketch saved"),
    "foreign format": (change_metadata("format", "other"), "not one that hypersketch saved"),
    "newer version": (
        change_metadata("version", "2"),
        r"saved by a newer hypersketch \(format version 2; this one reads up to 1\)",
    ),
    "no version": (lambda h: metadata_of(h).pop("version"), "which is not a version"),
    "version zero": (change_metadata("version", "0"), "which is not a version"),
    "version word": (change_metadata("version", "one"), "which is not a version"),
    "long version": (change_metadata("version", "9" * 5000), "which is not a version"),
    "unknown type": (
        change_metadata("type", "os.system"),
        "it holds a 'os.system'; known are BindSequence, BloomFilter, Bundle",
    ),
    "other type": (
        change_metadata("type", "HopfieldMembership"),
        "The parameters of HopfieldMembership are dim",
    ),
    "no type": (lambda h: metadata_of(h).pop("type"), "known are BindSequence, BloomFilter"),
    "checksum": (
        change_metadata("checksum", "xxh64:0"),
        "checksum does not match its content; the file is damaged",
    ),
    "no checksum": (lambda h: metadata_of(h).pop("checksum"), "checksum does not match"),
    "seed": (change_parameter("seed", 1), "checksum does not match"),
    "huge n_bits": (change_parameter("n_bits", 2**40), "its parameters ask for U64 of shape"),
    "other n_bits": (change_parameter("n_bits", 2048), "its parameters ask for U64 of shape"),
    "negative n_bits": (
        change_parameter("n_bits", -1),
        "'n_bits' parameter of BloomFilter must be an integer",
    ),
    "float n_bits": (
        change_parameter("n_bits", 1000.0),
        "'n_bits' parameter of BloomFilter must be an integer",
    ),
    "null n_bits": (change_parameter("n_bits", None), "'n_bits' parameter of BloomFilter must be an integer"),
    "unknown layout": (
        change_parameter("layout", "blocked"),
        "'layout' parameter of BloomFilter must be one of 'split-block', 'cache-line', 'classic'",
    ),
    "extra parameter": (change_parameter("extra", 1), "The parameters of BloomFilter are n_bits"),
    "parameters list": (change_metadata("parameters", "[]"), "its parameters are not a JSON object"),
    "parameters text": (change_metadata("parameters", "{"), "cannot be loaded"),
    "parameters deep": (change_metadata("parameters", "[" * 100_000), "cannot be loaded"),
    "parameters digits": (
        change_metadata("parameters", '{"n_bits": ' + "9" * 9999 + "}"),
        "cannot be loaded",
    ),
    "no parameters": (lambda h: metadata_of(h).pop("parameters"), "its parameters are not a JSON object"),
    "counts": (change_metadata("counts", "{}"), "checksum does not match"),
    "other dtype": (lambda h: h["state"].update(dtype="I64"), "its state is I64 of shape"),
    "other shape": (lambda h: h["state"].update(shape=[2, 8]), r"its state is U64 of shape \[2, 8\]"),
    "other name": (lambda h: h.update(weights=h.pop("state")), "must hold one tensor, 'state'"),
    "impossible offsets": (
        lambda h: h["state"].update(data_offsets=[0, 2**60]),
        "not a sound safetensors file",
    ),
    "impossible shape": (lambda h: h["state"].update(shape=[2**62, 2**62]), "not a sound safetensors file"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_headers(case: str, saved: bytes, path: Path) -> None:
    change, text = HOSTILE[case]
    header, data = parts(saved)
    change(header)
    refused(path, joined(header, data), text)
    if "checksum" not in text:
        refused(path, joined(header, data), text, mmap=True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (change_metadata("counts", "{}"), "its counts must be n_added, total_weight, trace"),
        (change_count("n_added", 1.5), "'n_added' parameter of BloomFilter must be an integer"),
        (change_count("n_added", 2**70), "'n_added' parameter of BloomFilter must be an integer"),
        (change_count("trace", 2**40), "'trace' parameter of BloomFilter must be an integer"),
        (change_count("more", 1), "its counts must be"),
    ],
)
def test_hostile_counts_without_a_checksum(change: Any, text: str, saved: bytes, path: Path) -> None:
    header, data = parts(saved)
    change(header)
    refused(path, joined(header, data), text, mmap=True)


SKETCHES = {
    "huge width": (change_parameter("width", 2**31), "its parameters ask for I32 of shape"),
    "huge depth": (change_parameter("depth", 65), "'depth' parameter of CountSketch must be an integer"),
    "other depth": (change_parameter("depth", 6), "its parameters ask for I32 of shape"),
    "other dtype": (change_parameter("dtype", "float32"), "its parameters ask for F32 of shape"),
    "unknown dtype": (change_parameter("dtype", "int8"), "'dtype' parameter of CountSketch must be one of"),
    "huge track": (change_parameter("track", 2**40), "'track' parameter of CountSketch must be an integer"),
    "list of widths": (
        change_parameter("width", [100]),
        "'width' parameter of CountSketch must be an integer",
    ),
    "other type": (change_metadata("type", "CountMinSketch"), "The parameters of CountMinSketch are width"),
    "float total": (change_count("total_weight", 1.5), "'total_weight' parameter of CountSketch"),
    "huge total": (change_count("total_weight", 2**200), "'total_weight' parameter of CountSketch"),
    "no total": (change_metadata("counts", '{"n_added": 1, "trace": 0}'), "'total_weight' parameter"),
    "more counts": (change_count("more", 1), "its counts must be"),
    "candidates": (change_count("candidates", ["a"]), "its candidates are not a list of at most 0 keys"),
}


@pytest.mark.parametrize("case", SKETCHES)
def test_hostile_sketches(case: str, path: Path) -> None:
    filled("CountSketch").save(path)
    change, text = SKETCHES[case]
    header, data = parts(path.read_bytes())
    change(header)
    refused(path, joined(header, data), text, mmap=True)


def test_hostile_header_lengths(saved: bytes, path: Path) -> None:
    for length in (0, 1, len(saved), 2**31, 2**63, 2**64 - 1):
        refused(path, struct.pack("<Q", length) + saved[8:], "not a sound safetensors file")


def test_duplicate_entries_cannot_deceive(saved: bytes, path: Path) -> None:
    header, data = parts(saved)
    text = json.dumps(header)
    huge = json.dumps({"state": {"dtype": "U64", "shape": [2**40], "data_offsets": [0, 2**43]}})
    for content in (text[:-1] + ", " + huge[1:], huge[:-1] + ", " + text[1:]):
        path.write_bytes(joined(content, data))
        try:
            assert hypersketch.load(path, mmap=True) == filled("BloomFilter")
        except ValueError as error:
            assert "cannot be loaded" in str(error)  # noqa: PT017


@pytest.mark.parametrize("mmap", [False, True])
def test_bits_beyond_the_size(mmap: bool, path: Path) -> None:
    for made, text in (
        (BloomFilter(n_bits=70, n_hashes=1, layout="classic"), "n_bits"),
        (MapB(70).bundle().pack(), "dim"),
    ):
        state(made)[-1] |= np.uint64(1 << 63)
        made.save(path)
        with pytest.raises(ValueError, match=f"its state sets bits beyond {text}"):
            hypersketch.load(path, mmap=mmap)


def test_extreme_counters_of_a_hostile_file(path: Path) -> None:
    bag = MapI(64).bundle()
    state(bag)[:] = -(2**31)
    bag.save(path)
    loaded = hypersketch.load(path)
    assert np.isfinite(loaded.similarity(range(3))).all()
    with pytest.raises(OverflowError):
        loaded.add("a")


def test_unaligned_states(saved: bytes, path: Path) -> None:
    header, data = parts(saved)
    text = json.dumps(header).encode()
    text += b" " * (1 + -len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    try:
        assert hypersketch.load(path) == filled("BloomFilter")
    except ValueError as error:
        assert "not a sound safetensors file" in str(error)  # noqa: PT017
    with pytest.raises(ValueError, match=r"not aligned|not a sound safetensors file"):
        hypersketch.load(path, mmap=True)


def test_files_that_are_not_there_or_not_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hypersketch.load(tmp_path / "missing.safetensors")
    with pytest.raises(ValueError, match="cannot be loaded: it is not a regular file"):
        hypersketch.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="cannot be loaded: it is not a regular file"):
        hypersketch.load(tmp_path / "pipe")
    with pytest.raises(TypeError, match="The 'mmap' parameter of load must be True or False"):
        hypersketch.load(tmp_path, mmap="r")  # type: ignore[arg-type]
