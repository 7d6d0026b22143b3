"""Pictures of every page of the leaderboard in a browser: python scripts/screenshots.py DIR [PAGE ...]

It needs `chromium` and playwright. The pages show `$BENCH_HOME`, or the published results where it is empty. Each page
is opened in light and dark, and pictured at 1400 and at 400 pixels. The script ends with status 1 where a page raises,
logs an error in the console, or requests anything from elsewhere. `--readme` writes the two pictures of README alone.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
PAGES = ("", "ranking", "matrix", "compare", "pareto", "cost", "defense", "attack", "run", "samples", "victims")
PAGES += ("datasets", "method", "submit", "published")
README = ("ranking", "matrix")
WIDTHS = (1400, 400)
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
CHARTS = "[data-testid=stVegaLiteChart]"
DRAWN = "chart => chart.querySelector('svg, canvas')"
LONGEST = 600_000
"""Milliseconds that a page may take on a busy machine."""


@contextmanager
def serve(root: Path = ROOT) -> Iterator[str]:
    """Serve the leaderboard of a tree on a free port during the block; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from bench.cli.main import main; main()", "leaderboard", "--port", str(port)]
    environment = {**os.environ, "STREAMLIT_SERVER_HEADLESS": "true", "PYTHONPATH": str(root)}
    server = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True)
    try:
        while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
            if server.poll() is not None:
                raise SystemExit("the server ended")
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def answers(url: str) -> bool:
    """Return True if an address answers."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def wait_for(page: Page) -> None:
    """Wait until a page is complete, its charts and pictures too."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=LONGEST)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=LONGEST)
    page.wait_for_function("[...document.images].every(image => image.complete)", timeout=LONGEST)
    page.wait_for_function(f"[...document.querySelectorAll('{CHARTS}')].every({DRAWN})", timeout=LONGEST)
    page.wait_for_load_state("networkidle", timeout=LONGEST)
    page.wait_for_timeout(500)


def picture(page: Page, file: Path, width: int, *, whole: bool = True) -> None:
    """Write a picture of a page at a width; the whole page, or its first screen."""
    page.set_viewport_size({"width": width, "height": 900})
    wait_for(page)
    page.wait_for_timeout(1500)
    height = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 900")
    page.set_viewport_size({"width": width, "height": min(4000, int(height) + 80) if whole else 900})
    page.wait_for_timeout(800)
    page.screenshot(path=file)


def watch(page: Page, address: str) -> list[str]:
    """Return the list to which every error of a page is added, and every address elsewhere that it asks for."""
    faults: list[str] = []
    page.on("console", lambda said: is_error(said) and faults.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("request", lambda request: is_foreign(request.url, address) and faults.append(request.url))
    return faults


def visit(page: Page, address: str, name: str) -> list[str]:
    """Open a page of the app and wait for it; return the fault that it shows, if any."""
    page.goto(f"{address}/{name}", timeout=LONGEST)
    wait_for(page)
    return [f"{name}: an exception is shown"] if page.get_by_test_id("stException").count() else []


def main(folder: Path, pages: tuple[str, ...], *, readme: bool) -> int:
    """Write the pictures; return the number of faults that were seen."""
    folder.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with serve() as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        for scheme in ("light",) if readme else ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1400, "height": 900})
            seen = watch(page, address)
            for name in pages:
                started = time.monotonic()
                page.set_viewport_size({"width": 1400, "height": 900})
                faults += visit(page, address, name)
                for width in (1400,) if readme else WIDTHS:
                    file = f"leaderboard-{name}" if readme else f"{name or 'overview'}-{width}-{scheme}"
                    picture(page, folder / f"{file}.png", width, whole=not readme)
                print(f"{name or 'overview'} {scheme}: {time.monotonic() - started:.0f} s", flush=True)
            page.close()
            faults += seen
        browser.close()
    print("\n".join(faults))
    return len(faults)


def is_error(said: ConsoleMessage) -> bool:
    """Return True for an error in the console."""
    return said.type == "error"


def is_foreign(url: str, address: str) -> bool:
    """Return True for an address that is neither this server nor inside the page."""
    return not url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:", "about:"))


if __name__ == "__main__":
    readme = "--readme" in sys.argv
    target, *names = [argument for argument in sys.argv[1:] if argument != "--readme"]
    raise SystemExit(min(1, main(Path(target), tuple(names) or (README if readme else PAGES), readme=readme)))
