"""What models put around an answer, and how it is taken off: the lenient scores forgive format and nothing else."""

import re

_LEAD = re.compile(
    r"(?:(?:the|my|final|correct|best|short)\s+)*(?:answer|caption)(?:\s+is\b\s*:?|\s*:)"
    r"|(?:the\s+(?:text|sign|label)|it)\s+(?:says|reads)\b\s*:?|(?:it\s+is|it['’]s|this\s+is|that\s+is)\b",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’`*"


def unwrapped(response: str) -> str:
    """The first line of a response without "The answer is", "It says" and the like, quotes and the final period.

    A response that is nothing but wrapping is left as its first line.
    """
    lines = response.strip().splitlines()
    first = text = lines[0].strip() if lines else ""
    while (bare := _layer(text)) != text:
        text = bare
    return text or first


def _layer(text: str) -> str:
    """One layer less."""
    if lead := _LEAD.match(text):
        return text[lead.end() :].strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        return text[1:-1].strip()
    return text.removesuffix(".").strip()
