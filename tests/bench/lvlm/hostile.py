"""Small changes to a copy of an embedded checkpoint."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from bench import victims

Change = Callable[[Path], None]


def copy_checkpoint(name: str, folder: Path) -> Path:
    """Copy an embedded checkpoint."""
    return Path(shutil.copytree(victims.embedded_folder(name), folder))


def write(file: str, content: str | bytes) -> Change:
    """Return a change that writes a file, into a subfolder too."""

    def change(folder: Path) -> None:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def remove(file: str) -> Change:
    """Return a change that removes a file."""
    return lambda folder: (folder / file).unlink()


def link(file: str, target: str) -> Change:
    """Return a change that makes a file, or a folder, a link."""

    def change(folder: Path) -> None:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).unlink(missing_ok=True)
        (folder / file).symlink_to(target)

    return change


def pipe(file: str) -> Change:
    """Return a change that makes a file a named pipe, which nobody writes to."""

    def change(folder: Path) -> None:
        (folder / file).unlink()
        os.mkfifo(folder / file)

    return change


def edit(file: str, path: str = "", **values: Any) -> Change:
    """Return a change that sets values in a JSON file, in the object at the dotted `path`; None removes a key."""

    def change(folder: Path) -> None:
        place = folder / file
        content = json.loads(place.read_text()) if place.exists() else {}
        inner = content
        for key in filter(None, path.split(".")):
            inner = inner[key]
        for key, value in values.items():
            inner[key] = value
            if value is None:
                del inner[key]
        place.write_text(json.dumps(content))

    return change


def weights(change_tensors: Callable[[dict[str, torch.Tensor]], Any]) -> Change:
    """Return a change of the tensors of the weights, in place."""

    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change_tensors(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return change


def set_one(value: float) -> Change:
    """Return a change that sets one number of a weight."""
    return weights(lambda tensors: tensors["language_model.model.norm.weight"].view(-1)[:1].fill_(value))


def shard(name: str, *, index: dict[str, Any] | None = None) -> Change:
    """Return a change that moves the weights to the file `name`, with an index that names it, or the index given."""

    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / "model.safetensors").rename(folder / name)
        content = {"metadata": {}, "weight_map": dict.fromkeys(tensors, name)} if index is None else index
        (folder / "model.safetensors.index.json").write_text(json.dumps(content))

    return change
