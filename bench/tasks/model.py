"""The adapter between an LVLM and lm-eval. Generation only: nothing here is judged by log-likelihoods."""

import logging
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from bench.errors import UserError
from bench.lazy import Picture
from bench.lvlm.base import LVLM
from bench.lvlm.memory import MemoryLimit, return_freed_memory
from bench.progress import Progress

logging.getLogger("lm_eval").setLevel(logging.ERROR)  # its warnings list every option it is given

PLACEHOLDER = "<image>"
"""The place of a picture in lm-eval's prompts. It is removed: the chat template of an LVLM decides where it goes."""

MAX_GEN_TOKS = 256
"""lm-eval's default, for tasks that set no limit."""


class LVLMForEval(LM):
    """A loaded LVLM behind lm-eval's interface. Answers are in the order of the requests."""

    MULTIMODAL = True

    def __init__(self, lvlm: LVLM, batch: int, progress: Progress) -> None:
        super().__init__()
        self.lvlm, self.batch, self.progress = lvlm, batch, progress
        self.memory_limit = MemoryLimit()

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Return greedy answers, each cut before the first stop string. Batches are halved if memory runs out.

        Raises UserError for a request that does not show exactly one picture.
        """
        answers: list[str] = []
        for limit, group in groupby(requests, lambda request: request.args[1].get("max_gen_toks", MAX_GEN_TOKS)):
            same_limit = list(group)
            for start in range(0, len(same_limit), self.batch):
                batch = same_limit[start : start + self.batch]
                for part in self.memory_limit.map_parts(partial(self._answer, limit), batch):
                    answers += part
                return_freed_memory()  # else answers that are kept lie between the freed pieces of pictures
                self.progress(len(answers) / len(requests), f"{len(answers)}/{len(requests)} answers")
        return answers

    def _answer(self, limit: int, requests: Sequence[Instance]) -> list[str]:
        questions = [_question(request.args[0]) for request in requests]
        images = [_pixels(request) for request in requests]
        texts = self.lvlm.generate(questions, images, max_new_tokens=limit)
        return [
            cut_at_stop(text, request.args[1].get("until", ())) for text, request in zip(texts, requests, strict=True)
        ]

    def loglikelihood(self, requests: list[Instance]) -> Any:
        """Raise TypeError: not supported."""
        raise TypeError("an LVLM is judged by what it generates")

    loglikelihood_rolling = loglikelihood


def cut_at_stop(answer: str, stops: Sequence[str]) -> str:
    """Return the text before the first of the stop strings.

    >>> cut_at_stop("red. I think", [".", "think"])
    'red'
    """
    return min((answer.split(stop)[0] for stop in stops if stop), key=len, default=answer)


def as_list(visual: Any) -> list[Any]:
    """Return the pictures of a request or document as a list: lm-eval's tasks give a list, one picture, or None."""
    if isinstance(visual, list | tuple):
        return list(visual)
    return [] if visual is None else [visual]


def _question(text: str) -> str:
    return text.replace(PLACEHOLDER, "").strip() if PLACEHOLDER in text else text


def _pixels(request: Instance) -> np.ndarray:
    """Return the request's picture, (H, W, 3) uint8: our own tasks give arrays or files, lm-eval's give PIL images."""
    pictures = as_list(request.args[2]["visual"])
    if len(pictures) != 1:
        task, item = request.task_name, request.doc_id
        raise UserError(
            f"{task}: item {item} shows {len(pictures)} pictures; allowed: one, which is all an LVLM here reads"
        )
    (picture,) = pictures
    if isinstance(picture, Picture):
        return picture.read()
    return picture if isinstance(picture, np.ndarray) else np.asarray(picture.convert("RGB"))
