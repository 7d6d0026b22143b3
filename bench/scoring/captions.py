"""Rule `caption`: ROUGE-L of each item; BLEU-4 and CIDEr-D of a whole corpus."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from statistics import fmean
from typing import Any

Gram = tuple[str, ...]

LENGTHS = (1, 2, 3, 4)
SIGMA = 6.0


def rouge_l(caption: str, references: Sequence[str]) -> float:
    """ROUGE-L in [0,1] (Lin 2004): F1 of the longest common subsequence of words, the maximum over the references."""
    return max(float(_rouge().score(reference, caption)["rougeL"].fmeasure) for reference in references)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"])


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU-4 in [0,1] (Papineni et al. 2002), in lower case, by sacrebleu; any number of references an item."""
    from sacrebleu.metrics.bleu import BLEU

    most = max(map(len, references))
    columns = [[each[i] if i < len(each) else "" for each in references] for i in range(most)]
    return float(BLEU(lowercase=True).corpus_score(list(captions), columns).score) / 100


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """CIDEr-D in [0,10] (Vedantam et al. 2015): the mean over items.

    An item's: the mean over n = 1..4 and over its references of the cosine of tf-idf vectors of n-grams, the caption's
    clipped at the reference's, times exp(-(difference in words)^2 / (2 * 6^2)), times 10. idf is over the items'
    references: log(items / items with the n-gram). Words are `\\w+` in lower case, not those of the Java tokenizer.
    """
    shown = [[_grams(reference) for reference in each] for each in references]
    seen = Counter(gram for each in shown for gram in set().union(*each))
    idf = {gram: math.log(len(shown) / count) for gram, count in seen.items()}
    rare = math.log(len(shown))
    return fmean(
        fmean(_similarity(_grams(caption), reference, idf, rare) for reference in each)
        for caption, each in zip(captions, shown, strict=True)
    )


def _grams(text: str) -> Counter[Gram]:
    words = re.findall(r"\w+", text.lower())
    return Counter(tuple(words[i : i + n]) for n in LENGTHS for i in range(len(words) - n + 1))


def _similarity(caption: Counter[Gram], reference: Counter[Gram], idf: dict[Gram, float], rare: float) -> float:
    total = 0.0
    for n in LENGTHS:
        a = {gram: count * idf.get(gram, rare) for gram, count in caption.items() if len(gram) == n}
        b = {gram: count * idf[gram] for gram, count in reference.items() if len(gram) == n}
        norms = math.hypot(*a.values()) * math.hypot(*b.values())
        if norms:
            total += sum(min(a[gram], weight) * weight for gram, weight in b.items() if gram in a) / norms
    longer = _words(caption) - _words(reference)
    return 10 * total / len(LENGTHS) * math.exp(-(longer**2) / (2 * SIGMA**2))


def _words(grams: Counter[Gram]) -> int:
    return sum(count for gram, count in grams.items() if len(gram) == 1)
