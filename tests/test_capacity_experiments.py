# SPDX-License-Identifier: Apache-2.0
"""Every experiment agrees with the theory on a small grid, and every structure keeps to the protocol."""

from __future__ import annotations

import numpy as np
import pytest

from hypersketch import capacity
from hypersketch.capacity.cells import Cell, Draw
from hypersketch.capacity.experiments import EXPERIMENTS, experiment
from hypersketch.capacity.experiments.schlegel import PUBLISHED, first_dimensions, line_at
from hypersketch.capacity.streams import Counts, zipf_counts, zipf_groups
from hypersketch.capacity.structures import STRUCTURES, known_structures, structure
from hypersketch.capacity.structures.base import combined_hashes, smallest

SMALL = {
    "membership": {"n": [20], "trials": 60},
    "intersection": {"n": [31], "trials": 300},
    "frequency": {"n": [20], "trials": 200},
    "pairs": {"n": [20], "trials": 60},
    "sequence": {"n": [12], "trials": 60},
    "nested": {"n": [3], "dims": [256], "trials": 40},
    "bloom-fpr": {"n": [2000], "trials": 12},
    "bloom-intersection": {"n": [300], "trials": 60},
    "count-error": {"n": [300], "dims": [24, 96], "trials": 60},
    "projection": {"dims": [31, 64], "trials": 20},
    "cleanup": {"n": [5, 15], "dims": [100, 256], "trials": 100},
    "cleanup-pairs": {"n": [5], "dims": [100, 256], "trials": 60},
    "bsc-exact": {"n": [15, 101], "dims": [200, 700], "trials": 60},
    "sequence-length": {"n": [12, 40], "dims": [256], "trials": 60},
    "noise": {"n": [11], "dims": [200], "trials": 60},
    "binding-depth": {"n": [1, 4], "dims": [256], "trials": 40},
    "quantization": {"n": [11], "dims": [200], "trials": 60},
    "accuracy": {"n": [10], "trials": 40, "universe": 256},
    "log-N": {"n": [5], "trials": 80, "universe": 256},
}
WITHOUT_THEORY = {("count-min-conservative", name) for name in ("mean excess", "conservative over plain")}


@pytest.mark.parametrize("name", SMALL)
def test_all_verdicts_are_inside(name: str) -> None:
    results = capacity.run(name, seed=11, **SMALL[name])
    assert {row.structure for row in results} == {entry.name for entry in known_structures(name)}
    assert all(row.verdict for row in results if (row.structure, row.quantity) not in WITHOUT_THEORY)
    assert results.outside == []


def test_a_wrong_prediction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = experiment("cleanup")
    honest = chosen.predict
    monkeypatch.setattr(chosen, "predict", lambda cell: {k: v * 0.8 for k, v in honest(cell).items()})
    results = capacity.run("cleanup", structures=["map-i"], n=[15], dims=[256], trials=100)
    assert [row.verdict for row in results] == ["above"]
    assert not results.all_inside


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_default_grids_are_complete(name: str) -> None:
    from hypersketch.capacity.experiments import Request

    chosen = experiment(name)
    cells = chosen.cells(Request())
    assert {cell.structure for cell in cells} == {entry.name for entry in known_structures(name)}
    assert len({cell.seed for cell in cells}) == len(cells)
    assert capacity.experiments()[name] == chosen.summary
    assert chosen.summary.startswith(chosen.title)
    for entry, size in {(cell.structure, tuple(cell.size.items())) for cell in cells}:
        assert structure(entry).n_bytes(dict(size)) > 0
        if name != "projection":  # whose page shows none
            assert structure(entry).expression(dict(size))


def test_the_published_protocol_as_it_is_called() -> None:
    results = capacity.run(
        "cleanup",
        structures=["map-i"],
        n=[5, 15],
        dims=[256, 484],
        universe=1000,
        trials=10,
        seed=1,
        jobs=1,
        progress=False,
    )
    frame = results.to_polars()
    assert frame.select("n", "dim").rows() == [(5, 256), (5, 484), (15, 256), (15, 484)]
    assert frame["measured"].min() > 0.8
    assert results.to_pandas().shape == frame.shape


def test_minimal_dimension_finds_the_published_range() -> None:
    found = capacity.minimal_dimension(
        ["map-i", "map-b"], n=15, universe=1000, accuracy=0.99, trials=10, seed=1
    )
    assert 370 < found["map-i"] < 600
    assert 580 < found["map-b"] < 920


