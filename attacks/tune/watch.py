"""What is told and kept while a trainer trains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from attacks.base import Progress


class Watch(TrainerCallback):
    """Progress to the screen, the learning curve to a list."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.curve: list[dict[str, Any]] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        loss = self.curve[-1]["loss"] if self.curve else float("nan")
        self.progress(
            state.global_step / state.max_steps, f"step {state.global_step}/{state.max_steps}, loss {loss:.3f}"
        )

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        if "loss" in logs:
            self.curve.append({"step": state.global_step, "loss": float(logs["loss"])})
        if "eval_loss" in logs:
            self.curve.append(
                {"step": state.global_step, "validation_loss": float(logs["eval_loss"]), **_last(self.curve)}
            )


class Keep(TrainerCallback):
    """Saves the model at the end of some epochs into the folders named for them."""

    def __init__(self, folders: dict[int, Path], save: Callable[[Any, Path], None]) -> None:
        self.folders, self.save = folders, save

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        if (folder := self.folders.get(round(state.epoch or 0))) is not None:
            self.save(model, folder)


def _last(curve: list[dict[str, Any]]) -> dict[str, Any]:
    return {"loss": curve[-1]["loss"]} if curve else {"loss": float("nan")}
