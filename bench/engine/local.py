"""Play runs in this process: stages in order, each one reused where it is finished, then one row of results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from bench.engine import stages
from bench.engine.provenance import command, provenance
from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import Score, score
from bench.spec import PROTOCOL, Method, RunSpec, identity
from bench.store import results
from bench.store.artifacts import Artifact

Stage = Callable[[str], AbstractContextManager[stages.Progress]]
"""Opens a stage's display by its title and gives the callback for its progress."""

CLEAN = Method(name="lora_sft")
"""The plain recipe that the clean reference is trained with."""


@contextmanager
def silent(title: str) -> Iterator[stages.Progress]:
    """A display that shows nothing."""
    yield lambda fraction, note: None


def play(spec: RunSpec, stage: Stage = silent) -> results.Run:
    """Run one cell and its references, save its row and give it. Finished stages are read, not computed."""
    parts = _stages(spec, stage)
    test = {key: predictions(parts[key]) for key in ("zero", "clean", "evaluate")}
    measured = judge([(test["zero"], test["clean"], test["evaluate"])])
    row = _row(spec, parts, test, measured)
    results.save(row)
    return row


def predictions(artifact: Artifact) -> pd.DataFrame:
    """The answers kept by an evaluation."""
    return pd.read_parquet(artifact.folder / "predictions.parquet")


def judge(seeds: Sequence[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]) -> Score:
    """The score of (zero-shot, clean, protected) answers, one triple a seed."""
    zero, clean, protected = (
        np.stack([t["correct"].to_numpy(float) for t in tables]) for tables in zip(*seeds, strict=True)
    )
    return score(zero[0], clean, protected, seeds[0][0]["image_id"].to_numpy())


def _stages(spec: RunSpec, stage: Stage) -> dict[str, Artifact]:
    """Every artefact of a run by its role; the attack is absent where nothing is trained."""
    nothing = spec.model_copy(update={"defense": Method(name="none")})
    parts: dict[str, Artifact | None] = {}
    with stage("Original") as tick:
        parts["original"] = original = stages.protect(nothing, tick)
    with stage("Zero-shot") as tick:
        parts["zero"] = stages.evaluate(spec, None, "test", tick)
    with stage("Clean fine-tune") as tick:
        parts["clean_attack"] = stages.attack(spec, original, CLEAN, tick)
    with stage("Clean answers") as tick:
        parts["clean"] = stages.evaluate(spec, parts["clean_attack"], "test", tick)
    with stage(f"Protect: {spec.defense.name}") as tick:
        parts["protect"] = release = stages.protect(spec, tick)
    with stage("Audit"):
        parts["audit"] = stages.audit(spec, release)
    with stage(f"Attack: {spec.attack.name}") as tick:
        parts["attack"] = stages.attack(spec, release, spec.attack, tick)
    with stage("Answers") as tick:
        parts["evaluate"] = stages.evaluate(spec, parts["attack"], "test", tick)
    with stage("Trainer's own check") as tick:
        parts["validation"] = stages.evaluate(spec, parts["attack"], "validation", tick)
    return {role: artifact for role, artifact in parts.items() if artifact is not None}


def _row(spec: RunSpec, parts: dict[str, Artifact], test: dict[str, pd.DataFrame], measured: Score) -> results.Run:
    accuracy = {key: float(table["correct"].mean()) for key, table in test.items()}
    costs: dict[str, dict[str, Any]] = {role: dict(artifact.cost) for role, artifact in parts.items()}
    steps, seconds = costs["protect"].get("image_steps", 0), costs["protect"]["seconds"]
    costs["protect"]["image_steps_per_second"] = round(steps / seconds, 1) if steps else None
    protection = measured.protection
    return results.Run(
        id=identity({"protocol": PROTOCOL, "evaluator": EVALUATOR, "spec": spec.model_dump(mode="json")}),
        protocol=PROTOCOL,
        evaluator=EVALUATOR,
        defense=spec.defense.name,
        defense_options=spec.defense.options,
        attack=spec.attack.name,
        attack_options=spec.attack.options,
        dataset=spec.dataset,
        victim=spec.victim,
        threat=spec.threat,
        seed=spec.seed,
        epsilon=spec.budget.epsilon,
        words=spec.budget.words,
        utility_zero=accuracy["zero"],
        utility_clean=accuracy["clean"],
        utility=accuracy["evaluate"],
        validation=float(predictions(parts["validation"])["correct"].mean()),
        protection=protection.value if protection else None,
        protection_low=protection.low if protection else None,
        protection_high=protection.high if protection else None,
        eligible=measured.eligible,
        stealth=parts["audit"].read("audit.json"),
        cost=costs,
        stages={role: artifact.identity for role, artifact in parts.items()},
        provenance={**provenance(), "reused": [r for r, a in parts.items() if a.reused]},
        command=command(spec),
        created=datetime.now(UTC),
    )