def test_minimal_dimensions_of_other_spaces() -> None:
    found = capacity.minimal_dimension(["fhrr", "bsdc-seg", "vtb"], trials=4)
    assert 240 < found["fhrr"] < 400
    assert 240 < found["bsdc-seg"] < 420
    assert 370 < found["vtb"] < 620


def test_the_published_table_is_made_again() -> None:
    chosen = experiment("schlegel")
    results = capacity.run("schlegel", structures=["map-i", "bsdc-s"], trials=3, seed=2)
    head, lines = chosen.table(results)
    assert len(head) == len(lines[0])
    assert [(row.structure, row.setting["task"]) for row in results] == [
        (name, task) for name in ("map-i", "bsdc-s") for task in ("bundle", "pairs")
    ]
    for row in results:
        assert row.predicted == PUBLISHED[row.structure][row.setting["task"]]
        assert row.verdict == "inside"
        # The line of the pairs of bsdc-s bends: keys that shift alike keep its accuracy below 1.
        assert 0.7 < row.measured / row.size["dim"] < 1.25


def test_the_rule_of_the_minimal_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = [(5, 64, 1.0), (5, 36, 0.995), (5, 16, 0.4), (10, 64, 0.99), (15, 64, 0.2)]
    assert first_dimensions(measured, 0.99) == {5: 36, 10: 64}
    assert line_at({5: 36, 10: 64}, 15) == pytest.approx(92)
    monkeypatch.setattr("hypersketch.capacity.schlegel.DIMENSIONS", (4, 16))
    with pytest.raises(ValueError, match=r"'map-b' reaches the accuracy 0.99 at fewer than two sizes"):
        capacity.minimal_dimension("map-b")
    with pytest.raises(ValueError, match=r"The 'accuracy' parameter of minimal_dimension must be a float in"):
        capacity.minimal_dimension("map-b", accuracy=1)


@pytest.mark.parametrize(
    "name",
    [name for name, entry in STRUCTURES.items() if "membership" in entry.tasks or name.startswith("count")],
)
def test_trials_agree_with_the_public_objects(name: str) -> None:
    """The fused kernels and the loops over objects give what a user's own object says."""
    entry = STRUCTURES[name]
    keys = np.arange(40, dtype=np.uint64).reshape(1, 2, 20) + np.uint64(7)
    seeds = np.array([3, 4], dtype=np.uint64)
    size = entry.size(200, 10)
    scores = entry.score_trials(size, seeds, keys[:, :, :10], keys)
    assert scores.shape == (2, 20)
    if name in ("map-i", "map-b"):
        return
    for t, seed in enumerate(seeds.tolist()):
        built = entry.build(size, seed, keys[0, t, :10])
        ask = "estimate_hashes" if name.startswith("count-") else "contains_hashes"
        ask = {"counting-bloom": "count_hashes", "hopfield": "score_hashes"}.get(name, ask)
        np.testing.assert_array_equal(scores[t], getattr(built, ask)(keys[0, t]))


@pytest.mark.parametrize("name", ["map-i", "map-b"])
def test_fused_bundles_are_the_public_ones(name: str) -> None:
    import hypersketch

    plain = np.arange(30, dtype=np.uint64)
    hashes = hypersketch.hash_keys(plain).reshape(1, 1, 30)
    entry = STRUCTURES[name]
    scores = entry.score_trials({"dim": 300}, np.array([9], dtype=np.uint64), hashes[:, :, :7], hashes)
    np.testing.assert_allclose(scores[0], entry.build({"dim": 300}, 9, plain[:7]).similarity(plain))


def test_conservative_counts_are_between_the_truth_and_the_plain_ones() -> None:
    results = capacity.run("count-error", n=[200], dims=[24], trials=20)
    share = [row.measured for row in results if row.quantity == "conservative over plain"]
    assert len(share) == 3
    assert all(0.3 < value < 0.8 for value in share)
    never = [row for row in results if row.quantity in ("counts too small", "counts above plain")]
    assert {row.measured for row in never} == {0.0}


@pytest.mark.parametrize("n", [1, 2, 5, 77, 1000, 2_000_000])
def test_grouped_zipf_streams(n: int) -> None:
    alone, grouped = Counts.of(zipf_counts(n)), zipf_groups(n)
    assert grouped.n == alone.n == n
    assert grouped.total == pytest.approx(alone.total, rel=1e-3)
    assert grouped.l2 == pytest.approx(alone.l2, rel=1e-4)


