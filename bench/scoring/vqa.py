"""Rule `vqa`: VQA's soft accuracy (Antol et al. 2015, Goyal et al. 2017), and its normalisation of answers."""

import re
from collections.abc import Sequence

PEOPLE = 10
"""The number of people who answered each question of VQA and TextVQA."""

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
    """Return each contraction by its spellings that lack one apostrophe."""
    places = ((right, place.start()) for right in _CONTRACTIONS for place in re.finditer("'", right))
    return {right[:at] + right[at + 1 :]: right for right, at in places}


_SPELLINGS = _spellings()


def normalise(answer: str) -> str:
    """Return VQA's normal form: lower case, numbers up to ten as digits, no articles, apostrophes in contractions.

    A punctuation mark next to a space is removed, and any other becomes a space. If the answer has a comma between
    digits, all marks are removed. Periods are removed unless a digit follows.

    >>> normalise("The two dogs, dont")
    "2 dogs don't"
    """
    text = answer.replace("\n", " ").replace("\t", " ").strip()
    remove_all = re.search(r"\d,\d", text)
    plain = text
    for mark in _PUNCTUATION:
        plain = plain.replace(mark, "" if remove_all or f"{mark} " in text or f" {mark}" in text else " ")
    words = (_NUMBERS.get(word, word) for word in re.sub(r"\.(?!\d)", "", plain).lower().split())
    return " ".join(_SPELLINGS.get(word, word) for word in words if word not in _ARTICLES)


def accuracy(answer: str, targets: Sequence[str]) -> float:
    """Return the soft accuracy in [0,1]: min(1, n / 3), averaged over all ways to leave one person out.

    n is how many of the other people gave the same answer. Answers are always compared in normal form, as TextVQA does
    it; VQA's own script leaves answers that all ten agree on as they are. Where fewer than ten people answered, nobody
    is left out: the accuracy is n over three, or over all of them if they are fewer, and at most 1.

    >>> accuracy("bus", ["bus"] * 2 + ["car"] * 8), accuracy("bus", ["bus", "bus", "car"]), accuracy("bus", ["bus"])
    (0.6, 0.6666666666666666, 1.0)
    """
    people = [normalise(target) for target in targets]
    normal = normalise(answer)
    same = people.count(normal)
    if len(people) < PEOPLE:
        return min(1.0, same / min(3, len(people)))
    others = (same - 1 if person == normal else same for person in people)
    return sum(min(1.0, n / 3) for n in others) / len(people)
