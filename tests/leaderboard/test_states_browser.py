"""Every page in a real browser: with nothing on the board, with one run, and with the published results."""

import shutil
from pathlib import Path

import pytest

from bench.paths import home
from bench.results import save
from tests.synthetic_home import make_run

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH"),
]


def copy_without_results(folder: Path) -> Path:
    """A copy of the suite that publishes no results."""
    for package in ("bench", "attacks", "defenses", "submissions"):
        (folder / package).symlink_to(ROOT / package)
    shutil.copytree(ROOT / "leaderboard", folder / "leaderboard", ignore=shutil.ignore_patterns("results"))
    return folder


@pytest.mark.parametrize("state", ["nothing", "one run", "published"])
def test_no_page_raises_or_asks_for_anything_elsewhere(state: str, bench_home: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    from scripts.screenshots import PAGES, SWITCHES, serve, visit, watch

    if state == "one run":
        assert home() == bench_home
        save(make_run(1))
    root = copy_without_results(tmp_path) if state == "nothing" else ROOT
    with serve(root) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page()
        seen, shown = watch(page, address), dict[str, str]()
        for name in PAGES:
            assert visit(page, address, name) == []
            shown[name] = page.locator("body").inner_text()
        browser.close()
    assert seen == []
    assert all(len(text) > 40 for text in shown.values()), shown
    assert ("No results yet" in shown["ranking"]) == (state == "nothing"), shown["ranking"]
    assert ("published on" in shown["ranking"]) == (state == "published"), shown["ranking"]


def test_the_matrix_opens_a_run_and_gives_its_table_away(bench_home: Path) -> None:
    """A real click on the number of a cell, and real files, of the published results."""
    from playwright.sync_api import expect, sync_playwright

    from scripts.screenshots import LONGEST, SWITCHES, serve, visit

    with serve() as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        visit(page, address, "matrix")
        page.get_by_test_id("stPopover").get_by_role("button").click()
        expect(page.get_by_test_id("stDownloadButton")).to_have_count(5, timeout=LONGEST)
        files = {}
        for button in page.get_by_test_id("stDownloadButton").all():
            with page.expect_download(timeout=LONGEST) as download:
                button.click()
            files[download.value.suggested_filename] = download.value.path().read_bytes()
        visit(page, address, "matrix")
        cell = page.get_by_test_id("stVegaLiteChart").locator(".mark-rect path").first
        cell.click(force=True)
        page.wait_for_url("**/run?run=*", timeout=LONGEST)
        expect(page.get_by_role("heading", name="Repeat it")).to_be_visible(timeout=LONGEST)
        browser.close()
    assert sorted(files) == ["matrix.bib", "matrix.csv", "matrix.parquet", "matrix.svg", "matrix.tex"]
    assert files["matrix.csv"].startswith(b"defense_label,attack_label,")
    assert files["matrix.parquet"][:4] == b"PAR1" and files["matrix.svg"].startswith(b"<svg ")
    assert files["matrix.tex"].startswith(b"\\begin{tabular}") and files["matrix.bib"].startswith(b"@misc{")
