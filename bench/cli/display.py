"""The display of a run: a progress bar for each stage, then one table."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from bench.cli.output import clean, make_console, plain
from bench.results import Run
from bench.scoring.ladder import Step
from bench.scoring.stats import Estimate
from bench.tables.game import Game
from bench.tables.summary import Summary, summarize

QUIET_SECONDS = 10.0
"""Seconds between two lines about one bar in a log."""


class Display:
    """Progress bars on the terminal while the block runs; nothing at all when `quiet`.

    Where the output is no terminal, bars are drawn once, at the end, so `log_progress` prints lines meanwhile.
    """

    def __init__(self, *columns: ProgressColumn, quiet: bool) -> None:
        self.console = make_console(quiet=quiet)
        self.progress = Progress(*columns, console=self.console)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def time_left(self, task: TaskID) -> str:
        """Return the expected time until a bar is full, as `0:02:30 left`; "" where nothing of it is done yet."""
        bar = self.progress.tasks[task]
        if not bar.completed or bar.remaining is None or bar.elapsed is None:
            return ""
        return f"{timedelta(seconds=round(bar.elapsed / bar.completed * bar.remaining))} left"

    def log_progress(self, task: TaskID) -> None:
        """Print how far a bar is, if this goes to a log whose last line about it is some seconds old."""
        bar, now = self.progress.tasks[task], self.progress.get_time()
        if not self.console.is_terminal and now - bar.fields["logged"] >= QUIET_SECONDS:
            parts = (bar.description, f"{bar.percentage:.0f} %", self.time_left(task), bar.fields["note"])
            self.console.print(plain(" · ".join(filter(None, parts))), soft_wrap=True)
            self.progress.update(task, logged=now)


class RunDisplay(Display):
    """One bar for each stage of a run."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(
            TextColumn("{task.description:<24}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            quiet=quiet,
        )

    def heading(self, text: str) -> None:
        """Print a line above the bars."""
        self.console.print(plain(text, "bold"))

    def zero_shot(self, accuracy: float) -> None:
        """Print a line with the zero-shot accuracy, in [0,1]."""
        room = f"{100 * (1 - accuracy):.1f} points"
        self.console.print(f"zero-shot accuracy: {accuracy:.1%}; clean data can add {room} at most")

    @contextmanager
    def stage(self, title: str) -> Iterator[Callable[[float, str], None]]:
        """Show a bar for the block, which reports the fraction done in [0,1] and a note."""
        task = self.progress.add_task(clean(title), total=1.0, note="", logged=self.progress.get_time())

        def report(fraction: float, note: str) -> None:
            self.progress.update(task, completed=fraction, note=clean(note))
            self.log_progress(task)

        yield report
        self.progress.stop_task(task)

    @property
    def reused(self) -> str:
        """The number of stages shown that were finished before, as `2 of 9`."""
        tasks = self.progress.tasks
        return f"{sum(task.fields['note'] == 'reused' for task in tasks)} of {len(tasks)}"


def summary_table(runs: Sequence[Run], reused: str) -> Table:
    """Return one table for the runs of one cell. `reused`: how many of its stages were finished before."""
    summary, first = summarize(runs), runs[0]
    title = f"{first.defense} × {first.attack} · {first.dataset} · {first.victim} · {first.threat} box"
    table = Table(title=plain(title, "table.title"))
    table.add_column("measure")
    table.add_column("value", justify="right")
    for name, text in (
        ("seeds", ", ".join(map(str, summary.seeds))),
        ("zero-shot accuracy", f"{summary.zero:.1%}"),
        ("without the release's content", f"{summary.baseline:.1%}"),
        ("this attack on clean data", f"{summary.clean:.1%}"),
        ("this attack on the release", f"{summary.protected:.1%}"),
        ("protection, 95 % interval", _protection(summary.protection)),
        ("eligible (clean data worth ≥ 10 points)", "yes" if summary.eligible else "no"),
        *_curve_rows(summary),
        *_side_effect_rows(summary),
        *_stealth_rows(first.stealth),
        *_cost_rows(first.cost),
        ("reused stages", reused),
    ):
        table.add_row(name, text)
    return table


def ladder_table(game: Game, defense: str, steps: Sequence[Step]) -> Table:
    """Return a table of the attacks from the cheapest on, with the protection against all until each line."""
    best = f"Best of {len(steps)} attacks, chosen on validation: {steps[-1].best.attack}"
    together = f"Protection against all of them: {_protection(steps[-1].protection)}"
    title = f"{defense} · {game.dataset} · {game.victim} · {game.threat} box\n{best}\n{together}"
    table = Table(title=plain(title, "table.title"))
    columns = ("attack", "cost", "all so far", "validation", "gain on test", "protection, 95 % interval", "all so far")
    for name in columns:
        table.add_column(name, justify="left" if name == "attack" else "right")
    for step in steps:
        attack = step.latest
        costs = (f"{step.cost:.1f} x", f"{step.total:.1f} x")
        rates = (f"{attack.validation:.1%}", f"{100 * attack.gain:+.1f} points")
        together = f"{step.protection.value:+.2f}" if step.protection else "not defined"
        table.add_row(attack.attack, *costs, *rates, _protection(attack.protection), together)
    table.caption = (
        "cost: seconds of the attack over those of lora_sft, in these runs. protection: beside the same attack on "
        "clean data; all so far: the best of the attacks until this line on both sides"
    )
    return table


def _protection(protection: Estimate | None) -> str:
    return "not defined: nothing to protect" if protection is None else str(protection)


def _curve_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the points of a learning curve, and the test accuracy of the epochs that were best on validation."""
    for point in summary.curve:
        last = " (last)" if point is summary.curve[-1] else ""
        yield f"epoch {point['epoch']}{last}: validation · test", f"{point['validation']:.1%} · {point['test']:.1%}"
    if summary.peak:
        accuracy, protection = summary.peak
        yield f"peak: epoch {', '.join(map(str, summary.peaks))}", f"{accuracy:.1%}"
        yield "protection at the peak", _protection(protection)


def _side_effect_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield the scores of base, clean and attacked model on other tasks, and what the attack changed."""
    for task, effect in summary.effects.items():
        items = "" if effect["items"] == effect["of"] else f", {effect['items']} of {effect['of']} items"
        scores = " → ".join(f"{effect[model]:.1%}" for model in ("zero", "clean", "attacked"))
        yield f"{task} ({effect['metric']}{items})", scores
        change, *ends = effect["attacked_change"]
        yield "change by the attack", f"{change:+.1%}" + ("  [{:+.1%}, {:+.1%}]".format(*ends) if ends else "")


def _stealth_rows(stealth: dict[str, Any]) -> Iterator[tuple[str, str]]:
    psnr = "unchanged" if stealth["psnr"] is None else f"{stealth['psnr']:.1f} dB"
    distances = f"{stealth['linf']} · {psnr} · {stealth['ssim']:.3f} · {stealth['perceptual']:.2f}"
    yield "L∞ levels · PSNR · SSIM · ΔE00", distances
    yield "inserted words · edit distance", f"{stealth['words']} · {stealth['edit_distance']:.1f}"


def _cost_rows(cost: dict[str, Any]) -> Iterator[tuple[str, str]]:
    rate = cost["protect"]["image_steps_per_second"]
    yield "protect", f"{cost['protect']['seconds']:.0f} s" + (f", {rate:.0f} image-steps/s" if rate else "")
    yield "attack", f"{cost['attack']['seconds']:.0f} s" if "attack" in cost else "none"
    yield "peak memory", f"{max(stage['peak_mb'] for stage in cost.values()):.0f} MB"
