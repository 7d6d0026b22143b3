"""The hash of a method's code, computed from source text. No method is imported."""

import ast
import hashlib
import os
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path

METHODS = ("defenses", "attacks")
"""The packages whose modules count as code of a method."""


@cache
def code_hash(module: str) -> str:
    """Return 16 hex digits that change with a method's module, or with any method module that it imports.

    Imports of imports count too, so that editing a shared base class changes the hash of every method on it.
    """
    return _hash({module}, {*METHODS, module.split(".")[0]}, {})


def text_hash(text: str) -> str:
    """Return the hash of a method that is one text of Python: of it, and of the method modules that it imports.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for a text that is no Python.
    """
    return _hash({name for name in _imports(text) if name.split(".")[0] in METHODS}, {*METHODS}, {"": text})


def _hash(waiting: set[str], own: set[str], texts: dict[str, str]) -> str:
    """Return the hash of texts, and of the modules that wait and all that they import, as far as they are `own`."""
    while waiting:
        name = waiting.pop()
        if (file := _file(name)) is not None:
            texts[name] = file.read_text(encoding="utf-8")
            waiting |= {n for n in _imports(texts[name]) if n.split(".")[0] in own} - texts.keys()
    digest = hashlib.sha256()
    for _, text in sorted(texts.items()):
        digest.update(text.encode())
    return digest.hexdigest()[:16]


def _imports(text: str) -> set[str]:
    """Return every name that may be an imported module: `from a import b` may mean `a.b`."""
    names = set()
    with warnings.catch_warnings(action="ignore"):  # they quote a foreign text
        tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _file(module: str) -> Path | None:
    """Return the source file of a module, or None for a name that is no module."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*rest)
    files = (path.with_suffix(".py"), path / "__init__.py") if rest else (Path(spec.origin),)
    return next((file for file in files if os.path.isfile(file)), None)  # noqa: PTH113 - False, too, for a long name
