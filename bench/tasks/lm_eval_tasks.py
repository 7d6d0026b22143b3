"""lm-eval's own tasks about pictures that an LVLM can answer. They are found by their YAML, without data or torch."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import lm_eval.tasks
from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import Kind

from bench.errors import UserError

if TYPE_CHECKING:
    from lm_eval.tasks.manager import TaskDict

ROOTS = (Path(lm_eval.tasks.__file__).parent,)
"""The folders with task files. A task file may run code from its folder, so users cannot add folders of their own."""


@cache
def load_manager(roots: Sequence[Path] = ROOTS) -> TaskManager:
    """Index the tasks in folders whose task files mention pictures. Listing lm-eval's other 14,000 takes 20 seconds."""
    files = (file for root in roots for file in root.rglob("*yaml") if file.is_file())
    folders = {file.parent for file in files if "doc_to_image" in file.read_text(encoding="utf-8")}
    return TaskManager(include_path=sorted(folders), include_defaults=False)


def task_names() -> list[str]:
    """Return the tasks that show pictures and ask for text, and the groups that have only such tasks."""
    return [name for name in load_manager(ROOTS).all_tasks if _is_answerable(name)]


def _is_answerable(name: str) -> bool:
    entry = load_manager(ROOTS).task_index.get(name)
    config = entry.cfg if entry else None
    if entry is None or config is None:
        return False
    if entry.kind is Kind.GROUP:
        return all(isinstance(part, str) and _is_answerable(part) for part in config["task"])
    model_judged = "llm_judged" in str(config.get("process_results"))  # by a paid model behind a network
    shows_pictures = config.get("output_type") == "generate_until" and "doc_to_image" in config
    return entry.kind is Kind.TASK and shows_pictures and not model_judged


def dataset_paths(name: str) -> list[str]:
    """Return the hub names of the data sets of a task, or of all tasks in a group."""
    config = load_manager(ROOTS).task_index[name].cfg or {}
    parts = config["task"] if "group" in config else []
    if not parts:
        return [config["dataset_path"]]
    return sorted({path for part in parts for path in dataset_paths(part)})


def load_task(name: str) -> "TaskDict":
    """Load a task, or a group with all of its tasks, with their data. Raises UserError if the data cannot be read."""
    try:
        return load_manager(ROOTS).load([name])
    except (OSError, ValueError) as error:
        reason, paths = str(error).strip().split("\n")[0], ", ".join(dataset_paths(name))
        raise UserError(
            f"side-effects: {name} needs the data set {paths}, which could not be read ({reason});"
            " allowed: one in the cache $HF_HOME/datasets, where this command puts it when run with a network"
        ) from error
