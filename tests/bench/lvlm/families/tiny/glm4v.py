"""GLM-4.1V: native resolution within bounds on two frames, half-rotary heads, turns that the next speaker ends."""

from transformers import Glm4vConfig, Glm4vForConditionalGeneration, Glm4vImageProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.glm4v import Glm4V
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "[gMASK]<sop>{% for m in messages %}<|{{ m['role'] }}|>\n{% if m['role'] == 'user' %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|begin_of_image|><|image|><|end_of_image|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% else %}{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""As the real one, it prints an answer's content as it is."""
SPECIALS = (
    "<|endoftext|>", "[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|observation|>", "<|begin_of_image|>",
    "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>", "<|image|>", "<|video|>",
)  # fmt: skip


def build() -> LVLM:
    tok = tokenizer(TEMPLATE, *SPECIALS, pad_token="<|endoftext|>", eos_token="<|endoftext|>")
    ids = dict(zip(SPECIALS, tok.convert_tokens_to_ids(list(SPECIALS)), strict=True))
    config = Glm4vConfig(
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 14,
            "image_size": 84, "out_hidden_size": 64,
        },
        text_config={
            "vocab_size": len(tok), "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "mrope_section": [2, 1, 1],
            },
        },
        image_token_id=ids["<|image|>"],
        video_token_id=ids["<|video|>"],
        image_start_token_id=ids["<|begin_of_image|>"],
        image_end_token_id=ids["<|end_of_image|>"],
        video_start_token_id=ids["<|begin_of_video|>"],
        video_end_token_id=ids["<|end_of_video|>"],
    )  # fmt: skip
    processor = Glm4vImageProcessor(size={"shortest_edge": 112 * 112, "longest_edge": 2 * 28 * 28 * 24})
    model = random(Glm4vForConditionalGeneration, config)
    model.generation_config.eos_token_id = [ids[t] for t in ("<|endoftext|>", "<|user|>", "<|observation|>")]
    return Glm4V("glm4v", "random", model, tok, processor)


VARIANTS = {"glm4v": build}
