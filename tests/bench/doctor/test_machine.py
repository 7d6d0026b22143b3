"""The doctor compares packages with what is required, and finds devices without torch."""

import tomllib
from pathlib import Path

import pytest

from bench.doctor.machine import EXTRAS
from tests.bench.doctor.conftest import Examine

ROOT = Path(__file__).parents[3]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with a program `nvidia-smi` still to be written."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder / "nvidia-smi"


def write(program: Path, lines: str) -> None:
    """Write a script that can be run."""
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)


def test_every_optional_part_is_known() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS) == extras.keys() - {"dev", "docs"}


def test_packages_are_good_here(finding: Examine) -> None:
    assert finding("packages").state in ("ok", "note")


def test_a_package_that_is_too_old(finding: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "old" / "peft-0.1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: peft\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "old"))
    broken = finding("packages")
    assert broken.state == "broken" and "peft>=" in broken.text and "not 0.1" in broken.text


@pytest.mark.parametrize("threads", ["none", "0"])
def test_a_bad_number_of_threads(threads: str, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", threads)
    assert finding("cores").state == "broken" and threads in finding("cores").text


def test_more_threads_than_cores(finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_THREADS", "1000")
    assert finding("cores").state == "note"


def test_without_a_driver_models_run_on_the_cpu(
    program: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finding("devices").state == "ok" and "CPU" in finding("devices").text
    monkeypatch.setenv("BENCH_DEVICE", "cuda")
    assert finding("devices").state == "broken" and finding("devices").mend == "BENCH_DEVICE=cpu"


def test_devices_of_a_driver(program: Path, finding: Examine) -> None:
    write(program, "echo 'NVIDIA X100, 81920 MiB'")
    assert finding("devices").text == "NVIDIA X100, 81920 MiB"


@pytest.mark.parametrize("lines", ["echo 'no \033[31mdevice' >&2; exit 9", "exec /bin/sleep 60", "exit 0"])
def test_a_broken_driver_is_a_note(lines: str, program: Path, finding: Examine) -> None:
    write(program, lines)
    found = finding("devices")
    assert found.state == "note" and "driver" in found.mend and found.text.isprintable()


def test_a_device_of_another_name(finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DEVICE", "tpu")
    assert finding("devices").state == "broken" and finding("devices").mend == "allowed: cpu, cuda, auto"
