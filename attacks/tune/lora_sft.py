"""Supervised fine-tuning with LoRA: TRL trains, PEFT adapts, on the released 8-bit files alone."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import SFTConfig, SFTTrainer

from attacks import register
from attacks.base import Attack, Progress
from attacks.parts import Card
from bench.lvlm.adapters import Targets, lora_config
from bench.lvlm.base import LVLM
from bench.lvlm.room import Room
from bench.lvlm.text import Prompt
from bench.runtime import seed_everything
from bench.samples import Sample, SampleSet
from bench.spec import Options


class LoraSFTOptions(Options):
    """The trainer's recipe. The defaults were chosen on the clean validation split of the embedded victims."""

    rank: int = Field(16, ge=1, le=1024, description="LoRA rank; alpha is twice the rank")
    lr: float = Field(5e-3, gt=0, le=1, description="peak learning rate, cosine with 10 % warm-up")
    epochs: int = Field(8, ge=1, le=1000, description="passes over the release")
    batch: int = Field(16, ge=1, le=4096, description="samples a step")
    targets: Targets = Field("language+projector", description="language, language+projector, projector or all")
    early_stopping: bool = Field(False, description="keep the epoch with the least validation loss")
    curve: int = Field(0, ge=0, le=1000, description="points of the learning curve: epochs whose adapters are kept")


class Inputs:
    """Everything a step needs, made once: token rows, and what the Hugging Face processor gives for each picture.

    Pictures wait on the processor: a card has no room for all that a large model's are cut into.
    """

    def __init__(self, victim: LVLM, samples: Sequence[Sample]) -> None:
        self.victim = victim
        self.layouts = [victim.layout(s.pixels.shape[:2]) for s in samples]
        self.rows = [
            victim.text.row(Prompt(s.question, s.answer), victim.image_tokens(layout))
            for s, layout in zip(samples, self.layouts, strict=True)
        ]
        self.pixels = [{key: value.cpu() for key, value in victim.processed([s.pixels]).items()} for s in samples]

    def collate(self, rows: list[dict[str, int]]) -> dict[str, torch.Tensor]:
        """A batch for the model, with labels on the answers alone."""
        indices = [row["index"] for row in rows]
        layouts = [self.layouts[i] for i in indices]
        encoded = self.victim.text.pad([self.rows[i] for i in indices]).to(self.victim.device)
        pixels = self.victim.suited(self.victim.collate([self.pixels[i] for i in indices]))
        return {
            "input_ids": encoded.ids,
            "attention_mask": encoded.mask.long(),
            "labels": encoded.ids.masked_fill(~encoded.answer, -100),
            **self.victim.position_inputs(encoded, layouts),
            **{key: value.to(self.victim.device) for key, value in pixels.items()},
        }


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
    """Writes the adapter at the end of some epochs into the folders named for them."""

    def __init__(self, folders: dict[int, Path]) -> None:
        self.folders = folders

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        if (folder := self.folders.get(round(state.epoch or 0))) is not None:
            model.save_pretrained(folder)


def _last(curve: list[dict[str, Any]]) -> dict[str, Any]:
    return {"loss": curve[-1]["loss"]} if curve else {"loss": float("nan")}


@register("lora_sft")
class LoraSFT(Attack):
    """Plain LoRA fine-tuning with TRL's SFTTrainer: the trainer who suspects nothing."""

    card = Card("K0", 1.0, "nothing: it suspects no protection", "Hu et al., ICLR 2022; MMGuard, section 6.1")
    Options: ClassVar[type[Options]] = LoraSFTOptions

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

        o = self.options
        own = list(validation) if o.early_stopping else []
        inputs = Inputs(victim, [*released, *own])
        curve: list[dict[str, Any]] = []

        def train() -> None:
            curve[:] = self._train(victim, inputs, len(released), at_once, seed, folder, progress)

        room, at_once = Room(), o.batch
        while not room.tried(train, at_once):
            at_once = max(d for d in range(1, at_once // 2 + 1) if o.batch % d == 0)
        return curve

    def _train(
        self, victim: LVLM, inputs: Inputs, count: int, at_once: int, seed: int, folder: Path, progress: Progress
    ) -> list[dict[str, Any]]:
        """Train on the first `count` inputs, `at_once` in memory at a time, and check on the others."""
        from datasets import Dataset

        seed_everything(seed)
        o, watch, total = self.options, Watch(progress), len(inputs.rows)
        keep = Keep({int(epoch): folder / place for epoch, place in self.checkpoints.items() if place})
        with tempfile.TemporaryDirectory() as scratch:
            trainer = Trainer(
                victim.model,
                self._arguments(Path(scratch), seed, count, at_once, victim.device.type),
                data_collator=inputs.collate,
                train_dataset=Dataset.from_dict({"index": range(count)}),
                eval_dataset=Dataset.from_dict({"index": range(count, total)}) if total > count else None,
                processing_class=victim.tokenizer,
                peft_config=lora_config(victim, o.rank, o.targets),
                callbacks=[watch, keep],
            )
            trainer.remove_callback(PrinterCallback)
            try:
                trainer.train()
                trainer.model.save_pretrained(folder)
            finally:
                trainer.model.unload()
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


class Trainer(SFTTrainer):
    """SFTTrainer with the model's own loss.

    Off CUDA, TRL's fused head scores every position of the prompt too, which takes a third of a small model's step.
    """

    def compute_loss(self, *arguments: Any, **named: Any) -> Any:
        """Mean cross-entropy of the answer tokens, as `transformers.Trainer` has it."""
        return super(SFTTrainer, self).compute_loss(*arguments, **named)
