"""The shipped checkpoints: complete, small, of the real classes, and as good as their cards say."""

import numpy as np
import pytest
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from bench.datasets.emoji.art import concepts, pretraining_indices
from bench.datasets.emoji.questions import NAMING
from bench.datasets.emoji.render import render
from bench.lvlm.catalog import load
from bench.victims import EMBEDDED, embedded_folder, read_card, revision

CLASSES = {
    "llava": "LlavaForConditionalGeneration",
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
    "internvl": "InternVLForConditionalGeneration",
    "gemma3": "Gemma3ForConditionalGeneration",
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_loads_with_hugging_faces_own_classes(name: str) -> None:
    model = AutoModelForImageTextToText.from_pretrained(embedded_folder(name), trust_remote_code=False)
    assert type(model).__name__ == CLASSES[EMBEDDED[name]]
    assert 1e6 <= model.num_parameters() <= 4e6
    assert AutoTokenizer.from_pretrained(embedded_folder(name), trust_remote_code=False).chat_template
    assert AutoImageProcessor.from_pretrained(embedded_folder(name), trust_remote_code=False)
    assert (embedded_folder(name) / "model.safetensors").stat().st_size <= 8e6
    assert len(revision(name)) == 16


@pytest.mark.parametrize("name", EMBEDDED)
def test_card_is_true_and_the_victim_sees(name: str) -> None:
    """Naming accuracy on fresh renderings is at least 50 % and near the card's number."""
    rng = np.random.default_rng(5)
    chosen = rng.choice(pretraining_indices(), 300, replace=False)
    pictures = [render(concepts()[i].art, rng).pixels for i in chosen]
    victim = load(name)
    answers = [a for k in range(0, 300, 100) for a in victim.generate([NAMING[0]] * 100, pictures[k : k + 100])]
    accuracy = np.mean([a == concepts()[i].name for a, i in zip(answers, chosen, strict=True)])
    card = read_card(name)
    assert accuracy >= 0.5
    assert accuracy == pytest.approx(card["accuracy"]["name"], abs=0.1)
    assert card["linear_probe"] >= 0.6
    assert f"{card['linear_probe']:.1%}" in (embedded_folder(name) / "README.md").read_text()
