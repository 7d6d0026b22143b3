"""The display of a suite: a log tells what runs, how many stages are done, and the time that is left."""

import time

import pytest

from bench.cli import suite_display
from bench.cli.suite_display import SuiteDisplay
from bench.engine.costs import Costs
from bench.stages.stage import Stage
from tests.bench.toys import manifest


def attack(name: str) -> Stage:
    return Stage("attack", f"{name} on em", {"attack": name}, work=lambda folder, progress: {})


QUICK, LONG, NEW = attack("lora_sft"), attack("full_sft"), attack("tuned")


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_log_says_how_many_stages_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    with SuiteDisplay([QUICK, LONG], Costs([]), quiet=False) as display:
        display.report(QUICK, "started")
        display.report(QUICK, "done")
    assert "started attack: lora_sft on em done attack: lora_sft on em · 1 of 2 stages, 0:00:00 left" in shown(capsys)


def test_the_bar_follows_the_expected_seconds_and_not_the_number_of_stages() -> None:
    """A stage of 10 seconds is done; one of 90, and one of unknown cost that counts as their mean, are to come."""
    costs = Costs([manifest(QUICK, 10), manifest(LONG, 90)])
    with SuiteDisplay([QUICK, LONG, NEW], costs, quiet=False) as display:
        display.report(QUICK, "started")
        display.report(QUICK, "done")
        bar = display.progress.tasks[display.bar]
        assert (bar.completed, bar.total) == (10, 150)
        display.expect([LONG])
        assert (bar.completed, bar.total, bar.fields["stages"]) == (10, 100, 2), "a cell was left out"


def test_a_long_stage_shows_that_it_lives(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_display, "LIFE_SECONDS", 0.05)
    with SuiteDisplay([QUICK, LONG], Costs([]), quiet=False) as display:
        display.report(LONG, "started")
        time.sleep(0.5)
        display.report(LONG, "done")
        during = shown(capsys)
        time.sleep(0.2)
        assert "running" not in shown(capsys), "nothing runs any more"
    assert "running attack: full_sft on em (0:00:00) · 0 of 2 stages" in during


def test_a_quiet_suite_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with SuiteDisplay([QUICK], Costs([]), quiet=True) as display:
        display.report(QUICK, "started")
        display.show_running()
        display.report(QUICK, "done")
    assert shown(capsys) == ""


def test_a_stage_that_is_made_again_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with SuiteDisplay([QUICK], Costs([]), quiet=False) as display:
        for _ in range(2):
            display.report(QUICK, "started")
            display.report(QUICK, "done")
    assert shown(capsys).count("done attack") == 2


def test_a_long_title_stays_on_its_line_of_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    stage = attack("full_sft+crop_color+jpeg+drop_inserted+" + "crop_color+" * 20)
    with SuiteDisplay([stage], Costs([]), quiet=False) as display:
        display.report(stage, "started")
        display.show_running()
        display.report(stage, "done")
    lines = [line for line in capsys.readouterr().out.splitlines() if stage.title in line]
    assert [line.split()[0] for line in lines] == ["started", "running", "done"]
