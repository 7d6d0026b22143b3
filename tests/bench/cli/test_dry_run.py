"""`bench run --dry-run` says what a run will cost, plays nothing and needs neither model nor data."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = ("run", "--defense", "em", "--attack", "lora_sft", "--dry-run", "--json")


@pytest.mark.parametrize("dataset", ["textvqa", "vqa-rad", "emoji_smoke"])
def test_a_real_model_that_is_not_here_has_a_cost(cli: Callable, bench_home: Path, dataset: str) -> None:
    output = cli(*COMMAND, "--victim", "qwen3-vl-4b", "--dataset", dataset)
    assert (output.code, output.err) == (0, "")
    report = json.loads(output.out)
    real = report["real models"]
    assert real["gpu_hours"] > 0 and real["gpu_gb"] > 8.9 and real["download_gb"] >= 8.9
    assert real["assumed"].startswith("assumed: 2 operations a parameter and token")
    assert report["wall seconds"] > 3600 * real["gpu_hours"] - 1, "stages without a model take time, too"
    assert not (bench_home / "artifacts").exists() and not (bench_home / "results.sqlite").exists()


def test_seeds_are_counted_together(cli: Callable) -> None:
    one, three = (
        json.loads(cli(*COMMAND, "--victim", "qwen3-vl-4b", "--dataset", "textvqa", "--seeds", seeds).out)
        for seeds in ("0", "0,1,2")
    )
    assert (one["runs"], three["runs"]) == (1, 3)
    ratio = three["real models"]["gpu_hours"] / one["real models"]["gpu_hours"]
    assert 2.9 < ratio <= 3, "all but zero-shot is done again"


def test_a_plan_says_what_meets_what(cli: Callable, bench_home: Path, tmp_path: Path) -> None:
    suite = tmp_path / "few.yaml"
    suite.write_text(
        "version: 1\ntitle: Few\ndefenses: [none, {name: mmguard, options: {rounds: 2}}]\n"
        "attacks: [{name: lora_sft}, {name: full_sft+jpeg}]\n"
        "datasets: [emoji_smoke]\nvictims: [tiny-llava-a]\nthreats: [white, black]\nseeds: [3, 0]\n"
    )
    output = cli("suite", "plan", str(suite))
    assert output.code == 0, output.err
    assert output.out.splitlines()[:7] == [
        "defenses: none, mmguard(rounds=2)", "attacks: lora_sft, full_sft+jpeg", "datasets: emoji_smoke",
        "victims: tiny-llava-a", "boxes: white, black", "surrogates: tiny-llava-a, tiny-qwen3vl, tiny-internvl",
        "seeds: 3, 0",
    ]  # fmt: skip
    report = json.loads(cli("suite", "plan", str(suite), "--json").out)
    assert (report["runs"], report["boxes"], report["seeds"]) == (16, ["white", "black"], [3, 0])


def test_a_plan_names_the_surrogates_that_a_run_asks_for(cli: Callable) -> None:
    box = ("--threat", "black", "--surrogates", "tiny-qwen3vl")
    report = json.loads(cli(*COMMAND, "--dataset", "emoji_smoke", "--victim", "tiny-llava-a", *box).out)
    assert report["surrogates"] == ["tiny-qwen3vl"]


def test_embedded_victims_have_no_gpu_hours(cli: Callable) -> None:
    report = json.loads(cli(*COMMAND, "--dataset", "emoji_smoke").out)
    assert "real models" not in report and report["stages"][-1]["to do"] > 0


def test_people_read_it_in_two_lines(cli: Callable) -> None:
    output = cli(*COMMAND[:-1], "--victim", "qwen3-vl-4b", "--dataset", "textvqa")
    assert output.code == 0
    line, assumed = (line for line in output.out.splitlines() if line.startswith(("real models", "assumed")))
    for part in ("GPU hours", "GB on the GPU", "of the host", "GB of disk", "GB of downloads"):
        assert part in line
    assert "TFLOP/s" in assumed


def test_a_wrong_name_is_still_an_error(cli: Callable) -> None:
    output = cli(*COMMAND, "--victim", "zebra")
    assert output.code == 2 and output.err.startswith("error: victim: 'zebra' is not known")


def test_a_run_that_cannot_fit_is_refused_and_its_plan_says_it(
    cli: Callable, bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCH_DEVICE", raising=False)
    monkeypatch.setattr("bench.play.fit.device_gigabytes", lambda: [48.0])
    line = ("run", "--defense", "none", "--attack", "full_sft", "--victim", "qwen3-vl-8b", "--dataset", "textvqa")
    planned = cli(*line, "--dry-run")
    assert planned.code == 0 and "does not fit here (1 stages): memory: 'full_sft on none'" in planned.out
    (large,) = json.loads(cli(*line, "--dry-run", "--json").out)["real models"]["too large"]
    monkeypatch.setattr("bench.cli.parse.check_playable", lambda spec: None)
    output = cli(*line)
    assert output.code == 2 and output.err == f"error: {large}\n"
    assert "needs 80 GB or more, and a GPU here has 48 GB; allowed: lora_sft" in large
    assert not (bench_home / "artifacts").exists()


def test_an_attack_of_the_set_with_other_options_is_told(cli: Callable) -> None:
    """A rank needs those of the set, and the run would look as if it were one of them."""
    command = [*COMMAND[:3], "--attack", "tuned+drop_inserted", "--dry-run", "--json"]
    output = cli(*command)
    assert output.code == 0 and json.loads(output.out)["runs"] == 1
    told = "tuned+drop_inserted is not in the required set; a rank needs tuned(trials=4)+drop_inserted\n"
    assert output.err == told
    assert not cli(*command[:4], "tuned(trials=4)+drop_inserted", *command[5:]).err
