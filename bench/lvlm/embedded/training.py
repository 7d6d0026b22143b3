"""The loop of both stages of pretraining: Trainer with Muon, resumable."""

from pathlib import Path
from typing import Any

from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from transformers import DataCollator, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from bench.lvlm.embedded.muon import Muon
from bench.lvlm.embedded.recipes import Training


def fit(module: nn.Module, count: int, collate: DataCollator, folder: Path, training: Training) -> None:
    """Train `module` on `count` examples, and continue from a checkpoint in `folder` if there is one.

    `collate` makes a batch from a list of indices below `count`; the module's forward returns `{"loss": ...}` for it.
    """
    optimiser = Muon(module, lr=training.lr, matrix_lr=training.matrix_lr)
    peaks = [group["lr"] for group in optimiser.param_groups]
    schedule = OneCycleLR(optimiser, peaks, total_steps=training.steps + 1, pct_start=0.1, cycle_momentum=False)
    arguments = make_arguments(
        folder, steps=training.steps, batch=training.batch, seed=training.seed, save_steps=500, logging_steps=100
    )
    run(Trainer(module, arguments, collate, range(count), optimizers=(optimiser, schedule)))


def make_arguments(folder: Path, *, steps: int, batch: int, seed: int, **others: Any) -> TrainingArguments:
    """Return the settings that all pretraining shares, and `others`."""
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=batch,
        seed=seed,
        save_total_limit=1,
        max_grad_norm=1.0,
        report_to="none",
        remove_unused_columns=False,
        dataloader_drop_last=True,
        dataloader_pin_memory=False,
        **others,
    )


def run(trainer: Trainer) -> None:
    """Train, and continue from a checkpoint in the trainer's folder if there is one."""
    trainer.model_accepts_loss_kwargs = False
    folder = Path(trainer.args.output_dir)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)) if folder.exists() else None)
