"""When is a free-text answer right?"""

import re

EVALUATOR = 1
"""Version of the answer matching and of the prompts; a change makes older numbers incomparable."""


def normalise(text: str) -> str:
    """Lower case, without punctuation, articles or doubled spaces."""
    words = re.sub(r"[^\w\s]", " ", text.lower()).split()
    return " ".join(word for word in words if word not in {"a", "an", "the"})


def matches(answer: str, target: str) -> bool:
    """Exact match after `normalise`."""
    return normalise(answer) == normalise(target)
