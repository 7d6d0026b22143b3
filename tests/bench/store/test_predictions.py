"""The log of an evaluation is written piece by piece, and is the file that it was when it was written at once."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from bench.store.predictions import Predictions, read_table

RECORDS = [{"doc": {"id": f"s{i}", "question": "é?" * (i % 7)}, "resps": [[f"answer {i * i}"]]} for i in range(3000)]


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_the_log_has_the_bytes_of_one_piece(tmp_path: Path, count: int) -> None:
    Predictions(pd.DataFrame({"score": [1.0]}), {"items": 1}, RECORDS[:count]).save(tmp_path)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS[:count])
    packed = (tmp_path / "samples.jsonl.gz").read_bytes()
    assert gzip.decompress(packed).decode() == text
    at_once = gzip.compress(text.encode(), mtime=0)
    assert packed[:9] + packed[10:] == at_once[:9] + at_once[10:]  # byte 9 names a system, by Python's version


def test_the_table_and_the_metrics_are_read_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "score": [0.0, 1.0]})
    Predictions(table, {"score": 0.5}, []).save(tmp_path)
    pd.testing.assert_frame_equal(read_table(tmp_path), table)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"score": 0.5}


def test_the_same_log_gives_the_same_file_at_another_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for now in (0.0, 2e9):
        monkeypatch.setattr("time.time", lambda now=now: now)
        Predictions(pd.DataFrame({"score": [1.0]}), {}, RECORDS[:5]).save(tmp_path)
        files.append((tmp_path / "samples.jsonl.gz").read_bytes())
    assert files[0] == files[1]
