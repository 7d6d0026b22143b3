"""The adapter between an LVLM and lm-eval: order, batches, pictures and limits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from lm_eval.api.instance import Instance
from PIL import Image

import bench.tasks
from bench.datasets import load
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError
from bench.lazy import Picture, PictureCache
from bench.tasks import documents
from bench.tasks.model import LVLMForEval, cut_at_stop


class Echo:
    """Answers with the question and the picture's first pixel."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        """One answer a question."""
        self.calls.append((len(questions), max_new_tokens))
        return [f"{q} {i[0, 0].tolist()}" for q, i in zip(questions, images, strict=True)]


def request(question: str, picture: Image.Image, tokens: int = 16) -> Instance:
    return Instance("generate_until", {}, (question, {"max_gen_toks": tokens}, {"visual": [picture]}), 0)


def plain(level: int, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, (level, level + 1, level + 2))


@pytest.mark.parametrize(("batch", "calls"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (96, [5])])
def test_answers_come_back_in_the_order_asked(batch: int, calls: list[int]) -> None:
    victim, progress = Echo(), []
    model = LVLMForEval(victim, batch, lambda *step: progress.append(step))  # type: ignore[arg-type]
    requests = [request(f"q{i}", plain(i, (8 + i % 2, 8)), 5) for i in range(5)]
    assert model.generate_until(requests) == [f"q{i} [{i}, {i + 1}, {i + 2}]" for i in range(5)]
    assert victim.calls == [(size, 5) for size in calls]
    assert [fraction for fraction, _ in progress] == [min(1.0, batch * (k + 1) / 5) for k in range(len(calls))]


def test_pictures_in_files_are_read_a_batch_at_a_time() -> None:
    cache, read = PictureCache(limit=0), list[int]()

    def picture(number: int) -> Picture:
        def load() -> np.ndarray:
            read.append(number)
            return np.full((4, 4, 3), number, np.uint8)

        return Picture(load, cache)

    pictures = [picture(number) for number in range(4)]
    read.clear()
    requests = [Instance("generate_until", {}, ("q", {"max_gen_toks": 16}, {"visual": [p]}), 0) for p in pictures]
    read_before_each_answer: list[int] = []
    model = LVLMForEval(Echo(), 2, lambda *step: read_before_each_answer.append(len(read)))  # type: ignore[arg-type]
    assert model.generate_until(requests) == [f"q {[n] * 3}" for n in range(4)]
    assert read == [0, 1, 2, 3] and read_before_each_answer == [2, 4]


def test_batches_are_halved_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    victim = Echo()
    answer = victim.generate

    def generate(questions: list[str], *rest: Any, **named: Any) -> list[str]:
        if len(questions) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")
        return answer(questions, *rest, **named)

    monkeypatch.setattr(victim, "generate", generate)
    model = LVLMForEval(victim, 96, lambda *_: None)  # type: ignore[arg-type]
    requests = [request(f"q{i}", plain(i)) for i in range(7)]
    assert model.generate_until(requests) == [f"q{i} [{i}, {i + 1}, {i + 2}]" for i in range(7)]
    assert [size for size, _ in victim.calls] == [1] * 7


def test_each_task_of_a_group_has_its_own_limit() -> None:
    victim = Echo()
    model = LVLMForEval(victim, 2, lambda *_: None)  # type: ignore[arg-type]
    requests = [request(f"q{i}", plain(i), tokens) for i, tokens in enumerate([5, 5, 5, 512, 512])]
    unsaid = Instance("generate_until", {}, ("q5", {}, {"visual": plain(5)}), 0)
    assert model.generate_until([*requests, unsaid]) == [f"q{i} [{i}, {i + 1}, {i + 2}]" for i in range(6)]
    assert victim.calls == [(2, 5), (1, 5), (2, 512), (1, 256)]


@pytest.mark.parametrize(
    ("until", "expected"),
    [([], "q. Then, a"), (["."], "q"), (["a", "."], "q"), (["Then", "a"], "q. "), (["b", ""], "q. Then, a")],
)
def test_an_answer_ends_before_the_first_stop_string(until: list[str], expected: str) -> None:
    assert cut_at_stop("q. Then, a", until) == expected
    request = Instance("generate_until", {}, ("q. Then, a", {"until": [*until, " ["]}, {"visual": [plain(1)]}), 0)
    assert LVLMForEval(Echo(), 4, lambda *_: None).generate_until([request]) == [expected]  # type: ignore[arg-type]


def test_the_place_of_the_picture_is_the_chat_templates_and_not_the_tasks() -> None:
    model = LVLMForEval(Echo(), 4, lambda *_: None)  # type: ignore[arg-type]
    requests = [request(text, plain(0)) for text in ("<image> What?\n", "What is <image>?", " What? ")]
    assert [a.removesuffix(" [0, 1, 2]") for a in model.generate_until(requests)] == ["What?", "What is ?", " What? "]


@pytest.mark.parametrize(("shown", "count"), [([], 0), (None, 0), ([plain(1), plain(2)], 2)])
def test_an_item_with_another_number_of_pictures_is_refused(shown: Any, count: int) -> None:
    request = Instance("generate_until", {}, ("q", {}, {"visual": shown}), 0, ("mmmu_val_art", 7, 1))
    with pytest.raises(UserError, match=f"mmmu_val_art: item 7 shows {count} pictures; allowed: one"):
        LVLMForEval(Echo(), 4, lambda *_: None).generate_until([request])  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGBA", (7, 7, 7, 0)), ("P", 7)])
def test_a_picture_of_another_mode_is_read_as_rgb(mode: str, colour: object) -> None:
    picture = Image.new(mode, (8, 8), colour)  # type: ignore[arg-type]
    if mode == "P":
        picture.putpalette([7] * 768)
    model = LVLMForEval(Echo(), 4, lambda *_: None)  # type: ignore[arg-type]
    assert model.generate_until([request("q", picture)]) == ["q [7, 7, 7]"]


def test_our_own_tasks_show_arrays() -> None:
    pixels = np.full((8, 8, 3), 7, np.uint8)
    request = Instance("generate_until", {}, ("q", {"max_gen_toks": 16}, {"visual": [pixels]}), 0)
    assert LVLMForEval(Echo(), 4, lambda *_: None).generate_until([request]) == ["q [7, 7, 7]"]  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["loglikelihood", "loglikelihood_rolling"])
def test_log_likelihoods_are_refused(method: str) -> None:
    model = LVLMForEval(Echo(), 4, lambda *_: None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="judged by what it generates"):
        getattr(model, method)([request("q", plain(1))])


def test_every_data_set_has_its_task_file_and_every_task_file_its_data_set() -> None:
    files = [Path(file) for folder in bench.tasks.__path__ for file in Path(folder).glob("*.yaml")]
    tasks = {file.stem: yaml.load(file.read_text(), yaml.BaseLoader).get("task", "") for file in files}
    assert tasks.pop("_base", "") == ""
    assert tasks == {name: name for name in (*EMBEDDED, *HUB, "own")}


def test_a_document_shows_its_own_pixels() -> None:
    docs, samples = documents.load_documents("emoji_smoke", "validation")["test"], load("emoji_smoke", "validation")
    assert len(docs) == len(samples)
    for document, sample in zip(docs, samples, strict=True):
        (picture,) = documents.doc_to_image(document)
        assert picture is sample.pixels
        assert (document["id"], document["question"], document["answer"]) == (sample.id, sample.question, sample.answer)
