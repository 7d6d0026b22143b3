"""Stages that cannot fit into the memory of this machine, found before anything is spent."""

import os
from typing import NamedTuple

from bench.engine.devices import device_gigabytes, devices
from bench.errors import UserError
from bench.play.cost_model import least_gigabytes
from bench.play.hardware import hardware
from bench.play.plan import Plan

REMEDIES = {
    "attack": "lora_sft, the victim with @4bit and qlora_sft, a smaller victim, or more memory",
    "protect": "fewer or smaller surrogates, those with @4bit, or more memory",
    "evaluate": "the victim with @4bit, a smaller victim, or more memory",
}
"""By kind of stage, the ways to do with less."""


class TooLarge(NamedTuple):
    """A stage that needs more gigabytes than its place has, however small the batch is."""

    title: str
    kind: str
    models: tuple[str, ...]
    needed: float
    available: float
    place: str

    def __str__(self) -> str:
        return (
            f"memory: {self.title!r} ({', '.join(self.models)}) needs {self.needed:.0f} GB or more, and {self.place} "
            f"has {self.available:.0f} GB; allowed: {REMEDIES[self.kind]}"
        )


def find_too_large(plan: Plan) -> list[TooLarge]:
    """Return the unfinished stages that cannot fit, the largest first. None where the memory is not known."""
    place, available = _place()
    large = []
    for task in (task for task in plan.tasks.values() if task.models and available):
        if (needed := least_gigabytes(task.kind, task.payload)) > available:
            large.append(TooLarge(task.title, task.kind, task.models, needed, available, place))
    return sorted(large, key=lambda stage: -stage.needed)


def check_fit(plan: Plan) -> None:
    """Raise UserError for a plan with a stage that cannot fit."""
    for stage in find_too_large(plan):
        raise UserError(str(stage))


def _place() -> tuple[str, float]:
    """Return where weights go and its gigabytes, 0 where they are not known."""
    choice, sizes = os.environ.get("BENCH_DEVICE"), device_gigabytes()
    if choice == "cpu" or not (sizes or devices()):
        return "this machine", hardware()["memory_gb"]
    return ("all GPUs together", sum(sizes)) if choice == "auto" else ("a GPU here", max(sizes, default=0.0))
