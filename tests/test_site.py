"""The site of the documentation: every page is in its menu, no link is broken, and nothing comes from elsewhere."""

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

import typer
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

import bench
from bench.cli.main import app
from reports import site

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(folder)))
    return folder


def test_every_page_is_built(folder: Path) -> None:
    sources = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    for page in [*map(str, sources), *site.GENERATED]:
        assert (folder / page).with_suffix(".html").stat().st_size > 1000, page


def test_nothing_is_fetched_from_elsewhere(folder: Path) -> None:
    """Links to other sites may be followed by a person; a browser asks for none of them by itself."""
    for page in folder.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?(https?:[^\" >]+)", page.read_text("utf-8")
        )
        assert not loaded, page
    assert not re.findall(
        r"(?:@import|url\()[\"' ]*https?:", "".join(f.read_text("utf-8") for f in folder.rglob("*.css"))
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("more.md", "# More", "not included in the"), ("limits.md", "# Limits\n\n[gone](gone.md)", "not found")],
)
def test_a_page_outside_the_menu_and_a_broken_link_fail(
    name: str, text: str, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    config = load_config(
        str(ROOT / "mkdocs.yml"), strict=True, docs_dir=str(tmp_path / "docs"), site_dir=str(tmp_path / "site")
    )
    with pytest.raises(Abort):
        build(config)
    assert reason in caplog.text


def test_the_reference_names_every_command_function_and_option() -> None:
    commands, python = site.render_commands(), site.render_python()
    for word, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for inner in getattr(command, "commands", {"": None}):
            assert f"## `{f'bench {word} {inner}'.strip()}`\n" in commands
    assert all(f"## `{name}`\n" in python for name in bench.__all__)
    attacks = site.render_attacks()
    assert "### `lora_sft`" in attacks and "| `quality` |" in attacks and "`tiny-gemma3`" in site.render_names()
