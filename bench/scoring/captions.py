"""Rule `caption`: ROUGE-L of each item, and BLEU-4 and CIDEr-D of a whole corpus."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from statistics import fmean
from typing import Any

Gram = tuple[str, ...]

LENGTHS = (1, 2, 3, 4)
"""The n of the n-grams."""
SIGMA = 6.0
"""Standard deviation, in words, of the length penalty of CIDEr-D."""


def rouge_l(caption: str, references: Sequence[str]) -> float:
    """Return ROUGE-L in [0,1] (Lin 2004): F1 of the longest common word subsequence, the maximum over references."""
    return max(float(_rouge_scorer().score(reference, caption)["rougeL"].fmeasure) for reference in references)


@cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"])


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return corpus BLEU-4 in [0,1] (Papineni et al. 2002), in lower case, by sacrebleu.

    Items may have different numbers of references.
    """
    from sacrebleu.metrics.bleu import BLEU

    most = max(map(len, references))
    columns = [[texts[i] if i < len(texts) else "" for texts in references] for i in range(most)]
    return float(BLEU(lowercase=True).corpus_score(list(captions), columns).score) / 100


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return CIDEr-D in [0,10] (Vedantam et al. 2015), the mean over items.

    The score of an item is the mean over its references and over n = 1..4 of the cosine of tf-idf vectors of n-grams,
    with the caption's counts clipped at the reference's, times exp(-(difference in words)^2 / (2 * 6^2)), times 10.
    The idf of an n-gram is log(items / items whose references have it). Words are `\\w+` in lower case, not those of
    the Java tokenizer.
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
    words = re.findall(r"\w+", text.lower())
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
