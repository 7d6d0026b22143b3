"""Methods by name: one decorator registers a class, and unknown or doubled names are errors."""

import importlib
import logging
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from bench.errors import UserError, printable, show, unknown_name
from bench.methods import catalog, descriptions
from bench.methods.catalog import Entry
from bench.methods.code import code_hash, text_hash
from bench.methods.descriptions import Description
from bench.methods.registered import Registered, Traits
from bench.methods.submitted import find_code
from bench.spec import Method, Options

MAX_EXACT = 2**53
"""Below it, every whole number is a float of its own."""

T = TypeVar("T", bound=Registered[Any])
F = TypeVar("F", bound=Traits)
C = TypeVar("C", bound=type[Registered[Any]])


LOG = logging.getLogger(__name__)

REGISTRIES: "dict[str, Registry[Any, Any]]" = {}
"""The registry of each kind. A tuner, of the kind `attack`, is named together with parts, of the kind `part`."""


class Registry(Generic[T, F]):
    """The methods of one kind. Other packages add theirs through the entry-point group `mmguard_bench.<kind>`.

    sandbox: the module that describes the methods of others, whose code is not imported into this process; "" in a
    sandbox.
    submitted: the function that finds a method which was sent in, by the name that stands for its content.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        traits: type[F],
        decorator: str = "register",
        sandbox: str = "bench.sandbox",
        submitted: Callable[[str], Entry | None] = find_code,
    ) -> None:
        self.kind, self.package, self.traits, self.decorator, self.sandbox = kind, package, traits, decorator, sandbox
        self.submitted = submitted
        REGISTRIES[kind] = self
        self._methods: dict[str, type[T]] = {}
        self._descriptions: dict[str, Description[F]] = {}

    def register(self, name: str) -> Callable[[C], C]:
        """Return the class decorator that gives a class its name. Raises ValueError where the name is taken."""

        def add(cls: C) -> C:
            self._refuse_duplicate(name, self._methods)
            cls.name = name
            self._methods[name] = cls  # type: ignore[assignment]
            return cls

        return add

    def _refuse_duplicate(self, name: str, taken: Container[str]) -> None:
        if name in taken:
            raise ValueError(f"{self.kind} {name!r} is registered twice")

    @cached_property
    def catalog(self) -> dict[str, Entry]:
        """Every built-in and installed method by name. An installed one whose name is taken is left out with a warning.

        Raises ValueError where two built-in methods have one name.
        """
        root = Path(__file__).parents[2]
        entries: dict[str, Entry] = {}
        for name, entry in catalog.built_in(root, self.package, self.decorator):
            self._refuse_duplicate(name, entries)
            entries[name] = entry
        for name, entry in catalog.installed(entry_points(group=f"mmguard_bench.{self.kind}")):
            if name in entries:
                LOG.warning("%s %r %s is left out: the name is taken", self.kind, name, entry.summary)
            else:
                entries[name] = entry
        return dict(sorted(entries.items()))

    @cached_property
    def controls(self) -> frozenset[str]:
        """The methods of the file `controls`: a measurement is checked with them, and they are never ranked."""
        return frozenset(name for name, entry in self.catalog.items() if entry.module == f"{self.package}.controls")

    def entry(self, name: str) -> Entry | None:
        """Return the entry of a built-in, installed or submitted method, or None for an unknown name."""
        return self.catalog.get(name) or self.submitted(name)

    def check(self, name: str) -> None:
        """Raise UserError for an unknown name; it suggests the nearest one."""
        self._require(name)

    def _require(self, name: str) -> Entry:
        entry = self.entry(name)
        if entry is None:
            raise unknown_name(self.kind, name, self.catalog)
        return entry

    def add_file(self, name: str, file: Path) -> None:
        """Give the one file of a code entry a name. It is never imported here. Raises UserError for a taken name."""
        if name in self.catalog and self.catalog[name].file != file:
            raise UserError(f"{self.kind}: the name {show(name)} is taken; allowed: another one")
        self.catalog[name] = Entry("", f"from {file.name}", file)

    @contextmanager
    def borrow_file(self, name: str, file: Path) -> Iterator[None]:
        """Know the file of a code entry under a name, as `add_file` does, until the block ends."""
        self.add_file(name, file)
        try:
            yield
        finally:
            del self.catalog[name]

    def adopt(self, name: str, cls: type[T]) -> None:
        """Give a class a name in this process, which is one of a sandbox."""
        cls.name = name
        self._methods[name] = cls

    def sandboxed(self, name: str) -> Path | str | None:
        """Return the file or the name of a method that runs in a sandbox alone; None for any other."""
        entry = self.entry(name)
        return entry and (entry.file or (name if self.sandbox and entry.installed else None))

    def foreign(self, name: str) -> list[tuple[str, str, Entry]]:
        """Return the code of others that a name stands for, `tuner+part+part` included: kind, name and entry of each.

        Raises UserError for an unknown name.
        """
        first, *parts = name.split("+")
        entry = self._require(first)
        own = [(self.kind, first, entry)] if entry.installed or entry.file is not None else []
        return own + [term for part in parts for term in REGISTRIES["part"].foreign(part)]

    def get(self, name: str) -> type[T]:
        """Import the module of a method and return its class.

        Raises UserError where an installed one has none, and for one that runs in a sandbox alone.
        """
        entry = self._require(name)
        if self.sandboxed(name) is not None:
            raise UserError(f"{self.kind} {name} {entry.summary}: it is loaded in the sandbox alone")
        if name not in self._methods:
            with self._errors_as_one_line(name):
                module = importlib.import_module(entry.module)
            if entry.release is not None:
                self.adopt(name, module.from_folder(entry.release))
            if name not in self._methods:
                fault, how = f"{entry.module} registers no such name", f'a class under @{self.decorator}("{name}")'
                raise UserError(f"{self.kind} {name} {entry.summary}: {fault}; allowed: {how}")
        return self._methods[name]

    def describe(self, method: Method) -> Description[F]:
        """Return what names a method's artefacts. Raises UserError as `build` does.

        The method's module, and torch with it, is imported only where the answer neither comes with the package nor is
        kept in the home, under the hash of the method's code.
        """
        key = method.model_dump_json()
        if key not in self._descriptions:
            self.check(method.name)
            self._descriptions[key] = descriptions.load_or_describe(
                self.kind, method, self.code(method.name), self.description, lambda: self.examine(method)
            )
        return self._descriptions[key]

    @property
    def described(self) -> list[Method]:
        """The methods that were described in this process."""
        return [Method.model_validate_json(text) for text in self._descriptions]

    def examine(self, method: Method) -> Description[F]:
        """Return what names a method's artefacts, from its module. Raises UserError as `build` does."""
        if self.sandbox and self.foreign(method.name):
            facts = importlib.import_module(self.sandbox).describe_method(self.kind, method)
            settings, stated, traits = facts.options, facts.naming, facts.traits
        else:
            built = self.build(method)
            settings, stated, traits = built.settings, built.naming, built.traits
        naming = {key: _shorten(value) for key, value in sorted(stated.items())}
        return self.description(options=settings, naming=naming, code=self.code(method.name), traits=traits)

    def normalise(self, method: Method) -> Method:
        """Return the one form of a method that names it: the options of `naming`, sorted by name.

        A method without options is returned unchecked. Raises UserError as `build` does for any other.
        """
        return Method(name=method.name, options=self.describe(method).naming) if method.options else method

    @property
    def description(self) -> type[Description[F]]:
        """The model of a description."""
        return Description[self.traits]  # type: ignore[name-defined]

    def code(self, name: str) -> str:
        """Return the hash of the code that a method is made of. Raises UserError for code that cannot be read."""
        entry = self._require(name)
        with self._errors_as_one_line(name):
            return code_hash(entry.module) if entry.file is None else _file_hash(entry.file)

    @contextmanager
    def _errors_as_one_line(self, name: str) -> Iterator[None]:
        """Raise UserError for any error of an installed method's module; errors of built-in ones pass."""
        entry = self._require(name)
        try:
            yield
        except Exception as error:
            if entry.module.startswith(f"{self.package}."):
                raise
            reason = printable(str(error)[:200])
            what = f"{entry.module} cannot be imported" if entry.file is None else "it cannot be read"
            raise UserError(f"{self.kind} {name} {entry.summary}: {what}: {reason}") from error

    def check_options(self, method: Method) -> Options:
        """Return the options of a method. Raises UserError that names the option and what is allowed."""
        model = self.get(method.name).Options
        try:
            return model.model_validate(method.options)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(printable(str(part)[:40]) for part in first["loc"])
            reason = "no such option" if first["type"] == "extra_forbidden" else first["msg"]
            value = show(first["input"]) if isinstance(first["input"], str) else first["input"]
            allowed = ", ".join(model.model_fields) or "none"
            raise UserError(
                f"{self.kind} {method.name}, option {field}={value}: {reason}; options: {allowed}"
            ) from None

    def build(self, method: Method) -> T:
        """Return an instance with checked options. Raises UserError as `check_options` does."""
        return self.get(method.name)(self.check_options(method))


def _file_hash(file: Path) -> str:
    try:
        return text_hash(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None


def _shorten(value: Any) -> Any:
    """Return a whole number without its point, so that 6.0 and 6 are one; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT else value
