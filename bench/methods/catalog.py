"""The methods of a package, read from source text and package metadata. No method is imported."""

import ast
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """The module of a method, or the one file of a code entry, and one line about it.

    installed: True for a method that another package brings. release: the folder of a set that was protected elsewhere.
    """

    module: str
    summary: str
    file: Path | None = None
    installed: bool = False
    release: Path | None = None


def built_in(root: Path, package: str, decorator: str) -> Iterator[tuple[str, Entry]]:
    """Yield the name and entry of every class below `root/package` that is decorated with `@decorator("name")`."""
    for file in sorted((root / package).rglob("*.py")):
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        for name, node in _decorated(ast.parse(file.read_text(encoding="utf-8")), decorator):
            yield name, Entry(module, (ast.get_docstring(node) or "").split("\n")[0])


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
