"""Whole runs on the embedded victims, small: reuse, determinism, kills, errors."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

ROOT = Path(__file__).parent.parent.parent
SMALL = ["--dataset", "emoji_smoke", "-o", "rounds=1", "-o", "image_steps=1", "-o", "candidates=1", "-a", "epochs=1"]
MMGUARD = ["run", "--defense", "mmguard", "--attack", "lora_sft", "--json", *SMALL]


def bench(home: Path, *arguments: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, "BENCH_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def outcome(home: Path) -> dict[str, object]:
    done = bench(home, *MMGUARD)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["runs"][0]
    return {key: run[key] for key in ("id", "stages", "utility", "protection", "protection_low", "stealth")}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one small mmguard run in it."""
    home = tmp_path_factory.mktemp("home")
    outcome(home)
    return home


@pytest.mark.slow
def test_second_time_computes_nothing(played: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in (played / "artifacts").rglob("*") if f.is_file()}
    first, second = (json.loads(bench(played, *MMGUARD).stdout)["runs"] for _ in range(2))
    assert first == second
    assert before == {f: f.stat().st_mtime_ns for f in (played / "artifacts").rglob("*") if f.is_file()}


@pytest.mark.slow
def test_twice_is_bit_identical_and_kills_lose_nothing(played: Path, tmp_path: Path) -> None:
    """A second home, killed once in each long stage, ends with the same releases, adapters and answers."""
    for stage in ("protect", "attack", "evaluate"):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.cli.main", *MMGUARD],
            cwd=ROOT,
            env={**os.environ, "BENCH_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 400
        while process.poll() is None and time.monotonic() < deadline:
            if any((tmp_path / "artifacts" / stage).glob(".*.*")):
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.02)
        assert process.wait() == -signal.SIGKILL, f"{stage} finished before it could be killed"
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / "artifacts").glob("*/[!.]*/manifest.json")}
    assert outcome(tmp_path) == outcome(played)
    assert kept == {f: f.stat().st_mtime_ns for f in kept}
    assert not list((tmp_path / "artifacts").glob("*/.*")), "a draft was left behind"
    for kind, pattern in (("protect", "images/*.png"), ("protect", "metadata.jsonl"), ("evaluate", "*.parquet")):
        ours, theirs = (
            {f.relative_to(h): f.read_bytes() for f in (h / "artifacts" / kind).rglob(pattern)}
            for h in (played, tmp_path)
        )
        assert ours
        assert ours == theirs
    for adapter in (played / "artifacts" / "attack").rglob("*.safetensors"):
        other = tmp_path / adapter.relative_to(played)
        ours, theirs = load_file(adapter), load_file(other)
        assert all((ours[key] == theirs[key]).all() for key in ours)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--defense", "mmgard", "--attack", "lora_sft"], "did you mean 'mmguard'"),
        (["--defense", "none", "--attack", "lora"], "did you mean 'lora_sft'"),
        (["--defense", "none", "--attack", "none", "--victim", "tiny-lava-a"], "did you mean 'tiny-llava-a'"),
        (["--defense", "none", "--attack", "none", "--dataset", "emoji_catalogue"], "did you mean 'emoji_catalog'"),
        (["--defense", "none", "--attack", "none", "--epsilon", "300/255"], "allowed: N/255"),
        (["--defense", "none", "--attack", "none", "--threat", "grey"], "white, gray, black"),
        (["--defense", "em", "--attack", "none", "-o", "rounds=0"], "rounds=0"),
        (["--defense", "em", "--attack", "none", "-o", "speed=3"], "speed=3"),
        (["--defense", "em", "--attack", "none", "-o", "rounds"], "key=value"),
        (["--defense", "none", "--attack", "none", "--seeds", "0,x"], "0,1,2"),
        (["--defense", "em", "--attack", "none", "--victim", "tiny-qwen3vl", "--threat", "gray"], "second checkpoint"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = bench(tmp_path, "run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "something was written"
