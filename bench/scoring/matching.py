"""Rule `exact`: when is a free-text answer right?"""

import re
from collections.abc import Sequence

EVALUATOR = 2
"""Version of the scoring rules and of the prompts; a change makes older numbers incomparable."""


def normalise(text: str) -> str:
    """Lower case, without punctuation, articles or doubled spaces; what has nothing else keeps what it has.

    As SQuAD's (Rajpurkar et al. 2016), but punctuation inside a word parts it: "t-shirt" is "t shirt".
    """
    words = re.sub(r"[^\w\s]", " ", text.lower()).split()
    kept = [word for word in words if word not in {"a", "an", "the"}]
    return " ".join(kept or words or text.lower().split())


def matches(answer: str, targets: Sequence[str]) -> bool:
    """Exact match after `normalise` with any of the accepted answers."""
    return normalise(answer) in {normalise(target) for target in targets}


def mentioned(response: str, targets: Sequence[str]) -> str | None:
    """The first accepted answer that stands in a response as whole words, after `normalise`; None without one."""
    text = f" {normalise(response)} "
    return next((target for target in targets if f" {normalise(target)} " in text), None)
