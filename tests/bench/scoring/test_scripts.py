"""Answers in any script, with signs and names: what people reported as judged wrongly, and its neighbours."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

from bench.scoring.captions import bleu, cider_d, rouge_l, split_caption
from bench.scoring.choice import find_choice
from bench.scoring.matching import matches, normalise, split_words
from bench.scoring.rules import AnswerKey, lenient_score, strict_score

REPORTED = json.loads(Path(__file__).with_name("reported.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REPORTED, ids=lambda case: case["id"])
def test_a_reported_answer_is_judged_right(case: dict) -> None:
    options = tuple(case.get("choices", ()))
    answers = () if options else tuple(case["answers"])
    key = AnswerKey(case["answers"][0], answers, options, case["rule"])
    assert strict_score(case["response"], key) == case["strict"]
    assert lenient_score(case["response"], key) == case["lenient"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("दिन", "दान"),  # vowel signs, which are combining marks
        ("கல்", "கால்"),
        ("ไก่", "ไก"),
        ("عِلْم", "عَلَم"),
        ("résumé", "resume"),
        ("-5", "5"),
        ("-0.5", "0.5"),
        ("C++", "C"),
        ("<5", ">5"),
        ("Type A", "Type B"),
        ("Type A", "Type"),
        ("Vitamin A deficiency", "Vitamin B deficiency"),
        ("Hepatitis A virus", "Hepatitis virus"),
        ("Plan A", "Plan"),
    ],
)
def test_different_answers_differ(one: str, other: str) -> None:
    assert not matches(one, [other]) and not matches(other, [one])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("दिन।", "दिन"),
        (unicodedata.normalize("NFD", "Café"), unicodedata.normalize("NFC", "café")),
        ("\u22125", "-5"),
        ("+5", "5"),
        ("-5.", "-5"),
        ("1 - 5", "1 - 5"),
        ("1-5", "1 5"),
        ("type a", "Type A"),
        ("A bus", "bus"),
        ("the bus on a hill", "Bus on hill"),
        ("THE BUS", "the bus"),
        ("“Да”", "да"),
        ("猫。", "猫"),
        ("T-shirt", "t shirt"),
    ],
)
def test_equal_answers_are_equal(one: str, other: str) -> None:
    assert matches(one, [other]) and matches(other, [one])


@given(st.text())
def test_normal_form_is_stable_and_keeps_every_letter_digit_and_mark(text: str) -> None:
    normal = normalise(text)
    words = [word for word in split_words(text) if word.lower() not in {"a", "an", "the"}]
    assert all(word.lower() in normal for word in words)
    assert normalise(normalise(normal)) == normalise(normal)


@pytest.mark.parametrize(
    "text",
    [
        "一只猫坐在垫子上",
        "कुत्ता घास पर",
        "собака на траве",
        "แมวนั่งบนเสื่อ",
        "猫がマットの上に座る",
        "고양이가 앉아 있다",
        "قطة",
    ],
)
def test_a_caption_in_any_script_is_like_itself_and_unlike_another(text: str) -> None:
    assert rouge_l(text, [text]) == 1
    assert rouge_l(text, ["a dog on the grass"]) == 0
    assert bleu([" ".join([text] * 4)], [[" ".join([text] * 4)]]) == pytest.approx(1)
    others = [[text], ["something else entirely here"]]
    assert cider_d([text, "something else entirely here"], others) > 2


def test_captions_that_share_words_are_between() -> None:
    assert 0 < rouge_l("一只狗坐在垫子上", ["一只猫坐在垫子上"]) < 1
    assert 0 < rouge_l("कुत्ता पानी पर", ["कुत्ता घास पर"]) < 1


@given(st.text(alphabet=st.characters(max_codepoint=127, exclude_characters="+-<>=|~_", exclude_categories=["Cc"])))
def test_an_english_caption_has_the_words_of_rouges_own_tokenizer(text: str) -> None:
    assert split_caption(text) == DefaultTokenizer().tokenize(text)


@pytest.mark.parametrize(
    ("response", "choices", "letter"),
    [
        ("The picture shows vitamin C", ("iron", "vitamin C", "zinc", "salt"), "B"),
        ("It must be hepatitis B, as the label says", ("hepatitis A", "hepatitis B"), "B"),
        ("This is plan A", ("plan B", "plan A"), "B"),
        ("I would pick B because the red one is bigger", ("red", "blue"), "B"),
        ("Option C", ("iron", "vitamin C", "zinc"), "C"),
        ("C", ("iron", "vitamin C", "zinc"), "C"),
        ("vitamin C and iron", ("iron", "vitamin C", "zinc"), None),
    ],
)
def test_an_options_text_is_no_lone_letter(response: str, choices: tuple[str, ...], letter: str | None) -> None:
    assert find_choice(response, choices) == letter
