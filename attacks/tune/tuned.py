"""The trainer who tunes: several recipes for `lora_sft`, and the one that does best on his own clean data (Optuna)."""

import json
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from pydantic import Field

from attacks import register
from attacks.base import Attack, Progress
from attacks.parts import Card
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from bench.errors import UserError
from bench.lvlm.adapters import Targets, use_adapter
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.scoring.rules import strict
from bench.spec import Options

if TYPE_CHECKING:
    from optuna.trial import Trial

RANDOM_TRIALS = 4
"""Recipes before the sampler models anything. Fixed, so that a larger budget begins with the trials of a smaller one;
Optuna's own ten would make every small search a random one."""

SHORT, LONG = 16, 48
"""Tokens of an answer: a name or letter, and the most that any task in `bench/tasks` asks for."""


class TunedOptions(Options):
    """The trainer's budget: the same for every release, and for the clean data that it is compared with."""

    trials: int = Field(8, ge=1, le=1000, description="recipes tried; the first is lora_sft's default")


@register("tuned")
class Tuned(Attack):
    """LoRA fine-tuning with the best of several recipes, chosen on the trainer's own clean data (Optuna)."""

    card = Card("K1", 8.0, "recipes that a protection happens to fit", "TamperBench; MMGuard, section 6.5")
    Options: ClassVar[type[Options]] = TunedOptions

    tunes: ClassVar[bool] = True

    def __init__(self, options: TunedOptions) -> None:
        if find_spec("optuna") is None:
            raise UserError("attack tuned: needs Optuna; pip install 'mmguard-bench[tune]'")
        super().__init__(options)

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """See `Attack.tune`. `folder` has the best adapter, the first where several are, and `trials.json`.

        `trials.json`: params, value (mean score on `validation`, in [0,1]) and seconds of every trial, in order.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        count = self.options.trials
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.enqueue_trial(LoraSFTOptions().model_dump())
        trials: list[dict[str, Any]] = []
        best, curve = -1.0, []
        for number in range(count):
            started, trial, draft = time.monotonic(), study.ask(), folder / f"trial{number}"
            draft.mkdir(parents=True)
            trainer = LoraSFT(recipe(trial))
            trainer.parts = self.parts
            points = trainer.tune(victim, released, validation, seed, draft, part(progress, number, count))
            value = accuracy(victim, draft, validation)
            study.tell(trial, value)
            if value > best:
                best, curve = value, points
                shutil.copytree(draft, folder, dirs_exist_ok=True)
            shutil.rmtree(draft)
            seconds = round(time.monotonic() - started, 3)
            trials.append({"params": trial.params, "value": value, "seconds": seconds})
        (folder / "trials.json").write_text(json.dumps(trials, indent=1), encoding="utf-8")
        return curve


def recipe(trial: "Trial") -> LoraSFTOptions:
    """The recipe of a trial. What is not searched is as in `lora_sft`."""
    return LoraSFTOptions(
        lr=trial.suggest_float("lr", 5e-4, 5e-2, log=True),
        epochs=trial.suggest_int("epochs", 2, 16, log=True),
        rank=trial.suggest_int("rank", 4, 64, log=True),
        targets=trial.suggest_categorical("targets", get_args(Targets)),
    )


def accuracy(victim: LVLM, adapter: Path, questions: SampleSet, batch: int = 96) -> float:
    """Mean strict score in [0,1] of the victim's greedy answers with an adapter: as EVALUATE judges them."""
    answers: list[str] = []
    tokens = SHORT if all(s.rule in ("exact", "choice") for s in questions) else LONG
    with use_adapter(victim, adapter):
        for start in range(0, len(questions), batch):
            some = questions[start : start + batch]
            answers += victim.generate([s.question for s in some], [s.pixels for s in some], tokens)
    return sum(strict(a, s) for a, s in zip(answers, questions, strict=True)) / len(questions)


def part(progress: Progress, number: int, count: int) -> Progress:
    """What one of `count` trials tells of itself, as progress of them all."""
    return lambda fraction, note: progress((number + fraction) / count, f"trial {number + 1}/{count}, {note}")
