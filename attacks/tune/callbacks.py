"""Callbacks of the trainer: progress, the learning curve, and checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from attacks.base import Curve
from bench.progress import Progress


class CurveCallback(TrainerCallback):
    """Report progress after every step, and record the learning curve."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.curve: Curve = []

    @property
    def loss(self) -> float:
        """The training loss that was logged last; NaN before the first."""
        return self.curve[-1]["loss"] if self.curve else float("nan")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        loss = f", loss {self.loss:.3f}" if self.curve else ""
        self.progress(state.global_step / state.max_steps, f"step {state.global_step}/{state.max_steps}{loss}")

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        if "loss" in logs:
            self.curve.append({"step": state.global_step, "loss": float(logs["loss"])})
        if "eval_loss" in logs:
            validation_loss = float(logs["eval_loss"])
            self.curve.append({"step": state.global_step, "validation_loss": validation_loss, "loss": self.loss})


class CheckpointCallback(TrainerCallback):
    """Save the model after some epochs, each into the folder given for it."""

    def __init__(self, folders: dict[int, Path], save: Callable[[Any, Path], None]) -> None:
        self.folders, self.save = folders, save

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        folder = self.folders.get(round(state.epoch or 0))
        if folder is not None:
            self.save(model, folder)
