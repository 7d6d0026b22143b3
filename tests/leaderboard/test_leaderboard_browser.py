"""The app in a real browser, as `bench leaderboard` starts it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import leaderboard

CHROMIUM = shutil.which("chromium")
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    """A server on a free port over the synthetic home."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = Path(leaderboard.__file__).with_name("app.py")
    options = {"server.headless": "true", "server.port": str(port), "server.address": "127.0.0.1"}
    command = [sys.executable, "-m", "streamlit", "run", str(app)]
    command += [part for key, value in options.items() for part in (f"--{key}", value)]
    root = app.parents[1]
    log = (home / "server.log").open("w")
    server = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (home / "server.log").read_text()
                time.sleep(0.25)
        yield url
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")
def test_pages_in_a_browser(address: str, home: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    run = f"{5:016x}"
    seen = {
        "": "Worst-case protection", "matrix": "Defense against attack", "published": "Published, not re-run",
        f"run?run={run}": "Repeat it",
        f"samples?run={run}": "Answers to the clean test questions",
    }  # fmt: skip
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page(viewport={"width": 1440, "height": 1800})
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for path, heading in seen.items():
            page.goto(f"{address}/{path}")
            expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=60_000)
            if not path.startswith("samples"):
                expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible(
                    timeout=60_000
                )
            expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=60_000)
            expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=60_000)
            page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
            assert page.get_by_test_id("stException").count() == 0
            shot = home / f"{path.split('?')[0] or 'ranking'}.png"
            page.screenshot(path=shot, full_page=True)
            assert shot.stat().st_size > 10_000
        assert page.url == f"{address}/samples?run={run}"
        expect(page.locator("mark")).to_have_text(["<script>alert(1)</script>"])
        expect(page.get_by_test_id("stImage").locator("img")).to_have_count(3)
        assert dialogs == []
        browser.close()
