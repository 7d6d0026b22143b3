"""Names to methods: one decorator, one line in `list`, loud errors for duplicates and unknown names."""

import ast
import importlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from bench import spec
from bench.errors import UserError, unknown
from bench.methods.code import source
from bench.paths import home, write_whole
from bench.spec import Method, identity

T = TypeVar("T", bound="Registered")


TRAITS = ("depends", "trains", "tunes", "checkpoints", "needs", "queries")
"""Attributes that a planner must know."""


class Registered:
    """What every defense and attack has: a name and options."""

    name: ClassVar[str]
    Options: ClassVar[type[spec.Options]] = spec.Options

    def __init__(self, options: spec.Options) -> None:
        self.options: Any = options

    @property
    def settings(self) -> dict[str, Any]:
        """Every option's value."""
        return dict(self.options.model_dump())


class Entry(NamedTuple):
    """Where a method is written and what it is, in one line."""

    module: str
    summary: str


class Described(NamedTuple):
    """What names a method's artefacts: every option's value, the hash of its code, and its traits."""

    options: dict[str, Any]
    source: str
    traits: dict[str, Any]


def _registered(tree: ast.Module, decorator: str) -> Iterator[tuple[str, ast.ClassDef]]:
    """The classes with a `@register("name")` decorator, or one of another name, by the name that it gives them."""
    for node in (n for n in tree.body if isinstance(n, ast.ClassDef)):
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == decorator:
                yield ast.literal_eval(call.args[0]), node


class Registry(Generic[T]):
    """Methods of one kind. Third parties add theirs through entry points in the group `mmguard_bench.<kind>`."""

    def __init__(self, kind: str, package: str, decorator: str = "register") -> None:
        self.kind, self.package, self.decorator = kind, package, decorator
        self._methods: dict[str, type[T]] = {}
        self._described: dict[str, Described] = {}

    def register(self, name: str) -> Any:
        """Class decorator. Raises ValueError where the name is taken."""

        def add(cls: type[T]) -> type[T]:
            self._refuse_duplicate(name, self._methods)
            cls.name = name
            self._methods[name] = cls
            return cls

        return add

    def _refuse_duplicate(self, name: str, taken: Mapping[str, object]) -> None:
        if name in taken:
            raise ValueError(f"{self.kind} {name!r} is registered twice")

    @cached_property
    def catalog(self) -> dict[str, "Entry"]:
        """Every built-in and installed method, read from source text and metadata: nothing is imported."""
        root = Path(__file__).parents[2] / self.package
        entries: dict[str, Entry] = {}
        for file in sorted(root.rglob("*.py")):
            module = ".".join(file.relative_to(root.parent).with_suffix("").parts)
            for name, node in _registered(ast.parse(file.read_text(encoding="utf-8")), self.decorator):
                self._refuse_duplicate(name, entries)
                entries[name] = Entry(module, (ast.get_docstring(node) or "").split("\n")[0])
        for point in entry_points(group=f"mmguard_bench.{self.kind}"):
            self._refuse_duplicate(point.name, entries)
            entries[point.name] = Entry(point.module, f"from {point.dist.name}" if point.dist else "installed")
        return dict(sorted(entries.items()))

    @cached_property
    def controls(self) -> frozenset[str]:
        """Methods that a measurement is checked with and that compete with nobody: those of the file `controls`."""
        return frozenset(name for name, entry in self.catalog.items() if entry.module == f"{self.package}.controls")

    def check(self, name: str) -> None:
        """Raises UserError for an unknown name, suggesting the nearest."""
        if name not in self.catalog:
            raise unknown(self.kind, name, self.catalog)

    def get(self, name: str) -> type[T]:
        """The class named `name`; imports its module."""
        self.check(name)
        importlib.import_module(self.catalog[name].module)
        return self._methods[name]

    def describe(self, method: Method) -> Described:
        """A method as its artefacts' names need it. Raises UserError as `build` does.

        The module, and torch with it, is imported for the first question alone: the answer is kept, by the code's hash.
        """
        key = method.model_dump_json()
        if key not in self._described:
            self.check(method.name)
            code = self.code(method.name)
            kept = home() / "methods" / f"{identity([self.kind, method.model_dump(), code])}.json"
            if not kept.exists():
                built = self.build(method)
                traits = {name: getattr(built, name) for name in TRAITS if hasattr(built, name)}
                write_whole(kept, json.dumps([built.settings, code, traits], default=sorted))
            self._described[key] = Described(*json.loads(kept.read_text(encoding="utf-8")))
        return self._described[key]

    def code(self, name: str) -> str:
        """Hash of the code that a method is made of."""
        return source(self.catalog[name].module)

    def build(self, method: Method) -> T:
        """An instance with validated options. Raises UserError that names the option and what is allowed."""
        cls = self.get(method.name)
        try:
            return cls(cls.Options.model_validate(method.options))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            allowed = ", ".join(cls.Options.model_fields) or "none"
            raise UserError(
                f"{self.kind} {method.name}, option {field}={first['input']!r}: {first['msg']}; options: {allowed}"
            ) from None
