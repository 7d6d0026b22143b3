"""Names lead to methods; mistakes are told with what would have been right; descriptions are kept."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from pydantic import Field

import bench.methods.registry
from bench.errors import UserError
from bench.methods.code import code_hash
from bench.methods.registered import Registered, Traits
from bench.methods.registry import Registry
from bench.spec import Method, Options

TOY = """
from tests_toy import Thing, register

@register("{name}")
class Toy(Thing):
    '''The {name} method.

    More about it.
    '''
"""


class Settings(Options):
    """Options of the toy methods."""

    rounds: int = Field(4, ge=1, le=100)
    rate: float = 0.5


class ThingTraits(Traits):
    """Whether it trains."""

    trains: bool


class Thing(Registered[Settings]):
    """A toy."""

    trains = True

    @property
    def traits(self) -> ThingTraits:
        return ThingTraits(trains=self.trains)


Things = Registry[Thing, ThingTraits]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of methods on disk, beside `bench`; `nested` lies in a subpackage."""
    folder = tmp_path / "toy_methods"
    for name in ("alpha", "beta", "deep/nested"):
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(TOY.format(name=file.stem))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(bench.methods.registry, "__file__", str(tmp_path / "bench" / "methods" / "registry.py"))
    yield folder
    for module in [m for m in sys.modules if m.startswith("toy_methods")]:
        del sys.modules[module]


@pytest.fixture
def registry(package: Path, monkeypatch: pytest.MonkeyPatch) -> Things:
    """The registry of `package`."""
    made = Things("toy", "toy_methods", ThingTraits, sandbox="")
    shared = ModuleType("tests_toy")
    shared.Thing, shared.register = Thing, made.register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tests_toy", shared)
    return made


def test_methods_are_listed_without_being_imported(registry: Things) -> None:
    listed = {name: entry.summary for name, entry in registry.catalog.items()}
    assert listed == {name: f"The {name} method." for name in ("alpha", "beta", "nested")}
    assert not [m for m in sys.modules if m.startswith("toy_methods")]


def test_the_methods_of_the_file_controls_are_told_apart(registry: Things, package: Path) -> None:
    assert registry.controls == frozenset()
    for file in (package / "controls.py", package / "deep" / "controls.py"):
        file.write_text(TOY.format(name=f"{file.parent.name}_control"))
    again = Things("toy", "toy_methods", ThingTraits, sandbox="")
    assert again.controls == {"toy_methods_control"}
    assert set(again.catalog) == {"alpha", "beta", "nested", "toy_methods_control", "deep_control"}


def test_a_name_leads_to_its_class(registry: Things) -> None:
    found = registry.get("nested")
    assert (found.name, found.__module__) == ("nested", "toy_methods.deep.nested")
    assert "toy_methods.alpha" not in sys.modules


def test_a_name_is_registered_once(registry: Things) -> None:
    first = registry.get("alpha")
    with pytest.raises(ValueError, match="toy 'alpha' is registered twice"):
        registry.register("alpha")(Thing)
    assert registry.get("alpha") is first


def test_two_files_of_one_name_are_an_error(registry: Things, package: Path) -> None:
    (package / "zeta.py").write_text(TOY.format(name="alpha"))
    with pytest.raises((ValueError, UserError), match="alpha"):
        registry.get("alpha")


def _entry_point(name: str, module: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, module=module, dist=SimpleNamespace(name="toy-store"))


