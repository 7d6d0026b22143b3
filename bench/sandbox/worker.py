"""The process inside a sandbox: it loads foreign code, has it protect or train, and prints what comes of it.

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
from traceback import extract_tb
from typing import IO, Any

import numpy as np

from bench.errors import UserError
from bench.garbage import collect_seldom
from bench.methods.catalog import Entry
from bench.methods.registry import REGISTRIES
from bench.progress import Progress
from bench.sandbox.limits import Limits, limit_this_process
from bench.sandbox.prepare import COMPLETE
from bench.spec import Budget, Method

TRAINED = Path("trained")
"""The folder of the adapters that an attack writes."""

PAUSE, LOOK = 0.2, 0.02
"""Seconds between two lines of progress, and between two looks for the samples."""


def main(request: str) -> None:
    """Do what a request file says, and print the answer. Whatever foreign code prints goes to the error output."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    task, folder = json.loads(Path(request).read_text(encoding="utf-8")), Path(request).parent
    collect_seldom()
    limit_this_process(Limits(*task["limits"]))
    _print(output, started=True)
    try:
        method = _load(task)
        if task["task"] == "describe":
            _print(output, **_describe(method))
        elif task["task"] == "protect":
            _print_files(output, _protect(method, task, folder, output))
        else:
            _print_trained(output, task["places"], _attack(method, task, folder, output))
    except UserError as error:
        _print(output, error=str(error))
    except BaseException as error:
        _print(output, error=f"{type(error).__name__}: {error}{_find_line(error, task['codes'], folder)}")
    output.flush()
    os._exit(0)


def _find_line(error: BaseException, codes: list[dict[str, str]], folder: Path) -> str:
    """Return the file and the line of foreign code in which an error was raised, last of all; "" for none."""
    modules = [sys.modules.get(code.get("module", "").split(".")[0]) for code in codes]
    files = [(Path(module.__file__), hasattr(module, "__path__")) for module in modules if module and module.__file__]
    places = [folder, *(file.parent if is_package else file for file, is_package in files)]
    frames = [(Path(frame.filename), frame.lineno) for frame in extract_tb(error.__traceback__)]
    own = [(file.name, line) for file, line in frames if any(map(file.is_relative_to, places))]
    return " ({}, line {})".format(*own[-1]) if own else ""


def _load(task: dict[str, Any]) -> Any:
    """Return the method with its options, and with the code of others. Raises UserError for another number of it."""
    bases = _find_bases()
    for registry in REGISTRIES.values():
        registry.sandbox = ""  # this is it
    for code in task["codes"]:
        kind, name = code["kind"], code["name"]
        REGISTRIES[kind].catalog[name] = Entry(code.get("module", Path(name).stem), "in the sandbox")
        if "file" in code:
            REGISTRIES[kind].adopt(name, _find_in_file(Path(code["file"]), bases[kind]))
    method = task["method"]
    if "tuner" in task:
        from bench.sandbox.stated import make_tuner

        REGISTRIES["attack"].adopt(method["name"].partition("+")[0], make_tuner(**task["tuner"]))
    return REGISTRIES[method["kind"]].build(Method.model_construct(name=method["name"], options=method["options"]))


def _find_bases() -> dict[str, Any]:
    """Return the base class of each kind of method. Their registries are made when it is imported."""
    import defenses  # noqa: F401 - makes its registry
    from attacks import Attack
    from attacks.parts import Part
    from defenses.base import Defense

    return {"defense": Defense, "attack": Attack, "part": Part}


def _find_in_file(file: Path, base: Any) -> Any:
    name = file.stem
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"line {error.lineno}: {error.msg}; allowed: a file of Python") from None
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == name]
    classes = [cls for cls in dict.fromkeys(own) if issubclass(cls, base) and not isabstract(cls)]
    if len(classes) != 1:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        method = {"Defense": "protect", "Attack": "tune", "Part": "prepare"}[base.__name__]
        raise UserError(f"subclasses of {base.__name__}: {names}; allowed: exactly one, with a method `{method}`")
    return classes[0]


def _describe(method: Any) -> dict[str, Any]:
    """Return the facts that a plan needs."""
    return {"options": method.settings, "naming": method.naming, "traits": method.traits.model_dump(mode="json")}


def _protect(defense: Any, task: dict[str, Any], folder: Path, output: IO[bytes]) -> tuple[Any, dict[str, Any]]:
    """Return the samples that a defense releases, and its log. Raises UserError for what is no release."""
    from bench.samples import SampleSet
    from defenses.base import Protected

    surrogates = list(_open(task["models"]))
    _wait_for_samples(folder)
    budget, rng = Budget(**task["budget"]), np.random.default_rng(task["seed"])
    protected = defense.protect(SampleSet.load(folder / "samples"), surrogates, budget, rng, _progress(output))
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


def _attack(attack: Any, task: dict[str, Any], folder: Path, output: IO[bytes]) -> Any:
    """Train the victim on a release, write the adapter into the folder `trained`, and return the curve."""
    from attacks.parts import Knowledge
    from bench.samples import SampleSet

    (victim,) = _open(task["models"])
    _wait_for_samples(folder)
    released, validation = SampleSet.load(folder / "released"), SampleSet.load(folder / "validation")
    held = {name: SampleSet.load(folder / name) for name in task["held"]}
    prepared = attack.prepare(released, Knowledge(victim, validation, **held), np.random.default_rng(task["seed"]))
    if not isinstance(prepared, SampleSet):
        raise UserError(f"prepare returned a {type(prepared).__name__}; allowed: a SampleSet")
    if not prepared:
        raise UserError("prepare returned no samples; allowed: some")
    TRAINED.mkdir()
    return attack.tune(victim, prepared, validation, task["seed"], TRAINED, _progress(output))


def _wait_for_samples(folder: Path) -> None:
    while not (folder / COMPLETE).exists():
        time.sleep(LOOK)


def _progress(output: IO[bytes]) -> Progress:
    """Return the callback that prints the progress, not too often."""
    last = time.monotonic()

    def progress(fraction: float, note: str) -> None:
        nonlocal last
        if time.monotonic() > last + PAUSE:
            last = time.monotonic()
            _print(output, progress=float(fraction), note=str(note))

    return progress


def _open(models: dict[str, str]) -> Iterator[Any]:
    if models:
        from bench.lvlm.checkpoint import open_checkpoint
        from bench.runtime import prepare

        prepare()
        for name, folder in models.items():
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
        _print_file(output, str(file.relative_to(folder)), file.read_bytes())
    _print(output, done=True)


def _print_trained(output: IO[bytes], places: list[str], curve: Any) -> None:
    """Print the adapters that an attack has written, the scale of LoRA, and the curve."""
    _print_file(output, "curve.json", json.dumps(curve).encode())
    for place in places:
        for name in ("adapter_model.safetensors", "weights.safetensors"):
            if (file := TRAINED / place / name).exists():
                _print_file(output, str(Path(place, name)), file.read_bytes())
    if (config := TRAINED / "adapter_config.json").exists():
        settings = json.loads(config.read_text(encoding="utf-8"))
        scale = {"alpha": settings.get("lora_alpha"), "rslora": settings.get("use_rslora", False)}
        _print_file(output, "scale.json", json.dumps(scale).encode())
    _print(output, done=True)


def _print_file(output: IO[bytes], name: str, content: bytes) -> None:
    _print(output, file=name, size=len(content))
    output.write(content)


def _print(output: IO[bytes], **line: Any) -> None:
    output.write(json.dumps(line).encode() + b"\n")
    output.flush()


if __name__ == "__main__":
    main(sys.argv[1])
