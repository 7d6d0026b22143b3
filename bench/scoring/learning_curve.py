"""Learning curves: a run's accuracy along its attack's training, where it peaks, and where it ends.

A protection may only delay learning, and the best checkpoint need not be the last. The peak is the trainer's: the epoch
with the highest accuracy on his own validation split, reported on the test split. To take the best epoch *of the test
split* would give him what he cannot know.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Curve = Sequence[Mapping[str, Any]]
"""Points in the order of their epochs: `epoch`, and accuracies (0..1) on `validation` and `test`."""


def role(name: str, epoch: int | str) -> str:
    """What the stage of a run is called that asks the adapter of an epoch; `name`: evaluate or validation."""
    return f"{name}@{epoch}"


def points(accuracies: Mapping[str, float]) -> list[dict[str, Any]] | None:
    """The curve in the accuracies of a run's evaluations, by their role; None where it has none."""
    epochs = sorted(int(key.removeprefix("validation@")) for key in accuracies if key.startswith("validation@"))
    return [
        {"epoch": e, "validation": accuracies[role("validation", e)], "test": accuracies[role("evaluate", e)]}
        for e in epochs
    ] or None


def mean(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """The curve of several seeds of one attack: accuracies are means over the seeds."""
    return [
        {
            "epoch": same[0]["epoch"],
            **{split: sum(point[split] for point in same) / len(same) for split in ("validation", "test")},
        }
        for same in zip(*curves, strict=True)
    ]


def peak(curve: Curve) -> Mapping[str, Any]:
    """The point with the highest validation accuracy; of several the earliest."""
    return max(curve, key=lambda point: point["validation"])
