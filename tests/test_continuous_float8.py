# SPDX-License-Identifier: Apache-2.0
"""Floats of 8 bits (E4M3), of which continuous memories keep rows: all codes, rounding, its error, files."""

from __future__ import annotations

import numpy as np
import pytest

import hypersketch
import reference_continuous as reference
from hypersketch.memories import ContinuousMemory, _patterns

CODES = np.delete(np.arange(256), [127, 255]).astype(np.uint8)  # all but those that are no numbers
SIZES = reference.float8(np.arange(127))


def kept(rows, **options):
    memory = ContinuousMemory(np.shape(rows)[-1], dtype="float8", beta=1.0, **options)
    memory.store(rows)
    return memory


def codes_of(memory):
    return memory._held.patterns.rows.rows


def test_the_format_of_the_reference():
    assert reference.float8([0x01, 0x07, 0x08, 0x38, 0x7E]).tolist() == [2**-9, 7 * 2**-9, 2**-6, 1, 448]
    assert np.isnan(reference.float8([0x7F, 0xFF])).all()
    assert (np.diff(SIZES) > 0).all()
    np.testing.assert_array_equal(reference.float8(CODES[127:]), -SIZES)
    assert reference.to_float8([1.0, 1.0625, 1.1875, -1000.0]).tolist() == [0x38, 0x38, 0x3A, 0xFE]


def test_every_code_is_kept_and_comes_back():
    rows = reference.float8(CODES)  # of which the largest is 448, so that the scale is 1
    for scale in (1.0, 2.0**-100, 2.0**100):
        memory = kept([scale * rows])
        np.testing.assert_array_equal(codes_of(memory)[0], CODES)
        np.testing.assert_array_equal(memory.patterns[0], scale * rows)
        np.testing.assert_array_equal(np.signbit(memory.patterns[0]), np.signbit(rows))


@pytest.mark.parametrize("n_queries", [1, 4, 40])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_single_pattern_is_retrieved_as_it_is_kept(n_queries, precision):
    """Its weight is 1, and so is the scale of what begins with 448; bfloat16 holds what float8 does."""
    for dim in (1, 63, 254):
        row = reference.float8(np.roll(CODES, -126)[:dim])
        found = kept([row]).retrieve(np.ones((n_queries, dim)), precision=precision)
        np.testing.assert_array_equal(found.states, np.tile(row, (n_queries, 1)))


def test_rounding_is_to_the_nearest_and_of_midpoints_to_the_even():
    middle = ((SIZES[:-1] + SIZES[1:]) / 2).astype(np.float32)
    below, above = np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))
    lower = np.arange(126)
    for sign, bit in ((1, 0), (-1, 128)):
        for rows, wanted in ((middle, lower + lower % 2), (below, lower), (above, lower + 1)):
            memory = kept([np.append(sign * rows, 448.0)])
            np.testing.assert_array_equal(codes_of(memory)[0], np.append(wanted | bit, 126))
            np.testing.assert_array_equal(reference.to_float8(sign * rows), wanted | bit)


def test_what_is_too_large_is_the_largest():
    large = np.array([448, 449, 463.99, 464, 465, 480, 512, 1e30, -464, -1e30], np.float32)
    np.testing.assert_array_equal(_patterns._float8(large), [126] * 8 + [254] * 2)
    rows = np.random.default_rng(0).lognormal(0, 15, (100_000, 1)).astype(np.float32)
    memory = kept(rows)  # scales are rounded, so some quotients are a little more than 448
    assert (codes_of(memory) == 126).all()
    np.testing.assert_allclose(memory.patterns, rows, rtol=2.0**-22)  # two roundings, each 2^-24 at most


def test_rounding_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    rows = (rng.standard_normal((40, 50)) * rng.lognormal(0, 4, (40, 50))).astype(np.float32)
    scales = np.abs(rows).max(axis=1, keepdims=True) / np.float32(448)
    memory = kept(rows)
    np.testing.assert_array_equal(codes_of(memory), reference.to_float8(rows / scales))
    np.testing.assert_array_equal(
        memory.patterns, reference.float8(codes_of(memory)).astype(np.float32) * scales
    )


@pytest.mark.parametrize("spread", [0.1, 1.0, 6.0])
def test_the_stated_error_is_kept_and_nearly_reached(spread):
    rng = np.random.default_rng(2)
    rows = (rng.choice([-1, 1], (200, 300)) * rng.lognormal(0, spread, (200, 300))).astype(np.float32)
    errors = np.abs(kept(rows).patterns.astype(float) - rows)
    largest = np.abs(rows).max(axis=1, keepdims=True).astype(float)
    assert (errors <= np.maximum(2.0**-4 * np.abs(rows), largest / 458_000)).all()
    assert (errors > 2.0**-4.2 * np.abs(rows)).any()  # of half a place of 8 to 16, 1 / 17 at most
    if spread == 6.0:
        small = np.abs(rows) < largest / 28_672
        assert (errors / largest)[small].max() > 0.99 / 458_752


def test_all_that_is_kept_is_0_or_a_normal_float():
    least = np.float32(2.0**-117 * 448)
    rows = np.outer([1.0, 1.5, 100.0], np.append(SIZES / 448, -1.0)).astype(np.float32) * least
    numbers = np.abs(kept(rows).patterns)
    assert numbers[numbers > 0].min() == np.finfo(np.float32).tiny
    with pytest.raises(ValueError, match="must have rows that can be scaled to float8"):
        kept([[0.0, np.nextafter(least, np.float32(0))]])
    np.testing.assert_array_equal(kept([[0.0, -0.0]]).patterns, [[0.0, 0.0]])


def test_large_rows_keep_their_largest_number():
    memory = kept([[3e38, 1e38], [1.0, -2.0]])
    np.testing.assert_allclose(memory.patterns, [[3e38, 1e38], [1.0, -2.0]], rtol=2.0**-4)
    assert memory.patterns[0, 0] == pytest.approx(3e38, rel=2.0**-22)


def test_shared_memory_has_the_same_rows():
    memory = kept(np.random.default_rng(4).standard_normal((9, 33)))
    with memory.share() as shared:
        seen = hypersketch.attach(shared.name)
        np.testing.assert_array_equal(codes_of(seen), codes_of(memory))
        np.testing.assert_array_equal(seen.retrieve(np.ones(33)).states, memory.retrieve(np.ones(33)).states)
        assert seen == memory


def test_files_with_codes_that_are_no_numbers_are_refused():
    memory = kept(np.random.default_rng(3).standard_normal((3, 7)))
    whole = bytearray(memory.to_bytes())
    assert hypersketch.from_bytes(bytes(whole)) == memory
    codes = codes_of(memory).tobytes()
    whole[whole.find(codes) + 5] = 0x7F
    with pytest.raises(ValueError, match=r"checksum|not all finite"):
        hypersketch.from_bytes(bytes(whole))


def test_bytes_names_and_parameters():
    memory = kept(np.ones((5, 20)), value_dim=None)
    assert memory.nbytes == 5 * (20 + 4 + 4)  # numbers, scale, length
    assert "dtype='float8', n_added=5)" in repr(memory)
    with pytest.raises(ValueError, match="'float8'"):
        ContinuousMemory(4, dtype="float4")
