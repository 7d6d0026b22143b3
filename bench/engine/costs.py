"""The expected cost of a stage, from finished stages like it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from bench.stages.stage import Stage

FIELDS = ("seconds", "peak_mb", "disk_mb")


@dataclass(frozen=True)
class StageCost:
    """Expected cost of a stage: seconds, peak memory of the process and disk, both in megabytes.

    None where no stage like it was ever computed here.
    """

    seconds: float | None
    peak_mb: float | None
    disk_mb: float | None


UNKNOWN = StageCost(None, None, None)


class Costs:
    """Mean costs of finished stages on the same data and models.

    A stage is compared with those of the same method and options where there are any, else with those of the same
    method, else with those of the same kind. Other data or other models say nothing about the cost of a stage.
    """

    def __init__(self, manifests: Iterable[dict[str, Any]]) -> None:
        recorded: dict[str, list[dict[str, float]]] = defaultdict(list)
        for manifest in manifests:
            for key in _groups(manifest["stage"], manifest["payload"]):
                recorded[key].append(manifest["cost"])
        self.means = {key: _mean(costs) for key, costs in recorded.items()}
        self.estimates: dict[str, StageCost] = {}

    def estimate(self, stage: Stage) -> StageCost:
        """Return the expected cost of a stage."""
        if stage.identity not in self.estimates:
            means = (self.means[key] for key in _groups(stage.kind, stage.payload) if key in self.means)
            self.estimates[stage.identity] = next(means, UNKNOWN)
        return self.estimates[stage.identity]


def _mean(costs: Sequence[dict[str, float]]) -> StageCost:
    columns = ([cost[field] for cost in costs if field in cost] for field in FIELDS)
    return StageCost(*(mean(values) if values else None for values in columns))


DATA = ("dataset", "original", "validation", "questions")
"""Fields of a payload that may name the data of a stage."""


def _groups(kind: str, payload: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the groups of stages that cost about as much, the most alike first."""
    place = f"{kind} {[payload.get(field) for field in (*DATA, 'victim', 'surrogates')]}"
    method = payload.get("defense") or payload.get("attack")
    options = sorted(payload.get("options", {}).items())
    yield f"{place} {method} {options}"
    yield f"{place} {method}"
    yield place
