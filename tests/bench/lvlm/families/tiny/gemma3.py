"""Gemma 3: a squeezed square pooled to four tokens, local and global layers, with and without pan and scan."""

from typing import Any

import torch
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3ImageProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.gemma3 import Gemma3
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<start_of_image>{% else %}{{ c['text'] | trim }}"
    "{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
SPECIALS = (
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>",
    "<image_soft_token>",
)  # fmt: skip


def build(**scan: Any) -> LVLM:
    tok = tokenizer(
        TEMPLATE, *SPECIALS, starts=True, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>",
        extra_special_tokens={
            "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>",
        },
    )  # fmt: skip
    ids = dict(zip(SPECIALS, tok.convert_tokens_to_ids(list(SPECIALS)), strict=True))
    config = Gemma3Config(
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 48, "patch_size": 12, "vision_use_head": False,
        },
        text_config={
            "vocab_size": len(tok), "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "query_pre_attn_scalar": 16,
            "max_position_embeddings": 1024, "sliding_window": 12,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "pad_token_id": ids["<pad>"], "eos_token_id": ids["<eos>"], "bos_token_id": ids["<bos>"],
        },
        mm_tokens_per_image=4,
        boi_token_index=ids["<start_of_image>"],
        eoi_token_index=ids["<end_of_image>"],
        image_token_index=ids["<image_soft_token>"],
    )  # fmt: skip
    model = random(Gemma3ForConditionalGeneration, config, scale=2.0)
    with torch.no_grad():  # a fresh one projects every picture to zero
        model.model.multi_modal_projector.mm_input_projection_weight.normal_(std=0.1)
    model.generation_config.eos_token_id = [ids["<eos>"], ids["<end_of_turn>"]]
    processor = Gemma3ImageProcessor(
        size={"height": 48, "width": 48}, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_convert_rgb=True, **scan
    )
    return Gemma3("gemma3", "random", model, tok, processor)


def scanning() -> LVLM:
    """With crops of 16 pixels at least, so that small pictures have some."""
    return build(
        do_pan_and_scan=True,
        pan_and_scan_min_crop_size=16,
        pan_and_scan_max_num_crops=4,
        pan_and_scan_min_ratio_to_activate=1.2,
    )


VARIANTS = {"gemma3": build, "gemma3-pan-and-scan": scanning}
