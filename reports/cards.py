"""Write docs/defenses.md from the card and the options of every defense: python -m reports.cards"""

from pathlib import Path

from bench.spec import Method, Options
from defenses import REGISTRY
from defenses.base import Card, Defense
from defenses.craft.pixel import PixelOptions
from reports import markdown

PAGE = Path(__file__).parents[1] / "docs" / "defenses.md"

HEAD = """# Defenses

`make docs` writes this page from the code: each method is one file under `defenses/`. The reasons for the adaptations
are in [design/defenses.md](design/defenses.md).

Every release is 8-bit PNG and UTF-8 text within the budget: L-inf 8 levels and five inserted words by default. The
defaults are the papers' recipes at one cost: 24 pixel steps a picture (no recipe may have more than 64 but that of
`tap`), and 15 steps of each surrogate where it is adapted, by the recipe of the plain trainer, `lora_sft`. Cards name
the original numbers where they are known. None was tuned on a test split. "Not comparable" is a published number of
another task, for orientation alone.

Any gradient-made defense can be crafted through transformations as trainers apply them, `-o eot=jpeg,crop,color`:
then the owner *adapts*, and its rows are marked. Any can be crafted for several surrogates with weights,
`-o weights=2,1`. Class-wise methods have one noise for each cluster of
pictures. Closed answers: a cluster is the pictures with the same normalised answers, and the pictures that share
theirs with no other are one cluster. Open answers: k-means on TF-IDF of questions and answers. A picture with several
questions is in one cluster.

Every gradient-made defense has the options of this table. Its own section lists only what it adds or changes.

"""


def render_page() -> str:
    """Return the whole page: the options of the loop, then methods, then controls."""
    methods = sorted(REGISTRY.catalog.keys() - REGISTRY.controls)
    sections = [HEAD + _option_table(PixelOptions()), *(_section(name) for name in methods)]
    sections += ["## Controls\n\nNever ranked.\n", *(_section(name) for name in sorted(REGISTRY.controls))]
    return "\n".join(sections)


def card_of(defense: Defense) -> Card:
    """Return the card of a defense. Raises TypeError if its class has none."""
    card = getattr(defense, "card", None)
    if not isinstance(card, Card):
        raise TypeError(
            f"{type(defense).__name__}.card: {card!r}; allowed: defenses.base.Card({', '.join(Card._fields)})"
        )
    return card


def _section(name: str) -> str:
    """Return the section of one defense."""
    defense, entry = REGISTRY.build(Method(name=name)), REGISTRY.catalog[name]
    fields = [f"- {field}: {text}" for field, text in card_of(defense)._asdict().items()]
    lines = [f"## `{name}`", "", entry.summary, "", *fields, f"- code: `{entry.module.replace('.', '/')}.py`"]
    table = _option_table(defense.options, PixelOptions())
    return "\n".join([*lines, "", table] if table else [*lines, ""])


def _option_table(options: Options, common: Options | None = None) -> str:
    """Return the table of the options and their defaults, without those that are the same in `common`; may be empty."""
    defaults = common.model_dump() if common else {}
    rows = [
        (f"`{key}`", f"`{value!r}`", type(options).model_fields[key].description or "")
        for key, value in options.model_dump().items()
        if key not in defaults or defaults[key] != value
    ]
    return markdown.table(("option", "default", "description"), rows) + "\n" if rows else ""


def write_page() -> None:
    """Write the page to docs/."""
    PAGE.write_text(render_page(), encoding="utf-8")


if __name__ == "__main__":
    write_page()
