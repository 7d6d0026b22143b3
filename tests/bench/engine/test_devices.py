"""Devices are what the environment names, else what the driver's own program lists."""

import os
from pathlib import Path

import pytest

from bench.engine.devices import cores, devices


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `nvidia-smi` that lists two devices, alone on the PATH."""
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$1" = --query-gpu=uuid ] && echo GPU-1 && echo GPU-2\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


def test_the_driver_lists_them(driver: Path) -> None:
    assert devices() == ["GPU-1", "GPU-2"]


@pytest.mark.parametrize(
    ("named", "found"),
    [("0", ["0"]), ("1, 3", ["1", "3"]), ("GPU-2,MIG-1", ["GPU-2", "MIG-1"]), ("", []), ("-1", []), (" ,", [])],
)
def test_the_environment_wins(driver: Path, monkeypatch: pytest.MonkeyPatch, named: str, found: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert devices() == found


def test_a_driver_that_fails_has_none(driver: Path) -> None:
    driver.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    assert devices() == []


def test_a_machine_without_the_driver_has_none(driver: Path) -> None:
    driver.unlink()
    assert devices() == []


def test_cores_are_all_unless_it_is_said_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", "3")
    assert cores() == 3
    monkeypatch.delenv("BENCH_THREADS")
    assert cores() == os.cpu_count()


@pytest.mark.parametrize(("asked", "found"), [("cpu", []), ("auto", []), ("cuda", ["0", "1"]), ("", ["0", "1"])])
def test_no_worker_has_a_device_to_itself_where_models_go_elsewhere_or_over_all(
    monkeypatch: pytest.MonkeyPatch, asked: str, found: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("BENCH_DEVICE", asked)
    assert devices() == found
