"""`smol-llava`: a LLaVA with a pretrained language model, the tower of an embedded victim and its own projector."""

import shutil
from pathlib import Path

from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AddedToken,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerBase,
)

from bench import victims
from bench.lvlm.adapters import lora_config, set_weights
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.lvlm.embedded import smollm2
from bench.lvlm.families.llava import Llava
from bench.paths import make_home
from bench.runtime import seed_everything

NAME = "smol-llava"
TOWER_OF = "tiny-llava-a"
"""The embedded victim whose tower and image processor it has."""
RANK = 8
"""Of the adapter with which the language model learns to read the tower; it is merged into the weights afterwards."""
SEED = 211
FILE = "alignment.safetensors"
"""The file of what the alignment has learned, in the folder of its card."""
PROJECTOR = "multi_modal_projector."

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""SmolLM2's turns, without its system prompt."""


def build(language: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase) -> LVLM:
    """Join language model and tower in float32; the projector's weights are random, and seeded."""
    seed_everything(SEED)
    source = load(TOWER_OF)
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken(Llava.image_token, special=True)]})
    tokenizer.chat_template, tokenizer.pad_token = TEMPLATE, tokenizer.unk_token
    language.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    text = language.config.to_dict() | {"pad_token_id": tokenizer.pad_token_id}
    config = LlavaConfig(
        vision_config=source.model.config.vision_config,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids(Llava.image_token),
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_seq_length=source.model.config.image_seq_length,
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.model.vision_tower.load_state_dict(source.model.model.vision_tower.state_dict())
    model.tie_weights()
    return Llava(NAME, "pretraining", model.float(), tokenizer, source.processor)


def attach_learner(lvlm: LVLM) -> PeftModel:
    """Give the language model an adapter, make it and the projector trainable, and return the wrapped model."""
    peft = get_peft_model(lvlm.model, lora_config(lvlm, RANK, "language"))
    for name, parameter in lvlm.model.named_parameters():
        parameter.requires_grad_("lora_" in name or PROJECTOR in name)
    return peft


def save_alignment(lvlm: LVLM, file: Path) -> None:
    """Write the trainable weights in float16."""
    file.parent.mkdir(parents=True, exist_ok=True)
    trained = {name: p.detach() for name, p in lvlm.model.named_parameters() if p.requires_grad}
    save_file({name: value.half().contiguous() for name, value in trained.items()}, file)


def apply_alignment(lvlm: LVLM, file: Path) -> None:
    """Set the projector, and merge the adapter into the language model, which is rounded to bfloat16.

    The sums are made in float64, so that their rounding hardly depends on the machine.
    """
    peft = attach_learner(lvlm)
    set_weights(lvlm, load_file(file))
    peft.double().merge_and_unload()
    lvlm.model.bfloat16().requires_grad_(False)


def make(folder: Path) -> None:
    """Write the whole checkpoint into `folder`: fetch the language model, build the LVLM, and apply its alignment."""
    lvlm = build(*smollm2.read(smollm2.fetch(make_home() / "pretrain")))
    apply_alignment(lvlm, victims.embedded_folder(NAME) / FILE)
    draft = folder.with_name(f".{folder.name}")
    shutil.rmtree(draft, ignore_errors=True)
    lvlm.save(draft)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
