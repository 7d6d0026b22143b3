"""LLaVA 1.5: short side to the tower's resolution, then a centre crop; a template without an end of turn."""

from transformers import CLIPImageProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from bench.lvlm.base import LVLM
from bench.lvlm.families.llava import Llava
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}USER: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }} {% endif %}{% endfor %}"
    "{% else %}ASSISTANT: {{ m['content'][0]['text'] }} {% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


def build() -> LVLM:
    tok = tokenizer(
        TEMPLATE, "<pad>", "<s>", "</s>", "<image>", starts=True, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=56,
            patch_size=14,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tok), hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=1024,
        ),
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        image_seq_length=16,
    )  # fmt: skip
    processor = CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    return Llava("llava", "random", random(LlavaForConditionalGeneration, config), tok, processor)


VARIANTS = {"llava": build}
