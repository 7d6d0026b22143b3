"""An LVLM as lm-eval sees it. Generation only: no method here is judged by log-likelihoods."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit

logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of every option that it was given

PLACEHOLDER = "<image>"
"""Where lm-eval's tasks say that a picture goes; an LVLM puts it where its chat template does."""

MAX_GEN_TOKS = 256
"""lm-eval's own default, for tasks that say nothing."""


class LVLMForEval(LM):
    """Wraps a loaded LVLM. Answers come back in the order asked, whatever the batch."""

    MULTIMODAL = True

    def __init__(self, lvlm: LVLM, batch: int, progress: Callable[[float, str], None]) -> None:
        super().__init__()
        self.lvlm, self.batch, self.progress = lvlm, batch, progress
        self.memory_limit = MemoryLimit()

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Greedy answers, each cut before the first stop string; batches are halved where memory is short.

        Raises UserError for a request that does not show just one picture.
        """
        answers: list[str] = []
        for limit, same in groupby(requests, lambda request: request.args[1].get("max_gen_toks", MAX_GEN_TOKS)):
            some = list(same)
            for start in range(0, len(some), self.batch):
                for part in self.memory_limit.map_parts(partial(self._answer, limit), some[start : start + self.batch]):
                    answers += part
                self.progress(len(answers) / len(requests), f"{len(answers)}/{len(requests)} answers")
        return answers

    def _answer(self, limit: int, requests: Sequence[Instance]) -> list[str]:
        questions = [_question(request.args[0]) for request in requests]
        images = [_pixels(request) for request in requests]
        said = self.lvlm.generate(questions, images, max_new_tokens=limit)
        return [cut(answer, request.args[1].get("until", ())) for answer, request in zip(said, requests, strict=True)]

    def loglikelihood(self, requests: list[Instance]) -> Any:
        """Not supported. Raises TypeError."""
        raise TypeError("an LVLM is judged by what it generates")

    loglikelihood_rolling = loglikelihood


def cut(answer: str, until: Sequence[str]) -> str:
    """What stands before the first of some strings."""
    return min((answer.split(stop)[0] for stop in until if stop), key=len, default=answer)


def visuals(shown: Any) -> list[Any]:
    """The pictures of a request or a document: lm-eval's tasks give a list, one picture, or none."""
    return list(shown) if isinstance(shown, list | tuple) else [] if shown is None else [shown]


def _question(text: str) -> str:
    return text.replace(PLACEHOLDER, "").strip() if PLACEHOLDER in text else text


def _pixels(request: Instance) -> np.ndarray:
    """(H, W, 3) uint8: our own tasks show arrays, lm-eval's show PIL images."""
    shown = visuals(request.args[2]["visual"])
    if len(shown) != 1:
        task, item = request.task_name, request.doc_id
        raise UserError(
            f"{task}: item {item} shows {len(shown)} pictures; allowed: one, which is all an LVLM here reads"
        )
    (picture,) = shown
    return picture if isinstance(picture, np.ndarray) else np.asarray(picture.convert("RGB"))
