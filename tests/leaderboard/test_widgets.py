"""Parts that the pages share."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.tables.game import GAME_COLUMNS
from bench.tables.release import find_inserted
from leaderboard.widgets import TITLES, highlight


@pytest.mark.parametrize(
    ("original", "released", "expected"),
    [
        ("what is this", "what is this", "what is this"),
        ("what is", "oh what really is now", "<mark>oh</mark> what <mark>really</mark> is <mark>now</mark>"),
        ("a <b> c", "a <i> <b> c", "a <mark>&lt;i&gt;</mark> &lt;b&gt; c"),
        ("x", '"><script>alert(1)</script> x', '<mark>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</mark> x'),
    ],
)  # fmt: skip
def test_inserted_words_are_marked_and_html_is_text(original: str, released: str, expected: str) -> None:
    assert highlight(find_inserted(original, released)) == expected


def test_every_column_of_a_game_can_be_chosen() -> None:
    assert list(TITLES) == GAME_COLUMNS


def test_no_page_imports_torch() -> None:
    code = "import sys, leaderboard.widgets, leaderboard.pictures, bench.tables.ranks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
