"""The one pretraining loop, used for the tower and then for the language model: Trainer + Muon, resumable."""

from pathlib import Path

from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import Dataset
from transformers import DataCollator, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from bench.lvlm.embedded.muon import Muon


def fit(
    module: nn.Module,
    data: Dataset,
    collate: DataCollator,
    folder: Path,
    *,
    steps: int,
    batch: int,
    lr: float,
    matrix_lr: float,
    seed: int,
) -> None:
    """Train `module` (its forward returns `{"loss": ...}`) for `steps`; continue from a checkpoint in `folder`."""
    optimiser = Muon(module, lr=lr, matrix_lr=matrix_lr)
    peaks = [group["lr"] for group in optimiser.param_groups]
    schedule = OneCycleLR(optimiser, peaks, total_steps=steps + 1, pct_start=0.1, cycle_momentum=False)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=batch,
        seed=seed,
        save_steps=500,
        save_total_limit=1,
        logging_steps=100,
        max_grad_norm=1.0,
        report_to="none",
        remove_unused_columns=False,
        dataloader_drop_last=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(module, arguments, collate, data, optimizers=(optimiser, schedule))
    trainer.model_accepts_loss_kwargs = False
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)) if folder.exists() else None)
