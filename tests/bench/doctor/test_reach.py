"""The doctor asks the hub and the sandbox, and never tells a token."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.doctor.conftest import Examine

TOKEN = "hf_" + "a1B2" * 6


class _Hub(http.server.BaseHTTPRequestHandler):
    """A hub that knows one token."""

    def do_GET(self) -> None:
        """Answer who asks."""
        self.send_response(200 if self.headers["Authorization"] == f"Bearer {TOKEN}" else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub on this machine, and no token."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield
        server.shutdown()


def test_offline_is_a_choice(finding: Examine) -> None:
    assert finding("hub").state == "ok" and "HF_HUB_OFFLINE" in finding("hub").text


def test_a_hub_that_answers(hub: None, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding("hub").state == "ok" and "no token" in finding("hub").text
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert finding("hub") == ("hub", "ok", "it answers; a token is set", "")
    monkeypatch.setenv("HF_TOKEN", TOKEN + "x")
    assert finding("hub").state == "note" and "refuses" in finding("hub").text and TOKEN not in str(finding("hub"))


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://192.0.2.1", "no address"])
def test_a_hub_that_does_not(address: str, hub: None, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, nothing comes back, nothing can be asked."""
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert finding("hub").state == "note" and "BENCH_MODELS" in finding("hub").mend


@pytest.mark.parametrize("variable", ["BENCH_MODELS", "BENCH_DATA"])
def test_a_folder_of_copies_that_is_missing(
    variable: str, tmp_path: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "gone"))
    assert finding("models").state == "note" and variable in finding("models").mend


def test_without_bubblewrap(tmp_path: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert finding("sandbox").state == "note" and "install bubblewrap" in finding("sandbox").mend


def test_bubblewrap_that_may_not_start(tmp_path: Path, finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert finding("sandbox").state == "note" and "No permissions" in finding("sandbox").text


def test_without_a_sandbox_on_purpose(finding: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_UNSAFE_NO_SANDBOX", "1")
    assert finding("sandbox").state == "note" and "rows say so" in finding("sandbox").text
