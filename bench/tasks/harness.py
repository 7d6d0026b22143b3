"""lm-eval's own tasks about pictures that an LVLM can answer, found by their YAML: no data is loaded, and no torch."""

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
"""Where task files are looked for. They may call functions that are written beside them, so no path of a user's is."""


@cache
def manager(roots: Sequence[Path] = ROOTS) -> TaskManager:
    """The tasks of folders that speak of pictures. lm-eval's other 14,000 take 20 seconds to list."""
    files = (file for root in roots for file in root.rglob("*yaml") if file.is_file())
    folders = {file.parent for file in files if "doc_to_image" in file.read_text(encoding="utf-8")}
    return TaskManager(include_path=sorted(folders), include_defaults=False)


def names() -> list[str]:
    """Tasks that show pictures and want text, and groups of such tasks alone."""
    return [name for name in manager(ROOTS).all_tasks if _fits(name)]


def _fits(name: str) -> bool:
    entry = manager(ROOTS).task_index.get(name)
    config = entry.cfg if entry else None
    if entry is None or config is None:
        return False
    if entry.kind is Kind.GROUP:
        return all(isinstance(part, str) and _fits(part) for part in config["task"])
    judged = "llm_judged" in str(config.get("process_results"))  # by a model behind a network, for money
    answered = config.get("output_type") == "generate_until" and "doc_to_image" in config
    return entry.kind is Kind.TASK and answered and not judged


def sources(name: str) -> list[str]:
    """The data sets that a task, or the tasks of a group, are made of, as the hub calls them."""
    config = manager(ROOTS).task_index[name].cfg or {}
    parts = config["task"] if "group" in config else []
    return sorted({config["dataset_path"]} if not parts else {s for part in parts for s in sources(part)})


def load(name: str) -> "TaskDict":
    """A task, or a group with all of its tasks, with their data. Raises UserError where these are not at hand."""
    try:
        return manager(ROOTS).load([name])
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(
            f"side-effects: {name} needs the data set {', '.join(sources(name))}, which could not be read ({reason}); "
            "allowed: one in the cache $HF_HOME/datasets, where this command puts it once it is run with a network"
        ) from error
