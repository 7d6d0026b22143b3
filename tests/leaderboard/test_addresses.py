"""What an address names and the results lack is told in one sentence, letter by letter; so is a broken database."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import leaderboard
from bench.results import save
from leaderboard import sources
from tests.leaderboard.pages import Factory, Open

APP = Path(leaderboard.__file__).with_name("app.py")
UNKNOWN = "is not among these results. Another one is shown."


@pytest.mark.parametrize("key", ["dataset", "victim", "threat", "surrogates", "epsilon", "words"])
@pytest.mark.parametrize("page", ["ranking", "matrix", "cost", "compare", "pareto", "defense", "attack"])
def test_an_unknown_name_is_told(home: Path, page: str, key: str) -> None:
    app = AppTest.from_file(str(APP), default_timeout=60).switch_page(f"views/{page}.py")
    app.query_params[key] = "nobody"
    app.run()
    assert f"This address names the {key} `nobody`, which {UNKNOWN}" in [box.value for box in app.warning]


def test_a_choice_of_the_reader_replaces_what_is_not_there(home: Path, open_page: Open, run_factory: Factory) -> None:
    save(run_factory(30, epsilon=16))
    app = open_page(epsilon="7")
    assert "epsilon `7`" in app.warning[0].value
    app.selectbox(key="epsilon").set_value(16).run()
    assert not any("epsilon" in box.value for box in app.warning)


@pytest.mark.parametrize("page", ["run", "samples"])
def test_an_unknown_run_is_told(home: Path, open_page: Open, page: str) -> None:
    assert open_page(page, run="nobody").warning[0].value == f"This address names the run `nobody`, which {UNKNOWN}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "` `"),
        ("![x](http://there/p.png)", "`![x](http://there/p.png)`"),
        ("`a`", "`'a'`"),
        ("<script>alert(1)</script>", "`<script>alert(1)</script>`"),
        (":red[x] :material/home: $x$", "`:red[x] :material/home: $x$`"),
        ("a\n\n# b\x1b[1m\u202ec", "`a # b[1mc`"),
        ("x" * 10**5, f"`{'x' * 80}…`"),
        ("tiny-llava-a ", "`tiny-llava-a`"),
        ("TINY-LLAVA-A", "`TINY-LLAVA-A`"),
        ("٨", "`٨`"),
    ],
)
def test_odd_values_are_shown_letter_by_letter(home: Path, open_page: Open, value: str, shown: str) -> None:
    assert open_page(victim=value).warning[0].value == f"This address names the victim {shown}, which {UNKNOWN}"


def test_a_key_twice_is_told(home: Path, open_page: Open) -> None:
    app = open_page(victim=["tiny-llava-a", "tiny-gemma3"])
    assert app.warning[0].value.startswith("This address names victim 2 times; allowed: once.")


@pytest.mark.parametrize("page", ["ranking", "run"])
def test_an_unknown_key_is_told(home: Path, open_page: Open, page: str) -> None:
    warning = open_page(page, attack="nobody").warning[0].value
    assert warning.startswith("This address names `attack`, which no page reads; known: dataset, victim,")


def test_a_right_address_is_told_nothing(home: Path, open_page: Open) -> None:
    names = {"dataset": "emoji_catalog", "victim": "tiny-llava-a", "threat": "white", "epsilon": "8", "words": "5"}
    assert not any("address" in box.value for box in open_page(**names).warning)


@pytest.mark.parametrize("page", ["overview", "ranking", "matrix", "cost", "run", "samples"])
def test_a_broken_database_is_one_sentence(
    home: Path, open_page: Open, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "results.sqlite").write_bytes(b"no database" * 1000)
    app = open_page(page)
    assert [box.value for box in app.error] == [sources.BROKEN]
    assert not app.dataframe
    assert "results.sqlite" in capsys.readouterr().err, "the reason is for the terminal alone"
