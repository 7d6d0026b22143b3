"""A row's JSON columns as tables, read with distrust."""

import pytest

from bench.tables.records import read_learning_curve, read_side_effects

CURVE = [
    {"epoch": epoch, "validation": v, "test": t} for epoch, v, t in [(1, 0.3, 0.28), (2, 0.5, 0.44), (3, 0.4, 0.47)]
]
EFFECT = {"metric": "score", "items": 96, "of": 100, "zero": 0.3, "clean": 0.2, "attacked": 0.25,
          "clean_change": [-0.1], "attacked_change": [-0.05, -0.08, -0.02]}  # fmt: skip


def test_the_peak_is_the_best_epoch_on_validation() -> None:
    curve = read_learning_curve(CURVE)
    assert curve is not None
    assert (curve.peak, curve.last) == ((2, 0.44), (3, 0.47))
    assert curve.points["validation"].to_dict() == {1: 0.3, 2: 0.5, 3: 0.4}


@pytest.mark.parametrize("curve", [None, [], "x", [{"epoch": 1}], ["?"], {"epoch": 1}, [CURVE[0] | {"test": "x"}]])
def test_anything_else_is_no_curve(curve: object) -> None:
    assert read_learning_curve(curve) is None


def test_changes_have_an_interval_or_none() -> None:
    table = read_side_effects({"photos": EFFECT})
    assert table is not None
    row = table.loc["photos"]
    assert (row["clean_change"], row["attacked_change"]) == ((-0.1,), (-0.05, -0.08, -0.02))
    assert (row["zero"], row["items"], row["of"]) == (0.3, 96, 100)


@pytest.mark.parametrize(
    "effects",
    [None, {}, [], {"photos": {}}, {"photos": 3}, *({"photos": EFFECT | change} for change in (
        {"zero": "x"}, {"clean_change": []}, {"clean_change": 3}, {"attacked_change": [0.1, 0.2]}))],
)  # fmt: skip
def test_anything_else_is_no_side_effects(effects: object) -> None:
    assert read_side_effects(effects) is None
