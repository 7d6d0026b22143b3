"""Gemma 3: a SigLIP tower pooled to few tokens, local and global layers, and a SentencePiece-like tokenizer."""

import json

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    PreTrainedTokenizerFast,
)

from bench.lvlm.embedded.builders.base import PATCH, Builder
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.families.gemma3 import Gemma3

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TURNS = ["user\n", "model\n", "\n\n", "\n\n\n"] * 100


class Gemma3Builder(Builder):
    """A square of image tokens; every second layer is local and attends to 32 tokens, the others attend to all."""

    family = Gemma3
    specials = (
        "<pad>",
        "<eos>",
        "<bos>",
        "<unk>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<start_of_image>",
        "<end_of_image>",
        "<image_soft_token>",
    )
    roles = {
        "pad_token": "<pad>",
        "eos_token": "<eos>",
        "bos_token": "<bos>",
        "unk_token": "<unk>",
        "extra_special_tokens": {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
    }
    template = (
        "{{ bos_token }}{% for m in messages %}"
        "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
        "{% for c in m['content'] %}{% if c['type'] == 'image' %}<start_of_image>{% else %}{{ c['text'] | trim }}"
        "{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    )

    def train_bpe(self, vocabulary: int, corpus: list[str]) -> Tokenizer:
        """Return a BPE over words that keep their leading space as ▁; unknown characters are encoded as bytes."""
        words = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(r"\n+"), "isolated"), pre_tokenizers.Metaspace(prepend_scheme="never")]
        )
        learner = Tokenizer(models.BPE())
        learner.pre_tokenizer = words
        trainer = trainers.BpeTrainer(vocab_size=vocabulary - len(self.specials) - len(BYTES), show_progress=False)
        # Answers follow a line break, so their first words have no space before them.
        learner.train_from_iterator([*corpus, *(text.lstrip(" ") for text in corpus), *TURNS], trainer)
        learned = json.loads(learner.to_str())["model"]
        pieces = [*self.specials, *BYTES, *learned["vocab"]]
        bpe = Tokenizer(
            models.BPE(
                vocab={piece: i for i, piece in enumerate(pieces)},
                merges=[tuple(pair) for pair in learned["merges"]],
                unk_token="<unk>",
                byte_fallback=True,
                fuse_unk=True,
            )
        )
        bpe.pre_tokenizer = words
        bpe.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        bpe.add_special_tokens(list(self.specials))
        return bpe

    def image_processor(self, recipe: Recipe) -> Gemma3ImageProcessor:
        return Gemma3ImageProcessor(
            size={"height": recipe.side, "width": recipe.side}, image_mean=[0.5] * 3, image_std=[0.5] * 3
        )

    def model(self, recipe: Recipe, tok: PreTrainedTokenizerFast) -> Gemma3ForConditionalGeneration:
        ids = dict(zip(self.specials, tok.convert_tokens_to_ids(list(self.specials)), strict=True))
        head = recipe.lm_width // recipe.heads
        config = Gemma3Config(
            vision_config={
                "model_type": "siglip_vision_model",
                **self.vision_sizes(recipe),
                "vision_use_head": False,
            },
            text_config={
                **self.text_sizes(recipe, tok),
                "bos_token_id": tok.bos_token_id,
                "num_key_value_heads": recipe.heads // 2,
                "head_dim": head,
                "query_pre_attn_scalar": head,
                "sliding_window": 32,
                "layer_types": [("sliding_attention", "full_attention")[i % 2] for i in range(recipe.layers)],
            },
            mm_tokens_per_image=(recipe.side // PATCH // recipe.pool) ** 2,
            boi_token_index=ids["<start_of_image>"],
            eoi_token_index=ids["<end_of_image>"],
            image_token_index=ids["<image_soft_token>"],
            tie_word_embeddings=True,
        )
        model = Gemma3ForConditionalGeneration(config)
        # transformers leaves the projection at zero, for a checkpoint to fill.
        nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=config.initializer_range)
        model.generation_config.eos_token_id = [ids["<eos>"], ids["<end_of_turn>"]]
        return model

    def features(self, tower: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean over patches, which is also the mean over the tokens that the projector pools."""
        patches: torch.Tensor = tower(inputs["pixel_values"]).last_hidden_state
        return patches.mean(1)
