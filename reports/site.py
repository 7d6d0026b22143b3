"""Pages of the documentation site that are written from the code, and links that leave it: hooks of mkdocs.

`make docs` builds the site into `site/`. Nothing of it is fetched from elsewhere.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import bench
import bench.api
from attacks import REGISTRY as ATTACKS
from attacks.grammar import load_recipes
from attacks.parts import PARTS
from bench.cli.main import app
from bench.datasets import cards as datasets
from bench.spec import Options
from bench.victims import EMBEDDED, HUB
from reports import cards, markdown

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
LINK_OUT = re.compile(r"\[([^]]+)\]\(((?:\.\./)+[^)#]+)\)")
MADE = "This page is written from the code by `make docs`.\n"


def render_commands() -> str:
    """Return the page of all commands with their options."""
    head = f"# Commands\n\n{MADE}\n`--help` prints the same. [Commands by example](../commands.md) has common ones.\n"
    return "\n".join([head, *_commands("bench", typer.main.get_command(app))])


def _commands(name: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        for word, inner in command.commands.items():
            yield from _commands(f"{name} {word}", inner)
        return
    options = [parameter for parameter in command.params if parameter.name != "help"]
    rows = [
        (
            ", ".join(f"`{text}`" for text in option.opts)
            if option.param_type_name == "option"
            else f"`{option.name}`",
            "needed" if option.required else _default(option.default),
            getattr(option, "help", "") or "",
        )
        for option in options
    ]
    yield f"## `{name}`\n\n{inspect.cleandoc(command.help or '')}\n"
    yield (markdown.table(("option", "default", "meaning"), rows) if rows else "No options.") + "\n"


def _default(value: object) -> str:
    return "" if value is None or value is False else f"`{value}`"


def render_attacks() -> str:
    """Return the page of tuners, parts and recipes, with their options."""
    text = "A part is written behind a tuner: `lora_sft+jpeg(quality=30)`. [Reasons](../design/attacks.md).\n"
    head = f"# Attacks\n\n{MADE}\n{text}"
    tuners, parts = ({n: e for n, e in kind.catalog.items() if e.file is None} for kind in (ATTACKS, PARTS))
    recipes = [(f"`{name}`", f"`{recipe.attack}`", recipe.summary) for name, recipe in load_recipes().items()]
    return "\n".join(
        [
            head,
            "## Tuners\n",
            *(_method(name, ATTACKS.get(name), entry.summary) for name, entry in tuners.items()),
            "## Parts\n",
            *(_method(name, PARTS.get(name), entry.summary) for name, entry in parts.items()),
            "## Recipes\n",
            markdown.table(("name", "attack", "what it is"), recipes) + "\n",
        ]
    )


def _method(name: str, cls: Any, summary: str) -> str:
    options: type[Options] = cls.Options
    rows = [
        (f"`{key}`", f"`{field.default!r}`", field.description or "") for key, field in options.model_fields.items()
    ]
    table = markdown.table(("option", "default", "meaning"), rows) if rows else ""
    return f"### `{name}`\n\n{summary} The trainer's knowledge: {cls.card.knowledge}.\n\n{table}\n"


def render_names() -> str:
    """Return the page of data sets and victims."""
    sets = [(f"`{name}`", "embedded", card.licence, card.summary) for name, card in datasets.EMBEDDED.items()]
    sets += [(f"`{name}`", f"{card.megabytes} MB", card.licence, card.summary) for name, card in datasets.HUB.items()]
    victims = [(f"`{name}`", "embedded", "", family) for name, family in EMBEDDED.items()]
    victims += [
        (f"`{name}`", f"{hub.gigabytes:g} GB", hub.licence, f"{hub.source} {hub.note}") for name, hub in HUB.items()
    ]
    columns = ("name", "size", "licence", "what it is")
    return "\n".join(
        [
            f"# Data sets and victims\n\n{MADE}\nMore about both: [data sets](../data.md), [models](../models.md).\n",
            "## Data sets\n",
            markdown.table(columns, sets),
            "\n## Victims\n",
            markdown.table(columns, victims),
            "",
        ]
    )


def render_python() -> str:
    """Return the page of the functions that `from bench import ...` gives."""
    text = "Every error of input is a `bench.errors.UserError` in one line. The tests run the examples.\n"
    head = f"# Python\n\n{MADE}\n{text}"
    return "\n".join([head, *(_function(name) for name in bench.__all__)])


def _function(name: str) -> str:
    function = getattr(bench.api, name)
    text, _, example = inspect.getdoc(function).partition(">>> ")  # type: ignore[union-attr]
    signature = inspect.signature(function)
    parameters = "".join(f"    {parameter},\n" for parameter in _list_parameters(signature))
    returned = inspect.formatannotation(signature.return_annotation)
    code = f"```python\n{name}(\n{parameters}) -> {returned}\n```"
    code = re.sub(r"'([A-Za-z.]+)'(?! *,\n)|pathlib\.|typing\.|collections\.abc\.", r"\1", code)
    return f"## `{name}`\n\n{code}\n\n{text.strip()}\n\n```pycon\n>>> {example.rstrip()}\n```\n"


def _list_parameters(signature: inspect.Signature) -> Iterator[str]:
    """Yield each parameter as it is written, and `*` before those that need their names."""
    seen = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not seen:
            seen = True
            yield "*"
        yield str(parameter)


GENERATED: dict[str, Callable[[], str]] = {
    "defenses.md": cards.render_page,
    "reference/attacks.md": render_attacks,
    "reference/commands.md": render_commands,
    "reference/names.md": render_names,
    "reference/python.md": render_python,
}
"""Pages that exist in the site alone, by their place in it."""


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the generated pages, in place of files of their names."""
    from mkdocs.structure.files import File

    for name, render in GENERATED.items():
        if (old := files.get_file_from_path(name)) is not None:
            files.remove(old)
        files.append(File.generated(config, name, content=render()))
    return files


def on_page_markdown(text: str, page: Any, **_: object) -> str:
    """Show links to files of the repository outside `docs/` as their paths."""
    folder = ROOT / "docs" / Path(page.file.src_uri).parent

    def show(match: re.Match[str]) -> str:
        target = (folder / match[2]).resolve()
        if target.is_relative_to(ROOT / "docs"):
            return match[0]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri}: {match[2]}")
        place = f"`{target.relative_to(ROOT)}`"
        return place if match[1].strip("`") in place else f"{match[1]} ({place})"

    return LINK_OUT.sub(show, text)
