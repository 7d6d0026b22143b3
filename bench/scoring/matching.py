"""Rule `exact`: a free-text answer is right if it equals an accepted answer after normalisation."""

import re
from collections.abc import Sequence

EVALUATOR = 2
"""Version of the scoring rules and of the prompts. Numbers of different versions cannot be compared."""


def normalise(text: str) -> str:
    """Return a text in lower case, without punctuation, articles and doubled spaces.

    The rule is SQuAD's (Rajpurkar et al. 2016), but punctuation inside a word splits it. A text that has only articles
    or only punctuation keeps them.

    >>> normalise("The T-shirt."), normalise("A"), normalise("?")
    ('t shirt', 'a', '?')
    """
    words = re.sub(r"[^\w\s]", " ", text.lower()).split()
    kept = [word for word in words if word not in {"a", "an", "the"}]
    return " ".join(kept or words or text.lower().split())


def matches(answer: str, targets: Sequence[str]) -> bool:
    """Tell if an answer equals any of the accepted answers after `normalise`."""
    return normalise(answer) in {normalise(target) for target in targets}


def find_mention(response: str, targets: Sequence[str]) -> str | None:
    """Return the first accepted answer that a response contains as whole words after `normalise`, or None."""
    text = f" {normalise(response)} "
    return next((target for target in targets if f" {normalise(target)} " in text), None)
