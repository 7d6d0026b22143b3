"""Parts that change questions and answers: they drop inserted words, and seldom drop others."""

from dataclasses import replace

import numpy as np
import pytest

from attacks.parts import PARTS, Knowledge
from attacks.text.drop_inserted import drop_words
from attacks.text.drop_rare import Bigrams
from attacks.text.normalise import normalise_question
from attacks.text.paraphrase import is_subsequence
from bench.datasets import load
from bench.lvlm.base import LVLM
from bench.samples import SampleSet
from bench.spec import Method
from bench.words import insert, plain_words


def prepare(name: str, samples: SampleSet, victim: LVLM, validation: SampleSet, **options: float) -> SampleSet:
    """Return samples after a part."""
    part = PARTS.build(Method(name=name, options=options))
    return part.prepare(samples, Knowledge(victim, validation), np.random.default_rng(0))


@pytest.fixture
def validation() -> SampleSet:
    return load("emoji_smoke", "validation")


def insert_words(samples: SampleSet, victim: LVLM, count: int = 5) -> tuple[SampleSet, list[list[str]]]:
    """Return samples with random admissible words in their questions, and these words."""
    rng, words = np.random.default_rng(7), plain_words([victim.tokenizer])
    made, chosen = [], []
    for s in samples:
        some = [str(w) for w in rng.choice(words, count)]
        slots = sorted(rng.integers(0, len(s.question.split()) + 1, count).tolist())
        made.append(replace(s, question=insert(s.question, some, slots).text))
        chosen.append(some)
    return SampleSet(tuple(made)), chosen


def precision_recall(clean: SampleSet, dirty: SampleSet, mended: SampleSet) -> tuple[float, float]:
    """Return the share of dropped words that were inserted, and the share of inserted words that were dropped."""
    dropped = planted_words = hits = 0
    for a, b, c in zip(clean, dirty, mended, strict=True):
        before, after = b.question.split(), c.question.split()
        gone, put = len(before) - len(after), len(before) - len(a.question.split())
        left = sum(after.count(w) for w in set(after)) - sum(
            min(after.count(w), a.question.split().count(w)) for w in set(after)
        )
        dropped, planted_words, hits = dropped + gone, planted_words + put, hits + put - left
    return hits / max(1, dropped), hits / planted_words


def test_questions_are_normalised() -> None:
    assert normalise_question("What  is, the PRICE_of it?!") == "what is the price of it"


def test_normalising_leaves_inserted_words_where_they_are(
    llava: LVLM, samples: SampleSet, validation: SampleSet
) -> None:
    dirty, words = insert_words(samples, llava)
    done = prepare("normalise", dirty, llava, validation)
    assert all(
        set(normalise_question(" ".join(some)).split()) <= set(s.question.split())
        for s, some in zip(done, words, strict=True)
    )


def test_inserted_words_are_dropped(llava: LVLM, samples: SampleSet, validation: SampleSet) -> None:
    dirty, _ = insert_words(samples, llava)
    precision, recall = precision_recall(samples, dirty, prepare("drop_inserted", dirty, llava, validation))
    assert precision >= 0.95 and recall >= 0.95, (precision, recall)
    clean = prepare("drop_inserted", samples, llava, validation)
    assert [s.question for s in clean] == [s.question for s in samples]


def test_words_that_could_not_be_inserted_are_kept() -> None:
    used = {"what", "is", "the", "price"}
    assert drop_words("What 3.50 is Zebra the price ok lamp ?", used) == "What 3.50 is the price ok ?"
    assert drop_words("Zebra lamp", used) == "Zebra lamp", "nothing would be left"


