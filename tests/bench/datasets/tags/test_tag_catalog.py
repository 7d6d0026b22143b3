"""The questions about tags: equally frequent answers, no picture twice, and answers that victims can tell apart."""

from collections import Counter

import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer

from bench import datasets
from bench.datasets.scenes.catalog import LETTERS
from bench.datasets.tags import catalog
from bench.datasets.tags.vocabulary import NUMBERS, QUESTIONS, VOCABULARY, lines
from bench.samples import SampleSet
from bench.scoring.rules import strict_score
from bench.victims import EMBEDDED, embedded_folder

SIZES = {"train": 624, "validation": 192, "test": 432}
DIGITS = dict(enumerate(["-", "one", "two", "three", "four", "five", "-", "seven", "eight", "nine", "ten"]))


@pytest.fixture(scope="module")
def splits() -> dict[str, SampleSet]:
    """Load all splits once."""
    return {split: datasets.load("tags", split) for split in SIZES}


@pytest.mark.parametrize("split", SIZES)
def test_every_answer_is_asked_for_equally_often(splits: dict[str, SampleSet], split: str) -> None:
    count = Counter((s.id.split("-")[1], s.answer) for s in splits[split])
    assert set(count) == {(kind, answer) for kind, answers in VOCABULARY.items() for answer in answers}
    assert set(count.values()) == {SIZES[split] // 24}
    assert {s.question for s in splits[split]} == {q for questions in QUESTIONS.values() for q in questions}
    assert {s.rule for s in splits[split]} == {"anls"}


def test_no_rendering_is_seen_twice(splits: dict[str, SampleSet]) -> None:
    every = [sample for split in splits.values() for sample in split]
    assert len({s.pixels.tobytes() for s in every}) == len({s.image_id for s in every}) == len(every) == 1248


def test_a_split_is_the_same_every_time(splits: dict[str, SampleSet]) -> None:
    assert catalog.load("validation").digest == splits["validation"].digest


def test_the_lines_say_what_the_answer_says() -> None:
    assert {name: digit for digit, name in DIGITS.items() if name != "-"} | {"fifty": 50} == NUMBERS
    assert lines("word", "taxi") == ("taxi",)
    assert lines("price", "fifty") == ("$50",)
    assert lines("date", "may five") == ("May", "5")
    tags = [lines(kind, answer) for kind, answers in VOCABULARY.items() for answer in answers]
    assert len(set(tags)) == len(tags)


def test_a_wrong_answer_scores_less_and_no_two_words_are_near(splits: dict[str, SampleSet]) -> None:
    """ANLS gives nothing for another word or price, and part of the score for a date with the wrong day."""
    for sample in splits["validation"][::8]:
        kind = sample.id.split("-")[1]
        others = [strict_score(other, sample) for other in VOCABULARY[kind] if other != sample.answer]
        assert strict_score(sample.answer, sample) == 1
        assert max(others) < 1
        if kind != "date":
            assert sum(score > 0 for score in others) <= 1


@pytest.mark.parametrize("victim", EMBEDDED)
def test_a_victims_head_can_tell_the_answers_apart(victim: str) -> None:
    """The tokens of the answers are none of those that were never trained: these are one vector, as 'Q' shows."""
    place = embedded_folder(victim)
    tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    with safe_open(place / "model.safetensors", "pt") as file:
        name = next(k for k in file.keys() if k.endswith("embed_tokens.weight"))  # noqa: SIM118 - no mapping
        table = torch.nn.functional.normalize(file.get_tensor(name).float(), dim=1)
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    never = table[ids("Q")[-1]]
    assert table[ids("Z")[-1]] @ never > 0.99
    assert table[ids("7")[-1]] @ never > 0.99
    lead = " " if EMBEDDED[victim] == "llava" else ""
    for answer in [*LETTERS, *(a for answers in VOCABULARY.values() for a in answers)]:
        assert (table[ids(lead + answer)] @ never).max() < 0.9, answer
        assert tokenizer.decode(ids(answer)) == answer
