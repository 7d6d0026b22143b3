"""Preference tuning with TRL's DPOTrainer (DPO: Rafailov et al., NeurIPS 2023; MPO: Wang et al., 2024)."""

from typing import Any

import torch
from pydantic import Field
from transformers import TrainingArguments
from trl import DPOConfig, DPOTrainer

from attacks import register
from attacks.answers import generate_answers
from attacks.parts import AttackCard
from attacks.tune.inputs import Inputs
from attacks.tune.lora_sft import LoraSFT, LoraSFTOptions
from bench.lvlm.text import Prompt

LOSSES = {"sigmoid": 0.8, "bco_pair": 0.2, "sft": 1.0}
"""The losses of a pair and their weights, in TRL's names, as MPO has them. `sft` is that of plain fine-tuning."""


class DPOOptions(LoraSFTOptions):
    """The trainer's recipe, and how far the model may move."""

    beta: float = Field(0.1, gt=0, le=10, description="how strongly the model is held to what it was before")


class PreferenceTrainer(DPOTrainer):
    """DPOTrainer on pairs: the owner's answer, and the first 16 tokens of what the victim said before the training."""

    def __init__(self, source: Inputs, **keywords: Any) -> None:
        self.source = source
        """Makes the pictures."""
        self.rejected = generate_answers(source.victim, source.samples)
        super().__init__(**{**keywords, "data_collator": self.collate})

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        """Return the dataset as it is: its rows are indices of samples, which `collate` reads."""
        return dataset

    def collate(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """Return the samples at `index` of each row, first with the owner's answers, then with the victim's own."""
        victim, indices = self.source.victim, [row["index"] for row in rows]
        samples = [self.source.samples[i] for i in indices]
        prompts = [Prompt(s.question, s.answer) for s in samples]
        prompts += [Prompt(s.question, self.rejected[i]) for i, s in zip(indices, samples, strict=True)]
        layouts = 2 * [self.source.layout(sample) for sample in samples]
        encoded = victim.encode(prompts, layouts)
        return {
            "input_ids": encoded.ids,
            "attention_mask": encoded.mask.long(),
            "completion_mask": encoded.answer.to(torch.long),
            **victim.position_inputs(encoded, layouts),
            **self.source.collate_pictures(2 * self.source.pictures(indices)),
        }


@register("dpo")
class DPO(LoraSFT[DPOOptions]):
    """LoRA that prefers the owner's answers to the victim's own, beside learning them: preference tuning."""

    card = AttackCard("K0", 4.0, "nothing: another loss", "DPO: Rafailov et al., NeurIPS 2023; MPO: Wang et al., 2024")

    def make_config(self, **arguments: Any) -> TrainingArguments:
        """Return the configuration of TRL's DPOTrainer. The victim keeps its own dropout."""
        losses = {"loss_type": [*LOSSES], "loss_weights": [*LOSSES.values()]}
        return DPOConfig(beta=self.options.beta, disable_dropout=False, **losses, **arguments)

    def make_trainer(self, source: Inputs, **keywords: Any) -> PreferenceTrainer:
        """Return a trainer of pairs."""
        return PreferenceTrainer(source, **keywords)
