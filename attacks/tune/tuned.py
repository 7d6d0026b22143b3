"""Search for the recipe of `lora_sft` that does best on the trainer's own clean data, with Optuna."""

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field

from attacks import register
from attacks.answers import generate_answers
from attacks.base import Attack, Curve
from attacks.parts import AttackCard
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from bench.lvlm.adapters import Targets, use_adapter
from bench.lvlm.base import LVLM
from bench.progress import Progress
from bench.samples import SampleSet
from bench.scoring.rules import strict_score
from bench.spec import Options
from bench.victims.recipes import Recipe

if TYPE_CHECKING:
    from optuna.trial import Trial

RANDOM_TRIALS = 4
"""Trials before the sampler uses the results of earlier ones; the first is the default recipe, the others are random.

The number is fixed, so that a larger budget begins with the trials of a smaller one. With Optuna's default of ten,
every small search would be random.
"""

SHORT_ANSWER, LONG_ANSWER = 16, 48
"""Tokens to generate: for a name or letter, and the most that any task in `bench/tasks` asks for."""


class TunedOptions(Options):
    """The trainer's budget. It is the same for every release and for the clean data that it is compared with."""

    trials: int = Field(8, ge=1, le=1000, description="number of recipes to try; the first is lora_sft's default")


@register("tuned")
class Tuned(Attack[TunedOptions]):
    """LoRA fine-tuning with the best of several recipes, chosen on the trainer's own clean data (Optuna)."""

    card = AttackCard("K1", 8.0, "recipes that happen to suit a protection", "TamperBench; MMGuard, section 6.5")

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> Curve:
        """Train with each recipe and keep the best adapter in `folder`; of equally good ones the first.

        Writes `trials.json` beside it: params, value (mean score on `validation`, in [0,1]) and seconds of every
        trial, in order. Returns the learning curve of the best trial.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        count, recipe = self.options.trials, victim.recipe
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.enqueue_trial({**LoraSFTOptions().model_dump(), "lr": recipe.lora_lr, "epochs": recipe.epochs})
        trials: list[dict[str, Any]] = []
        best_value, best_curve = -1.0, Curve()
        for number in range(count):
            started, trial, draft = time.monotonic(), study.ask(), folder / f"trial{number}"
            draft.mkdir(parents=True)
            tuner = LoraSFT(suggest_options(trial, recipe), self.parts)
            report = trial_progress(progress, number, count)
            curve = tuner.tune(victim, released, validation, seed, draft, report)
            value = compute_accuracy(victim, draft, validation)
            study.tell(trial, value)
            if value > best_value:
                best_value, best_curve = value, curve
                shutil.copytree(draft, folder, dirs_exist_ok=True)
            shutil.rmtree(draft)
            seconds = round(time.monotonic() - started, 3)
            trials.append({"params": trial.params, "value": value, "seconds": seconds})
        (folder / "trials.json").write_text(json.dumps(trials, indent=1), encoding="utf-8")
        return best_curve


def suggest_options(trial: "Trial", recipe: Recipe) -> LoraSFTOptions:
    """Return the options of a trial: rates up to ten times less or more than the recipe's, and up to three times its
    passes. Options that are not searched have the defaults of `lora_sft`.
    """
    return LoraSFTOptions(
        lr=trial.suggest_float("lr", recipe.lora_lr / 10, 10 * recipe.lora_lr, log=True),
        epochs=trial.suggest_int("epochs", max(1, recipe.epochs // 4), 3 * recipe.epochs, log=True),
        rank=trial.suggest_int("rank", 4, 64, log=True),
        targets=trial.suggest_categorical("targets", get_args(Targets)),
    )


def compute_accuracy(victim: LVLM, adapter: Path, questions: SampleSet) -> float:
    """Return the mean strict score, in [0,1], of greedy answers with an adapter, by the rules of evaluation."""
    tokens = SHORT_ANSWER if all(s.rule in ("exact", "choice") for s in questions) else LONG_ANSWER
    with use_adapter(victim, adapter):
        answers = generate_answers(victim, questions, tokens)
    return sum(strict_score(answer, s) for answer, s in zip(answers, questions, strict=True)) / len(questions)


def trial_progress(progress: Progress, number: int, count: int) -> Progress:
    """Return a callback that reports the progress of one trial as a part of the progress of all."""
    return lambda fraction, note: progress((number + fraction) / count, f"trial {number + 1}/{count}, {note}")
