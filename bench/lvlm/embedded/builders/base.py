"""The base of the builders: a family adds tokens, chat template, processor, configuration and tower features."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import BaseImageProcessor, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from bench.lvlm.base import LVLM
from bench.lvlm.embedded.recipes import Recipe

PATCH = 8
"""Side of a tower's patch, in pixels."""


class Builder(ABC):
    """Builds the parts of an embedded victim of one family."""

    family: ClassVar[type[LVLM]]
    specials: ClassVar[tuple[str, ...]]
    """Special tokens in the order of their ids."""
    roles: ClassVar[dict[str, Any]]
    """Arguments of the tokenizer that name them: pad_token, eos_token, bos_token, ..., additional_special_tokens."""
    template: ClassVar[str]
    """The chat template."""

    def tokenizer(self, recipe: Recipe, corpus: list[str]) -> PreTrainedTokenizerFast:
        """Return a tokenizer of `recipe.vocabulary` entries, trained on `corpus`, with the chat template."""
        return PreTrainedTokenizerFast(
            tokenizer_object=self.train_bpe(recipe.vocabulary, corpus), chat_template=self.template, **self.roles
        )

    def train_bpe(self, vocabulary: int, corpus: list[str]) -> Tokenizer:
        """Return a byte-level BPE trained on `corpus`; its first entries are the special tokens."""
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=list(self.specials),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        bpe.train_from_iterator(corpus, trainer)
        return bpe

    @abstractmethod
    def image_processor(self, recipe: Recipe) -> BaseImageProcessor:
        """Return the family's own image processor at `recipe.side` pixels."""

    @abstractmethod
    def model(self, recipe: Recipe, tok: PreTrainedTokenizerFast) -> PreTrainedModel:
        """Return a model with random weights from torch's global generator."""

    @abstractmethod
    def features(self, tower: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the tower's features of pictures, averaged over positions, (B, `feature_size`)."""

    def feature_size(self, config: PretrainedConfig) -> int:
        """Return the width of `features`: the tower's, unless it ends in a projection."""
        return int(config.vision_config.hidden_size)

    def vision_sizes(self, recipe: Recipe) -> dict[str, Any]:
        """Return the part of a tower's configuration that is the same for most families."""
        return {
            "hidden_size": recipe.width,
            "intermediate_size": 3 * recipe.width,
            "num_hidden_layers": recipe.layers,
            "num_attention_heads": recipe.heads,
            "image_size": recipe.side,
            "patch_size": PATCH,
        }

    def text_sizes(self, recipe: Recipe, tok: PreTrainedTokenizerFast) -> dict[str, object]:
        """Return the part of a text configuration that is the same for all families."""
        return {
            "vocab_size": len(tok),
            "hidden_size": recipe.lm_width,
            "intermediate_size": 3 * recipe.lm_width,
            "num_hidden_layers": recipe.layers,
            "num_attention_heads": recipe.heads,
            "max_position_embeddings": 512,
            "pad_token_id": tok.pad_token_id,
            "eos_token_id": tok.eos_token_id,
            "tie_word_embeddings": True,
        }
