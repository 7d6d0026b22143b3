"""Hardware is what this machine is, and torch is not imported to ask for it."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from bench.play import hardware as module
from bench.play.hardware import hardware
from bench.store import nvml


@pytest.fixture(autouse=True)
def _no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "_devices", lambda: (None, []))


def test_cores_and_memory_are_this_machines() -> None:
    made = hardware()
    assert made["cores"] == os.cpu_count()
    assert made["memory_gb"] == pytest.approx(psutil.virtual_memory().total / 1e9, abs=0.1)
    assert made["processor"]


def test_the_processor_is_named_as_the_kernel_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "cpuinfo")
    fallback = hardware()["processor"]
    assert fallback and fallback != "Fast: 3000"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast: 3000 \n\nmodel name\t: Slow\n")
    assert hardware()["processor"] == "Fast: 3000"


def torch(available: bool) -> SimpleNamespace:
    """A torch that sees two devices, or none."""
    names = ["One", "Two"]
    cuda = {"is_available": lambda: available, "device_count": lambda: 2, "get_device_name": names.__getitem__}
    return SimpleNamespace(cuda=SimpleNamespace(**cuda))


@pytest.mark.parametrize(("available", "names"), [(True, ["One", "Two"]), (False, None)])
def test_accelerators_are_those_that_torch_sees(
    monkeypatch: pytest.MonkeyPatch, available: bool, names: list[str] | None
) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch(available))
    assert hardware()["accelerators"] == names


def test_the_driver_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch(True))
    monkeypatch.setattr(nvml, "device_names", lambda: ["By the driver"])
    assert hardware()["accelerators"] == ["By the driver"]


def test_torch_is_not_imported_to_ask() -> None:
    line = "import sys; from bench.play.provenance import provenance; p = provenance(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", line], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
