"""Supervised fine-tuning with TRL, on the released 8-bit pictures and texts alone. The base class of most tuners."""

import math
import tempfile
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from peft import PeftConfig, PeftModel
from pydantic import Field
from transformers import PreTrainedModel, PrinterCallback, TrainingArguments
from transformers import Trainer as AnyTrainer
from trl import SFTConfig
from typing_extensions import TypeVar

from attacks.base import Attack, Curve
from attacks.tune.callbacks import CheckpointCallback, CurveCallback
from attacks.tune.inputs import AugmentedInputs, Inputs
from attacks.tune.trainer import Trainer
from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit
from bench.progress import Progress
from bench.runtime import seed_everything
from bench.samples import SampleSet
from bench.spec import Options
from bench.victims.recipes import RECIPES, Recipe


class SFTOptions(Options):
    """The options of every tuner. Rate and passes are those of `bench.victims.recipes`, unless they are named."""

    lr: float | None = Field(
        None, gt=0, le=1, description="peak learning rate, cosine with 10 % warm-up (default: by the victim's size)"
    )
    epochs: int | None = Field(
        None, ge=1, le=1000, description="passes over the release (default: by the victim's size)"
    )
    batch: int = Field(16, ge=1, le=4096, description="samples per step")
    early_stopping: bool = Field(False, description="keep the epoch with the lowest validation loss")
    curve: int = Field(0, ge=0, le=1000, description="points of the learning curve: epochs whose adapters are kept")


S = TypeVar("S", bound=SFTOptions, default=SFTOptions)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a `PeftModel` into a folder."""
    model.save_pretrained(folder)


class Session(NamedTuple):
    """One training of a victim.

    model: the model that is trained. adapter: the adapter that TRL attaches to it, if any. save: writes what the
    trained model has learned into a folder, in a form that `bench.lvlm.adapters.use_adapter` reads.
    """

    model: PreTrainedModel | PeftModel
    adapter: PeftConfig | None = None
    save: Callable[[Any, Path], None] = save_adapter


class SFT(Attack[S]):
    """A tuner that trains with `trl.SFTTrainer`. A subclass overrides `session`, or trainer and configuration."""

    @abstractmethod
    def session(self, victim: LVLM) -> AbstractContextManager[Session]:
        """Return a context manager that prepares one training of `victim`, and restores its weights at the end.

        It need not remove adapters or undo `requires_grad`. Entered again when memory ran out and a smaller batch is
        tried.
        """

    def make_trainer(self, source: Inputs, **keywords: Any) -> AnyTrainer:
        """Return the trainer. The keywords are those of `trl.SFTTrainer`."""
        return Trainer(source, **keywords)

    def make_config(self, **arguments: Any) -> TrainingArguments:
        """Return the trainer's configuration. The arguments are those of `trl.SFTConfig`."""
        return SFTConfig(dataset_kwargs={"skip_prepare_dataset": True}, **arguments)

    def peak_rate(self, recipe: Recipe) -> float:
        """Return the option `lr`, or the rate of a recipe."""
        return self.options.lr or recipe.lora_lr

    def passes(self, recipe: Recipe) -> int:
        """Return the option `epochs`, or the passes of a recipe."""
        return self.options.epochs or recipe.epochs

    @property
    def checkpoints(self) -> dict[str, dict[str, str]]:
        """The subfolders of `curve` evenly spaced epochs up to the last, by the name of the victim's recipe.

        The last one is the folder itself, unless early stopping may keep another epoch there.
        """
        return {recipe.name: self._checkpoints(self.passes(recipe)) for recipe in RECIPES}

    def _checkpoints(self, last: int) -> dict[str, str]:
        o = self.options
        epochs = sorted({math.ceil(last * point / o.curve) for point in range(1, o.curve + 1)})
        return {str(e): "" if e == last and not o.early_stopping else f"epochs/{e}" for e in epochs}

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> Curve:
        """Train the victim and write what it learned into `folder`. Returns the learning curve.

        Where memory is short, the batch is computed in smaller pieces whose gradients are added up.
        """
        o = self.options
        samples = [*released, *(validation if o.early_stopping else ())]
        plain = Inputs(victim, samples)
        augmenting = [part for part in self.parts if part.augments]
        curve: Curve = []

        def train(device_batch: int) -> None:
            source = AugmentedInputs(victim, samples, len(released), augmenting, seed) if augmenting else plain
            curve.extend(self._train(victim, source, len(released), device_batch, seed, folder, progress))

        memory_limit, device_batch = MemoryLimit(), o.batch
        while not memory_limit.try_run(partial(train, device_batch), device_batch):
            device_batch = max(size for size in range(1, device_batch // 2 + 1) if o.batch % size == 0)
        return curve

    def _train(
        self, victim: LVLM, source: Inputs, count: int, device_batch: int, seed: int, folder: Path, progress: Progress
    ) -> Curve:
        """Train on the first `count` inputs, `device_batch` at a time, and compute validation loss on the others."""
        from datasets import Dataset

        seed_everything(seed)
        total = len(source.samples)
        recipe = victim.recipe
        recorder = CurveCallback(progress)
        subfolders = self.checkpoints[recipe.name]
        folders = {int(epoch): folder / subfolder for epoch, subfolder in subfolders.items() if subfolder}
        with self.session(victim) as session, tempfile.TemporaryDirectory() as scratch:
            trainer = self.make_trainer(
                source,
                model=session.model,
                args=self._arguments(Path(scratch), recipe, seed, count, device_batch, victim.device.type),
                data_collator=source.collate,
                train_dataset=Dataset.from_dict({"index": range(count)}),
                eval_dataset=Dataset.from_dict({"index": range(count, total)}) if total > count else None,
                processing_class=victim.tokenizer,
                peft_config=session.adapter,
                callbacks=[recorder, CheckpointCallback(folders, session.save)],
            )
            trainer.remove_callback(PrinterCallback)
            try:
                trainer.train()
                session.save(trainer.model, folder)
            finally:
                if isinstance(trainer.model, PeftModel):
                    trainer.model.unload()
                victim.model.eval().requires_grad_(False)
        return recorder.curve

    def _arguments(
        self, scratch: Path, recipe: Recipe, seed: int, samples: int, device_batch: int, device: str
    ) -> TrainingArguments:
        """Return the arguments of one training. `scratch` is a folder for files that are not kept."""
        o = self.options
        steps, passes = max(1, samples // o.batch), self.passes(recipe)
        arguments = self.make_config(
            output_dir=str(scratch),
            num_train_epochs=passes,
            per_device_train_batch_size=device_batch,
            gradient_accumulation_steps=o.batch // device_batch,
            per_device_eval_batch_size=min(64, 4 * device_batch),
            learning_rate=self.peak_rate(recipe),
            lr_scheduler_type="cosine",
            warmup_steps=max(1, round(0.1 * passes * steps)),
            seed=seed,
            use_cpu=device == "cpu",
            bf16=False,
            gradient_checkpointing=False,
            logging_steps=steps,
            eval_strategy="epoch" if o.early_stopping else "no",
            save_strategy="epoch" if o.early_stopping else "no",
            save_total_limit=1,
            load_best_model_at_end=o.early_stopping,
            metric_for_best_model="eval_loss" if o.early_stopping else None,
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            max_length=None,
            dataloader_pin_memory=False,
        )
        arguments._n_gpu = min(1, arguments.n_gpu)  # otherwise transformers copies the model to every visible GPU
        return arguments
