"""The lm-eval filters `strict` and `lenient`: from a raw response to the answer that is scored."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

from bench.scoring.rules import AnswerKey, lenient_answer, strict_answer
from bench.tasks.documents import answer_key


class _AnswerFilter(Filter):
    @abstractmethod
    def read(self, response: str, key: AnswerKey) -> str:
        """Return the answer that a response is read as."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Return the answer of each response, by the rule of its document."""
        return [
            [self.read(response, answer_key(doc)) for response in responses]
            for responses, doc in zip(resps, docs, strict=True)
        ]


@register_filter("strict")
class Strict(_AnswerFilter):
    """Reads a response as it is, by `bench.scoring.rules.strict_answer`."""

    def read(self, response: str, key: AnswerKey) -> str:
        """Return the response as it is; with rule `choice`, its letter."""
        return strict_answer(response, key)


@register_filter("lenient")
class Lenient(_AnswerFilter):
    """Reads a response without its format, by `bench.scoring.rules.lenient_answer`."""

    def read(self, response: str, key: AnswerKey) -> str:
        """Return the reading of the response that has the best score."""
        return lenient_answer(response, key)
