"""Removing the words that models put around an answer: the lenient scores forgive format and nothing else."""

import re

_LEAD = re.compile(
    r"(?:(?:the|my|final|correct|best|short)\s+)*(?:answer|caption)(?:\s+is\b\s*:?|\s*:)"
    r"|(?:the\s+(?:text|sign|label)|it)\s+(?:says|reads)\b\s*:?|(?:it\s+is|it['’]s|this\s+is|that\s+is)\b",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’`*"


def unwrap(response: str) -> str:
    """Return the first line of a response without "The answer is", "It says" and the like, quotes and final period.

    If nothing else is left, return the whole first line.

    >>> unwrap('The answer is "a red bus".')
    'a red bus'
    """
    lines = response.strip().splitlines()
    first = lines[0].strip() if lines else ""
    text, shorter = first, _remove_layer(first)
    while shorter != text:
        text, shorter = shorter, _remove_layer(shorter)
    return text or first


def _remove_layer(text: str) -> str:
    """Remove the outermost layer of wrapping, if there is one."""
    lead = _LEAD.match(text)
    if lead:
        return text[lead.end() :].strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        return text[1:-1].strip()
    return text.removesuffix(".").strip()
