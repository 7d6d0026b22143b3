"""The display of a suite: one bar for all stages, and a line for each that starts, ends or takes long."""

from collections.abc import Iterable
from datetime import timedelta
from statistics import mean
from threading import Event, Thread
from time import monotonic
from typing import Self

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.cli.display import Display
from bench.cli.output import plain
from bench.engine.costs import Costs
from bench.stages.stage import Stage

LIFE_SECONDS = 60.0
"""Seconds between two lines that say what runs, in a log."""


class SuiteDisplay(Display):
    """One bar, in expected seconds, and a line for each stage that starts or ends.

    A log also gets a line every minute on what runs. costs: those of stages; one of unknown cost counts as the mean.
    """

    def __init__(self, stages: Iterable[Stage], costs: Costs, *, quiet: bool) -> None:
        counts = TextColumn("{task.fields[done]} of {task.fields[stages]} stages")
        super().__init__(BarColumn(), counts, TimeElapsedColumn(), TimeRemainingColumn(), quiet=quiet)
        self.costs = costs
        self.started: dict[str, tuple[Stage, float]] = {}
        self.is_over = Event()
        self.bar = self.progress.add_task("stages", total=0.0, done=0, stages=0)
        self.expect(stages)

    def __enter__(self) -> Self:
        if not self.console.is_terminal:
            Thread(target=self._show_life, daemon=True).start()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        super().__exit__()

    def expect(self, stages: Iterable[Stage]) -> None:
        """Change the stages that are still to come."""
        bar, expected = self.progress.tasks[self.bar], {stage.identity: self._seconds(stage) for stage in stages}
        known = [seconds for seconds in expected.values() if seconds]
        self.weights = {name: seconds or (mean(known) if known else 1.0) for name, seconds in expected.items()}
        total = bar.completed + sum(self.weights.values())
        self.progress.update(self.bar, total=total, stages=bar.fields["done"] + len(self.weights))

    def report(self, stage: Stage, event: str) -> None:
        """Show one event of `bench.play.schedule`: a stage has started, or has ended in some way.

        A stage that is made again, since its artefact was broken, was counted before.
        """
        line = f"{event:<8} {stage.kind}: {stage.title}"
        if event == "started":
            self.started[stage.identity] = stage, monotonic()
        else:
            self.started.pop(stage.identity)
            done = self.progress.tasks[self.bar].fields["done"] + 1
            self.progress.update(self.bar, advance=self.weights.pop(stage.identity, 0.0), done=done)
            line += "" if self.console.is_terminal else f" · {self._state()}"
        self.console.print(plain(line), soft_wrap=True)

    def show_running(self) -> None:
        """Print which stages run, and for how long."""
        now = monotonic()
        stages = [
            f"{stage.kind}: {stage.title} ({timedelta(seconds=round(now - start))})"
            for stage, start in self.started.copy().values()
        ]
        if stages:
            self.console.print(plain(f"running  {', '.join(stages)} · {self._state()}"), soft_wrap=True)

    def _show_life(self) -> None:
        while not self.is_over.wait(LIFE_SECONDS):
            self.show_running()

    def _state(self) -> str:
        fields = self.progress.tasks[self.bar].fields
        left = self.time_left(self.bar)
        return f"{fields['done']} of {fields['stages']} stages" + (f", {left}" if left else "")

    def _seconds(self, stage: Stage) -> float | None:
        return self.costs.estimate(stage).seconds
