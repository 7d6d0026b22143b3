"""The Ray engine: each ready stage is a Ray task that asks for cores, a GPU and memory. Ray places and retries it."""

import logging
import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import ray

from bench.engine.attempt import RETRIES, attempt
from bench.engine.costs import Costs
from bench.errors import UserError
from bench.paths import home
from bench.stages.stage import Stage

VARIABLES = ("BENCH_ARTIFACTS", "BENCH_DEVICE", "BENCH_MODELS", "BENCH_RESULTS", "HF_HUB_OFFLINE")
"""Environment variables that the workers get from this process, besides the home."""

UNLIMITED = 1_000_000


class Ray:
    """At most `workers` stages at a time share the cluster's cores; without a number, as many as Ray has room for.

    `address`: that of a cluster. None: the cluster of `RAY_ADDRESS`, or a new one on this machine that ends with this.
    """

    def __init__(self, workers: int | None, address: str | None, costs: Costs) -> None:
        self.workers, self.address, self.costs = workers, address, costs
        self.running: dict[Any, Stage] = {}

    def __enter__(self) -> Self:
        """Connect. Raises UserError where nothing answers."""
        variables = {name: os.environ[name] for name in VARIABLES if name in os.environ} | {"BENCH_HOME": str(home())}
        try:
            ray.init(
                self.address,
                runtime_env={"env_vars": variables},
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"address: {self.address!r}: {error}; allowed: the address of a Ray cluster") from error
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        if not nodes:
            ray.shutdown()
            raise UserError(f"address: {self.address!r}: no node has a core; allowed: a cluster with one that has")
        self.gpus = any(node.get("GPU") for node in nodes)
        self.memory = int(max(node["memory"] for node in nodes))
        # A stage must fit on any node, so the node with the fewest cores for each GPU decides.
        share = min(int(node["CPU"] // max(1, node.get("GPU", 0))) for node in nodes)
        total = int(sum(node["CPU"] for node in nodes))
        self.cpus = max(1, min(share, total // (self.workers or 1)))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """Interrupt what runs and wait while it tidies up. A second Ctrl-C does not wait."""
        try:
            for reference in self.running:
                ray.cancel(reference)
            if self.running:
                ray.wait(list(self.running), num_returns=len(self.running))
        finally:
            self.running.clear()
            ray.shutdown()

    def start(self, ready: Sequence[Stage]) -> list[Stage]:
        """Hand stages to Ray, and return those stages."""
        started = list(ready[: (self.workers or UNLIMITED) - len(self.running)])
        for stage in started:
            resources = self.request(stage)
            self.running[_remote.options(**resources).remote(stage, resources["num_cpus"])] = stage
        return started

    def request(self, stage: Stage) -> dict[str, Any]:
        """Return the resources of a stage. Memory, in bytes, follows from finished stages like it and fits a node."""
        peak = self.costs.estimate(stage).peak_mb
        return {
            "num_cpus": self.cpus if stage.models else 1,
            "num_gpus": 1 if stage.models and self.gpus else 0,
            "memory": None if peak is None else min(int(peak * 2**20), self.memory),
        }

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait until at least one stage ends. Yield each that ended, with its traceback where it failed."""
        ray.wait(list(self.running), num_returns=1)
        done, _ = ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        for reference in done:
            stage = self.running.pop(reference)
            try:
                yield stage, ray.get(reference)
            except ray.exceptions.RayError as error:
                yield stage, str(error)


# `max_calls=0` keeps a worker, and the model that it has loaded, after a stage on a GPU.
_remote: Any = ray.remote(max_retries=RETRIES, max_calls=0)(attempt)