def test_third_parties_come_through_entry_points(
    registry: Things, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy_methods_foreign.py").write_text(TOY.format(name="foreign"))
    asked: list[str] = []
    found = [_entry_point("foreign", "toy_methods_foreign")]
    monkeypatch.setattr(bench.methods.registry, "entry_points", lambda group: asked.append(group) or found)
    assert registry.catalog["foreign"].summary == "from toy-store"
    assert registry.get("foreign").__module__ == "toy_methods_foreign"
    assert asked == ["mmguard_bench.toy"]


def test_a_third_party_cannot_take_a_built_in_name(
    registry: Things, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs itself: the built-in method is there as before."""
    built_in = registry.catalog["alpha"]
    del registry.catalog
    (tmp_path / "toy_methods_foreign.py").write_text(TOY.format(name="alpha"))
    monkeypatch.setattr(
        bench.methods.registry, "entry_points", lambda group: [_entry_point("alpha", "toy_methods_foreign")]
    )
    assert registry.catalog["alpha"] == built_in
    assert caplog.messages == ["toy 'alpha' from toy-store is left out: the name is taken"]
    assert registry.get("alpha").__module__ == built_in.module


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_package", "cannot be imported: No module named 'no_such_package'"),
        ("1 / 0", "cannot be imported: division by zero"),
        ("this is no Python", "cannot be imported: "),
        ("", "registers no such name"),
        (None, "cannot be imported: No module named 'toy_methods_broken'"),
    ],
)
def test_a_third_party_that_cannot_be_imported_is_one_line_and_the_others_stay(
    registry: Things, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str | None, told: str
) -> None:
    if source is not None:
        (tmp_path / "toy_methods_broken.py").write_text(source)
    sys.modules.pop("toy_methods_broken", None)
    point = _entry_point("broken", "toy_methods_broken")
    monkeypatch.setattr(bench.methods.registry, "entry_points", lambda group: [point])
    for use in (registry.get, lambda name: registry.describe(Method(name=name))):
        with pytest.raises(UserError) as error:
            use("broken")
        assert "toy broken from toy-store: toy_methods_broken" in str(error.value)
        assert told in str(error.value)
        assert "\n" not in str(error.value)
    assert registry.get("alpha").name == "alpha"


def test_an_unknown_name_suggests_the_nearest(registry: Things) -> None:
    with pytest.raises(UserError, match=r"'alhpa' is not known; did you mean 'alpha'\?; allowed: alpha, beta, nested"):
        registry.get("alhpa")
    with pytest.raises(UserError) as far:
        registry.check("zzzzzz")
    assert "did you mean" not in str(far.value)
    assert "alpha" in str(far.value)
    registry.check("alpha")


def test_options_reach_the_method(registry: Things) -> None:
    built = registry.build(Method(name="alpha", options={"rounds": 7}))
    assert (type(built).name, built.options.rounds, built.options.rate) == ("alpha", 7, 0.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rounds": 101}, ("rounds=101", "less than or equal to 100")),
        ({"rounds": "many"}, ("rounds='many'", "integer")),
        ({"ronds": 3}, ("ronds=3", "no such option")),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(
    registry: Things, options: dict[str, object], told: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as error:
        registry.build(Method(name="beta", options=options))
    for part in ("toy beta", *told, "options: rounds, rate"):
        assert part in str(error.value)


def test_a_description_is_what_the_built_method_says(
    registry: Things, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    monkeypatch.setattr(Thing, "trains", False)
    described = registry.describe(Method(name="alpha", options={"rounds": 7}))
    assert described.options == {"rounds": 7, "rate": 0.5}
    assert described.code == code_hash("toy_methods.alpha")
    assert described.traits == ThingTraits(trains=False)


def test_a_description_is_kept_and_needs_no_import(
    registry: Things, package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Until the code changes: then the method is asked again."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    method = Method(name="alpha")
    first = registry.describe(method)
    again = Things("toy", "toy_methods", ThingTraits, sandbox="")
    monkeypatch.setattr(again, "build", lambda method: pytest.fail("imported"))
    assert again.describe(method) == first
    (package / "alpha.py").write_text(TOY.format(name="alpha") + "x = 1\n")
    code_hash.cache_clear()
    anew = Things("toy", "toy_methods", ThingTraits, sandbox="")
    monkeypatch.setattr(anew, "build", lambda method: pytest.fail("imported"))
    with pytest.raises(pytest.fail.Exception, match="imported"):
        anew.describe(method)


def test_a_wrong_option_is_not_described(registry: Things, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match="ronds=3"):
        registry.describe(Method(name="alpha", options={"ronds": 3}))
    assert not list(tmp_path.rglob("*.json"))


def test_a_borrowed_name_is_given_back(registry: Things, tmp_path: Path) -> None:
    """One file after another may have it, as the same submission in two folders does; a name in use is refused."""
    names = set(registry.catalog)
    for place in ("one", "two"):
        with registry.borrow_file("code_1", tmp_path / place):
            assert registry.sandboxed("code_1") == tmp_path / place
            with pytest.raises(UserError, match="the name 'code_1' is taken"):
                registry.add_file("code_1", tmp_path)
        assert set(registry.catalog) == names
    with pytest.raises(ZeroDivisionError), registry.borrow_file("code_1", tmp_path):
        raise ZeroDivisionError
    assert set(registry.catalog) == names
