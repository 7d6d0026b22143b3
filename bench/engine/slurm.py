"""The Slurm engine: the ready stages of one kind are one job array, which submitit submits and follows."""

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
from bench.engine.costs import Costs
from bench.engine.devices import cores, devices
from bench.errors import UserError, unknown_name
from bench.paths import home
from bench.stages.stage import Stage
from bench.threads import read_threads

CLUSTERS = ("slurm", "local")
"""Clusters of submitit. `local` is this machine, to try what would be submitted."""

MINUTES = 24 * 60
"""Time limit of a stage."""

CORES = 8
"""Cores of a stage with a model, unless `BENCH_THREADS` says otherwise."""

MARGIN = 1.25
"""Factor on the expected memory: Slurm kills a job that takes more than it asked for."""

POLL = 1.0
"""Seconds between two checks of the jobs."""

UNLIMITED = 1_000_000


class Slurm:
    """At most `workers` stages at a time; without a number, as many as Slurm has room for.

    Partition, account and everything else that sbatch knows come from its `SBATCH_*` variables, which win over what
    this engine asks for.
    """

    def __init__(self, workers: int | None, address: str | None, costs: Costs) -> None:
        if address not in (None, *CLUSTERS):
            raise unknown_name("address", str(address), CLUSTERS)
        self.cluster, self.costs, self.deaths = address or CLUSTERS[0], costs, Deaths()
        self.workers = workers or (1 if address == "local" else UNLIMITED)
        self.running: dict[submitit.Job[str | None], Stage] = {}

    def __enter__(self) -> Self:
        """Find Slurm. Raises UserError where there is none."""
        if self.cluster == "slurm" and shutil.which("sbatch") is None:
            raise UserError("engine: 'slurm' found no sbatch on the PATH; allowed: a machine that may submit jobs")
        local = self.cluster == "local"
        self.gpus = bool(devices()) if local else "gpu" in _features()
        self.cpus = max(1, cores() // self.workers) if local else read_threads(CORES)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """Cancel the jobs that wait or run."""
        for job in self.running:
            job.cancel(check=False)
        self.running.clear()

    def start(self, ready: Sequence[Stage]) -> list[Stage]:
        """Submit one array for each kind of stage, as the jobs of an array ask for the same resources."""
        started = sorted(ready[: self.workers - len(self.running)], key=lambda stage: stage.kind)
        for kind, stages in groupby(started, lambda stage: stage.kind):
            self._submit(kind, list(stages))
        return started

    def _submit(self, kind: str, stages: list[Stage]) -> None:
        resources = self.request(stages)
        executor = submitit.AutoExecutor(home() / "slurm", cluster=self.cluster)
        executor.update_parameters(name=f"bench-{kind}", timeout_min=MINUTES, **resources)
        jobs = executor.map_array(attempt, stages, [resources["cpus_per_task"]] * len(stages))
        self.running.update(zip(jobs, stages, strict=True))

    def request(self, stages: Sequence[Stage]) -> dict[str, Any]:
        """Return the resources of each stage. Memory follows from finished stages, where all have some like them."""
        models = any(stage.models for stage in stages)
        resources = {"cpus_per_task": self.cpus if models else 1, "gpus_per_node": int(models and self.gpus)}
        estimates = [self.costs.estimate(stage).peak_mb for stage in stages]
        peaks = [peak for peak in estimates if peak is not None]
        if len(peaks) == len(stages):
            resources["mem_gb"] = ceil(max(peaks) / 1024 * MARGIN)
        return resources

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait until at least one stage ends. Yield each that ended, with its traceback where it failed."""
        next(as_completed(list(self.running), poll_frequency=POLL))
        for job in [job for job in self.running if job.done()]:
            stage = self.running.pop(job)
            try:
                yield stage, job.result()
            except submitit.core.utils.FailedJobError as error:
                yield stage, str(error)
            except submitit.core.utils.UncompletedJobError as death:
                if (message := self.deaths.count(stage, str(death))) is not None:
                    yield stage, message
                else:
                    self._submit(stage.kind, [stage])


def _features() -> str:
    """Return the generic resources of Slurm's nodes. Raises UserError where Slurm does not answer."""
    answer = subprocess.run(["sinfo", "--noheader", "--format=%G"], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise UserError(f"engine: 'slurm' does not answer: {answer.stderr.strip()}; allowed: a Slurm that runs")
    return answer.stdout
