"""The part of YAML that is read here: maps, lists and scalars, where each text has one meaning.

Numbers are written in decimals, and truth as `true` or `false`; `yes` and `on` are texts. What YAML 1.1 and 1.2 read
as different numbers, or one of them as a date, is refused: `010`, `1_000`, `1:30`, `0x1f`, `2024-01-31`. So are tags,
anchors, aliases, directives, further documents, and keys that are no text or stand twice.
"""

import re
from math import isfinite
from typing import Any, NoReturn

import yaml

from bench.errors import printable, show

MAX_DEPTH = 16
"""Maps and lists inside one another."""

MAX_DIGITS = 40
"""Digits of a whole number."""

WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: value for value in (True, False) for word in (str(value), str(value).lower(), str(value).upper())
}
WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
OCTAL = re.compile(r"[-+]?0o[0-7]+")
OTHER_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp", "merge", "value")}
"""Tags that YAML 1.1 gives to a text without quotes."""

BREAKS = re.compile("[\x85\u2028\u2029\ufeff\ud800-\udfff]")
"""Characters that YAML 1.1 takes as line breaks and editors do not show as such, and halves of characters."""


def load(text: str) -> object:
    """Return the value that a document stands for. Raises ValueError with the line and the reason.

    >>> load("{a: [1, 1e-3, yes, true, '010'], b: ~}")
    {'a': [1, 0.001, 'yes', True, '010'], 'b': None}
    """
    node = _compose(text)
    return None if node is None else _build(node)


def find_line(text: str, field: str) -> int:
    """Return the line of a field, written as keys and numbers with points, or of the last part of it that is there.

    >>> find_line("a: 1\\nb:\\n  c: [2,\\n   3]", "b.c.1"), find_line("a: 1\\nb: 2", "b.x"), find_line("a: 1", "x")
    (4, 2, 1)
    """
    line, node = 0, _compose(text)
    for part in field.split("."):
        if isinstance(node, yaml.MappingNode):
            children = {key.value: (key, value) for key, value in node.value}
        else:
            items = node.value if isinstance(node, yaml.SequenceNode) else []
            children = {str(number): (item, item) for number, item in enumerate(items)}
        if part not in children:
            break
        place, node = children[part]
        line = place.start_mark.line
    return line + 1


def _compose(text: str) -> yaml.Node | None:
    """Return the tree of a document's values. Raises ValueError with the line and the reason."""
    for unreadable in filter(None, (yaml.SafeLoader.NON_PRINTABLE.search(text), BREAKS.search(text))):
        number = text.count("\n", 0, unreadable.start()) + 1
        raise ValueError(
            f"line {number}: the character {printable(unreadable[0])}; allowed: text without control characters"
        )
    try:
        node: yaml.Node | None = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        reasons = " ".join(filter(None, (error.problem, error.context)))
        raise ValueError(printable(f"{_line(error.problem_mark)}: {reasons}; allowed: YAML")) from None
    return node


class _Loader(yaml.SafeLoader):
    """A loader of nodes that refuses whatever can give one text two meanings."""

    depth = 0

    def compose_document(self) -> yaml.Node | None:
        start = self._next_event()
        if isinstance(start, yaml.DocumentStartEvent) and (start.version or start.tags):
            _refuse(start, "a directive", "a file without lines that begin with %")
        node = super().compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            _refuse(self._next_event(), "a second document", "one")
        return node

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self._next_event()
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:  # an alias has one too
            _refuse(event, "an anchor or alias", "texts in quotes, if they begin with & or *")
        tag = getattr(event, "tag", None)
        if tag is not None:
            _refuse(event, f"the tag {show(tag)}", "values without tags")
        if self.depth == MAX_DEPTH:
            _refuse(event, "maps or lists too deep", f"{MAX_DEPTH} inside one another")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _next_event(self) -> yaml.Event:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        return event


def _build(node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return [_build(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _build_map(node)
    value = node.value if getattr(node, "style", None) else _read_plain(node)  # a style: in quotes, or a block of text
    if isinstance(value, str) and BREAKS.search(value):
        _refuse(node, show(value), "whole characters, without line separators")
    return value


def _read_plain(node: yaml.Node) -> bool | int | float | str | None:
    """Return what a scalar without quotes stands for."""
    text: str = node.value
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if DECIMAL.fullmatch(text) and not WHOLE.fullmatch(text) and isfinite(float(text)):
        return float(text)
    if WHOLE.fullmatch(text) or DECIMAL.fullmatch(text) or OCTAL.fullmatch(text) or node.tag in OTHER_TAGS:
        allowed = f"finite numbers in decimals of at most {MAX_DIGITS} digits, and texts in quotes"
        _refuse(node, f"{show(text)} is no number or text that all readers of YAML agree on", allowed)
    return text


def _build_map(node: yaml.MappingNode) -> dict[str, object]:
    lines: dict[str, str] = {}
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = _build(key_node)
        if not isinstance(key, str):
            _refuse(key_node, f"the key {show(key)}", "keys that are texts")
        if key in lines:
            _refuse(key_node, f"the key {show(key)} is there twice, first in {lines[key]}", "once")
        lines[key] = _line(key_node.start_mark)
        values[key] = _build(value_node)
    return values


def _refuse(place: yaml.Event | yaml.Node, reason: str, allowed: str) -> NoReturn:
    raise ValueError(f"{_line(place.start_mark)}: {reason}; allowed: {allowed}")


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}" if mark else "file"
