"""A method's source hash changes with its code and with nothing else, and is read without an import."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.methods.code import code_hash, text_hash

FILES = {
    "__init__": "REGISTRY = {}\n",
    "base": "class Base: ...\n",
    "maths": "def f(): ...\n",
    "method": "import os\nfrom tests_methods.base import Base\nfrom tests_methods import maths\n",
    "other": "import tests_methods.base\n",
    "deep/__init__": "",
    "deep/far": "from tests_methods.method import Base\n",
}


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of methods, imported by nobody."""
    folder = tmp_path / "tests_methods"
    (folder / "deep").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    code_hash.cache_clear()
    yield folder
    assert "tests_methods" not in sys.modules
    code_hash.cache_clear()


def changes(package: Path, module: str, edited: str) -> bool:
    """Whether an edit of one file changes a module's hash."""
    before = code_hash(module)
    with (package / f"{edited}.py").open("a") as file:
        file.write("# edited\n")
    code_hash.cache_clear()
    return code_hash(module) != before


@pytest.mark.parametrize("edited", ["method", "base", "maths", "__init__"])
def test_it_changes_with_every_module_that_is_imported(package: Path, edited: str) -> None:
    assert changes(package, "tests_methods.method", edited)


@pytest.mark.parametrize("edited", ["method", "base", "maths", "deep/far"])
def test_it_follows_imports_of_imports(package: Path, edited: str) -> None:
    assert changes(package, "tests_methods.deep.far", edited)


@pytest.mark.parametrize("edited", ["other", "deep/far"])
def test_it_does_not_change_with_other_methods(package: Path, edited: str) -> None:
    assert not changes(package, "tests_methods.method", edited)


def test_a_plain_import_counts(package: Path) -> None:
    assert changes(package, "tests_methods.other", "base")


def test_a_module_of_its_own(package: Path) -> None:
    (package.parent / "tests_single.py").write_text("from tests_methods.base import Base\n")
    assert changes(package.parent, "tests_single", "tests_single")
    assert not changes(package, "tests_single", "base")


def test_the_methods_of_the_benchmark_differ() -> None:
    names = ("defenses.em", "defenses.controls", "defenses.mmguard.bph", "attacks.tune.lora_sft", "attacks.controls")
    assert len({code_hash(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["x" * 5000, "é" * 200])
def test_a_name_that_no_file_can_have_is_no_module(name: str) -> None:
    assert text_hash(f"from defenses.base import {name}\n") != text_hash("from defenses.base import y\n")
    assert len(text_hash(f"import defenses.{name}.a\n")) == 16


@pytest.mark.parametrize("text", ["x = '\\\x1b[31m'\n", "x = 9if x else 1\n", "x is 1\n"])
def test_warnings_about_a_foreign_text_are_not_printed(text: str, recwarn: pytest.WarningsRecorder) -> None:
    assert len(text_hash(text)) == 16
    assert not recwarn.list
