"""Texts that people read have something to read, in any script, and nothing that hides or turns what is near."""

import pytest

from bench.texts import MAX_MARKS, check_text, find_double

READABLE = [
    "A title",
    "x",
    "7",
    "防御\u3000ノイズ",
    "الدفاع بالضوضاء",
    "הגנה",
    "सुरक्षा का शोर",
    "Việt Nam",
    "Vie\u0323\u0302t",
    "ไทย",
    "می\u200cخواهم",
    "क\u094d\u200dष",
    "a family 👨\u200d👩\u200d👧 of noise",
    "red heart ❤\ufe0f 1",
    "葛\U000e0100城",
    "O'Neil & Söhne — 3/4",
    "narrow\u202fspace",
    "no\u00a0break",
    "[x](javascript:alert(1))",
    "½",
    "한국어",
    "ᠮᠤᠩᠭᠤᠯ\u180b",
]
UNREADABLE = [
    "",
    " ",
    "\u3000",
    "\u00a0\u2003",
    "...",
    "!?",
    "—",
    "___",
    "\u0301",
    "\u0301\u0302",
    "👨",
    "+",
    "\u3164",
    "\uffa0\uffa0",
    "\u115f\u1160",
    "\u2800\u2800",
    "a\u3164",
    "a\u2800b",
    "\u034fa",
    "a\u200bb",
    "a\u200db",
    "\u200da",
    "a\u200d",
    "a\ufeffb",
    "a\u2060b",
    "a\u00adb",
    "good \u202eevil\u202c",
    "a\u2066b\u2069",
    "a\u200e",
    "\u200fa",
    "a\u061cb",
    "a\tb",
    "a\nb",
    "a\rb",
    "a\x00b",
    "a\x1b[31m",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\ud800",
    "a\ue000",
    "a\ufdd0",
    "a\U000e0041",
    "\ufe0f",
    "a \ufe0f",
    "a\ufe0f\ufe0f",
    "Z" + "\u0335" * (MAX_MARKS + 1),
    "a\U0001d173",
]


@pytest.mark.parametrize("text", READABLE, ids=ascii)
def test_ordinary_texts_in_any_script_are_kept_as_they_are(text: str) -> None:
    assert check_text(text) == text
    assert check_text(f"  {text}\u3000") == text


@pytest.mark.parametrize("text", UNREADABLE, ids=ascii)
def test_filler_and_what_cannot_be_seen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|marks") as error:
        check_text(text)
    assert str(error.value).isprintable()


def test_a_paragraph_has_lines() -> None:
    assert check_text("one\ntwo\n", lines=True) == "one\ntwo"
    with pytest.raises(ValueError, match="nothing to read"):
        check_text("\n \n", lines=True)


@pytest.mark.parametrize(
    ("names", "double"),
    [
        (["a", "b"], None),
        (["a", "A"], "A"),
        (["a b", "c", " a  b"], " a  b"),
        (["ａ", "a"], "a"),
        (["ß", "SS"], "SS"),
        ([], None),
        (["é", "e\u0301"], "e\u0301"),
    ],
)
def test_a_double_is_found_whatever_its_case_width_and_spaces(names: list[str], double: str | None) -> None:
    assert find_double(names) == double
