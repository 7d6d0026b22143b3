"""lm-eval filters `strict` and `lenient`: from a raw response to the answer that is judged."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

from bench.scoring import rules
from bench.tasks.rules import key


class _Read(Filter):
    read: ClassVar[Any]

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """The answer of each response, by the rule of its document."""
        return [[self.read(response, key(doc)) for response in each] for each, doc in zip(resps, docs, strict=True)]


@register_filter("strict")
class Strict(_Read):
    """See `bench.scoring.rules.strict_answer`."""

    read = staticmethod(rules.strict_answer)


@register_filter("lenient")
class Lenient(_Read):
    """See `bench.scoring.rules.lenient_answer`."""

    read = staticmethod(rules.lenient_answer)
