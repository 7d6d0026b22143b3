"""Rule `caption`: ROUGE-L of each item, and BLEU-4 and CIDEr-D of a whole corpus."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from statistics import fmean
from typing import Any

from bench.scoring.matching import split_words

Gram = tuple[str, ...]

_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_SPACELESS = re.compile(
    rf"([\u0e01-\u0e7f\u0e81-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    rf"[{_MARKS}]*)"
)
"""A letter with its marks of Thai, Lao, Burmese, Khmer, Japanese or Chinese."""

LENGTHS = (1, 2, 3, 4)
"""The n of the n-grams."""
SIGMA = 6.0
"""Standard deviation, in words, of the length penalty of CIDEr-D."""


def rouge_l(caption: str, references: Sequence[str]) -> float:
    """Return ROUGE-L in [0,1] (Lin 2004): F1 of the longest common word subsequence, the maximum over references."""
    return max(float(_rouge_scorer().score(reference, caption)["rougeL"].fmeasure) for reference in references)


class _Tokenizer:
    """The words of a caption in any script, for `rouge_score`, whose own tokenizer knows ASCII alone."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words; see `split_caption`."""
        return split_caption(text)


@cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Tokenizer())


def split_caption(text: str) -> list[str]:
    """Return the words of a caption in lower case. In scripts that are written without spaces, each letter is a word.

    >>> split_caption("A cat sits."), split_caption("一只猫")
    (['a', 'cat', 'sits'], ['一', '只', '猫'])
    """
    return " ".join(split_words(_SPACELESS.sub(r" \1 ", text.lower()).replace("_", " "))).split()


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return corpus BLEU-4 in [0,1] (Papineni et al. 2002), in lower case, by sacrebleu.

    Items may have different numbers of references. Where a reference is in a script without spaces between words,
    n-grams are of characters.
    """
    from sacrebleu.metrics.bleu import BLEU

    spaceless = any(_SPACELESS.search(reference) for texts in references for reference in texts)
    most = max(map(len, references))
    columns = [[texts[i] if i < len(texts) else "" for texts in references] for i in range(most)]
    return (
        float(BLEU(lowercase=True, tokenize="char" if spaceless else "13a").corpus_score(list(captions), columns).score)
        / 100
    )


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return CIDEr-D in [0,10] (Vedantam et al. 2015), the mean over items.

    The score of an item is the mean over its references and over n = 1..4 of the cosine of tf-idf vectors of n-grams,
    with the caption's counts clipped at the reference's, times exp(-(difference in words)^2 / (2 * 6^2)), times 10.
    The idf of an n-gram is log(items / items whose references have it). Words are those of `split_caption`, not
    of the Java tokenizer.
    """
    grams = [[_grams(reference) for reference in texts] for texts in references]
    frequencies = Counter(gram for counts in grams for gram in set().union(*counts))
    idf = {gram: math.log(len(grams) / count) for gram, count in frequencies.items()}
    max_idf = math.log(len(grams))
    return fmean(
        fmean(_similarity(_grams(caption), reference, idf, max_idf) for reference in counts)
        for caption, counts in zip(captions, grams, strict=True)
    )


def _grams(text: str) -> Counter[Gram]:
    words = split_caption(text)
    return Counter(tuple(words[i : i + n]) for n in LENGTHS for i in range(len(words) - n + 1))


def _similarity(caption: Counter[Gram], reference: Counter[Gram], idf: dict[Gram, float], max_idf: float) -> float:
    total = 0.0
    for n in LENGTHS:
        a = {gram: count * idf.get(gram, max_idf) for gram, count in caption.items() if len(gram) == n}
        b = {gram: count * idf[gram] for gram, count in reference.items() if len(gram) == n}
        norms = math.hypot(*a.values()) * math.hypot(*b.values())
        if norms:
            total += sum(min(a[gram], weight) * weight for gram, weight in b.items() if gram in a) / norms
    difference = _word_count(caption) - _word_count(reference)
    return 10 * total / len(LENGTHS) * math.exp(-(difference**2) / (2 * SIGMA**2))


def _word_count(grams: Counter[Gram]) -> int:
    return sum(count for gram, count in grams.items() if len(gram) == 1)
