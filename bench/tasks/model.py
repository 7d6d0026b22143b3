"""An LVLM as lm-eval sees it. Generation only: no method here is judged by log-likelihoods."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from PIL import Image

from bench.lvlm.base import LVLM
from bench.lvlm.room import Room


class LVLMForEval(LM):
    """Wraps a loaded LVLM. Answers come back in the order asked, whatever the batch."""

    MULTIMODAL = True

    def __init__(self, lvlm: LVLM, batch: int, progress: Callable[[float, str], None]) -> None:
        super().__init__()
        self.lvlm, self.batch, self.progress = lvlm, batch, progress
        self.room = Room()

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Greedy answers; batches are halved where memory is short."""
        answers: list[str] = []
        for start in range(0, len(requests), self.batch):
            for some in self.room.parts(self._answer, requests[start : start + self.batch]):
                answers += some
            self.progress(len(answers) / len(requests), f"{len(answers)}/{len(requests)} answers")
        return answers

    def _answer(self, requests: Sequence[Instance]) -> list[str]:
        chunk = [request.args for request in requests]
        return self.lvlm.generate(
            [question for question, _, _ in chunk],
            [_pixels(media["visual"][0]) for _, _, media in chunk],
            max_new_tokens=chunk[0][1]["max_gen_toks"],
        )

    def loglikelihood(self, requests: list[Instance]) -> Any:
        """Not supported. Raises TypeError."""
        raise TypeError("an LVLM is judged by what it generates")

    loglikelihood_rolling = loglikelihood


def _pixels(picture: np.ndarray | Image.Image) -> np.ndarray:
    """(H, W, 3) uint8: our own tasks show arrays, lm-eval's show PIL images."""
    return picture if isinstance(picture, np.ndarray) else np.asarray(picture.convert("RGB"))
