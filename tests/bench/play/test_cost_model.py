"""What real models cost is known before they are here: in order of magnitude, and more where more is asked."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.datasets import sizes
from bench.datasets.sizes import TYPICAL, TypicalSize
from bench.play.cost_model import CORE, H100, PEAK, SHARE, CostModel
from bench.play.plan import Plan, make_plan
from bench.play.predict import Estimates, RealCost, cost_table, real_cost
from bench.spec import Method, RunSpec
from bench.stages.stage import Stage
from tests.bench.toys import manifest

ROOT = Path(__file__).parents[3]


def spec_of(
    defense: dict[str, Any] | None = None,
    attack: dict[str, Any] | None = None,
    attack_name: str = "lora_sft",
    **fields: Any,
) -> RunSpec:
    """MMGuard against plain fine-tuning of Qwen3-VL-4B on TextVQA, with some options and fields changed."""
    methods = {
        "defense": Method(name="mmguard", options=defense or {}),
        "attack": Method(name=attack_name, options=attack or {}),
    }
    return RunSpec(**{**methods, "victim": "qwen3-vl-4b", "dataset": "textvqa", **fields})


def cost_of(*, manifests: list[dict[str, Any]] | None = None, **fields: Any) -> RealCost:
    plan = make_plan([spec_of(**fields)])
    cost = real_cost(plan, Estimates(plan, manifests or []))
    assert cost is not None
    return cost


def hours_of(**fields: Any) -> float:
    hours = cost_of(**fields).gpu_hours
    assert hours is not None
    return hours


def stage_of(plan: Plan, role: str) -> Stage:
    (roles,) = plan.roles.values()
    return roles[role]


@pytest.mark.usefixtures("bench_home")
def test_mmguard_on_textvqa_takes_about_two_hours_of_an_h100() -> None:
    """By hand: 4.45e9 parameters; 32 x 24 image tokens and some fifty of text; a forward pass is 7.3e12 operations.

    3 rounds of 8 steps on 2,000 pictures, three trainings of 3 passes over them: 66,000 steps of three passes each. For
    each of 5 words 16 others are tried on each question in each round: 480,000 passes over the text. 5,200 answers.
    """
    forward, text = 2 * 4.45e9 * (32 * 24 + 50), 2 * 4.45e9 * 50
    operations = (3 * 8 * 2000 + 3 * 3 * 2000) * 3 * forward + 3 * 5 * 16 * 2000 * text + 4 * 1300 * forward
    hours = hours_of()
    assert hours == pytest.approx(operations / (SHARE * PEAK) / 3600, rel=0.1)
    assert 1 < hours < 4


@pytest.mark.usefixtures("bench_home")
@pytest.mark.parametrize(
    "more",
    [
        {"defense": {"rounds": 4}},
        {"defense": {"image_steps": 9}},
        {"defense": {"inner_steps": 50}},
        {"defense": {"candidates": 32}},
        {"attack": {"epochs": 4}},
        {"victim": "qwen3-vl-8b"},
        {"dataset": "docvqa"},
        {"surrogates": ("qwen3-vl-4b", "minicpm-v-4")},
    ],
    ids=str,
)
def test_more_steps_and_larger_models_take_longer(more: dict[str, Any]) -> None:
    assert hours_of(**more) > hours_of()


@pytest.mark.usefixtures("bench_home")
def test_a_larger_model_needs_more_of_everything() -> None:
    small, middle, large = (cost_of(victim=f"qwen3-vl-{size}") for size in ("2b", "4b", "8b"))
    for field in RealCost._fields:
        assert getattr(small, field) < getattr(middle, field) < getattr(large, field), field


@pytest.mark.usefixtures("bench_home")
def test_more_samples_take_longer_and_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    few = cost_of()
    known = TYPICAL["textvqa"]
    doubled = TypicalSize((4000, 600, 2000), known.height, known.width)
    monkeypatch.setitem(sizes.TYPICAL, "textvqa", doubled)
    many = cost_of()
    assert few.gpu_hours and many.gpu_hours == pytest.approx(2 * few.gpu_hours, rel=0.01)
    assert many.disk_gb > 1.5 * few.disk_gb and many.gpu_gb == few.gpu_gb, "memory is bounded by the batch"


@pytest.mark.usefixtures("bench_home")
def test_training_all_weights_of_8b_needs_weights_gradients_moments_and_a_copy() -> None:
    full, lora = (cost_of(victim="qwen3-vl-8b", attack_name=name) for name in ("full_sft", "lora_sft"))
    assert full.gpu_gb > 5 * 2 * 8.1 > 2 * lora.gpu_gb


@pytest.mark.usefixtures("bench_home")
def test_what_was_measured_on_the_same_data_and_model_wins() -> None:
    plan = make_plan([spec_of()])
    release = stage_of(plan, "protect")
    estimates = Estimates(plan, [manifest(release, 60, peak=9000, disk=5)])
    assert estimates.estimate(release).seconds == 60
    rows = {row["stage"]: row for row in cost_table(plan, estimates)}
    assert None not in rows["all"].values()


@pytest.mark.usefixtures("bench_home")
def test_other_data_calibrate_the_rate_of_their_kind_of_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crafting on VQA-RAD took three times as long as arithmetic says; so will crafting on TextVQA, but no training."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    other = make_plan([spec_of(dataset="vqa-rad")])
    made, model = stage_of(other, "protect"), CostModel({"textvqa"}, [], H100)
    expected = model.estimate("protect", made.payload)
    assert expected is not None
    plan = make_plan([spec_of()])
    calibrated = Estimates(plan, [manifest(made, 3 * expected.seconds)])
    plain = Estimates(plan, [])
    for role, factor in (("protect", 3), ("attack", 1), ("evaluate", 1)):
        before, after = (e.estimate(stage_of(plan, role)).seconds for e in (plain, calibrated))
        assert before and after == pytest.approx(factor * before), role
    assert calibrated.model is not None and f"protect {SHARE * PEAK / 3e12:.3g}" in calibrated.model.assumptions


@pytest.mark.usefixtures("bench_home")
def test_without_an_accelerator_the_time_is_that_of_the_cores_and_the_hours_are_a_gpu_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plan on a laptop tells how long the laptop would take, and what to book elsewhere whatever is measured."""
    plan = make_plan([spec_of()])
    release = stage_of(plan, "protect")
    seconds, hours = {}, {}
    for visible in ("", "0"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        monkeypatch.setenv("BENCH_THREADS", "2")
        estimates = Estimates(plan, [])
        seconds[visible], hours[visible] = estimates.estimate(release).seconds, estimates.gpu_seconds(release)
    assert seconds["0"] and seconds[""] == pytest.approx(seconds["0"] * H100.rate / (2 * CORE))
    assert hours[""] == hours["0"] == seconds["0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    measured = Estimates(plan, [manifest(release, 60_000)])
    assert measured.estimate(release).seconds == 60_000 and measured.gpu_seconds(release) == hours["0"]


@pytest.mark.usefixtures("bench_home")
def test_embedded_victims_are_measured_and_not_computed() -> None:
    plan = make_plan([spec_of(victim="tiny-llava-a", dataset="emoji_smoke")])
    estimates = Estimates(plan, [])
    assert real_cost(plan, estimates) is None
    assert {estimates.estimate(stage).seconds for stage in plan.stages.values()} == {None}


@pytest.mark.usefixtures("bench_home")
def test_a_real_model_on_embedded_data_has_a_cost_too() -> None:
    assert 0 < hours_of(dataset="emoji_smoke") < hours_of(dataset="emoji_catalog") < hours_of()


def test_the_second_plan_needs_no_torch(tmp_path: Path) -> None:
    """The first one describes the methods with these options, and keeps what it found."""
    script = (
        "import sys; from bench.cli.main import main\n"
        "sys.argv = ['bench', 'run', '--defense', 'mmguard', '-o', 'rounds=29', '--attack', 'lora_sft',"
        " '--victim', 'qwen3-vl-4b', '--dataset', 'textvqa', '--dry-run']\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "BENCH_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 False", done.stderr
    assert "real models, about: GPU hours" in done.stdout and "assumed: " in done.stdout
