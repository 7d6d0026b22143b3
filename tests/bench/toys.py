"""Stages without a model, for plans that are drawn or played within a moment; nothing heavy is imported here."""

import json
import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.engine.costs import Costs
from bench.play.plan import Plan
from bench.progress import Progress
from bench.stages.stage import Stage


def report(seconds: float, mood: str, folder: Path, progress: Progress) -> None:
    """Write down which process did it in which surroundings; or fail, or die: always, or if it is the first to try."""
    tries = folder.parent.parent.parent / "tries.log"
    with tries.open("a") as log:
        log.write(f"{mood}\n")
    if mood == "fails":
        raise ValueError("it cannot be done")
    if mood == "dies" or (mood == "dies once" and tries.read_text().split("\n").count(mood) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(seconds)
    told = {name: os.environ.get(name) for name in ("BENCH_THREADS", "CUDA_VISIBLE_DEVICES")}
    (folder / "told.json").write_text(json.dumps({"process": os.getpid(), **told}))


def toy(
    name: str,
    *needs: Stage,
    kind: str = "toy",
    models: tuple[str, ...] = (),
    seconds: float = 0,
    mood: str = "",
) -> Stage:
    """A stage that takes so long."""
    payload = {"name": name, "needs": [need.identity for need in needs]}
    return Stage(kind, name, payload, partial(report, seconds, mood), needs, models)


def plan_of(stages: Sequence[Stage], finished: Sequence[Stage] = ()) -> Plan:
    """A plan of these stages, in this order, with some of them finished."""
    every = {stage.identity: stage for stage in stages}
    done = {stage.identity for stage in finished}
    return Plan({}, {}, every, {name: stage for name, stage in every.items() if name not in done})


def costs(kind: str = "toy", **cost: float) -> Costs:
    """What one finished stage of a kind has cost."""
    return Costs([{"stage": kind, "payload": {}, "cost": cost}])


def manifest(stage: Stage, seconds: float, peak: float = 0, disk: float = 0) -> dict[str, Any]:
    """What is kept of a finished stage."""
    cost = {"seconds": seconds, "peak_mb": peak, "disk_mb": disk}
    return {"stage": stage.kind, "payload": stage.payload, "cost": cost}
