"""What a run shows: a progress bar a stage, then one table."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from bench.results import Run
from bench.scoring.frontier import Step
from bench.scoring.stats import Estimate
from bench.stages.stage import Stage
from bench.tables.summary import Game, Summary, summary


class Display:
    """Rich progress on the terminal; nothing at all when `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self.console = Console(quiet=quiet)
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.progress = Progress(*columns, console=self.console)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def heading(self, text: str) -> None:
        """A line above the bars."""
        self.console.print(f"[bold]{text}[/]")

    @contextmanager
    def stage(self, title: str) -> Iterator[Callable[[float, str], None]]:
        """A bar for the block; give it the fraction done and a note."""
        task = self.progress.add_task(title, total=1.0, note="")
        yield lambda fraction, note: self.progress.update(task, completed=fraction, note=note)
        self.progress.stop_task(task)

    @property
    def reused(self) -> str:
        """How many of the stages that were shown had been finished before."""
        tasks = self.progress.tasks
        return f"{sum(task.fields['note'] == 'reused' for task in tasks)} of {len(tasks)}"


class Counted:
    """One bar for the stages of a suite, and a line for each that started or ended."""

    def __init__(self, tasks: int, *, quiet: bool) -> None:
        self.console = Console(quiet=quiet)
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=self.console)
        self.bar = self.progress.add_task("stages", total=tasks)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def tick(self, task: Stage, event: str) -> None:
        """One event of `bench.play.suite.play`."""
        self.console.print(f"{event:<8} {task.kind}: {task.title}")
        self.progress.advance(self.bar, event != "started")


def table(runs: Sequence[Run], reused: str) -> Table:
    """One table for the runs of one cell; `reused`: how many of how many stages."""
    s, first = summary(runs), runs[0]
    view = Table(title=f"{first.defense} × {first.attack} · {first.dataset} · {first.victim} · {first.threat} box")
    view.add_column("measure")
    view.add_column("value", justify="right")
    stealth = first.stealth
    psnr = "unchanged" if stealth["psnr"] is None else f"{stealth['psnr']:.1f} dB"
    cost = first.cost
    rate = cost["protect"]["image_steps_per_second"]
    for name, text in (
        ("seeds", ", ".join(map(str, s.seeds))),
        ("zero-shot accuracy", f"{s.zero:.1%}"),
        ("clean fine-tune accuracy", f"{s.clean:.1%}"),
        ("protected fine-tune accuracy", f"{s.protected:.1%}"),
        ("protection, 95 % interval", _protection(s.protection)),
        ("eligible (clean gain ≥ 10 points)", "yes" if s.eligible else "no"),
        *_curve(s),
        *_effects(s),
        ("L∞ levels · PSNR · SSIM · ΔE00", _stealth(stealth, psnr)),
        ("inserted words · edit distance", f"{stealth['words']} · {stealth['edit_distance']:.1f}"),
        ("protect", f"{cost['protect']['seconds']:.0f} s" + (f", {rate:.0f} image-steps/s" if rate else "")),
        ("attack", f"{cost['attack']['seconds']:.0f} s" if "attack" in cost else "none"),
        ("peak memory", f"{max(part['peak_mb'] for part in cost.values()):.0f} MB"),
        ("reused stages", reused),
    ):
        view.add_row(name, text)
    return view


def ladder(game: Game, steps: Sequence[Step]) -> Table:
    """The attacks in the order of their cost; those that were the best so far are marked, the last of them is taken."""
    best = f"Best of {len(steps)} attacks, chosen on validation: {steps[-1].best.attack}"
    view = Table(title=f"{game.defense} · {game.dataset} · {game.victim} · {game.threat} box\n{best}")
    columns = ("attack", "cost", "all so far", "validation", "gain on test", "protection, 95 % interval", "best so far")
    for name in columns:
        view.add_column(name, justify="left" if name == "attack" else "right")
    for step in steps:
        one = step.tried
        costs = (f"{step.cost:.1f} x", f"{step.total:.1f} x")
        rates = (f"{one.validation:.1%}", f"{100 * one.gain:+.1f} points")
        view.add_row(one.attack, *costs, *rates, _protection(one.protection), "yes" if step.best is one else "")
    view.caption = "cost: seconds of the attack over those of lora_sft, in these runs"
    return view


def _protection(found: Estimate | None) -> str:
    return "not defined: no clean gain" if found is None else "{:+.1%}  [{:+.1%}, {:+.1%}]".format(*found)


def _curve(s: Summary) -> Iterator[tuple[str, str]]:
    """Rows of a learning curve: its points, and what the epochs that were best on validation are on test."""
    for point in s.curve:
        last = " (last)" if point is s.curve[-1] else ""
        yield f"epoch {point['epoch']}{last}: validation · test", f"{point['validation']:.1%} · {point['test']:.1%}"
    if s.peak:
        accuracy, protection = s.peak
        yield f"peak: epoch {', '.join(map(str, s.peaks))}", f"{accuracy:.1%}"
        yield "protection at the peak", _protection(protection)


def _effects(s: Summary) -> Iterator[tuple[str, str]]:
    """Rows of side effects: base, clean fine-tune and attacked model on another task, and what the attack changed."""
    for task, found in s.effects.items():
        asked = "" if found["items"] == found["of"] else f", {found['items']} of {found['of']} items"
        values = " → ".join(f"{found[who]:.1%}" for who in ("zero", "clean", "attacked"))
        yield f"{task} ({found['metric']}{asked})", values
        change, *ends = found["attacked_change"]
        yield "change by the attack", f"{change:+.1%}" + ("  [{:+.1%}, {:+.1%}]".format(*ends) if ends else "")


def _stealth(stealth: dict[str, float], psnr: str) -> str:
    return f"{stealth['linf']} · {psnr} · {stealth['ssim']:.3f} · {stealth['perceptual']:.2f}"