@pytest.mark.parametrize(("name", "options"), [("drop_inserted", {}), ("drop_rare", {"least": 20})])
def test_line_breaks_are_kept(
    llava: LVLM, samples: SampleSet, validation: SampleSet, name: str, options: dict[str, float]
) -> None:
    """The options of a multiple-choice question are on separate lines, in test questions too."""
    lined = SampleSet(tuple(replace(s, question=f"{s.question}\n- 1\n- 2") for s in samples))
    mended = prepare(name, lined, llava, validation, **options)
    assert [s.question for s in mended] == [s.question for s in lined]


def test_an_inserted_word_is_dropped_with_its_space_but_not_with_a_line_break() -> None:
    question = "What is this?\na. snail\nb. tent"
    dirty = insert(question, ["zebra", "zebra", "zebra", "zebra", "zebra"], [0, 3, 4, 5, 7]).text
    assert drop_words(dirty, {"what", "is", "this", "snail", "tent"}) == question


def test_drop_rare_finds_words_that_do_not_fit(llava: LVLM, samples: SampleSet, validation: SampleSet) -> None:
    dirty, _ = insert_words(samples, llava)
    mended = prepare("drop_rare", dirty, llava, validation)
    precision, recall = precision_recall(samples, dirty, mended)
    assert precision >= 0.95 and recall >= 0.9, (precision, recall)
    clean = prepare("drop_rare", samples, llava, validation)
    assert np.mean([a.question.split() == b.question.split() for a, b in zip(clean, samples, strict=True)]) >= 0.95
    kept = prepare("drop_rare", dirty, llava, validation, words=1)
    assert all(len(a.question.split()) >= len(b.question.split()) - 1 for a, b in zip(kept, dirty, strict=True))


def test_surprise_is_the_mean_of_interpolated_bigrams() -> None:
    language = Bigrams(["a b", "a c"])
    # Of 6 words seen (a, b, end, a, c, end), 4 different; one more for those never seen: of 11.
    chances = [0.7 * 2 / 2 + 0.3 * 3 / 11, 0.7 * 1 / 2 + 0.3 * 2 / 11, 0.7 * 1 / 1 + 0.3 * 3 / 11]
    assert language.surprise(["A", "b!"]) == pytest.approx(-np.log(chances).mean())
    assert language.surprise(["zebra"]) > language.surprise(["a"]) > language.surprise(["a", "b"])


def test_paraphrase_gives_questions_the_trainers_own_words(
    llava: LVLM, samples: SampleSet, validation: SampleSet
) -> None:
    dirty, _ = insert_words(samples, llava)
    mended = prepare("paraphrase", dirty, llava, validation)
    assert [s.question for s in mended] == [s.question for s in samples]
    assert [(s.id, s.answer, s.pixels.tobytes()) for s in mended] == [
        (s.id, s.answer, s.pixels.tobytes()) for s in samples
    ]


def test_paraphrase_leaves_other_wordings_and_choices_alone(
    llava: LVLM, samples: SampleSet, validation: SampleSet
) -> None:
    other = replace(samples[0], question="How many wheels has it?")
    listed = replace(samples[1], id="listed", question="What lamp is this?", choices=("bus", "car"))
    done = prepare("paraphrase", SampleSet((other, listed)), llava, validation)
    assert list(done) == [other, listed]
    assert not is_subsequence(["this", "is"], ["is", "this"])


def test_answers_are_those_of_a_model_that_learned_from_the_clean_samples(
    llava: LVLM, samples: SampleSet, validation: SampleSet
) -> None:
    """Every answer of the release is false; the labels are among the answers that the clean samples taught."""
    true = SampleSet(samples[:16])
    false = SampleSet(tuple(replace(s, answer="nothing") for s in true))
    part = PARTS.build(Method(name="relabel", options={"share": 0.5, "epochs": 30}))
    done = part.prepare(false, Knowledge(llava, validation, owner=true), np.random.default_rng(0))
    assert [(s.id, s.question) for s in done] == [(s.id, s.question) for s in true]
    assert part.clean_share == 0.5
    taught = {s.answer for s in true}
    assert np.mean([s.answer in taught for s in done]) > 0.5
