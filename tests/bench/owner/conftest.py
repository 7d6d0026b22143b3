"""An owner's folder and a job that protects it without a model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.owner.craft import Job
from bench.owner.methods import Part
from bench.spec import Method
from tests.bench.owner import files

JobMaker = Callable[..., Job]


@pytest.fixture(autouse=True)
def _no_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes seconds in every report: `test_report.py` has it."""
    monkeypatch.setattr("bench.owner.report.published", lambda defense: [])


@pytest.fixture
def job() -> JobMaker:
    """Make a job with other fields."""

    def make(name: str = "random_noise", **fields: object) -> Job:
        values = {
            "method": Method(name=name),
            "part": Part(8, 0),
            "surrogates": ("tiny-llava-a",),
            "seed": 0,
            "chunk": 4,
        }
        return Job(**{**values, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with twelve pictures, a question about each, and a second one about the first."""
    folder = tmp_path / "mine"
    names = [f"{number}.{'jpg' if number % 3 else 'png'}" for number in range(12)]
    for number, name in enumerate(names):
        kind = "JPEG" if name.endswith("jpg") else "PNG"
        files.write(folder, {f"images/{name}": files.encode(files.picture(seed=number), kind)})
    rows = [
        {"file_name": f"images/{name}", "question": "What is this?", "answer": f"thing {i % 4}"}
        for i, name in enumerate(names)
    ]
    rows.append({**rows[0], "question": "Which one?"})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder with their bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
