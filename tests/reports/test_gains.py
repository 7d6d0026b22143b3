"""The table of gains: from stored answers, of the least seed, and with the control where it was played."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.results import Run, save
from reports import gains
from tests.synthetic_home import nothing_shipped  # noqa: F401 - used by every test here

PICTURES = 100


@pytest.fixture
def store_answers(bench_home: Path) -> Callable[[str, int], str]:
    """Return a function that stores answers to 100 questions, of which the first `right` are right, leniently all."""

    def store(key: str, right: int) -> str:
        folder = bench_home / "artifacts" / "evaluate" / key
        folder.mkdir(parents=True)
        names = [f"p{i}" for i in range(PICTURES)]
        table = {"id": names, "image_id": names, "score": (np.arange(PICTURES) < right).astype(float)}
        pd.DataFrame({**table, "lenient": 1.0}).to_parquet(folder / "predictions.parquet")
        (folder / "manifest.json").write_text(json.dumps({"stage": "evaluate", "payload": {}, "cost": {}}))
        return key

    return store


def test_gain_and_gain_over_format(
    store_answers: Callable[[str, int], str], run_factory: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    zero, form, clean = (store_answers(key * 16, right) for key, right in (("a", 10), ("b", 25), ("c", 75)))
    fields = {
        "dataset": "scenes", "defense": "none", "utility_zero": 0.1, "utility_clean": 0.75,
        "baselines": {"zero": {"test": 0.1, "validation": 0.1}, "format": {"test": 0.25, "validation": 0.05}},
    }  # fmt: skip
    stages = {"zero": zero, "format": form, "clean": clean}
    save(run_factory(1, **fields, stages={**stages, "evaluate": clean}))
    save(run_factory(3, **{**fields, "utility_clean": 0.9}, seed=1, stages={**stages, "evaluate": clean}))
    small_stages = {"zero": zero, "format": zero, "clean": form, "evaluate": form}
    save(run_factory(4, **fields, victim="tiny-gemma3", stages=small_stages))
    save(run_factory(5, **{**fields, "defense": "random_noise"}, stages={**stages, "evaluate": form}))
    gains.main(["scenes", "tags"])
    _, _, *rows = (line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines())
    small, large = rows[:2]
    assert small[:6] == ["scenes", "tiny-gemma3", "10.0%", "100.0%", "25.0%", "75.0%"]
    assert small[6].startswith("+15.0 [")
    assert large[:6] == ["scenes", "tiny-llava-a", "10.0%", "100.0%", "25.0%", "75.0%"]
    value, low, high = (float(part) for part in large[6].replace("[", "").replace("]", "").replace(",", "").split())
    assert value == 65
    spread = 1.96 * 100 * np.sqrt(0.65 * 0.35 / PICTURES)
    np.testing.assert_allclose([low, high], [65 - spread, 65 + spread], atol=1.5)
    assert large[7].startswith("+50.0 [")
    assert large[8] == "yes"
    assert rows[-1][:2] == ["scenes", "tiny-llava-a"]
    assert rows[-1][2].startswith("+0.77 ["), "1 - (25 - 10) / (75 - 10)"


def test_other_data_sets_are_left_out_and_missing_answers_are_an_error(
    bench_home: Path, run_factory: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    save(run_factory(1, dataset="tags", defense="none"))
    gains.main(["scenes"])
    assert "tags" not in capsys.readouterr().out
    with pytest.raises(Exception, match="answers are not on this machine"):
        gains.main(["tags"])
