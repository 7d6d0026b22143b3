"""Caption scores: by hand, against NLTK, and against frozen values of pycocoevalcap."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import corpus_bleu

from bench.scoring.captions import bleu, cider_d, rouge_l

WORDS = st.lists(st.sampled_from(["a", "dog", "runs", "fast", "the"]), min_size=1, max_size=9).map(" ".join)

CAPTIONS = [
    "a dog runs over the grass",
    "two men on a red boat",
    "a cat",
    "a child in a blue shirt jumps into the water the water the water",
    "the street at night with many lights",
]
REFERENCES = [
    ["a brown dog runs across the grass", "a dog is running over green grass", "dog running"],
    ["two men sit in a red boat on a lake", "a red boat with two people"],
    ["a black cat sleeps on a sofa", "the cat is on the sofa"],
    ["a child jumps into the water", "a boy in a blue shirt jumps into a pool"],
    ["a busy street at night"],
]


def longest(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Length of the longest common subsequence, by its recursion."""

    @cache
    def of(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return 0
        return 1 + of(i + 1, j + 1) if a[i] == b[j] else max(of(i + 1, j), of(i, j + 1))

    return of(0, 0)


def test_rouge_by_hand() -> None:
    """LCS "a dog the grass": 4 of 6 words of the caption and 4 of 7 of the reference; F = 8/13."""
    assert rouge_l("a dog over in the grass", ["a brown dog runs across the grass"]) == pytest.approx(8 / 13)
    assert rouge_l("A Dog!", ["a dog"]) == 1
    assert rouge_l("", ["a dog"]) == 0


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_rouge_is_f1_of_the_longest_common_subsequence(caption: str, references: list[str]) -> None:
    caption_words = tuple(caption.split())
    reference_words = [tuple(reference.split()) for reference in references]
    assert rouge_l(caption, references) == pytest.approx(
        max(2 * longest(caption_words, one) / (len(caption_words) + len(one)) for one in reference_words)
    )


def test_bleu_is_nltks_with_any_number_of_references() -> None:
    captions = [CAPTIONS[0], CAPTIONS[3]]
    references = [["a dog runs over the green grass", *REFERENCES[0]], ["a child in a blue shirt jumps"]]
    split = [[reference.split() for reference in each] for each in references]
    expected = corpus_bleu(split, [caption.split() for caption in captions])
    assert 0.3 < expected < 0.9
    assert bleu(captions, references) == pytest.approx(expected)
    assert bleu([caption.upper() for caption in captions], references) == pytest.approx(expected)


def test_bleu_by_hand() -> None:
    """Precisions 5/6, 4/5, 3/4 and 2/3; no brevity penalty."""
    result = bleu(["the cat sat on the mat"], [["a cat sat on the mat"]])
    assert result == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)


@pytest.mark.parametrize(
    ("items", "expected"), [(5, 2.2242309179103925), (3, 1.9912767850629496), (2, 2.4195256826350016)]
)
def test_cider_is_that_of_pycocoevalcap(items: int, expected: float) -> None:
    """Frozen: CiderScorer(n=4, sigma=6.0) of pycocoevalcap 1.2 on these captions, idf from their references."""
    assert cider_d(CAPTIONS[:items], REFERENCES[:items]) == pytest.approx(expected, abs=1e-12)


def test_cider_of_one_item_has_no_rare_words() -> None:
    assert cider_d(["a dog"], [["a dog"]]) == 0


def test_a_copied_reference_has_the_best_cider_there_is() -> None:
    captions = [each[0] for each in REFERENCES]
    assert cider_d(captions, [[caption] for caption in captions]) == pytest.approx(10)


@given(st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), min_size=1, max_size=5))
def test_corpus_scores_are_in_range_and_ignore_the_order_of_items(items: list[tuple[str, list[str]]]) -> None:
    captions, references = zip(*items, strict=True)
    backwards = captions[::-1], references[::-1]
    assert -1e-9 <= cider_d(captions, references) <= 10 + 1e-9
    assert cider_d(*backwards) == pytest.approx(cider_d(captions, references))
    assert 0 <= bleu(captions, references) <= 1 + 1e-9
    assert bleu(*backwards) == pytest.approx(bleu(captions, references))
