"""Prepare what a sandbox sees of the code of others, of models and of samples, and run it there."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, TypeVar

from bench import victims
from bench.errors import UserError
from bench.methods.catalog import Entry
from bench.paths import home
from bench.samples import SampleSet
from bench.sandbox.command import NOBODY, View, allows_unsafe, system_files
from bench.sandbox.limits import Limits
from bench.sandbox.run import run
from bench.spec import Method
from bench.threads import read_threads

Answer = TypeVar("Answer")

ROOT = Path(__file__).parents[2]
"""The folder of the packages of this suite."""

ROOMS = ("bench", "defenses", "attacks")

HIDDEN = (ROOT / "bench" / "datasets", ROOT / "bench" / "lvlm" / "embedded" / "checkpoints")
"""Parts of the suite that foreign code does not see: the data sets with their test splits, and the victims."""

INPUT = Path("/input")
"""The place of the request and the samples in a sandbox."""

COMPLETE = "complete"
"""The file beside the request that says that all samples are there."""

MAX_CODE = 2**20
"""Bytes of the file of a code entry."""


class Job(NamedTuple):
    """The work of a sandbox: a method of a kind (defense or attack), and the code of others that it is made of.

    terms: the kind, name and entry of each. task: what is to be done, and its settings. models: names of the only
    checkpoints that are seen. samples: returns them by the name of their folder, while the process starts.
    """

    kind: str
    method: Method
    terms: Sequence[tuple[str, str, Entry]]
    task: Mapping[str, Any]
    models: Sequence[str] = ()
    samples: Callable[[], Mapping[str, SampleSet]] = dict


def play(job: Job, limits: Limits, read: Callable[[IO[bytes]], Answer]) -> Answer:
    """Prepare the files that a sandbox sees, run it, and put the kind and the name before its errors."""
    folders = {name: find_checkpoint(name) for name in job.models}
    with TemporaryDirectory(prefix="bench-sandbox-") as inbox:
        folder = Path(inbox).resolve()
        place = folder if allows_unsafe() else INPUT
        codes = [{"kind": kind, "name": name, **_give(entry, name, folder, place)} for kind, name, entry in job.terms]
        packages = [package for _, _, entry in job.terms for package in _find_package(entry)]
        view, models = _make_view(folder, folders, packages)
        method = {"kind": job.kind, "name": job.method.name, "options": job.method.options}
        request = {**job.task, "method": method, "codes": codes, "limits": limits, "models": models}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        _give_away(folder)

        def hand_over_and_read(stream: IO[bytes]) -> Answer:
            for name, samples in job.samples().items():
                samples.save(folder / name)
            _give_away(folder)
            (folder / COMPLETE).touch()
            return read(stream)

        try:
            return run(view, place / "request.json", limits, _environment(packages), hand_over_and_read)
        except UserError as error:
            raise UserError(f"{job.kind} {job.method.name!r}: {error}") from None


def _give(entry: Entry, name: str, folder: Path, place: Path) -> dict[str, str]:
    """Return what the worker loads. A file is copied into the folder."""
    if entry.file is None:
        return {"module": entry.module}
    file = f"{Path(name).stem}.py"
    (folder / file).write_bytes(read_code(entry.file))
    return {"file": str(place / file)}


def _find_package(entry: Entry) -> list[Path]:
    """Return the file or folder of an installed package. Raises UserError where it cannot be found."""
    if entry.file is not None:
        return []
    spec = find_spec(entry.module.split(".")[0])
    if spec is None or spec.origin is None:
        raise UserError(f"{entry.module} {entry.summary} cannot be found; allowed: an installed package")
    origin = Path(spec.origin)
    return [origin.parent if spec.submodule_search_locations else origin]


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
    """Return the files that a sandbox sees, and the place of each model's checkpoint in it."""
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


def find_checkpoint(name: str) -> Path:
    """Return the folder of a model's checkpoint, fetched if it must be. Raises UserError where it cannot be had."""
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
