"""Learning curves: a run's accuracy along its attack's training, its peak, and its last point.

A protection may only delay learning, and the best checkpoint need not be the last. The trainer chooses the epoch with
the highest accuracy on their own validation split; its accuracy is then reported on the test split. Choosing on the
test split would let the trainer use what they cannot know.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Curve = Sequence[Mapping[str, Any]]
"""Points in the order of their epochs: `epoch`, and accuracies in [0,1] on `validation` and `test`."""


def epoch_role(role: str, epoch: int | str) -> str:
    """Return the role of the stage that evaluates an epoch's adapter, where `role` is evaluate or validation.

    >>> epoch_role("validation", 4)
    'validation@4'
    """
    return f"{role}@{epoch}"


def build_curve(accuracies: Mapping[str, float]) -> list[dict[str, Any]] | None:
    """Return the curve of a run from the accuracies of its evaluations by role; None where no epoch was evaluated.

    >>> build_curve({"validation@2": 0.5, "evaluate@2": 0.4, "evaluate": 0.4})
    [{'epoch': 2, 'validation': 0.5, 'test': 0.4}]
    """
    epochs = sorted(int(role.removeprefix("validation@")) for role in accuracies if role.startswith("validation@"))
    points = [
        {
            "epoch": epoch,
            "validation": accuracies[epoch_role("validation", epoch)],
            "test": accuracies[epoch_role("evaluate", epoch)],
        }
        for epoch in epochs
    ]
    return points or None


def mean_curve(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """Return the mean over several seeds of one attack, epoch by epoch. Raises ValueError for unequal lengths."""
    return [
        {
            "epoch": points[0]["epoch"],
            **{split: sum(point[split] for point in points) / len(points) for split in ("validation", "test")},
        }
        for points in zip(*curves, strict=True)
    ]


def peak(curve: Curve) -> Mapping[str, Any]:
    """Return the point with the highest validation accuracy; of several equal ones, the earliest.

    >>> peak([{"epoch": 2, "validation": 0.6, "test": 0.1}, {"epoch": 4, "validation": 0.5, "test": 0.9}])["epoch"]
    2
    """
    return max(curve, key=lambda point: point["validation"])
