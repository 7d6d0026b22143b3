"""Short labels: readable, and of one attack alone."""

import pandas as pd
import pytest

from attacks.required import load_required
from bench.tables.attack_labels import HEADINGS, find_levels, label_attacks, shorten_attack


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("lora_sft", "LoRA"),
        ("full_sft+jpeg+drop_inserted", "full + jpeg + drop"),
        ("tuned(trials=4)+drop_inserted", "tuned 4 + drop"),
        ("lora_sft(rank=8, epochs=4)", "LoRA 8 4"),
        ("<b>no grammar</b>", "<b>no grammar</b>"),
    ],
)
def test_labels(text: str, label: str) -> None:
    assert shorten_attack(text) == label


def test_each_attack_of_the_set_has_the_least_level_that_it_is_of() -> None:
    levels = find_levels()
    assert list(levels) == [member.attack for member in load_required().members["clean"]]
    assert levels["lora_sft"] == "plain"
    assert set(levels.values()) == HEADINGS.keys() - {""}
    assert len({shorten_attack(text) for text in levels}) == len(levels), "no two look alike"


def test_attacks_that_would_look_alike_keep_their_whole_text() -> None:
    texts = ["lora_sft(rank=8)", "lora_sft(epochs=8)", "lora_sft", "gray"]
    game = pd.DataFrame({"attack_label": texts, "attack_text": texts})
    table = label_attacks(pd.DataFrame({"attack_label": texts}), game)
    assert table["short"].tolist() == ["LoRA", "gray", "lora_sft(epochs=8)", "lora_sft(rank=8)"]
    assert table["level"].tolist() == ["plain", "", "", ""]
