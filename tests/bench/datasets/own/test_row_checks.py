from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.datasets.own.cells import MAX_TEXT
from bench.datasets.own.row_checks import DESCRIBE, CheckedTexts, add_options, check_texts, read_picture
from bench.datasets.own.rows import COLUMNS, RawDataset, RawRow
from bench.errors import UserError
from bench.scoring.rules import AnswerKey, strict_score

WHERE = "metadata.csv, row 3"


def read(folder: str = "", **cells: Any) -> CheckedTexts:
    return check_texts(RawRow(WHERE, folder, cells))


def fault(**cells: Any) -> str:
    """Return the one line of the fault, without its place."""
    with pytest.raises(UserError) as error:
        read(**cells)
    line = str(error.value)
    assert line.startswith(f"{WHERE}: ") and "; allowed: " in line and "\n" not in line
    return line.removeprefix(f"{WHERE}: ")


def test_a_plain_row() -> None:
    assert read(question=" What? ", answer="a thing") == CheckedTexts("", "", "What?", "a thing", (), (), "exact")


def test_empty_cells_are_as_if_absent() -> None:
    """As they come from a CSV file, and as nulls of a table."""
    empty = {"caption": "", "answers": "", "choices": None, "id": None, "split": " ", "rule": ""}
    assert read(question="What?", answer="it", **empty) == read(question="What?", answer="it")


def test_whole_numbers_are_text() -> None:
    assert read(question="How many?", answer=3, id=7)[:4] == ("7", "", "How many?", "3")
    assert read(question="How many?", answer=0).answer == "0"


@pytest.mark.parametrize("value", [["a"], {"a": 1}, b"a", float("nan")])
def test_other_values_are_no_text(value: object) -> None:
    assert fault(question="What?", answer=value).startswith("answer: ")


def test_a_caption_answers_one_question() -> None:
    checked = read(caption="A cat on a mat.", answers=["A cat.", "A mat."])
    answers = ("A cat on a mat.", "A cat.", "A mat.")
    assert checked == CheckedTexts("", "", DESCRIBE, "A cat on a mat.", answers, (), "caption")


@pytest.mark.parametrize("more", [{"question": "What?"}, {"answer": "x"}, {"choices": "a|b"}, {"rule": "vqa"}])
def test_a_caption_stands_alone(more: dict[str, str]) -> None:
    assert fault(caption="A cat.", **more).startswith("caption: together with a question")


@pytest.mark.parametrize(
    ("given_", "lacks"), [({"question": "What?"}, "answer"), ({"answer": "x"}, "question"), ({}, "q")]
)
def test_what_is_missing_is_named(given_: dict[str, str], lacks: str) -> None:
    assert fault(**given_).startswith(lacks) and "missing" in fault(**given_)


@pytest.mark.parametrize("rule", ["exact", "vqa", "anls", "caption"])
def test_rules_that_are_told_are_kept(rule: str) -> None:
    assert read(question="What?", answer="it", rule=rule).rule == rule


def test_a_rule_or_split_that_is_not_known() -> None:
    assert fault(question="?", answer="it", rule="bleu") == "rule: 'bleu'; allowed: exact, choice, vqa, anls, caption"
    assert fault(question="What?", answer="it", split="holdout") == "split: 'holdout'; allowed: train, validation, test"
    assert fault(question="What?", answer="it", rule="choice").startswith("choices: missing")


def test_a_split_is_told_once() -> None:
    assert read("test", question="What?", answer="it").split == "test"
    assert read(question="What?", answer="it", split="test").split == "test"
    with pytest.raises(UserError, match="in the test split"):
        read("test", question="What?", answer="it", split="train")


@pytest.mark.parametrize("given_", [["a", "b c"], "a|b c", " a | b c "])
def test_lists_are_lists_or_have_bars(given_: object) -> None:
    assert read(question="What?", answer="a", answers=given_).answers == ("a", "b c")


@pytest.mark.parametrize("given_", ["a||b", ["a", ""], [["a"]], 5, {"a": 1}, ["x"] * 101])
def test_lists_that_are_none(given_: object) -> None:
    assert fault(question="What?", answer="a", answers=given_).startswith("answers: ")


OPTIONS = ["red", "dark red", "blue"]


@pytest.mark.parametrize("answer", ["dark red", "Dark Red", "B", "b", "(B)", "B."])
def test_an_option_is_told_by_letter_or_text(answer: str) -> None:
    checked = read(question="Which?", answer=answer, choices=OPTIONS)
    assert (checked.answer, checked.rule, checked.choices) == ("B", "choice", ("red", "dark red", "blue"))
    assert checked.question == "Which?\nA. red\nB. dark red\nC. blue"


def test_what_names_no_option_or_two() -> None:
    assert "is none of the options; allowed: an option's text, or a letter from A to C" in fault(
        question="Which?", answer="D", choices=OPTIONS
    )
    assert "letter of one option and the text of another" in fault(question="Which?", answer="A", choices="B|A")
    assert read(question="Which?", answer="A", choices="A|B").answer == "A"
    for wrong in ("one", "a|A", "|".join(f"option {n}" for n in range(27))):
        assert fault(question="Which?", answer="A", choices=wrong).startswith("choices: ")
    assert fault(question="Which?", answer="A", choices="x|y", answers="x").startswith("choices: together with answers")


