"""Real architectures at their published size with random weights, so that nothing is downloaded."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    AutoModelForImageTextToText,
    CLIPImageProcessor,
    LlavaConfig,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
)

from bench.lvlm.base import LVLM
from bench.lvlm.embedded.build import BUILDERS
from bench.lvlm.embedded.recipes import RECIPES
from bench.victims import HUB, PRECISIONS

QUESTION, ANSWER = "Which of these objects is shown in the picture?", "a red bicycle with a basket"
"""The only text that the tokenizers of these models are made for."""

RECIPE = {"llava": "tiny-llava-a", "qwen3_vl": "tiny-qwen3vl"}
"""For each architecture, the embedded victim whose recipe gives the tokenizer."""


def qwen3_vl(tiny: bool, ids: dict[str, int]) -> Qwen3VLConfig:
    """Return the configuration of Qwen3-VL-4B-Instruct with other token ids; `tiny`: with a few narrow layers."""
    vision = {
        "depth": 24, "hidden_size": 1024, "num_heads": 16, "intermediate_size": 4096, "patch_size": 16,
        "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 2560, "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [5, 11, 17], "hidden_act": "gelu_pytorch_tanh",
    }  # fmt: skip
    text = {
        "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 262144, "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True,
        },
    }  # fmt: skip
    if tiny:
        vision |= {"depth": 3, "hidden_size": 64, "num_heads": 4, "intermediate_size": 96, "out_hidden_size": 64}
        vision |= {"deepstack_visual_indexes": [0, 1]}
        text |= {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2}
        text |= {"intermediate_size": 96, "vocab_size": 1000}
    names = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    fields = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    tokens = {field: ids[name] for field, name in zip(fields, names, strict=True)}
    return Qwen3VLConfig(vision_config=vision, text_config=text, tie_word_embeddings=True, **tokens)


def llava(tiny: bool, ids: dict[str, int]) -> LlavaConfig:
    """Return the configuration of llava-1.5-7b-hf with other token ids; `tiny`: with a few narrow layers."""
    vision = {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768,
    }  # fmt: skip
    text = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
    }  # fmt: skip
    if tiny:
        small = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4}
        vision, text = vision | small, text | small | {"vocab_size": 1000, "num_key_value_heads": 4}
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=ids["<image>"],
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=576,
        tie_word_embeddings=False,
    )


CONFIGS: dict[str, Callable[[bool, dict[str, int]], Any]] = {"qwen3_vl": qwen3_vl, "llava": llava}
PROCESSORS: dict[str, Callable[[], Any]] = {
    "qwen3_vl": lambda: Qwen2VLImageProcessor(
        patch_size=16, merge_size=2, size={"shortest_edge": 65536, "longest_edge": 16777216},
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    ),
    "llava": lambda: CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
}  # fmt: skip


def build_random(name: str, precision: str, device: str, *, tiny: bool = False) -> LVLM:
    """Return a model of the catalog with random weights, made on its device, and with a small tokenizer."""
    architecture = HUB[name].architecture
    builder = BUILDERS[architecture]
    tokenizer = builder.tokenizer(RECIPES[RECIPE[architecture]], [f" {QUESTION} {ANSWER}"] * 3)
    ids = dict(zip(builder.specials, tokenizer.convert_tokens_to_ids(list(builder.specials)), strict=True))
    config = CONFIGS[architecture](tiny, ids)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=getattr(torch, PRECISIONS[precision]))
    return builder.family(name, "random", model, tokenizer, PROCESSORS[architecture]())
