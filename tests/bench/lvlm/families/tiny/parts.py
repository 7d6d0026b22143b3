"""Parts of all tiny models: a tokenizer, and weights that make outputs depend on every input."""

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from bench.lvlm.embedded.pretrain import corpus
from bench.runtime import seed_everything

VOCABULARY = 800


@cache
def _core(specials: tuple[str, ...]) -> str:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(specials), initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(corpus(), trainer)
    return core.to_str()


def tokenizer(template: str, *specials: str, starts: bool = False, **named: Any) -> PreTrainedTokenizerFast:
    """A byte-level BPE with `specials` first. `named`: pad_token, eos_token, bos_token, extra_special_tokens, ...

    starts: it puts bos_token before every text, unless told to add no special tokens.
    """
    core = Tokenizer.from_str(_core(specials))
    if starts:
        begin = named["bos_token"]
        core.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, core.token_to_id(begin))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=core, chat_template=template, **named)


def random(model_class: type[PreTrainedModel], config: Any, scale: float = 5.0, seed: int = 0) -> PreTrainedModel:
    """A model whose matrices are `scale` times as large as the initialiser's: nearly constant outputs hide errors."""
    seed_everything(seed)
    model = model_class(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(scale)
    return model