@pytest.mark.parametrize("dataset", ["{0}. {1}", "{0}: {1}", "({0}) {1}", "  {0}) {1} "])
def test_options_that_the_question_lists_are_not_listed_again(dataset: str) -> None:
    question = "\n".join(
        ["Which?", *(dataset.format(*pair) for pair in zip("ABC", OPTIONS, strict=True)), "One letter."]
    )
    assert add_options(question, tuple(OPTIONS)) == question


def test_options_in_another_order_or_within_a_sentence_are_listed() -> None:
    for question in ("Is it red, dark red or blue?", "Which?\nA. dark red\nB. red\nC. blue"):
        assert add_options(question, tuple(OPTIONS)).endswith("\nA. red\nB. dark red\nC. blue")


LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="|<[")
WORDS = st.text(LETTERS, min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.lists(WORDS, min_size=2, max_size=26, unique_by=str.casefold), st.data())
def test_the_answer_that_is_kept_is_judged_right(options: list[str], data: st.DataObject) -> None:
    """By letter always; by text unless that text is the letter of another option."""
    right = data.draw(st.integers(0, len(options) - 1))
    for answer in (ascii_uppercase[right], options[right]):
        try:
            checked = read(question="Which?", answer=answer, choices=options)
        except UserError as error:
            assert "the letter of one option and the text of another" in str(error)  # noqa: PT017
            continue
        assert checked.answer == ascii_uppercase[right]
        assert strict_score(ascii_uppercase[right], AnswerKey(checked.answer, (), checked.choices, checked.rule)) == 1


def test_text_that_is_too_long_or_not_utf8() -> None:
    assert fault(question="x" * (MAX_TEXT + 1), answer="a") == "question: 4001 characters; allowed: 4000"
    assert read(question="x" * MAX_TEXT, answer="a").answer == "a"
    latin = "caf\xe9".encode("latin-1").decode("utf-8", errors="surrogateescape")
    assert fault(question="What?", answer=latin) == r"answer: 'caf\udce9' is not UTF-8; allowed: UTF-8 text"
    assert fault(question="What?", answer="a", answers=["b", "\ud800"]).startswith("answers: ")


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    """A folder with one file, and another file outside it."""
    (tmp_path / "set" / "in").mkdir(parents=True)
    (tmp_path / "set" / "in" / "1.png").write_bytes(b"one")
    (tmp_path / "2.png").write_bytes(b"two")
    return RawDataset(tmp_path / "set", lambda: iter(()), lambda split: tmp_path / "set" / split)


@pytest.mark.parametrize(
    "cell",
    [
        "in/1.png",
        "./in/../in/1.png",
        b"one",
        {"bytes": b"one", "path": "x"},
        {"bytes": None, "path": "in/1.png"},
        ["in/1.png"],
        [b"one"],
    ],
)
def test_a_picture_is_a_path_or_bytes(dataset: RawDataset, cell: object) -> None:
    assert read_picture(RawRow(WHERE, "", {"image": cell}), dataset) == b"one"
    if isinstance(cell, str):
        assert read_picture(RawRow(WHERE, "", {"file_name": cell, "image": None}), dataset) == b"one"


def test_a_splits_pictures_are_in_its_folder(dataset: RawDataset) -> None:
    assert read_picture(RawRow(WHERE, "in", {"file_name": "1.png"}), dataset) == b"one"


@pytest.mark.parametrize("cell", ["../2.png", "in/../../2.png", "link.png", "folder/2.png", "/etc/passwd"])
def test_nothing_outside_the_folder_is_read(dataset: RawDataset, cell: str) -> None:
    (dataset.root / "link.png").symlink_to("../2.png")
    (dataset.root / "folder").symlink_to("..")
    with pytest.raises(UserError, match=r"^metadata.csv, row 3: picture '.*': it leaves the folder of the data set"):
        read_picture(RawRow(WHERE, "", {"file_name": cell}), dataset)


@pytest.mark.parametrize("cell", ["in", "3.png", "in/1.png\0", "x" * 3000, "circle", "https://example.org/1.png"])
def test_what_is_no_file(dataset: RawDataset, cell: str) -> None:
    (dataset.root / "circle").symlink_to("circle")
    with pytest.raises(UserError, match=r"^metadata.csv, row 3: picture '.*': there is no such file"):
        read_picture(RawRow(WHERE, "", {"file_name": cell}), dataset)


@pytest.mark.parametrize("cells", [{}, {"image": ""}, {"file_name": "in/1.png", "image": b"one"}, {"image": b""}])
def test_one_picture_a_row(dataset: RawDataset, cells: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"^metadata.csv, row 3: .*allowed: "):
        read_picture(RawRow(WHERE, "", cells), dataset)


@pytest.mark.parametrize(
    "cell", [3.5, {"bytes": None, "path": None}, {"bytes": None}, ["in/1.png", "in/1.png"], [["in/1.png"]]]
)
def test_pictures_of_other_kinds(dataset: RawDataset, cell: object) -> None:
    with pytest.raises(UserError, match=r"^metadata.csv, row 3: (2 )?picture"):
        read_picture(RawRow(WHERE, "", {"image": cell}), dataset)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["A", "a|b", "choice"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@given(cells=st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=8))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_row_is_read_or_told_in_one_line(dataset: RawDataset, cells: dict[str, Any]) -> None:
    for read_ in (lambda raw: check_texts(raw), lambda raw: read_picture(raw, dataset)):
        try:
            read_(RawRow(WHERE, "", cells))
        except UserError as error:
            line = str(error)
            assert line.startswith(f"{WHERE}: ") and "; allowed: " in line and line.isprintable()
