"""Play one run in this process: its stages in order, each one reused where it is finished, then a row of results."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import results
from bench.game.threat import surrogates
from bench.play.provenance import command, provenance
from bench.scoring.learning_curve import points
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import Score, score
from bench.spec import PROTOCOL, RunSpec, identity
from bench.stages.stage import Progress, silent
from bench.stages.stages import stages
from bench.store.artifacts import Artifact

if TYPE_CHECKING:
    import pandas as pd

Show = Callable[[str], AbstractContextManager[Progress]]
"""Opens a stage's display by its title and gives the callback for its progress."""

TITLES = {
    "original": "Original",
    "zero": "Zero-shot",
    "clean_attack": "Clean fine-tune",
    "clean": "Clean answers",
    "protect": "Protect: {defense}",
    "audit": "Audit",
    "attack": "Attack: {attack}",
    "evaluate": "Answers",
    "validation": "Trainer's own check",
}


def title(role: str, spec: RunSpec) -> str:
    """What the display of a run's stage is called."""
    name, _, epoch = role.partition("@")
    return TITLES[name].format(defense=spec.defense.name, attack=spec.attack.name) + (
        f", epoch {epoch}" if epoch else ""
    )


def unseen(title: str) -> AbstractContextManager[Progress]:
    """A display that shows nothing."""
    return nullcontext(silent)


def play(spec: RunSpec, show: Show = unseen) -> results.Run:
    """Run one cell and its references, save its row and give it.

    Finished stages are read, not computed; a row that already stands on just these stages stays as it was.
    """
    artifacts: dict[str, Artifact] = {}
    for role, stage in stages(spec).items():
        with show(title(role, spec)) as progress:
            artifacts[role] = stage.make(progress)
            progress(1.0, "reused" if artifacts[role].reused else "")
    row = results.find(run_id(spec))
    made = {role: artifact.identity for role, artifact in artifacts.items()}
    return row if row is not None and made.items() <= row.stages.items() else record(spec, artifacts)


def record(spec: RunSpec, artifacts: Mapping[str, Artifact]) -> results.Run:
    """Score a run whose stages are finished, and save its row."""
    test = {role: predictions(artifacts[role].folder) for role in ("zero", "clean", "evaluate")}
    row = _row(spec, artifacts, test, judge([(test["zero"], test["clean"], test["evaluate"])]))
    results.save(row)
    return row


def run_id(spec: RunSpec) -> str:
    """The name of a run's row."""
    unsaid = None if spec.surrogates else {"surrogates"}
    return identity(
        {"protocol": PROTOCOL, "evaluator": EVALUATOR, "spec": spec.model_dump(mode="json", exclude=unsaid)}
    )


def predictions(folder: Path) -> "pd.DataFrame":
    """The answers kept in an evaluation's folder."""
    import pandas as pd

    return pd.read_parquet(folder / "predictions.parquet")


def _mean(folder: Path) -> float:
    return float(predictions(folder)["score"].mean())


def judge(seeds: Sequence[tuple["pd.DataFrame", "pd.DataFrame", "pd.DataFrame"]]) -> Score:
    """The score of (zero-shot, clean, protected) answers, one triple a seed."""
    zero, clean, protected = (
        np.stack([t["score"].to_numpy(float) for t in tables]) for tables in zip(*seeds, strict=True)
    )
    return score(zero[0], clean, protected, seeds[0][0]["image_id"].to_numpy())


def _row(spec: RunSpec, parts: Mapping[str, Artifact], test: dict[str, "pd.DataFrame"], measured: Score) -> results.Run:
    accuracy = {key: float(table["score"].mean()) for key, table in test.items()}
    costs: dict[str, dict[str, Any]] = {role: dict(artifact.cost) for role, artifact in parts.items()}
    steps, seconds = costs["protect"].get("image_steps", 0), costs["protect"]["seconds"]
    costs["protect"]["image_steps_per_second"] = round(steps / seconds, 1) if steps else None
    protection = measured.protection
    return results.Run(
        id=run_id(spec),
        protocol=PROTOCOL,
        evaluator=EVALUATOR,
        code=version("mmguard-bench"),
        defense=spec.defense.name,
        defense_options=spec.defense.options,
        attack=spec.attack.name,
        attack_options=spec.attack.options,
        dataset=spec.dataset,
        victim=spec.victim,
        threat=spec.threat,
        surrogates=",".join(surrogates(spec.victim, spec.threat, spec.surrogates)),
        seed=spec.seed,
        epsilon=spec.budget.epsilon,
        words=spec.budget.words,
        utility_zero=accuracy["zero"],
        utility_clean=accuracy["clean"],
        utility=accuracy["evaluate"],
        validation=_mean(parts["validation"].folder),
        protection=protection.value if protection else None,
        protection_low=protection.low if protection else None,
        protection_high=protection.high if protection else None,
        eligible=measured.eligible,
        stealth=parts["audit"].read("audit.json"),
        cost=costs,
        stages={role: artifact.identity for role, artifact in parts.items()},
        curve=points({role: _mean(part.folder) for role, part in parts.items() if "@" in role}),
        provenance={**provenance(), "reused": [r for r, a in parts.items() if a.reused]},
        command=command(spec),
        created=datetime.now(UTC),
    )
