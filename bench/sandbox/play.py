"""Protect samples with foreign code, or describe it. Only data return, and they are checked."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeVar

from bench import victims
from bench.errors import UserError
from bench.paths import home
from bench.progress import Progress, silent
from bench.samples import SampleSet
from bench.sandbox.command import NOBODY, View, allows_unsafe, system_files
from bench.sandbox.limits import Limits, choose_limits
from bench.sandbox.release import Facts, read_facts, read_release
from bench.sandbox.run import run
from bench.spec import Budget
from bench.threads import read_threads
from defenses.base import Protected

Answer = TypeVar("Answer")

ROOT = Path(__file__).parents[2]
"""The folder of the packages of this suite."""

ROOMS = ("bench", "defenses", "attacks")

HIDDEN = (ROOT / "bench" / "datasets", ROOT / "bench" / "lvlm" / "embedded" / "checkpoints")
"""Parts of the suite that foreign code does not see: the data sets with their test splits, and the victims."""

INPUT = Path("/input")
"""The place of the request and the samples in a sandbox."""

MAX_CODE = 2**20
"""Bytes of the file of a code entry."""


def protect(
    code: Path | str,
    options: Mapping[str, Any],
    samples: SampleSet,
    surrogates: Sequence[str],
    budget: Budget,
    seed: int | Sequence[int],
    progress: Progress = silent,
    limits: Limits | None = None,
) -> Protected:
    """Return the release that foreign code makes of samples, as `Defense.protect` does.

    code: the file of a code entry, which defines one defense, or the name of an installed one. surrogates: names of
    the only models that it sees. Pictures and texts are as `bench.sandbox.release` has checked them; whether they keep
    answers, ids and budget is for `check_release` and the audit. Raises UserError, in one line, for an error of the
    code, for going over a limit, and where there is no sandbox.
    """
    folders = {name: _find_checkpoint(name) for name in surrogates}
    seeds = [seed] if isinstance(seed, int) else list(seed)
    request = {"task": "protect", "budget": budget.model_dump(), "seed": seed if isinstance(seed, int) else seeds}
    limits = limits or choose_limits(file for folder in folders.values() for file in folder.glob("*.safetensors"))
    read = partial(read_release, original=samples, progress=progress)
    return Protected(*_run(code, options, request, folders, limits, read, samples))


def describe(code: Path | str, options: Mapping[str, Any], limits: Limits | None = None) -> Facts:
    """Return the facts that foreign code states about its defense with these options.

    Raises UserError for a wrong option, for code that cannot be loaded, and where there is no sandbox.
    """
    return _run(code, options, {"task": "describe"}, {}, limits or choose_limits(), read_facts)


def _run(
    code: Path | str,
    options: Mapping[str, Any],
    request: dict[str, Any],
    folders: Mapping[str, Path],
    limits: Limits,
    read: Callable[[IO[bytes]], Answer],
    samples: SampleSet | None = None,
) -> Answer:
    """Prepare the files that a sandbox sees, run it, and put the name of the code before its errors."""
    name = code.name if isinstance(code, Path) else code
    with TemporaryDirectory(prefix="bench-sandbox-") as inbox:
        folder = Path(inbox).resolve()
        place = folder if allows_unsafe() else INPUT
        if samples is not None:
            samples.save(folder / "samples")
        source, packages = _find_code(code, folder, place)
        view, models = _make_view(folder, folders, packages)
        task = {**request, **source, "name": name, "options": dict(options), "limits": limits, "surrogates": models}
        (folder / "request.json").write_text(json.dumps(task), encoding="utf-8")
        _give_away(folder)
        environment = _environment(packages)
        try:
            return run(view, place / "request.json", limits, environment, read)
        except UserError as error:
            raise UserError(f"defense {name!r}: {error}") from None


def _find_code(code: Path | str, folder: Path, place: Path) -> tuple[dict[str, str], list[Path]]:
    """Return what the worker loads, and the packages that it needs. A code entry is copied into the folder."""
    from defenses import REGISTRY

    if isinstance(code, Path):
        (folder / "entry.py").write_bytes(read_code(code))
        return {"file": str(place / "entry.py")}, []
    module = REGISTRY.catalog[code].module
    spec = find_spec(module.split(".")[0])
    if spec is None or spec.origin is None:
        raise UserError(f"defense {code!r}: {module} cannot be found; allowed: an installed package")
    origin = Path(spec.origin)
    return {"module": module}, [origin.parent if spec.submodule_search_locations else origin]


def read_code(file: Path) -> bytes:
    """Return the content of a code entry. Raises UserError for one that is too long, or no file."""
    try:
        content = None
        if file.is_file():
            with file.open("rb") as opened:
                content = opened.read(MAX_CODE + 1)
    except OSError as error:
        raise UserError(f"code: {str(file)!r}: {error.strerror}; allowed: a file of Python") from None
    if content is None or len(content) > MAX_CODE:
        raise UserError(f"code: {str(file)!r} is no file of at most {MAX_CODE} bytes; allowed: a file of Python")
    return content


def _make_view(folder: Path, folders: Mapping[str, Path], packages: Sequence[Path]) -> tuple[View, dict[str, str]]:
    """Return the files that a sandbox sees, and the place of each surrogate's checkpoint in it."""
    own = [ROOT / room for room in ROOMS]
    files = [*system_files(), *((path, path) for path in (*own, *packages))]
    hidden = [*HIDDEN, *(path for path in [home()] if any(path.is_relative_to(file) for file, _ in files))]
    models: dict[str, str] = {}
    for number, (name, checkpoint) in enumerate(folders.items()):
        if victims.is_embedded(checkpoint) or allows_unsafe():
            files.append((checkpoint, checkpoint))
            models[name] = str(checkpoint)
        else:
            models[name] = f"/models/{number}"
            files += [(file.resolve(), Path(models[name], file.name)) for file in checkpoint.iterdir()]
    return View((*files, (folder, INPUT)), tuple(path for path in hidden if path.exists())), models


def _find_checkpoint(name: str) -> Path:
    """Return the folder of a surrogate's checkpoint, fetched if it must be. Raises UserError where it cannot be had."""
    folder = victims.locate(name)
    if folder is None:
        folder = victims.fetch(name)
    return folder.absolute()


def _environment(packages: Sequence[Path]) -> dict[str, str]:
    """Return the whole environment of the foreign code."""
    threads = str(read_threads())
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "BENCH_HOME": "/tmp/home",
        "BENCH_DEVICE": "cpu",
        "BENCH_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(map(str, [ROOT, *(path.parent for path in packages)]))),
    }


def _give_away(folder: Path) -> None:
    """Let the user that root becomes in a sandbox read these files."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
