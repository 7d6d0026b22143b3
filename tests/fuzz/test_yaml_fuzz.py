"""Any bytes are a submission, a suite, or one printable line; valid ones are read back as they were."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.datasets.cards import EMBEDDED
from bench.errors import UserError
from bench.game.submissions.played import identify
from bench.game.submissions.read import read_submission
from bench.game.submissions.version1 import MAX_RUNS as MOST
from bench.game.submissions.version1 import Submission
from bench.game.suite import MAX_RUNS, Suite, read_suite
from bench.game.suites import FOLDER
from bench.victims import EMBEDDED as VICTIMS
from tests.fuzz.mutations import check_line, damaged

SUITES = [file.read_bytes() for file in FOLDER.glob("*.yaml")]
HEAD = "title: A title\nauthors: [A, B]\nlicence: MIT\nclaims: [it holds]\nrepository: https://example.org\n"
VERSION1 = (
    f"version: 1\n{HEAD[:31]}defense: {{name: em}}\nvictims: [tiny-llava-a]\nthreats: [white, black]\nseeds: [0]\n"
)
OTHERS = [
    VERSION1,
    f"version: 2\nkind: code\n{HEAD}file: mine.py\nsha256: {64 * '0'}\noptions: {{share: 0.5}}\n",
    f"version: 2\nkind: attack\n{HEAD}attack: lora_sft+jpeg(quality=30)\nbreaks: [{{name: em}}]\n",
    f"version: 2\nkind: release\n{HEAD}made_for:\n  dataset: tags\n  threat: black\n  surrogates: []\n"
    "  budget: {epsilon: 8, words: 5}\n",
]
SUBMISSIONS = [
    *(file.read_bytes() for file in (Path(__file__).parents[2] / "submissions").glob("*/submission.yaml")),
    *map(str.encode, OTHERS),
]
PIECES = [
    *(b"&a ", b"*a", b"!!int ", b"!x ", b"<<: ", b"---\n", b"...\n", b"%YAML 1.1\n", b"\t", b"\0", b"\r", b"\n"),
    *(
        b"? ",
        b"- ",
        b": ",
        b"[",
        b"]",
        b"{",
        b"}",
        b"'",
        b'"',
        b"|\n",
        b"#",
        b"yes",
        b"010",
        b"1:30",
        b".nan",
        b"1e999",
    ),
    *(
        b"2024-13-45",
        b"null",
        b"~",
        b"true",
        b"\xff",
        b"\xef\xbb\xbf",
        b'"\\e[31m"',
        b'"\\ud800"',
        b"9" * 5000,
        b"[" * 99,
    ),
    *(character.encode() for character in "\u202e\u2028\u3164\u200b\x85"),
    *(b"version: 1\n", b"title: again\n", b"exclude: [{defense: em}]\n", b"seeds: [1, 1]\n"),
    *(b"include: [{defenses: [em]}]\n", b"defenses: [none]\n"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for a file."""
    return tmp_path_factory.mktemp("yaml") / "entry.yaml"


@given(damaged([*SUBMISSIONS, *SUITES], PIECES) | st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_submission_or_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        submission = read_submission(file)
        if isinstance(submission, Submission):
            assert 0 < len(submission.runs("lora_sft")) <= MOST
        else:
            assert identify(submission, file).defenses
    except UserError as error:
        check_line(error)
    else:
        assert submission.title.strip()


@given(damaged(SUITES, PIECES))
def test_any_bytes_are_a_suite_or_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        runs = read_suite(str(file)).runs()
    except UserError as error:
        check_line(error)
    else:
        assert len(runs) <= MAX_RUNS
        assert len({spec.model_dump_json() for spec in runs}) == len(runs)


CHARACTERS = st.characters(codec="utf-8", categories=["L", "N"], exclude_characters="\u115f\u1160\u3164\uffa0")
LINES = st.text(CHARACTERS, min_size=3, max_size=40)
WORDS = st.text("abc01:_-. ", max_size=9)
SCALARS = st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False) | WORDS
OPTIONS = st.dictionaries(LINES, SCALARS, max_size=3)
METHODS = st.fixed_dictionaries({"name": st.sampled_from(["em", "mmguard"])}, optional={"options": OPTIONS})
AUTHORS = st.lists(LINES, min_size=1, max_size=3, unique_by=lambda name: unicodedata.normalize("NFKC", name).casefold())
SUBMITTED = st.fixed_dictionaries(
    {"version": st.just(1), "title": LINES, "authors": AUTHORS, "defense": METHODS},
    optional={
        "description": LINES,
        "budget": st.fixed_dictionaries({"epsilon": st.integers(0, 255), "words": st.integers(0, 64)}),
        "datasets": st.lists(st.sampled_from(sorted(EMBEDDED)), min_size=1, max_size=3, unique=True),
        "victims": st.lists(st.sampled_from(sorted(VICTIMS)), min_size=1, max_size=3, unique=True),
        "threats": st.lists(st.sampled_from(["white", "gray", "black"]), min_size=1, unique=True),
        "seeds": st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=3, unique=True),
    },
)


@given(SUBMITTED)
def test_a_valid_submission_is_read_as_it_was_written(file: Path, content: dict[str, object]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert read_submission(file) == Submission.model_validate(content)
    file.write_text(read_submission(file).model_dump_json(), encoding="utf-8")
    assert read_submission(file) == Submission.model_validate(content)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9, unique=True), st.data())
def test_what_is_excluded_is_left_out_and_all_else_stays(file: Path, seeds: list[int], data: st.DataObject) -> None:
    names = ["none", "em", "mmguard"]
    out = data.draw(st.sampled_from(seeds)), data.draw(st.sampled_from(names))
    content = {"version": 1, "title": "A suite", "defenses": names, "seeds": seeds}
    file.write_text(json.dumps({**content, "exclude": [{"seed": out[0], "defense": out[1]}]}))
    left = {(spec.seed, spec.defense.name) for spec in read_suite(str(file)).runs()}
    every = {(spec.seed, spec.defense.name) for spec in Suite.model_validate(content).runs()}
    assert every - left == {out}
