"""Rule `vqa`: VQA's soft accuracy (Antol et al. 2015, Goyal et al. 2017), and its normalisation of answers."""

import re
from collections.abc import Sequence

PEOPLE = 10
"""Answers that a question of VQA and TextVQA has."""

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: str(n) for n, word in enumerate(_WORDS)}
_NUMBERS["none"] = "0"
_ARTICLES = {"a", "an", "the"}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_CONTRACTIONS = re.findall(
    r"\S+",
    """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd
    he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't
    needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd
    somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've
    something'll that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't
    we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's
    who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll
    you're you've
    """,
)


def _spellings() -> dict[str, str]:
    """Contractions by every spelling of them that lacks one apostrophe."""
    places = ((right, place.start()) for right in _CONTRACTIONS for place in re.finditer("'", right))
    return {right[:at] + right[at + 1 :]: right for right, at in places}


_SPELLINGS = _spellings()


def normalise(answer: str) -> str:
    """VQA's normal form: lower case, number words to ten as digits, no articles, apostrophes in contractions.

    A punctuation mark beside a space vanishes, as all do where the answer has a comma between digits; others become
    a space. Periods vanish but before digits.
    """
    text = answer.replace("\n", " ").replace("\t", " ").strip()
    vanish = re.search(r"\d,\d", text)
    plain = text
    for mark in _PUNCTUATION:
        plain = plain.replace(mark, "" if vanish or f"{mark} " in text or f" {mark}" in text else " ")
    words = (_NUMBERS.get(word, word) for word in re.sub(r"\.(?!\d)", "", plain).lower().split())
    return " ".join(_SPELLINGS.get(word, word) for word in words if word not in _ARTICLES)


def accuracy(answer: str, targets: Sequence[str]) -> float:
    """Soft accuracy in [0,1]: min(1, n / 3) averaged over all ways to leave one person out.

    n: how many of the others said the same. Always in normal form, as TextVQA is judged; VQA's own script leaves
    answers that all ten agree on as they are. A single target counts as said by all ten.
    """
    said = [normalise(target) for target in (targets if len(targets) > 1 else [targets[0]] * PEOPLE)]
    ours = normalise(answer)
    same = said.count(ours)
    return sum(min(1.0, (same - (one == ours)) / 3) for one in said) / len(said)
