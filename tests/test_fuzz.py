# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand damaged and forged containers: each is refused by ValueError or is a valid structure.

Meanwhile the process may hardly take any memory, so whatever believes a size that is only claimed fails.
"""

from __future__ import annotations

import contextlib
import json
import resource
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import hypersketch
from hypersketch import _container, from_bytes
from makers import ALL, MAKERS, answers, filled

N_MUTANTS = 100_000
SPARE_BYTES = 1 << 28

POWERS = [2**16, 2**31, 2**32, 2**40, 2**47, 2**63, 2**64, 10**30]
NUMBERS = [0, 1, -1, 2, 7, 8, 63, 64, 65, 255, 256, 1000, 1024, *POWERS]
OTHERS = [1.5, 1e300, True, False, None, "", "x", "MapI", "MapB", "classic", [], [1], {}, {"a": 1}]
VALUES = [*NUMBERS, -(2**63), *OTHERS]
TEXTS = ["1", "2", "999999999", "{}", "[]", "null", '{"n_bits": NaN}', "object", "os.system"]


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Refuse this process more memory than it has, but for a little."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + SPARE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def taken_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def put_together(header: dict[str, Any], state: bytes, genuine: bool) -> bytes:
    """A container of this header; a genuine one has the checksum of what it holds."""
    if genuine:
        metadata, tensor = header["__metadata__"], header["state"]
        with contextlib.suppress(Exception):
            dtype = next(d for d, name in _container._NAMES.items() if name == tensor["dtype"])
            metadata["checksum"] = _container._checksum(metadata, np.frombuffer(state, dtype))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + state


# ---- mutations: each takes a random generator and a sound container


def flip_bytes(random: Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 5, 40))):
        damaged[random.randrange(len(damaged))] = random.randrange(256)
    return bytes(damaged)


def flip_header_bytes(random: Random, data: bytes) -> bytes:
    length = len(data) - len(taken_apart(data)[1])
    return flip_bytes(random, data[:length]) + data[length:]


def truncate(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def extend(random: Random, data: bytes) -> bytes:
    return data + random.randbytes(random.choice((1, 7, 8, 64, 1000)))


def change_length(random: Random, data: bytes) -> bytes:
    return struct.pack("<Q", random.choice(NUMBERS) % 2**64) + data[8:]


def cut_out(random: Random, data: bytes) -> bytes:
    first = random.randrange(len(data))
    return data[:first] + data[first + random.randrange(1, 100) :]


def forge_state(random: Random, data: bytes) -> bytes:
    """Any bytes as the state, genuine: extreme counters, bits beyond the size."""
    header, state = taken_apart(data)
    forged = random.choice((random.randbytes(len(state)), b"\xff" * len(state), bytes(len(state))))
    return put_together(header, forged, genuine=True)


def forge_parameter(random: Random, data: bytes) -> bytes:
    header, state = taken_apart(data)
    edit_object(random, header["__metadata__"], "parameters")
    return put_together(header, state, genuine=True)


def forge_count(random: Random, data: bytes) -> bytes:
    header, state = taken_apart(data)
    edit_object(random, header["__metadata__"], "counts")
    return put_together(header, state, genuine=True)


def edit_object(random: Random, metadata: dict[str, Any], name: str) -> None:
    """Change, add or take away an entry of a JSON object."""
    entries = json.loads(metadata[name])
    what = random.random()
    key = random.choice([*entries, "more"]) if what < 0.9 else random.choice(list(entries))
    if what < 0.8:
        entries[key] = random.choice(VALUES)
    else:
        entries.pop(key, None)
    metadata[name] = json.dumps(entries)


def forge_size(random: Random, data: bytes) -> bytes:
    """Parameters, shape and bytes that agree on another size, as far as they can."""
    header, state = taken_apart(data)
    metadata, tensor = header["__metadata__"], header["state"]
    parameters = json.loads(metadata["parameters"])
    name = next(
        name for name in ("n_bits", "n_cells", "width", "dim", "n_hashes", "capacity") if name in parameters
    )
    parameters[name] = random.choice([random.randrange(5000), 256 * random.randrange(9), *NUMBERS])
    metadata["parameters"] = json.dumps(parameters)
    size = random.choice([*NUMBERS, random.randrange(600)])
    tensor["shape"] = [size]
    tensor["data_offsets"] = [0, random.choice((size * 8, size * 4, size, len(state)))]
    return put_together(header, (state * 20)[: tensor["data_offsets"][1] % 5000], genuine=True)


def forge_metadata(random: Random, data: bytes) -> bytes:
    header, state = taken_apart(data)
    metadata = header["__metadata__"]
    name = random.choice([*metadata, "more"])
    metadata[name] = random.choice([*VALUES, *TEXTS, *_container._KINDS])
    return put_together(header, state, genuine=random.random() < 0.5)


def forge_tensor(random: Random, data: bytes) -> bytes:
    header, state = taken_apart(data)
    name = random.choice(("dtype", "shape", "data_offsets", "more"))
    lists = [[0, size] for size in NUMBERS] + [[size] for size in NUMBERS] + [[1] * 40, [[1]], [1.0], ["1"]]
    header["state"][name] = random.choice([*VALUES, *lists, "U8", "U64", "I32", "F32", "BF16"])
    if random.random() < 0.2:
        header[random.choice(("state", "other"))] = random.choice(VALUES)
    return put_together(header, state, genuine=random.random() < 0.5)


def nest(random: Random, data: bytes) -> bytes:
    header, state = taken_apart(data)
    bomb = random.choice(("[", '{"a":')) * random.choice((100, 2000, 20_000))
    header["__metadata__"][random.choice(("parameters", "counts", "type"))] = bomb
    if random.random() < 0.5:
        return put_together(header, state, genuine=True)
    return struct.pack("<Q", len(bomb)) + bomb.encode() + state


MUTATIONS = [
    flip_bytes, flip_header_bytes, truncate, extend, change_length, cut_out, forge_state, forge_parameter,
    forge_count, forge_size, forge_metadata, forge_tensor,
]  # fmt: skip


def use(made: Any) -> None:
    """A valid structure answers, changes or refuses to, and saves itself."""
    assert answers(made, [1, 2, 3]).shape == (3,)
    repr(made)
    assert from_bytes(made.to_bytes()) == made
    for name in ("expected_fpr", "cardinality", "norm"):
        getattr(made, name, int)()
    if hasattr(made, "add"):
        with contextlib.suppress(ValueError, OverflowError):
            made.add([1, 2, 3])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::hypersketch.CapacityWarning")
@pytest.mark.parametrize("name", ALL)
def test_mutants_are_refused_or_valid(name: str) -> None:
    random = Random(f"mutants of {name}")
    sound = filled(name).to_bytes()
    assert from_bytes(put_together(*taken_apart(sound), genuine=True)) == filled(name)
    receiver = MAKERS.get(name, MAKERS["BloomFilter"])()
    outcomes: dict[str, list[int]] = {mutation.__name__: [0, 0] for mutation in [*MUTATIONS, nest]}
    with little_memory():
        for i in range(-(-N_MUTANTS // len(ALL))):
            mutate = nest if i % 400 == 0 else MUTATIONS[i % len(MUTATIONS)]
            mutant = mutate(random, sound)
            try:
                made = from_bytes(mutant)
            except ValueError as error:
                assert "from_bytes cannot be loaded: " in str(error)  # noqa: PT017
                outcomes[mutate.__name__][0] += 1
            else:
                outcomes[mutate.__name__][1] += 1
                if i % 8 == 0:
                    use(made)
            if i % 8 == 1:
                with contextlib.suppress(ValueError, TypeError, OverflowError):
                    receiver.merge_from_bytes(mutant)
    assert all(sum(counts) for counts in outcomes.values())
    # Deeper checks were reached: some forgeries are refused and some are as good as genuine.
    assert all(outcomes["forge_count"])
    assert outcomes["forge_state"][1]
    assert outcomes["forge_parameter"][0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("mmap", [False, True])
def test_mutants_in_files(mmap: bool, path: Path) -> None:
    random = Random(f"files, {mmap}")
    containers = [filled(name).to_bytes() for name in ALL]
    with little_memory():
        for i in range(1000):
            path.write_bytes(MUTATIONS[i % len(MUTATIONS)](random, containers[i % len(containers)]))
            try:
                made = hypersketch.load(path, mmap=mmap)
            except ValueError as error:
                assert f"{path} cannot be loaded: " in str(error)  # noqa: PT017
            else:
                assert answers(made, [1, 2, 3]).shape == (3,)


def test_the_limit_of_memory_is_real() -> None:
    with little_memory(), pytest.raises(MemoryError):
        np.ones(2 * SPARE_BYTES, np.uint8)
