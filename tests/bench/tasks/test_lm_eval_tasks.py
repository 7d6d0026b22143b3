"""The tasks of lm-eval that an LVLM can answer, and the error if their data are missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.tasks import lm_eval_tasks


def test_lm_evals_own_tasks_about_pictures_are_found() -> None:
    result = lm_eval_tasks.task_names()
    assert {"mmmu_val", "mmmu_val_art", "mmmu_val_science", "chartqa"} <= set(result)
    assert len([name for name in result if name.startswith("mmmu_val")]) == 30 + 6 + 1
    assert not {"mmlu", "hellaswag", "emoji_catalog"} & set(result)
    assert not [name for name in result if "llm_judged" in name], "would ask a model behind a network"


def test_tasks_that_want_log_likelihoods_are_not_among_them(foreign: Path) -> None:
    assert {"toy_plain", "toy_more", "toy_val"} == {
        name for name in lm_eval_tasks.task_names() if name.startswith("toy")
    }
    assert "toy_words" in lm_eval_tasks.load_manager(lm_eval_tasks.ROOTS).all_tasks


def test_a_group_with_one_such_task_is_not_either(foreign: Path) -> None:
    (foreign / "mixed.yaml").write_text("group: toy_mixed\ntask: [toy_plain, toy_words]\n")
    lm_eval_tasks.load_manager.cache_clear()
    assert "toy_mixed" not in lm_eval_tasks.task_names()
    assert "toy_mixed" in lm_eval_tasks.load_manager(lm_eval_tasks.ROOTS).all_groups


def test_nothing_heavy_is_imported_to_find_them() -> None:
    line = (
        "import sys; from bench.tasks import lm_eval_tasks; lm_eval_tasks.task_names(); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", line], check=True, capture_output=True, text=True).stdout == "False\n"


def test_a_group_is_loaded_with_all_of_its_tasks(foreign: Path) -> None:
    result = lm_eval_tasks.load_task("toy_val")
    assert (set(result["groups"]), set(result["tasks"])) == ({"toy_val"}, {"toy_plain", "toy_more"})


@pytest.mark.parametrize(("name", "source"), [("mmmu_val", "MMMU/MMMU"), ("chartqa", "HuggingFaceM4/ChartQA")])
def test_data_that_are_not_here_are_named_with_how_to_get_them(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    with pytest.raises(UserError) as error:
        lm_eval_tasks.load_task(name)
    assert f"side-effects: {name} needs the data set {source}" in str(error.value)
    assert "$HF_HOME/datasets" in str(error.value)
    assert "\n" not in str(error.value)
