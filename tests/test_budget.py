# SPDX-License-Identifier: Apache-2.0
"""Splitting bytes between dimensions and bits: plans fit, are sorted, and are what public objects take."""

from __future__ import annotations

import pytest

import hypersketch
from cli_tools import call
from hypersketch import MapI, capacity
from hypersketch.theory import quantized


@pytest.mark.parametrize(
    "options",
    [
        {"budget_bytes": 512},
        {"budget_bytes": 100_000, "stored_codewords": 1000},
        {"budget_bytes": 30_000, "stored_codewords": 100, "bundles": 7},
        {"budget_bytes": 4096, "max_dim": 1000},
    ],
)
def test_plans_fit_and_say_the_error(options: dict[str, int]) -> None:
    plan = capacity.plan_bits(51, 100, **options)
    assert [row.size["bits"] for row in plan] != []
    assert [round(row.error, 14) for row in plan] == sorted(round(row.error, 14) for row in plan)
    for row in plan:
        dim, bits = row.size["dim"], row.size["bits"]
        assert row.bytes <= options["budget_bytes"]
        assert dim <= options.get("max_dim", dim)
        assert row.error == pytest.approx(1 - quantized.accuracy(dim, 51, 100, bits), abs=1e-15)
        made = eval(row.expression, {"MapI": MapI})
        vectors = options.get("stored_codewords", 0) * made.space.nbytes
        assert row.bytes == vectors + options.get("bundles", 1) * made.nbytes
        if "max_dim" not in options:  # a word more would not fit
            more = -(-dim // 64) + 1
            assert (
                8 * more * (options.get("stored_codewords", 0) + bits * options.get("bundles", 1))
                > (options["budget_bytes"])
            )


def test_what_is_best_follows_from_the_efficiencies() -> None:
    """The rule of the docstring: stored codewords a bundle, and the bits that are best then."""
    for ratio, expected in ((0, 1), (1, 1), (2, 2), (8, 2), (12, 3), (32, 3), (50, 4), (100, 4)):
        codewords = 10 * ratio
        plan = capacity.plan_bits(1001, 500, 4096 * (codewords + 20), stored_codewords=codewords, bundles=10)
        assert plan[0].size["bits"] == expected
    capped = capacity.plan_bits(51, 100, 4096, max_dim=512)
    assert capped[0].error < 0.6 * capped[-1].error  # bits are free then
    assert capped[-1].size["bits"] == 1


def test_a_plan_prints() -> None:
    plan = capacity.plan_bits(5, 100, 100, stored_codewords=2, bundles=3)
    assert plan.title == "bits: 5 items of a universe of 100, 3 bundles and 2 codewords in at most 100 bytes"
    assert "chance that another codeword is nearer" in repr(plan)
    assert plan.to_polars()["dim"].to_list() == [64 if row.size["bits"] > 1 else 128 for row in plan]
    assert hypersketch.capacity.plan_bits is capacity.plan_bits


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 100, 512), "The 'n' parameter of plan_bits must be an integer in"),
        ((5, 0, 512), "The 'universe' parameter of plan_bits must be an integer in"),
        ((5, 100, 0), "The 'budget_bytes' parameter of plan_bits must be an integer in"),
        ((5, 100, 7), "Vectors of 64 dimensions need 8 bytes in all. Got 7 instead."),
    ],
)
def test_bad_arguments(arguments: tuple[int, int, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        capacity.plan_bits(*arguments)


def test_the_command() -> None:
    done = call(
        "plan", "bits", "--n", 51, "--universe", 100, "--budget-bytes", "1e4", "--stored-codewords", 20
    )
    assert done.exit_code == 0
    assert "bits: 51 items of a universe of 100, a bundle and 20 codewords" in " ".join(done.output.split())
    capped = call("plan", "bits", "--n", 51, "--budget-bytes", 4096, "--max-dim", 512, "--bundles", 2)
    assert "dim=512, bits=8" in capped.output
    refused = call("plan", "bits", "--n", 51)
    assert refused.exit_code != 0
    assert "'budget_bytes' parameter of plan_bits" in " ".join(refused.stderr.split())


def test_the_planned_split_is_the_measured_one() -> None:
    """At equal bytes 1 bit beats 2 beats 4, and bundles hold what their capacity says."""
    n = quantized.capacity(512, 100, 2, 0.05)
    errors = {}
    for dim, bits in ((1024, 1), (512, 2), (256, 4)):
        rows = capacity.run("quantization", n=[n], dims=[dim], trials=100, seed=3)
        assert rows.all_inside
        (row,) = (row for row in rows if row.quantity == "wrong codeword" and row.size["bits"] == bits)
        assert row.bytes == 128
        errors[bits] = row
    assert errors[2].predicted is not None
    assert errors[2].predicted <= 0.05 < 1 - quantized.accuracy(512, n + 2, 100, 2)
    assert errors[1].high_95 < errors[2].low_95 < errors[2].high_95 < errors[4].low_95
