"""The code that a method is made of, read as text: nothing is imported."""

import ast
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

METHODS = ("defenses", "attacks")


@cache
def source(module: str) -> str:
    """Hash of a method's module and of every method module that it imports, by whatever way."""
    own = {*METHODS, module.split(".")[0]}
    found: dict[str, str] = {}
    waiting = {module}
    while waiting:
        name = waiting.pop()
        if (file := _file(name)) is not None:
            found[name] = file.read_text(encoding="utf-8")
            waiting |= {n for n in _imports(found[name]) if n.split(".")[0] in own} - found.keys()
    digest = hashlib.sha256()
    for _, text in sorted(found.items()):
        digest.update(text.encode())
    return digest.hexdigest()[:16]


def _imports(text: str) -> set[str]:
    """Names that may be modules: `from a import b` may mean `a.b`."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _file(module: str) -> Path | None:
    """The file of a module; None for a name that is no module."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*rest)
    files = (path.with_suffix(".py"), path / "__init__.py") if rest else (Path(spec.origin),)
    return next((file for file in files if file.is_file()), None)
