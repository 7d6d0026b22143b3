"""Llama 3.2 Vision: up to four tiles, two cross-attention layers, an image token beyond the head's vocabulary."""

import torch
from transformers import MllamaConfig, MllamaForConditionalGeneration, MllamaImageProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.mllama import Mllama
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|image|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
SPECIALS = (
    "<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
)  # fmt: skip


def build() -> LVLM:
    tok = tokenizer(
        TEMPLATE, *SPECIALS, starts=True, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>",
        pad_token="<|finetune_right_pad_id|>", extra_special_tokens=["<|image|>"],
    )  # fmt: skip
    image = tok.convert_tokens_to_ids("<|image|>")
    ends = tok.convert_tokens_to_ids(["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"])
    config = MllamaConfig(
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_global_layers": 2,
            "attention_heads": 2, "image_size": 28, "patch_size": 7, "intermediate_layers_indices": [0, 1],
            "vision_output_dim": 96,
        },
        text_config={
            "vocab_size": image, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 5,
            "num_attention_heads": 4, "num_key_value_heads": 2, "cross_attention_layers": [1, 3],
            "max_position_embeddings": 1024, "bos_token_id": tok.bos_token_id, "pad_token_id": tok.pad_token_id,
            "eos_token_id": ends,
            "rope_parameters": {
                "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 128,
            },
        },
        image_token_index=image,
    )  # fmt: skip
    model = random(MllamaForConditionalGeneration, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name and parameter.ndim == 1:  # closed at first: pictures and tiles would not matter
                parameter.fill_(0.6)
    model.generation_config.eos_token_id = ends
    processor = MllamaImageProcessor(
        size={"height": 28, "width": 28}, max_image_tiles=4, image_mean=[0.48145466, 0.4578275, 0.40821073],
        image_std=[0.26862954, 0.26130258, 0.27577711],
    )  # fmt: skip
    return Mllama("mllama", "random", model, tok, processor)


VARIANTS = {"mllama": build}
