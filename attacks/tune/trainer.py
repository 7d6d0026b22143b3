"""TRL's trainer with the loss and the batches of this benchmark."""

from inspect import signature
from typing import Any

import torch
from trl import SFTTrainer

from attacks.tune.inputs import Inputs, PixelInputs
from bench.lvlm.base import LVLM


class Trainer(SFTTrainer):
    """SFTTrainer with the model's own loss.

    Off CUDA, TRL's fused head also scores every position of the prompt, which takes a third of a small model's step.
    """

    def __init__(self, source: Inputs, **keywords: Any) -> None:
        self.source = source
        """Makes the batches."""
        super().__init__(**keywords)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *arguments: Any, **keywords: Any) -> Any:
        """Return the mean cross-entropy of the answer tokens, as `transformers.Trainer` computes it."""
        inputs = score_answers_only(self.source.victim, self.select_augmentation(model, inputs))
        return super(SFTTrainer, self).compute_loss(model, inputs, *arguments, **keywords)

    def select_augmentation(self, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the batch with one augmentation of each picture: that with the highest loss, if there are several."""
        if "candidates" not in inputs:
            return inputs
        batch = {key: value for key, value in inputs.items() if key != "candidates"}
        hardest = select_hardest(model, batch, inputs["candidates"], self.source)
        return {**batch, **self.source.collate_pictures(hardest)}


def score_answers_only(victim: LVLM, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with keywords that restrict the language model's head to positions where some answer stands.

    The loss is the same and a step takes a tenth less time. The keywords are those of models and losses in
    transformers. For a model that does not take them, the batch is returned unchanged.
    """
    if "logits_to_keep" not in signature(victim.model.forward).parameters:
        return inputs
    next_labels = inputs["labels"][:, 1:]
    positions = (next_labels != -100).any(0).nonzero().flatten()
    return {**inputs, "logits_to_keep": positions, "shift_labels": next_labels[:, positions].contiguous()}


@torch.no_grad()
def select_hardest(
    model: Any, inputs: dict[str, Any], candidates: list[list[PixelInputs]], source: Inputs
) -> list[PixelInputs]:
    """Return for each sample of a batch the candidate picture with the highest answer loss.

    `candidates` has one list of pictures for each augmentation.
    """
    labels = inputs["labels"][:, 1:]
    rest = {key: value for key, value in inputs.items() if key != "labels"}
    losses = []
    for pictures in candidates:
        logits = model(**{**rest, **source.collate_pictures(pictures)}).logits[:, :-1].float()
        losses.append(torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none").sum(1))
    hardest = torch.stack(losses).argmax(0).tolist()
    return [candidates[candidate][sample] for sample, candidate in enumerate(hardest)]
