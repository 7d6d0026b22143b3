"""Supervised fine-tuning: TRL trains, on the released 8-bit files alone. Tuners override what is trained and how."""

import math
import tempfile
from abc import abstractmethod
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

import torch
from peft import PeftConfig, PeftModel
from pydantic import Field
from transformers import PreTrainedModel, PrinterCallback
from trl import SFTConfig, SFTTrainer

from attacks.base import Attack, Progress
from attacks.tune.inputs import Augmented, Inputs
from attacks.tune.watch import Keep, Watch
from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit
from bench.runtime import seed_everything
from bench.samples import SampleSet
from bench.spec import Options


class SFTOptions(Options):
    """What every tuner has. The defaults were chosen for `lora_sft`, on embedded victims' clean validation split."""

    lr: float = Field(5e-3, gt=0, le=1, description="peak learning rate, cosine with 10 % warm-up")
    epochs: int = Field(8, ge=1, le=1000, description="passes over the release")
    batch: int = Field(16, ge=1, le=4096, description="samples a step")
    early_stopping: bool = Field(False, description="keep the epoch with the least validation loss")
    curve: int = Field(0, ge=0, le=1000, description="points of the learning curve: epochs whose adapters are kept")


class Trainer(SFTTrainer):
    """SFTTrainer with the model's own loss.

    Off CUDA, TRL's fused head scores every position of the prompt too, which takes a third of a small model's step.
    """

    source: Inputs
    """Where its batches come from."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        """Mean cross-entropy of the answer tokens, as `transformers.Trainer` has it; of the worst look, if several."""
        settled = answers_alone(self.source.victim, self.settled(model, inputs))
        return super(SFTTrainer, self).compute_loss(model, settled, *arguments, **named)

    def settled(self, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        """The batch with one look at each picture: the worst, if there are several."""
        if (looks := inputs.get("looks")) is None:
            return inputs
        rest = {key: value for key, value in inputs.items() if key != "looks"}
        return {**rest, **self.source.batch(worst(model, rest, looks, self.source))}


def answers_alone(victim: LVLM, inputs: dict[str, Any]) -> dict[str, Any]:
    """The batch where the head scores the columns alone in which some answer stands: the same loss, a tenth sooner.

    The keywords are those of transformers' models and their loss; for a model that has none the batch stays as it is.
    """
    if "logits_to_keep" not in signature(victim.model.forward).parameters:
        return inputs
    following = inputs["labels"][:, 1:]
    columns = (following != -100).any(0).nonzero().flatten()
    return {**inputs, "logits_to_keep": columns, "shift_labels": following[:, columns].contiguous()}


@torch.no_grad()
def worst(model: Any, inputs: dict[str, Any], looks: list[list[Any]], source: Inputs) -> list[Any]:
    """Of several looks at each picture, that with the highest answer loss."""
    labels, losses = inputs["labels"][:, 1:], []
    rest = {key: value for key, value in inputs.items() if key != "labels"}
    for pictures in looks:
        logits = model(**{**rest, **source.batch(pictures)}).logits[:, :-1].float()
        losses.append(torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none").sum(1))
    return [looks[k][i] for i, k in enumerate(torch.stack(losses).argmax(0).tolist())]


class SFT(Attack):
    """Base of the tuners."""

    Options: ClassVar[type[Options]] = SFTOptions
    trainer: ClassVar[type[Trainer]] = Trainer

    # -- hooks ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def start(self, victim: LVLM) -> tuple[PreTrainedModel | PeftModel, PeftConfig | None]:
        """The model that is trained, and the adapter that it gets, if any. Called for each attempt."""

    def save(self, model: Any, folder: Path) -> None:
        """Write what was learned, so that `bench.lvlm.adapters.use_adapter` can put it on again."""
        model.save_pretrained(folder)

    def restore(self, victim: LVLM) -> None:
        """The victim's own weights, after training."""

    # -- the loop ------------------------------------------------------------------------------------------------

    @property
    def checkpoints(self) -> dict[str, str]:
        """`curve` epochs at even distances, up to the last: what is kept in the end, unless an earlier one is."""
        o = self.options
        epochs = sorted({math.ceil(o.epochs * point / o.curve) for point in range(1, o.curve + 1)})
        return {str(e): "" if e == o.epochs and not o.early_stopping else f"epochs/{e}" for e in epochs}

    def tune(
        self, victim: LVLM, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """See `Attack.tune`."""
        o, count = self.options, len(released)
        samples = [*released, *(validation if o.early_stopping else ())]
        augmenting = [part for part in self.parts if part.augments]
        curve: list[dict[str, Any]] = []

        def train() -> None:
            inputs = Augmented(victim, samples, count, augmenting, seed) if augmenting else plain
            curve[:] = self._train(victim, inputs, count, at_once, seed, folder, progress)

        plain = Inputs(victim, samples)
        memory_limit, at_once = MemoryLimit(), o.batch
        while not memory_limit.try_run(train, at_once):
            at_once = max(d for d in range(1, at_once // 2 + 1) if o.batch % d == 0)
        return curve

    def _train(
        self, victim: LVLM, inputs: Inputs, count: int, at_once: int, seed: int, folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """Train on the first `count` inputs, `at_once` in memory at a time, and check on the others."""
        from datasets import Dataset

        seed_everything(seed)
        watch, total = Watch(progress), len(inputs.rows)
        keep = Keep({int(epoch): folder / place for epoch, place in self.checkpoints.items() if place}, self.save)
        model, adapter = self.start(victim)
        with tempfile.TemporaryDirectory() as scratch:
            trainer = self.trainer(
                model,
                self._arguments(Path(scratch), seed, count, at_once, victim.device.type),
                data_collator=inputs.collate,
                train_dataset=Dataset.from_dict({"index": range(count)}),
                eval_dataset=Dataset.from_dict({"index": range(count, total)}) if total > count else None,
                processing_class=victim.tokenizer,
                peft_config=adapter,
                callbacks=[watch, keep],
            )
            trainer.source, trainer.attack = inputs, self
            trainer.remove_callback(PrinterCallback)
            try:
                trainer.train()
                self.save(trainer.model, folder)
            finally:
                if isinstance(trainer.model, PeftModel):
                    trainer.model.unload()
                self.restore(victim)
                victim.model.eval().requires_grad_(False)
        return watch.curve

    def _arguments(self, scratch: Path, seed: int, samples: int, at_once: int, device: str) -> SFTConfig:
        o = self.options
        steps = max(1, samples // o.batch)
        arguments = SFTConfig(
            output_dir=str(scratch),
            num_train_epochs=o.epochs,
            per_device_train_batch_size=at_once,
            gradient_accumulation_steps=o.batch // at_once,
            per_device_eval_batch_size=min(64, 4 * at_once),
            learning_rate=o.lr,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, round(0.1 * o.epochs * steps)),
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
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=None,
            dataloader_pin_memory=False,
        )
        arguments._n_gpu = min(1, arguments.n_gpu)  # or transformers copies the model to every card that it sees
        return arguments
