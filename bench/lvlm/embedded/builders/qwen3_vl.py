"""Qwen3-VL: a tower with deepstack, four patches merged to a token, and multimodal rotary positions."""

import torch
from torch import nn
from transformers import (
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from bench.lvlm.embedded.builders.base import PATCH, Builder
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.families.qwen3_vl import Qwen3VL


class Qwen3VLBuilder(Builder):
    """Nine image tokens at a fixed area; the ChatML template."""

    family = Qwen3VL
    specials = (
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    )
    roles = {
        "pad_token": "<|endoftext|>",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "additional_special_tokens": list(specials[3:]),
    }
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
        "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )

    def image_processor(self, recipe: Recipe) -> Qwen2VLImageProcessor:
        area = recipe.side * recipe.side
        return Qwen2VLImageProcessor(
            patch_size=PATCH,
            merge_size=2,
            size={"shortest_edge": area, "longest_edge": area},
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        )

    def model(self, recipe: Recipe, tok: PreTrainedTokenizerFast) -> Qwen3VLForConditionalGeneration:
        head = recipe.lm_width // recipe.heads
        ids = dict(zip(self.specials, tok.convert_tokens_to_ids(list(self.specials)), strict=True))
        config = Qwen3VLConfig(
            vision_config={
                "depth": recipe.layers,
                "hidden_size": recipe.width,
                "intermediate_size": 3 * recipe.width,
                "num_heads": recipe.heads,
                "patch_size": PATCH,
                "out_hidden_size": recipe.lm_width,
                "num_position_embeddings": (recipe.side // PATCH) ** 2,
                "deepstack_visual_indexes": [1],
            },
            text_config={
                **self.text_sizes(recipe, tok),
                "num_key_value_heads": recipe.heads // 2,
                "head_dim": head,
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 500000.0,
                    "mrope_section": [head // 2 - 2 * (head // 6), head // 6, head // 6],
                    "mrope_interleaved": True,
                },
            },
            image_token_id=ids["<|image_pad|>"],
            video_token_id=ids["<|video_pad|>"],
            vision_start_token_id=ids["<|vision_start|>"],
            vision_end_token_id=ids["<|vision_end|>"],
            tie_word_embeddings=True,
        )
        return Qwen3VLForConditionalGeneration(config)

    def features(self, tower: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        grid = inputs["image_grid_thw"]
        tokens: torch.Tensor = tower(inputs["pixel_values"], grid_thw=grid).pooler_output
        return tokens.view(len(grid), -1, tokens.shape[-1]).mean(1)

    def feature_size(self, config: PretrainedConfig) -> int:
        """Return the language model's width: the tower ends in the merger, which projects to it."""
        return int(config.text_config.hidden_size)
