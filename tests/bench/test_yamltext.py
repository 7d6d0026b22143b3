"""Each text has one meaning: JSON's values in YAML's notation; everything else is refused with its line."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.yamltext import MAX_DEPTH, MAX_DIGITS, load

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cf"]), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=9
)
"""Values of JSON."""


@given(VALUES)
def test_what_json_writes_is_read_as_it_was(value: object) -> None:
    assert load(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("-3", -3),
        ("+5", 5),
        ("0", 0),
        ("8.0", 8.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("5.", 5.0),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("OFF", "OFF"),
        ("y", "y"),
        ("n", "n"),
        ("1.2.3", "1.2.3"),
        ("08", "08"),
        ("1e", "1e"),
        ("'010'", "010"),
        ('"1:30"', "1:30"),
        ("tRUE", "tRUE"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("'2024-01-31'", "2024-01-31"),
        ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
    ],
)
def test_a_scalar_has_its_value_and_type(text: str, value: object) -> None:
    (read,) = load(f"- {text}")  # type: ignore[misc]
    assert (read, type(read)) == (value, type(value))


AMBIGUOUS = [
    "010",
    "00",
    "-07",
    "0o10",
    "0x1f",
    "0xFF",
    "0b1",
    "1_000",
    "1__0",
    "1_0.5",
    "1:30",
    "190:20:30",
    "1:30.5",
    "2024-13-45",
    "2024-01-31",
    "2026-02-30",
    "2024-01-31T10:00:00Z",
    "2024-1-1 1:01:01",
    ".inf",
    "-.inf",
    "+.INF",
    ".nan",
    ".NaN",
    "1e999",
    "-1e999",
    "1.5e400",
    "9" * (MAX_DIGITS + 1),
    "9" * 5000,
    "0x" + "f" * 5000,
    "=",
    "<<",
]


@pytest.mark.parametrize("text", AMBIGUOUS, ids=lambda text: text[:24])
def test_what_readers_of_yaml_take_for_several_numbers_or_dates_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^line 2: .* is no number or text that all readers of YAML agree on; allowed: "
    ):
        load(f"a: 1\nb: {text}")
    assert load(f"a: '{text}'") == {"a": text}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice, first in line 1"),
        ("a: {b: [{c: 1, c: 2}]}", "line 1: the key 'c' is there twice"),
        ("a: 1\n'a': 2", "line 2: the key 'a' is there twice"),
        ('"\\e[31m": 1\n"\\e[31m": 2', "line 2: the key '\\x1b[31m' is there twice"),
        ("5: 1", "line 1: the key '5'"),
        ("true: 1", "line 1: the key 'True'"),
        ("null: 1", "line 1: the key 'None'"),
        ("? [a, b]\n: c", "line 1: the key "),
        ("? {a: b}\n: c", "line 1: the key "),
        ("a: !!int ''", "line 1: the tag 'tag:yaml.org,2002:int'"),
        ("a: !!set {b, c}", "line 1: the tag"),
        ("a: !!binary aGk=", "line 1: the tag"),
        ("a: !local 1", "line 1: the tag '!local'"),
        ("a: ! 1", "line 1: the tag '!'"),
        ("!!map {a: 1}", "line 1: the tag"),
        ("a: !<tag:x> 1", "line 1: the tag"),
        ("!!python/object/apply:os.system ['true']", "line 1: the tag"),
        ("a: &x 1", "line 1: an anchor"),
        ("a: &x [1]\nb: *x", "line 1: an anchor"),
        ("a: *x", "line 1: an anchor"),
        ("&k a: 1", "line 1: an anchor"),
        ("a: {<<: {b: 1}}", "line 1: '<<'"),
        ("%YAML 1.1\n---\na: 1", "line 1: a directive"),
        ("%TAG ! tag:x,2000:\n---\na: 1", "line 1: a directive"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: 1\n...\nb: 2", "line "),
        ("a:\n\tb: 1", "line 2: found character '\\t' that cannot start any token"),
        ("a: 'x", "line 1: found unexpected end of stream"),
        ('a: "\\q"', "line 1: found unknown escape character"),
        ("a: [1, 2", "line 1: expected ',' or ']'"),
        ("a: }", "line 1: "),
        ("a: @x", "line 1: "),
        ("a: b: c", "line 1: mapping values are not allowed here"),
        ('a: "\\ud800"', "line 1: '\\ud800'"),
        ('a: "x\\u2028y"', "line 1: 'x\\u2028y'"),
        ("a: b\nc: d\u2028e: f", "line 2: the character \\u2028"),
        ("a: b\nc: d\x85e: f", "line 2: the character \\x85"),
        ("a: 1\n# \x1b[31m", "line 2: the character \\x1b"),
        ("a\x00: 1", "line 1: the character \\x00"),
        ("a: \ufeff", "line 1: the character \\ufeff"),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as error:
        load(text)
    assert str(error.value).startswith(reason)
    assert "; allowed: " in str(error.value) and str(error.value).isprintable()


@pytest.mark.parametrize(
    "text", ["[" * 30_000, "{" * 30_000, "- " * 30_000, "? " * 30_000, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)]
)
def test_depth_is_bounded_and_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match="too deep"):
        load(text)
    assert time.perf_counter() - start < 5
    assert load("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_a_document_may_be_marked_and_commented() -> None:
    assert load("---\n# a comment\na: |\n  x\n  y\n...\n") == {"a": "x\ny\n"}
    assert load("") is None and load("# nothing") is None
