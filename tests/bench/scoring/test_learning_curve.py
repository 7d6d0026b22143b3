"""Curves are read from a run's evaluations; the peak is chosen on validation, whatever the test split says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks import REGISTRY as ATTACKS
from bench import results
from bench.methods.registry import Entry
from bench.play.plan import make_plan
from bench.play.roles import stages_of
from bench.play.run import play_run
from bench.scoring import learning_curve
from bench.spec import Method, RunSpec
from bench.tables.summary import summarize

ACCURACY = st.integers(0, 10).map(lambda tenth: tenth / 10)
CURVES = st.dictionaries(st.integers(1, 40), st.tuples(ACCURACY, ACCURACY), min_size=1, max_size=8)


@given(CURVES, ACCURACY)
def test_points_are_in_the_order_of_epochs(drawn: dict[int, tuple[float, float]], other: float) -> None:
    """As numbers, not as text; and what is no point stays out."""
    accuracies = {"evaluate": other, "validation": other, "zero": other}
    for epoch, (validation, test) in drawn.items():
        accuracies |= {
            learning_curve.epoch_role("validation", epoch): validation,
            learning_curve.epoch_role("evaluate", epoch): test,
        }
    curve = learning_curve.build_curve(accuracies) or []
    assert [p["epoch"] for p in curve] == sorted(drawn)
    assert {p["epoch"]: (p["validation"], p["test"]) for p in curve} == drawn


def test_a_run_without_checkpoints_has_no_curve() -> None:
    assert learning_curve.build_curve({"evaluate": 0.5, "validation": 0.5, "zero": 0.1, "clean": 0.9}) is None


@given(CURVES)
def test_the_peak_is_the_earliest_best_on_validation(drawn: dict[int, tuple[float, float]]) -> None:
    points = [{"epoch": e, "validation": v, "test": t} for e, (v, t) in sorted(drawn.items())]
    best = learning_curve.peak(points)
    assert best["validation"] == max(v for v, _ in drawn.values())
    assert all(v < best["validation"] for e, (v, _) in drawn.items() if e < best["epoch"])
    assert best["test"] == drawn[best["epoch"]][1]


def test_the_peak_does_not_look_at_the_test_split() -> None:
    points = [{"epoch": 2, "validation": 0.4, "test": 0.9}, {"epoch": 4, "validation": 0.5, "test": 0.1}]
    assert learning_curve.peak(points)["epoch"] == 4


def test_seeds_are_averaged_by_epoch() -> None:
    first = [{"epoch": 2, "validation": 0.4, "test": 0.2}, {"epoch": 4, "validation": 0.5, "test": 0.1}]
    second = [{"epoch": 2, "validation": 0.2, "test": 0.4}, {"epoch": 4, "validation": 0.6, "test": 0.3}]
    assert learning_curve.mean_curve([first]) == first
    one, two = learning_curve.mean_curve([first, second])
    assert one == pytest.approx({"epoch": 2, "validation": 0.3, "test": 0.3})
    assert two == pytest.approx({"epoch": 4, "validation": 0.55, "test": 0.2})


@pytest.fixture
def slow(game: Any, monkeypatch: pytest.MonkeyPatch) -> RunSpec:
    """A run whose trainer knows half of the first things after one epoch of two, and 24 more after the second."""

    class Slow(ATTACKS.get("lora_sft")):  # type: ignore[misc]
        """Learns, and keeps what it had learned after an epoch."""

        checkpoints: Any = {"tiny": {"1": "epochs/1", "2": ""}}

        def tune(
            self, victim: Any, released: Any, validation: Any, seed: int, folder: Path, progress: Any
        ) -> list[dict[str, Any]]:
            log: list[dict[str, Any]] = super().tune(victim, released, validation, seed, folder, progress)
            (folder / "epochs" / "1").mkdir(parents=True)
            early = json.loads((folder / "adapter.json").read_text())[:14]
            (folder / "epochs" / "1" / "adapter.json").write_text(json.dumps(early))
            return log

    monkeypatch.setattr(Slow, "name", "slow", raising=False)
    monkeypatch.setitem(ATTACKS.catalog, "slow", Entry("bench.spec", "a toy"))
    monkeypatch.setitem(ATTACKS._methods, "slow", Slow)
    return RunSpec(defense=Method(name="none"), attack=Method(name="slow"))


def test_a_run_asks_the_adapter_of_every_point(game: Any, slow: RunSpec) -> None:
    """Validation asks for things 11 to 20, test for 0 to 39; the victim knew 4, and 32 are published."""
    row = play_run(slow)
    expected = [{"epoch": 1, "validation": 0.3, "test": 14 / 40}, {"epoch": 2, "validation": 1.0, "test": 32 / 40}]
    assert row.curve == expected
    (saved,) = results.load()
    assert (saved.curve, saved.utility, saved.validation) == (expected, 0.8, 1.0)
    assert saved.stages["evaluate@2"] == saved.stages["evaluate"] != saved.stages["evaluate@1"]
    asked = game.computed.count("answers to validation")
    assert asked == 2 + 2, "of the two baselines; and the last point is the run's own, and not asked for again"
    s = summarize([saved])
    assert (s.curve, s.peaks) == (expected, [2])
    assert s.peak == (0.8, s.protection)


def test_a_peak_that_is_not_the_last_is_judged_with_its_own_answers(slow: RunSpec) -> None:
    row = play_run(slow)
    assert row.curve
    row.curve = [{**row.curve[0], "validation": 1.0}, row.curve[1]]
    s = summarize([row])
    assert s.peaks == [1]
    assert s.peak and s.peak[0] == 14 / 40
    assert s.peak[1] and s.peak[1].value == pytest.approx(1 - (14 - 4) / (32 - 4))
    assert s.protection and s.protection.value == 0


def test_points_are_stages_like_others(game: Any, slow: RunSpec) -> None:
    planned = make_plan([slow])
    assert len({stage.identity for stage in planned.roles.popitem()[1].values()} & planned.tasks.keys()) == 12
    play_run(slow)
    assert not make_plan([slow]).tasks
    computed = len(game.computed)
    assert play_run(slow).curve
    assert len(game.computed) == computed


def test_attacks_without_checkpoints_have_no_curve(game: Any) -> None:
    spec = RunSpec(defense=Method(name="none"), attack=Method(name="lora_sft"))
    assert not any("@" in role for role in stages_of(spec))
    assert play_run(spec).curve is None
