"""lm-eval's own kind of task, asked without a model: which items, what is kept, and the task's own metric."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.stages.side_effects import ask
from tests.bench import foreign_tasks


class Reader:
    """Answers with the picture's gray level, which is the number that is asked for, but never says 2 or 103."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.limits: set[int] = set()

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        """Two sentences, of which the task cuts off the second."""
        self.asked += questions
        self.limits.add(max_new_tokens)
        return [f"{i[0, 0, 0] if i[0, 0, 0] not in (2, 103) else 'Hm'}. Is it?" for i in images]


def silent(*_: Any) -> None:
    """Nobody watches."""


def test_the_items_that_show_one_picture_are_asked_and_counted(foreign: Path) -> None:
    reader = Reader()
    table, metrics, _ = ask(reader, "toy_plain", silent)  # type: ignore[arg-type]
    assert reader.asked == [f"What is {i}?" for i in (0, 2, 3, 5)]
    assert reader.limits == {4}
    assert metrics == {"metric": "exact_match", "value": 0.75, "items": 4, "of": 6}
    assert table["prediction"].tolist() == ["0", "Hm", "3", "5"]
    assert table["target"].tolist() == ["0", "2", "3", "5"]
    assert table["score"].tolist() == [1, 0, 1, 1]
    assert table["id"].tolist() == [f"toy_plain/{i}" for i in (0, 2, 3, 5)]


def test_a_group_is_all_of_its_tasks(foreign: Path) -> None:
    table, metrics, log = ask(Reader(), "toy_val", silent)  # type: ignore[arg-type]
    assert metrics == {"metric": "exact_match", "value": 0.75, "items": 8, "of": 12}
    assert table["id"].is_unique and len(table) == len(log) == 8
    assert table.set_index("id")["score"][["toy_plain/2", "toy_more/3", "toy_more/5"]].tolist() == [0, 0, 1]


def test_what_is_kept_can_be_read_again(foreign: Path, tmp_path: Path) -> None:
    answers = ask(Reader(), "toy_plain", silent)  # type: ignore[arg-type]
    answers.save(tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "predictions.parquet"), answers.table)
    assert json.loads((tmp_path / "metrics.json").read_text()) == answers.metrics
    lines = gzip.decompress((tmp_path / "samples.jsonl.gz").read_bytes()).decode().splitlines()
    first = json.loads(lines[0])
    assert (first["doc"]["question"], first["resps"], first["exact_match"]) == ("What is 0?", [["0"]], 1)
    assert first["arguments"] == [["<image> What is 0?", {"until": ["."], "max_gen_toks": 4, "do_sample": False}]]
    assert len(lines) == 4 and max(map(len, lines)) < 2000, "a picture was written"


def test_a_metric_that_is_no_mean_has_no_scores(foreign: Path) -> None:
    file = foreign / "toy_plain.yaml"
    file.write_text(
        file.read_text().replace("metric: exact_match, aggregation: mean", "metric: exact_match, aggregation: median")
    )
    table, metrics, _ = ask(Reader(), "toy_plain", silent)  # type: ignore[arg-type]
    assert "score" not in table
    assert metrics["value"] in (0, 1)


def test_a_task_without_such_items_is_refused(tmp_path: Path, foreign: Path) -> None:
    foreign_tasks.write(foreign, (2, 0, 2))
    with pytest.raises(UserError, match="side-effects: toy_plain: none of its 3 items shows just one picture"):
        ask(Reader(), "toy_plain", silent)  # type: ignore[arg-type]
