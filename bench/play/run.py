"""Play one run in this process: its stages in order, each reused where it is finished, then a row of results."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.command import format_command
from bench.game.threat import surrogates
from bench.play.provenance import provenance
from bench.play.roles import BASELINES, stages_of, validation_role
from bench.progress import Progress, silent
from bench.results import Run, find, save
from bench.scoring import learning_curve
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import Score, choose_baseline, score
from bench.spec import PROTOCOL, RunSpec, identity
from bench.stages import attack, protect
from bench.store.artifacts import Artifact
from bench.store.predictions import read_table

if TYPE_CHECKING:
    import pandas as pd

Show = Callable[[str], AbstractContextManager[Progress]]
"""Opens the display of a stage by its title, and gives the callback for its progress."""

FOREIGN = {"protect": protect.SANDBOX, "attack": attack.SANDBOX}
"""By role, the file of a stage that names the sandbox of code of others."""

TITLES = {
    "original": "Original",
    "zero": "Zero-shot",
    "zero_validation": "Zero-shot, validation",
    "format_attack": "Format alone",
    "format": "Format alone, answers",
    "format_validation": "Format alone, validation",
    "own_attack": "Own clean data alone",
    "own": "Own data alone, answers",
    "own_validation": "Own data, validation",
    "clean_attack": "{attack}, clean data",
    "clean": "Clean answers",
    "clean_validation": "Clean data, validation",
    "protect": "Protect: {defense}",
    "audit": "Audit",
    "attack": "Attack: {attack}",
    "evaluate": "Answers",
    "validation": "Trainer's own check",
}


def stage_title(role: str, spec: RunSpec) -> str:
    """Return the title of a run's stage for the display."""
    name, _, epoch = role.partition("@")
    title = TITLES[name].format(defense=spec.defense.name, attack=spec.attack.name)
    return f"{title}, epoch {epoch}" if epoch else title


OnZeroShot = Callable[[float], None]
"""Called with the zero-shot accuracy, in [0,1], before anything is protected or trained. It may raise an error."""


def go_on(accuracy: float) -> None:
    """Accept every zero-shot accuracy."""


def no_display(title: str) -> AbstractContextManager[Progress]:
    """Show nothing."""
    return nullcontext(silent)


def play_run(spec: RunSpec, show: Show = no_display, on_zero_shot: OnZeroShot = go_on) -> Run:
    """Play one cell and its references, save its row and return it. The zero-shot evaluation is the first stage.

    Finished stages are read, not computed. A row that already names these very stages stays as it was.
    """
    artifacts: dict[str, Artifact] = {}
    for role, stage in stages_of(spec).items():
        with show(stage_title(role, spec)) as progress:
            artifacts[role] = stage.make(progress)
            progress(1.0, "reused" if artifacts[role].reused else "")
        if role == "zero":
            on_zero_shot(mean_score(artifacts[role]))
    row = find(run_id(spec))
    identities = {role: artifact.identity for role, artifact in artifacts.items()}
    return row if row is not None and identities.items() <= row.stages.items() else record_run(spec, artifacts)


def record_run(spec: RunSpec, artifacts: Mapping[str, Artifact]) -> Run:
    """Score a run whose stages are finished, and save its row."""
    row = compute_row(spec, artifacts)
    save(row)
    return row


def run_id(spec: RunSpec, evaluator: int = EVALUATOR, protocol: int = PROTOCOL) -> str:
    """Return the name of a run's row, by the current rules or by those of another version."""
    unset = None if spec.surrogates else {"surrogates"}
    return identity({"protocol": protocol, "evaluator": evaluator, "spec": spec.model_dump(mode="json", exclude=unset)})


def score_answers(seeds: Sequence[tuple["pd.DataFrame", "pd.DataFrame", "pd.DataFrame"]]) -> Score:
    """Return the score of (baseline, clean, protected) answers, one triple of tables for each seed."""
    baseline, clean, protected = (
        np.stack([table["score"].to_numpy(float) for table in tables]) for tables in zip(*seeds, strict=True)
    )
    return score(baseline, clean, protected, seeds[0][0]["image_id"].to_numpy())


def mean_score(artifact: Artifact) -> float:
    """Return the mean score, in [0,1], of an evaluation."""
    return float(read_table(artifact.folder)["score"].mean())


def _read_sandboxes(artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    """Return the sandboxes in which release and attack of a run were made, where their code is not of this suite."""
    made = [(artifacts[role], file) for role, file in FOREIGN.items() if role in artifacts]
    return {key: value for one, file in made if (one.folder / file).exists() for key, value in one.read(file).items()}


def compute_row(spec: RunSpec, artifacts: Mapping[str, Artifact]) -> Run:
    """Return the row of a run whose stages are finished, computed from their files. Nothing is saved."""
    baselines = {
        role: {"test": mean_score(artifacts[role]), "validation": mean_score(artifacts[validation_role(role)])}
        for role in BASELINES
        if role in artifacts
    }
    compared = [choose_baseline(baselines), "clean", "evaluate"]
    baseline, clean, attacked = (read_table(artifacts[role].folder) for role in compared)
    measured = score_answers([(baseline, clean, attacked)])
    costs: dict[str, dict[str, Any]] = {role: dict(artifact.cost) for role, artifact in artifacts.items()}
    steps, seconds = costs["protect"].get("image_steps", 0), costs["protect"]["seconds"]
    costs["protect"]["image_steps_per_second"] = round(steps / seconds, 1) if steps else None
    along_training = {role: mean_score(artifact) for role, artifact in artifacts.items() if "@" in role}
    protection = measured.protection
    reused = [role for role, artifact in artifacts.items() if artifact.reused]
    return Run(
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
        utility_zero=baselines["zero"]["test"],
        utility_clean=float(clean["score"].mean()),
        utility=float(attacked["score"].mean()),
        baselines=baselines,
        validation=mean_score(artifacts["validation"]),
        validation_clean=mean_score(artifacts["clean_validation"]),
        protection=protection.value if protection else None,
        protection_low=protection.low if protection else None,
        protection_high=protection.high if protection else None,
        eligible=measured.eligible,
        stealth=artifacts["audit"].read("audit.json"),
        cost=costs,
        stages={role: artifact.identity for role, artifact in artifacts.items()},
        curve=learning_curve.build_curve(along_training),
        provenance={**provenance(), **_read_sandboxes(artifacts), "reused": reused},
        command=format_command(spec),
        created=datetime.now(UTC),
    )
