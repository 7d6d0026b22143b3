"""The process inside a sandbox: it loads foreign code, has it protect samples, and prints the release.

It is no wall: foreign code can change everything here. The wall is around this process, and whoever reads its output
checks it.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isabstract
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import UserError
from bench.methods.catalog import Entry
from bench.sandbox.limits import Limits, limit_this_process
from bench.spec import Budget, Method

MODULE = "entry"
"""The name under which the file of a code entry is imported."""

PAUSE = 0.2
"""Seconds between two lines of progress."""


def main(request: str) -> None:
    """Do what a request file says, and print the answer. Whatever foreign code prints goes to the error output."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    task = json.loads(Path(request).read_text(encoding="utf-8"))
    limit_this_process(Limits(*task["limits"]))
    _print(output, started=True)
    try:
        defense = _load(task)
        if task["task"] == "describe":
            _print(output, **_describe(defense))
        else:
            _print_files(output, _protect(defense, task, Path(request).parent / "samples", output))
    except UserError as error:
        _print(output, error=str(error))
    except BaseException as error:
        _print(output, error=f"{type(error).__name__}: {error}")
    output.flush()
    os._exit(0)


def _load(task: dict[str, Any]) -> Any:
    """Return the foreign defense with its options. Raises UserError for another number of them."""
    from defenses import REGISTRY

    name, module = task["name"], task.get("module", MODULE)
    REGISTRY.sandbox = ""  # this is it
    REGISTRY.catalog[name] = Entry(module, "in the sandbox")
    if "file" in task:
        REGISTRY.adopt(name, _find_in_file(Path(task["file"])))
    return REGISTRY.build(Method.model_construct(name=name, options=task["options"]))


def _find_in_file(file: Path) -> Any:
    from defenses.base import Defense

    spec = spec_from_file_location(MODULE, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[MODULE] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"line {error.lineno}: {error.msg}; allowed: a file of Python") from None
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == MODULE]
    classes = [cls for cls in dict.fromkeys(own) if issubclass(cls, Defense) and not isabstract(cls)]
    if len(classes) != 1:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        raise UserError(f"subclasses of Defense: {names}; allowed: exactly one, with a method `protect`")
    return classes[0]


def _describe(defense: Any) -> dict[str, Any]:
    """Return the facts that a plan needs."""
    return {
        "options": defense.options.model_dump(mode="json"),
        "naming": defense.naming,
        "traits": defense.traits.model_dump(mode="json"),
    }


def _protect(defense: Any, task: dict[str, Any], folder: Path, output: IO[bytes]) -> tuple[Any, dict[str, Any]]:
    """Return the samples that a defense releases, and its log. Raises UserError for what is no release."""
    from bench.samples import SampleSet
    from defenses.base import Protected

    last = time.monotonic()

    def progress(fraction: float, note: str) -> None:
        nonlocal last
        if time.monotonic() > last + PAUSE:
            last = time.monotonic()
            _print(output, progress=float(fraction), note=str(note))

    surrogates = list(_open(task["surrogates"]))
    budget, rng = Budget(**task["budget"]), np.random.default_rng(task["seed"])
    protected = defense.protect(SampleSet.load(folder), surrogates, budget, rng, progress)
    if not isinstance(protected, Protected):
        raise UserError(f"protect returned a {type(protected).__name__}; allowed: Protected(samples, log)")
    if not isinstance(protected.samples, SampleSet):
        raise UserError(f"release: a {type(protected.samples).__name__}; allowed: a SampleSet of Samples")
    for sample in protected.samples:
        pixels = sample.pixels
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3:
            what = f"{pixels.shape} {pixels.dtype}" if isinstance(pixels, np.ndarray) else f"a {type(pixels).__name__}"
            raise UserError(f"release: picture {sample.image_id!r} is {what}; allowed: (H, W, 3) uint8")
    return protected.samples, protected.log


def _open(surrogates: dict[str, str]) -> Iterator[Any]:
    if surrogates:
        from bench.lvlm.checkpoint import open_checkpoint
        from bench.runtime import prepare

        prepare()
        for name, folder in surrogates.items():
            yield open_checkpoint(name, Path(folder))


def _print_files(output: IO[bytes], release: tuple[Any, dict[str, Any]]) -> None:
    """Print a release: each file after a line with its name and size."""
    samples, log = release
    try:
        text = json.dumps(log, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"log: {error}; allowed: a dictionary that JSON can write") from None
    folder = Path("release")
    samples.save(folder)
    (folder / "log.json").write_text(text, encoding="utf-8")
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        _print(output, file=str(file.relative_to(folder)), size=len(content))
        output.write(content)
    _print(output, done=True)


def _print(output: IO[bytes], **line: Any) -> None:
    output.write(json.dumps(line).encode() + b"\n")
    output.flush()


if __name__ == "__main__":
    main(sys.argv[1])
