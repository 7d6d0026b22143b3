"""The display of a run: bars that follow its stages, and one table with the numbers of its answers."""

from collections.abc import Callable

import pytest
from rich.console import Console

from bench.cli.display import RunDisplay, summary_table
from bench.results import Run


def shown(runs: list[Run]) -> dict[str, str]:
    """The table's rows as text; its title under "title"."""
    table = summary_table(runs, "2 of 3")
    names, values = (list(column.cells) for column in table.columns)
    return {"title": str(table.title), **dict(zip(names, values, strict=True))}


def test_one_seed_is_shown_with_its_numbers(finished: Callable[..., Run]) -> None:
    text = shown([finished()])
    assert text["title"] == "mmguard × lora_sft · emoji_smoke · tiny-llava-a · white box"
    names = (
        "zero-shot accuracy",
        "without the release's content",
        "this attack on clean data",
        "this attack on the release",
    )
    assert [text[name] for name in names] == ["10.0%", "10.0%", "80.0%", "40.0%"]
    assert text["protection, 95 % interval"].startswith("+0.57 [+")
    assert text["eligible (clean data worth ≥ 10 points)"] == "yes"
    assert text["L∞ levels · PSNR · SSIM · ΔE00"] == "8 · 33.5 dB · 0.912 · 1.70"
    assert text["inserted words · edit distance"] == "2 · 11.0"
    assert (text["protect"], text["attack"]) == ("12 s, 6 image-steps/s", "12 s")
    assert (text["peak memory"], text["reused stages"]) == ("700 MB", "2 of 3")


def test_several_seeds_are_one_table_of_means(finished: Callable[..., Run]) -> None:
    text = shown([finished(0, protected=16), finished(2, protected=24)])
    assert text["seeds"] == "0, 2"
    assert text["this attack on the release"] == "50.0%"
    assert text["protection, 95 % interval"].startswith("+0.43 [")


def test_without_a_clean_gain_there_is_no_score(finished: Callable[..., Run]) -> None:
    text = shown([finished(clean=4)])
    assert text["protection, 95 % interval"] == "not defined: nothing to protect"
    assert text["eligible (clean data worth ≥ 10 points)"] == "no"


def test_a_learning_curve_is_shown_with_its_peak_and_its_end(finished: Callable[..., Run]) -> None:
    """Each seed stops where it is best on validation: here after 2 epochs and after 4."""
    rows = []
    for seed, (early, late) in enumerate([(24, 16), (8, 20)]):
        point, last = finished(seed, protected=early), finished(seed, protected=late)
        last.curve = [{"epoch": 2, "validation": early / 40, "test": early / 40},
                      {"epoch": 4, "validation": late / 40, "test": late / 40}]  # fmt: skip
        last.stages |= {"evaluate@2": point.stages["evaluate"], "evaluate@4": last.stages["evaluate"]}
        rows.append(last)
    text = shown(rows)
    assert text["epoch 2: validation · test"] == "40.0% · 40.0%"
    assert text["epoch 4 (last): validation · test"] == "45.0% · 45.0%"
    assert text["peak: epoch 2, 4"] == "55.0%"
    assert text["protection at the peak"].startswith("+0.36 [")  # 1 - 0.45 / 0.7
    assert text["protection, 95 % interval"].startswith("+0.50 [")
    assert not any("epoch" in name or "peak:" in name for name in shown([finished()]))


def test_what_did_not_happen_is_not_given_a_number(finished: Callable[..., Run]) -> None:
    cost = {"protect": {"seconds": 0.0, "peak_mb": 400.0, "image_steps_per_second": None}}
    stealth = {"linf": 0, "psnr": None, "ssim": 1.0, "perceptual": 0.0, "words": 0, "edit_distance": 0.0}
    text = shown([finished(cost=cost, stealth=stealth)])
    assert (text["protect"], text["attack"]) == ("0 s", "none")
    assert text["L∞ levels · PSNR · SSIM · ΔE00"] == "0 · unchanged · 1.000 · 0.00"


def test_the_table_fits_a_terminal(finished: Callable[..., Run]) -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(summary_table([finished()], "9 of 9"))
    assert max(map(len, capture.get().splitlines())) <= 80
    assert "…" not in capture.get()


def test_a_folder_with_brackets_is_shown_in_full(finished: Callable[..., Run]) -> None:
    display = RunDisplay(quiet=False)
    display.console = Console(width=120)
    with display.console.capture() as capture:
        display.heading("ckpt/my[v2] and [bold]")
        display.console.print(summary_table([finished(victim="ckpt/my[v2]")], "9 of 9"))
    assert "ckpt/my[v2] and [bold]" in capture.get()
    assert "emoji_smoke · ckpt/my[v2] · white box" in " ".join(capture.get().split())


def test_a_bar_follows_its_stage_and_ends_full() -> None:
    display = RunDisplay(quiet=True)
    with display, display.stage("Protect") as tick:
        tick(0.25, "round 1")
        (task,) = display.progress.tasks
        assert (task.description, task.percentage, task.fields["note"]) == ("Protect", 25, "round 1")
        tick(1, "reused")
    assert (task.percentage, task.finished, task.fields["note"]) == (100, True, "reused")


def test_reused_stages_are_counted() -> None:
    with RunDisplay(quiet=True) as display:
        for title, note in (("Original", "reused"), ("Protect", ""), ("Audit", "reused")):
            with display.stage(title) as tick:
                tick(1, note)
    assert display.reused == "2 of 3"


def test_a_stage_that_fails_is_not_shown_as_done() -> None:
    display = RunDisplay(quiet=True)
    with pytest.raises(RuntimeError), display, display.stage("Attack") as tick:
        tick(0.5, "")
        raise RuntimeError
    assert display.progress.tasks[0].percentage == 50
    assert not display.progress.live.is_started


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_is_quiet(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with RunDisplay(quiet=quiet) as display:
        display.heading("em × lora_sft")
        with display.stage("Answers") as tick:
            tick(1, "")
    out = capsys.readouterr().out
    assert ("em × lora_sft" in out, "Answers" in out) == (not quiet, not quiet)


def test_a_log_gets_a_line_every_ten_seconds_with_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock, display = 0.0, RunDisplay(quiet=False)
    display.progress.get_time = lambda: clock
    with display, display.stage("Protect: em") as progress:
        for second in range(61):
            clock = float(second)
            progress(second / 60, "round 1")
        lines = [line for line in capsys.readouterr().out.splitlines() if "left" in line]
    expected = [(17, 50), (33, 40), (50, 30), (67, 20), (83, 10), (100, 0)]
    assert lines == [f"Protect: em · {share} % · 0:00:{left:02} left · round 1" for share, left in expected]


def test_a_short_stage_writes_no_line_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with RunDisplay(quiet=False) as display, display.stage("Audit") as progress:
        for hundredth in range(100):
            progress(hundredth / 100, "")
        assert "%" not in capsys.readouterr().out


def test_a_terminal_gets_bars_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    clock, display = 0.0, RunDisplay(quiet=False)
    display.progress.get_time = lambda: clock
    with display, display.stage("Protect: em") as progress:
        clock = 30.0
        progress(0.5, "")
    assert " · 50 %" not in capsys.readouterr().out
