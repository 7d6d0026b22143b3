"""The static site: the numbers of bench/tables, links that lead somewhere, and nothing from strangers but text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest

from bench.errors import UserError
from bench.site.pages import build_pages, name_file
from bench.site.write import MARK, write_site
from bench.tables.cells import compute_cells
from bench.tables.runs import load_runs, select_comparable, tabulate_runs
from tests.synthetic_home import home, make_run, nothing_shipped

__all__ = ["home", "nothing_shipped"]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[1m\u202e"


class Reader(HTMLParser):
    """Collects the elements, the links and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data} "


@pytest.fixture
def pages(home: Path) -> dict[str, str]:
    return build_pages(load_runs())


def test_every_link_leads_to_a_file_of_the_site(pages: dict[str, str]) -> None:
    assert {"index.html", "ranking.html", "matrix.html", "site.css", "defenses/mmguard.html"} <= set(pages)
    for place, page in pages.items():
        for tag, attributes in Reader(page).tags if place.endswith(".html") else []:
            address = attributes.get("href") or "data:,"
            if not address.startswith(("data:,", "#")):
                assert urljoin(place, address) in pages, (place, tag, address)


def test_the_matrix_has_the_cells_of_the_tables(pages: dict[str, str]) -> None:
    cells = compute_cells(select_comparable(load_runs()))
    text = Reader(pages["matrix.html"]).text.split()
    assert sorted(re.findall(r"(?<!\S)-?\d\.\d\d(?!\S)", " ".join(text))) == sorted(
        f"{value:.2f}" for value in cells["protection"]
    )
    assert all(f"<code>{attack}</code>" in pages["matrix.html"] for attack in cells["attack_label"])
    assert "\\u" not in pages["matrix.html"]
    own = cells[cells["defense"] == "mmguard"]
    for row in own.itertuples():
        assert f"{row.protection:.2f} [{row.low:.2f}, {row.high:.2f}]" in pages["defenses/mmguard.html"]


def test_tables_and_pictures_have_labels(pages: dict[str, str]) -> None:
    for place, page in pages.items():
        tags = Reader(page).tags if place.endswith(".html") else [("html", {"lang": "en"})]
        assert tags[0] == ("html", {"lang": "en"})
        assert all(attributes.get("aria-label") for tag, attributes in tags if tag in ("svg", "nav"))
        assert all(attributes.get("scope") for tag, attributes in tags if tag == "th")
        assert not [tag for tag, _ in tags if tag in ("script", "style", "iframe", "img")]


@pytest.mark.parametrize("column", ["defense", "attack", "dataset", "victim", "threat"])
def test_texts_of_strangers_stay_text(column: str) -> None:
    runs = tabulate_runs([make_run(1, **{column: HOSTILE}), make_run(2)])
    pages = build_pages(runs)
    assert "alert(1)" in "".join(pages.values())
    for place, page in pages.items():
        assert "\x1b" not in page and "\u202e" not in page
        tags = Reader(page).tags if place.endswith(".html") else []
        assert not [tag for tag, attributes in tags if tag in ("script", "img") or "onerror" in attributes]
        assert re.fullmatch(r"(defenses/)?[\w-]+\.(html|css)", place)


def test_titles_and_authors_are_shown_as_text() -> None:
    runs = tabulate_runs([make_run(1)]).assign(title=f"{HOSTILE} a title", authors="A B")
    ranking = build_pages(runs)["ranking.html"]
    assert "a title, by A B" in ranking
    assert not [tag for tag, attributes in Reader(ranking).tags if tag in ("script", "img") or "onerror" in attributes]


def test_names_of_files_differ_where_names_do() -> None:
    names = ["em", "EM", "e m", "e-m", "../em", "", "é", "ë", "x" * 300]
    files = [name_file(name) for name in names]
    assert len(set(files)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,80}", file) for file in files)


def test_a_home_without_runs_is_a_site_that_says_so() -> None:
    pages = build_pages(tabulate_runs([]))
    assert all("No comparable runs yet." in pages[f"{page}.html"] for page in ("index", "ranking", "matrix"))


def test_stale_runs_alone_are_no_game(home: Path) -> None:
    pages = build_pages(tabulate_runs([make_run(1, protocol=1)]))
    assert "No comparable runs yet." in pages["ranking.html"]


def test_a_site_is_written_again_over_itself(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "site"
    write_site({"index.html": "1", "defenses/em.html": "2"}, folder)
    write_site({"index.html": "3"}, folder)
    assert {file.name for file in folder.rglob("*") if file.is_file()} == {"index.html", MARK}
    assert (folder / "index.html").read_text() == "3"


@pytest.mark.parametrize("marked", [None, "", "[", "7", "[3]"])
def test_a_folder_of_others_is_refused_and_stays(tmp_path: Path, marked: str | None) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    if marked is not None:
        (tmp_path / MARK).write_text(marked)
    with pytest.raises(UserError, match="has other files; allowed: a new or empty folder"):
        write_site({"index.html": "1"}, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert not (tmp_path / "index.html").exists()


@pytest.mark.parametrize("place", ["../thesis.txt", "/etc/hosts", "defenses/../../thesis.txt", ".git"])
def test_a_changed_mark_removes_nothing_outside(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "site"
    write_site({"index.html": "1"}, folder)
    (tmp_path / "thesis.txt").write_text("mine")
    (folder / MARK).write_text(json.dumps([place, "index.html"]))
    write_site({"index.html": "2"}, folder)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_file_or_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(UserError, match="is no folder"):
            write_site({"index.html": "1"}, tmp_path / name)
