"""The app in a real browser, as `bench leaderboard` starts it."""

import asyncio
import shutil
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urljoin

import pytest

from leaderboard import sources

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    """A server on a free port over the synthetic home."""
    from scripts.screenshots import serve

    with serve() as url:
        yield url


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")
def test_pages_in_a_browser(address: str, home: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    from scripts.screenshots import SWITCHES, wait_for, watch

    run = f"{5:016x}"
    seen = {
        "": "Can someone still train on what you publish?",
        "ranking": "Protection against trainers who adapt",
        "matrix": "Defense against attack", "published": "Published, not re-run",
        "victims": "What clean data are worth", "datasets": "Data sets", "method": "An example", "submit": "Submit",
        f"run?run={run}": "Repeat it",
        f"samples?run={run}": "Answers to the clean test questions",
    }  # fmt: skip
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page(viewport={"width": 1440, "height": 1800})
        dialogs: list[str] = []
        faults = watch(page, address)
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for path, heading in seen.items():
            page.goto(f"{address}/{path}")
            expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=60_000)
            if path.startswith(("ranking", "matrix", "published", "run")):
                expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible(
                    timeout=60_000
                )
            wait_for(page)
            assert page.evaluate("[...document.images].every(image => image.naturalWidth)")
            assert page.get_by_test_id("stException").count() == 0
            shot = home / f"{path.split('?')[0] or 'overview'}.png"
            page.screenshot(path=shot, full_page=True)
            assert shot.stat().st_size > 10_000
        assert page.url == f"{address}/samples?run={run}"
        expect(page.locator("mark")).to_have_text(["<script>alert(1)</script>"])
        expect(page.get_by_test_id("stImage").locator("img")).to_have_count(5)  # one sample, and a strip of two
        for path in (
            "?victim=nobody",
            "matrix?victim=nobody",
            "cost?victim=nobody",
            "run?run=nobody",
            "?attack=nobody",
        ):
            page.goto(f"{address}/{path}")
            expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=60_000)
            expect(page.get_by_text("This address names")).to_be_visible(timeout=60_000)
        assert (dialogs, faults) == ([], [])
        icon = page.locator("link[rel~=icon]").get_attribute("href")
        assert page.request.get(urljoin(address, str(icon))).headers["content-type"] == "image/png"
        assert page.get_by_text("Deploy", exact=True).count() == 0
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("health", 200),
        ("metrics", 404),
        ("metrics/", 404),
        ("%6detrics", 404),
        ("metrics?families=cache_memory_bytes", 404),
        ("agent/openapi.json", 404),
        ("agent/mcp", 404),
    ],
)
def test_statistics_and_other_interfaces_are_closed(address: str, path: str, status: int) -> None:
    connection = HTTPConnection(address.removeprefix("http://"), timeout=30)
    connection.request("GET", f"/_stcore/{path}")
    answer = connection.getresponse()
    assert answer.status == status
    assert status == 404 or "default-src 'self'" in str(answer.headers["content-security-policy"])
    connection.close()


@pytest.fixture
def broken(home: Path) -> None:
    """A home whose database is none, before a server reads it."""
    (home / "results.sqlite").write_bytes(b"no database" * 1000)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")
def test_a_broken_database_shows_one_sentence_without_its_place(broken: None, address: str, home: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    from scripts.screenshots import SWITCHES

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page()
        page.goto(address)
        expect(page.get_by_test_id("stAlert")).to_have_text(sources.BROKEN, timeout=60_000)
        assert not any(word in page.content() for word in (str(home), "sqlite", "Traceback"))
        browser.close()


@pytest.mark.browser
def test_visitors_at_once_all_get_the_page(address: str) -> None:
    """As `benchmarks.leaderboard` measures them, without a browser."""
    from benchmarks.leaderboard import visit_together

    seconds = asyncio.run(visit_together(address, 3))
    assert len(seconds) == 3 and seconds == sorted(seconds) and seconds[0] > 0
