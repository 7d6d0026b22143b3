"""The Slurm engine: the ready stages of a kind are one job array, submitted and followed by submitit."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import ceil
from types import TracebackType
from typing import Any, Self

import submitit
from submitit.helpers import as_completed

from bench.engine.attempt import Deaths, attempt
from bench.engine.devices import cores, devices
from bench.errors import UserError, unknown
from bench.paths import home
from bench.play.plan import Costs
from bench.stages.stage import Stage

CLUSTERS = ("slurm", "local")
"""Where submitit puts the jobs: `local` is this machine, to try on it what would be submitted."""

MINUTES = 24 * 60
"""Time limit of a stage."""

CORES = 8
"""What a stage with a model asks for, unless `BENCH_THREADS` says otherwise."""

MARGIN = 1.25
"""Slurm kills what takes more memory than it asked for."""

POLL = 1.0
"""Seconds between two looks at the jobs."""

UNLIMITED = 1_000_000


class Slurm:
    """At most `workers` stages at a time; without a number, whatever Slurm has room for.

    Partition, account and all else that sbatch knows are its own `SBATCH_*` variables, which win over what is asked.
    """

    def __init__(self, workers: int | None, address: str | None, costs: Costs) -> None:
        if address not in (None, *CLUSTERS):
            raise unknown("address", str(address), CLUSTERS)
        self.cluster, self.costs, self.deaths = address or CLUSTERS[0], costs, Deaths()
        self.workers = workers or (1 if address == "local" else UNLIMITED)
        self.running: dict[submitit.Job[str | None], Stage] = {}

    def __enter__(self) -> Self:
        """Raises UserError where there is no Slurm."""
        if self.cluster == "slurm" and shutil.which("sbatch") is None:
            raise UserError("engine: 'slurm' found no sbatch on the PATH; allowed: a machine that may submit jobs")
        local = self.cluster == "local"
        self.gpus = bool(devices()) if local else "gpu" in _features()
        self.cpus = max(1, cores() // self.workers) if local else int(os.environ.get("BENCH_THREADS", CORES))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """Cancel what waits or runs."""
        for job in self.running:
            job.cancel(check=False)
        self.running.clear()

    def start(self, ready: Sequence[Stage]) -> list[Stage]:
        """Submit one array a kind of stage: the jobs of an array ask for the same."""
        started = sorted(ready[: self.workers - len(self.running)], key=lambda task: task.kind)
        for kind, tasks in groupby(started, lambda task: task.kind):
            self._submit(kind, list(tasks))
        return started

    def _submit(self, kind: str, tasks: list[Stage]) -> None:
        ask = self.request(tasks)
        executor = submitit.AutoExecutor(home() / "slurm", cluster=self.cluster)
        executor.update_parameters(name=f"bench-{kind}", timeout_min=MINUTES, **ask)
        jobs = executor.map_array(attempt, tasks, [ask["cpus_per_task"]] * len(tasks))
        self.running.update(zip(jobs, tasks, strict=True))

    def request(self, tasks: Sequence[Stage]) -> dict[str, Any]:
        """What each of the tasks asks for; memory from finished stages like them, where there are such for all."""
        peaks = [self.costs.estimate(task).peak_mb for task in tasks]
        known = [peak for peak in peaks if peak is not None]
        models = any(task.models for task in tasks)
        ask = {"cpus_per_task": self.cpus if models else 1, "gpus_per_node": int(models and self.gpus)}
        return ask | ({"mem_gb": ceil(max(known) / 1024 * MARGIN)} if len(known) == len(peaks) else {})

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait for at least one task to end."""
        next(as_completed(list(self.running), poll_frequency=POLL))
        for job in [job for job in self.running if job.done()]:
            task = self.running.pop(job)
            try:
                yield task, job.result()
            except submitit.core.utils.FailedJobError as error:
                yield task, str(error)
            except submitit.core.utils.UncompletedJobError as gone:
                if (error_ := self.deaths.final(task, str(gone))) is not None:
                    yield task, error_
                else:
                    self._submit(task.kind, [task])


def _features() -> str:
    """The generic resources of Slurm's nodes. Raises UserError where Slurm does not answer."""
    asked = subprocess.run(["sinfo", "--noheader", "--format=%G"], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise UserError(f"engine: 'slurm' does not answer: {asked.stderr.strip()}; allowed: a Slurm that runs")
    return asked.stdout