def test_combined_hashes_keep_the_order_of_factors() -> None:
    pairs = np.array([[[1, 2, 1]], [[2, 1, 3]]], dtype=np.uint64)
    assert len(set(combined_hashes(pairs)[0].tolist())) == 3
    np.testing.assert_array_equal(combined_hashes(pairs[:1]), pairs[0])


def test_smallest_size_of_a_wavy_error() -> None:
    assert smallest(lambda units: units >= 1000 or units == 995, 2) == 995
    assert smallest(lambda units: True, 5) == 5
    assert smallest(lambda units: False, 5, limit=1000) is None


def test_draws_are_distinct_keys_and_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from hypersketch.capacity import cells

    cell = Cell("membership", "map-i", 5, {"dim": 64}, 7, 20, 100, run_seed=1)
    hashes = np.arange(100, dtype=np.uint64)
    ((seeds, keys),) = Draw(cell, hashes, 25)
    assert keys.shape == (7, 25)
    assert all(len(set(row)) == 25 for row in keys.tolist())
    assert len(set(seeds.tolist())) == 7
    monkeypatch.setattr(cells, "_BLOCK_KEYS", 50)
    blocks = list(Draw(cell, hashes, 25))
    assert [len(block) for block, _ in blocks] == [2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([block for block, _ in blocks]), seeds)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("nonsense", {}, "Unknown experiment 'nonsense'. The known ones are: membership, intersection,"),
        (
            "cleanup",
            {"structures": ["bloom"]},
            "The structure 'bloom' has no cleanup. Those that have: map-i, map-b, bsc, map-c, hrr,",
        ),
        ("cleanup", {"structures": ["nope"]}, "Unknown structure 'nope'. The known ones are: bloom,"),
        ("cleanup", {"n": [0]}, r"The 'n' parameter of run must be an integer in \[1, .*\]. Got 0 instead."),
        (
            "cleanup",
            {"n": []},
            r"The 'n' parameter of run must be an integer >= 1 or several. Got \[\] instead.",
        ),
        ("cleanup", {"dims": [-4]}, "The 'dims' parameter of run must be an integer in .* Got -4 instead."),
        ("cleanup", {"trials": 0}, "The 'trials' parameter of run must be an integer in .* Got 0 instead."),
        ("cleanup", {"seed": -1}, "The 'seed' parameter of run must be an integer in .* Got -1 instead."),
        ("cleanup", {"jobs": 0}, "The 'jobs' parameter of run must be an integer in .* Got 0 instead."),
        ("cleanup", {"n": 20, "universe": 10}, "A codebook of 10 items does not hold 20 different ones."),
        ("membership", {"n": 20, "universe": 100}, "needs 1020 different keys, but there are only 100."),
        ("nested", {"n": 4}, "must be odd, so that no majority is a tie, or 2 for a chain of pairs. Got 4"),
        ("sequence-length", {"n": 20, "dims": 30}, "A sequence of 20 symbols needs at least 40 dimensions."),
        (
            "binding-depth",
            {"structures": ["bsdc-cdt"]},
            "The structure 'bsdc-cdt' has no binding-depth. Those that have: map-i, map-b, bsc, map-c,",
        ),
        (
            "schlegel",
            {"dims": [100]},
            "The dimensions of schlegel are the rule's own; the option 'dims' cannot",
        ),
        ("schlegel", {"universe": 50}, "A codebook of 50 items does not hold 100 different ones."),
        (
            "cleanup-pairs",
            {"n": 20, "universe": 30},
            "A codebook of 30 items does not hold 40 different ones.",
        ),
        (
            "sequence",
            {"n": 20, "dims": 30},
            "A sequence of 20 symbols needs at least 40 dimensions. Got 30 instead.",
        ),
        ("bloom-fpr", {"n": 600_000, "trials": 1, "universe": 700_000}, "there are 670000."),
        ("count-error", {"dims": 2}, "Rows of this experiment need 3 cells. Got 2 instead."),
        ("projection", {"dims": 4}, "A map of 4 outputs cannot have 8 signs a feature."),
        ("paper", {"n": 20}, "The paper's claims come with their own sizes; the option 'n' cannot be set."),
    ],
)
def test_bad_input(name: str, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        capacity.run(name, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"n": 2.5}, {"trials": "3"}, {"seed": 1.0}, {"n": [True]}])
def test_wrong_types(arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="must be an integer in"):
        capacity.run("cleanup", **arguments)  # type: ignore[arg-type]
