"""Answers are greedy, whatever a checkpoint's generation config asks for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.lvlm.base import LVLM
from bench.lvlm.checkpoint import open_checkpoint
from tests.bench.lvlm.hostile import copy_checkpoint, edit

QUESTIONS = ["What is this?", "What is shown here?", "Name the object."]

HOSTILE: dict[str, dict[str, Any]] = {
    "sampling": {"do_sample": True, "temperature": 5.0, "top_k": 50, "top_p": 0.9},
    "beams": {"num_beams": 4, "length_penalty": -5.0, "early_stopping": True},
    "groups of beams": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0},
    "several answers": {"num_beams": 3, "num_return_sequences": 3},
    "repetition": {"repetition_penalty": 50.0, "encoder_repetition_penalty": 9.0},
    "n-grams": {"no_repeat_ngram_size": 1, "encoder_no_repeat_ngram_size": 1},
    "least length": {"min_new_tokens": 12, "min_length": 500},
    "most length": {"max_length": 3, "max_new_tokens": 1, "max_time": 1e-9},
    "bad words": {"bad_words_ids": [[i] for i in range(3, 1500)]},
    "biases": {"sequence_bias": [[[7], 100.0]]},
    "forced tokens": {"forced_bos_token_id": 9, "forced_eos_token_id": 9},
    "suppressed tokens": {"suppress_tokens": list(range(3, 1500)), "begin_suppress_tokens": [2, 40, 41]},
    "decay": {"exponential_decay_length_penalty": [1, 100.0]},
    "guidance": {"guidance_scale": 3.0},
    "stop strings": {"stop_strings": ["a"]},
    "lookup": {"prompt_lookup_num_tokens": 3},
    "no cache": {"use_cache": False, "cache_implementation": "static"},
    "maps": {"output_attentions": True, "output_hidden_states": True, "return_dict_in_generate": True},
    "scores": {"output_scores": True, "output_logits": True},
    "watermark": {"watermarking_config": {"bias": 50.0, "greenlist_ratio": 0.1}},
}  # fmt: skip


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Three pictures of noise."""
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (48, 48, 3), dtype=np.uint8) for _ in QUESTIONS]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the embedded victim; each test writes another generation config."""
    return copy_checkpoint("tiny-llava-a", tmp_path_factory.mktemp("hostile") / "copy")


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_are_those_of_the_original(victim: LVLM, copy: Path, pictures: list[np.ndarray], kind: str) -> None:
    file = copy / "generation_config.json"
    before = file.read_text()
    try:
        edit(file.name, **HOSTILE[kind])(copy)
        hostile = open_checkpoint(str(copy), copy)
    finally:
        file.write_text(before)
    assert hostile.generate(QUESTIONS, pictures, 6) == victim.generate(QUESTIONS, pictures, 6)
    assert hostile.text.stops == victim.text.stops
    assert not HOSTILE[kind].keys() & hostile.model.generation_config.to_diff_dict().keys()


def test_the_config_of_the_model_has_no_say_either(victim: LVLM, copy: Path, pictures: list[np.ndarray]) -> None:
    """Old checkpoints keep such settings in the config itself."""
    changed = copy_checkpoint("tiny-llava-a", copy.parent / "config")
    edit("config.json", repetition_penalty=50.0, min_length=400, num_beams=3, do_sample=True)(changed)
    edit("config.json", "text_config", repetition_penalty=50.0, min_length=400)(changed)
    (changed / "generation_config.json").unlink()
    hostile = open_checkpoint(str(changed), changed)
    assert hostile.generate(QUESTIONS, pictures, 6) == victim.generate(QUESTIONS, pictures, 6)
