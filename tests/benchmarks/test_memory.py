"""The benchmark of memory does the work of the three stages, and measures the process that does it."""

from pathlib import Path

import pytest

from bench import datasets
from bench.samples import SampleSet
from benchmarks import memory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the benchmark makes it, with four small pictures."""
    folder = tmp_path_factory.mktemp("memory")
    memory.write_samples(4, memory.SMALL, folder / "clean")
    return folder


def test_pictures_have_the_size_and_differ(folder: Path) -> None:
    samples = SampleSet.load(folder / "clean")
    assert {s.shape for s in samples} == {(*memory.SMALL, 3)}
    assert len({s.pixels.tobytes() for s in samples}) == 4


def test_the_stages_do_their_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", datasets.load)  # restored after the evaluation
    peak = memory.measure("protect", folder)
    assert 100 < peak < 10_000, "MB of a process that loads torch"
    released = SampleSet.load(folder / "release")
    assert [s.id for s in released] == ["s0", "s1", "s2", "s3"]
    assert released.digest != SampleSet.load(folder / "clean").digest
    memory.work("attack", folder)
    assert (folder / "adapter_model.safetensors").is_file()
    memory.work("evaluate", folder)
