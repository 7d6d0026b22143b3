"""The methods of a package, read from source text and package metadata. No method is imported."""

import ast
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple


class CardValues(NamedTuple):
    """The values of a method's card, as its source states them: those without and with a name."""

    values: tuple[Any, ...]
    named: dict[str, Any]


class Entry(NamedTuple):
    """The module of a method, or the one file of a code entry, and one line about it.

    installed: True for a method that another package brings. release: the folder of a set that was protected elsewhere.
    card: None where the class itself states none in plain values.
    """

    module: str
    summary: str
    file: Path | None = None
    installed: bool = False
    release: Path | None = None
    card: CardValues | None = None


def built_in(root: Path, package: str, decorator: str) -> Iterator[tuple[str, Entry]]:
    """Yield the name and entry of every class below `root/package` that is decorated with `@decorator("name")`."""
    for file in sorted((root / package).rglob("*.py")):
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        for name, node in _decorated(ast.parse(file.read_text(encoding="utf-8")), decorator):
            yield name, Entry(module, (ast.get_docstring(node) or "").split("\n")[0], card=_find_card(node))


def installed(points: Iterable[EntryPoint]) -> Iterator[tuple[str, Entry]]:
    """Yield the name and entry of every method that another package brings."""
    for point in points:
        summary = f"from {point.dist.name}" if point.dist else "installed"
        yield point.name, Entry(point.module, summary, installed=True)


def _decorated(tree: ast.Module, decorator: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in (n for n in tree.body if isinstance(n, ast.ClassDef)):
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == decorator:
                yield ast.literal_eval(call.args[0]), node


def _find_card(node: ast.ClassDef) -> CardValues | None:
    """Return the card in `card = Card(...)` in the body of a class; None where it is computed, or inherited."""
    for line in node.body:
        match line:
            case ast.Assign(targets=[ast.Name("card")], value=ast.Call(ast.Name("Card" | "AttackCard"), values, named)):
                try:
                    by_name = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in named}
                    return CardValues(tuple(map(ast.literal_eval, values)), by_name)
                except ValueError:
                    return None
    return None
