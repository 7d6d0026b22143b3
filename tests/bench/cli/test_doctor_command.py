"""`bench doctor`: one line for each finding, and an exit code for scripts."""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.bench.cli.conftest import Output

TOKEN = "hf_" + "a1B2" * 6


def test_one_line_for_each_finding_and_code_0(cli: Callable[..., Output]) -> None:
    done = cli("doctor")
    document = json.loads(cli("doctor", "--json").out)["findings"]
    assert done.code == 0 and not done.err and len(done.out.splitlines()) == len(document)
    assert {"python", "packages", "devices", "home", "disk", "hub", "sandbox"} <= {each["topic"] for each in document}


def test_code_1_where_something_is_broken(cli: Callable[..., Output], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", "/dev/null")
    done = cli("doctor")
    assert done.code == 1 and "BROKEN home" in done.out and not done.err


def test_no_secret_is_printed(cli: Callable[..., Output], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("BENCH_RESULTS", "postgresql://me:hunter22@localhost:1/x")
    for arguments in (["doctor"], ["doctor", "--json"]):
        done = cli(*arguments)
        assert done.code == 1 and TOKEN not in done.out and "hunter22" not in done.out and "a token is set" in done.out


def test_without_torch_within_seconds() -> None:
    code = (
        "import sys, runpy; sys.argv = ['bench', 'doctor']\n"
        "try: runpy.run_module('bench.cli.main', run_name='__main__')\n"
        "except SystemExit: print(sorted({'torch', 'transformers', 'datasets'} & sys.modules.keys()))"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - start < 15, "about 1.5 s on an idle machine"


def test_torch_is_asked_in_another_process(cli: Callable[..., Output]) -> None:
    topics = {each["topic"]: each for each in json.loads(cli("doctor", "--devices", "--json").out)["findings"]}
    assert topics["torch"]["state"] in ("ok", "note") and topics["torch"]["text"].startswith("built for")
