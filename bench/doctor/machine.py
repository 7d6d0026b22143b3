"""The machine: packages, cores, memory and devices, found without importing torch."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from bench.doctor.finding import Finding
from bench.errors import printable, show
from bench.threads import read_threads

PACKAGE = "mmguard-bench"

SHOWN = ("torch", "transformers", "peft", "trl", "datasets", "lm-eval", "streamlit")
"""Packages whose versions are asked for when a number differs between two machines."""

EXTRAS = {
    "nvidia": "the energy that NVIDIA devices take is not counted",
    "postgres": "results cannot be kept in PostgreSQL",
    "qlora": "victims in four bits (NAME@4bit) cannot be trained",
    "ray": "suites cannot be played on a Ray cluster",
    "s3": "finished stages cannot be shared through S3",
    "slurm": "suites cannot be played on Slurm",
    "smol": "smol-llava cannot be made",
}
"""Optional parts of the installation, and what does not work without each."""

DEVICES = ("cpu", "cuda", "auto")
"""Values of `BENCH_DEVICE`."""

PATIENCE = 2.0
"""Seconds that another program has to answer."""

TORCH_PATIENCE = 120.0

ASK_TORCH = """
import json, torch
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"built for": torch.version.cuda or torch.version.hip or "the CPU", "devices": names,
                  "bf16": torch.cuda.is_available() and torch.cuda.is_bf16_supported()}))
"""


def examine_packages() -> Iterator[Finding]:
    """Compare what is installed with what the suite requires."""
    needed = [Requirement(text) for text in requires(PACKAGE) or ()]
    faults = [fault for need in needed if need.marker is None and (fault := _find_fault(need))]
    yield Finding("python", "ok", f"{platform.python_version()}, {platform.platform()}, {PACKAGE} {version(PACKAGE)}")
    if faults:
        yield Finding("packages", "broken", "; ".join(faults), f"pip install {PACKAGE} again, or `make setup`")
    else:
        yield Finding("packages", "ok", ", ".join(f"{name} {version(name)}" for name in SHOWN))
    for extra, loss in EXTRAS.items():
        missing = [need.name for need in needed if need.marker and need.marker.evaluate({"extra": extra})]
        missing = [name for name in missing if not _is_installed(name)]
        if missing:
            names = ", ".join(missing)
            yield Finding("packages", "note", f"{loss}: no {names}", f"pip install '{PACKAGE}[{extra}]'")


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _find_fault(need: Requirement) -> str | None:
    """Return what is wrong with an installed package, or None."""
    if not _is_installed(need.name):
        return f"{need.name} is missing"
    installed = version(need.name)
    return None if need.specifier.contains(installed, prereleases=True) else f"{need} is needed, not {installed}"


def examine_cores() -> Iterator[Finding]:
    """Count cores and memory. Raises UserError for a bad number of threads."""
    threads, cores = read_threads(), os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    text = f"{threads} threads on {cores} cores, {memory:.1f} GB of memory"
    if threads > cores:
        yield Finding("cores", "note", f"{text}: more threads than cores are slower", f"BENCH_THREADS={cores}")
    else:
        yield Finding("cores", "ok", text)


def examine_devices() -> Iterator[Finding]:
    """Ask the driver of NVIDIA for its devices; a driver that does not answer is a finding."""
    wanted = os.environ.get("BENCH_DEVICE")
    if wanted and wanted not in DEVICES:
        yield Finding("devices", "broken", f"BENCH_DEVICE: {show(wanted)}", f"allowed: {', '.join(DEVICES)}")
        return
    if shutil.which("nvidia-smi") is None:
        if wanted in ("cuda", "auto"):
            yield Finding("devices", "broken", f"BENCH_DEVICE={wanted}, and no NVIDIA driver", "BENCH_DEVICE=cpu")
        else:
            yield Finding("devices", "ok", "no NVIDIA driver: models run on the CPU")
        return
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("devices", "note", f"nvidia-smi does not answer: {type(error).__name__}", "look at the driver")
        return
    lines = [printable(line) for line in answer.stdout.splitlines() if line.strip()]
    if answer.returncode or not lines:
        reason = printable((answer.stderr or answer.stdout).strip()[:200]) or f"code {answer.returncode}"
        yield Finding("devices", "note", f"nvidia-smi fails: {reason}", "look at the driver; models run on the CPU")
    else:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        seen = f" (CUDA_VISIBLE_DEVICES={hidden})" if hidden is not None else ""
        yield Finding("devices", "ok", "; ".join(lines) + seen)


def examine_torch() -> Iterator[Finding]:
    """Ask torch for its devices, in another process."""
    command = [sys.executable, "-c", ASK_TORCH]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TORCH_PATIENCE)
    except subprocess.TimeoutExpired:
        yield Finding("torch", "broken", f"it does not answer within {TORCH_PATIENCE:.0f} s", "install torch again")
        return
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or [f"code {answer.returncode}"])[-1]
        yield Finding("torch", "broken", printable(last[:200]), "install torch again")
        return
    facts = json.loads(answer.stdout)
    text = f"built for {facts['built for']}; sees {', '.join(facts['devices']) or 'no device'}"
    if facts["devices"] and not facts["bf16"]:
        yield Finding("torch", "note", f"{text}; without bfloat16", "large victims: NAME@fp16")
    elif not facts["devices"] and shutil.which("nvidia-smi"):
        yield Finding("torch", "note", f"{text}, though there is a driver", "install the torch of this driver's CUDA")
    else:
        yield Finding("torch", "ok", text)
