"""The loop of both stages of pretraining: Trainer with Muon, resumable."""

from pathlib import Path

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
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=training.steps,
        per_device_train_batch_size=training.batch,
        seed=training.seed,
        save_steps=500,
        save_total_limit=1,
        logging_steps=100,
        max_grad_norm=1.0,
        report_to="none",
        remove_unused_columns=False,
        dataloader_drop_last=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(module, arguments, collate, range(count), optimizers=(optimiser, schedule))
    trainer.model_accepts_loss_kwargs = False
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)) if folder.exists() else None)
