"""docs/defenses.md, from the cards and options of every defense: `python -m reports.cards > docs/defenses.md`."""

from bench.spec import Method, Options
from defenses import REGISTRY
from defenses.craft.pixel import PixelOptions

HEAD = """# Defenses

One file a method under `defenses/`; this page is made from them by `python -m reports.cards > docs/defenses.md`.
Every release is 8-bit PNG and UTF-8 text within the budget (L-inf 8 levels, five inserted words unless said otherwise).
Default numbers come from the papers' recipes, cut to the cost of `em`: about twelve pixel steps a picture. None was
tuned on a test split. "Not comparable" is a published number of another task, for orientation alone.

Any gradient-made defense can be optimised through what a trainer may do, `-o eot=jpeg,resize,blur`, and for several
surrogates with weights, `-o weights=2,1`. Class-wise methods cluster pictures by `defenses/craft/clusters.py`: closed answers
by normalised answer with a merged tail, open ones by k-means on TF-IDF of questions and answers; a picture with several
questions has one cluster and one noise.

The loop of every gradient-made defense has these options; below stands only what a defense has besides or otherwise.

"""
FIELDS = ("paper", "needs", "touches", "adaptation", "validation")


def page() -> str:
    """The whole document: methods first, then controls."""
    methods = sorted(REGISTRY.catalog.keys() - REGISTRY.controls)
    loop = "\n".join(_table(PixelOptions())) + "\n"
    parts = [HEAD + loop, *(_section(name) for name in methods), "# Controls\n\nNever ranked.\n"]
    return "\n".join([*parts, *(_section(name) for name in sorted(REGISTRY.controls))])


def _section(name: str) -> str:
    defense = REGISTRY.build(Method(name=name))
    entry, card = REGISTRY.catalog[name], defense.card
    lines = [f"## `{name}`", "", entry.summary, ""]
    lines += [f"- {field}: {getattr(card, field)}" for field in FIELDS]
    lines += [f"- code: `{entry.module.replace('.', '/')}.py`", "", *_table(defense.options, PixelOptions())]
    return "\n".join(lines).rstrip() + "\n"


def _table(options: Options, known: Options | None = None) -> list[str]:
    """Each option with its default, but for those that are as in `known`."""
    usual = known.model_dump() if known else {}
    rows = [
        f"| `{key}` | `{value!r}` | {type(options).model_fields[key].description} |"
        for key, value in options.model_dump().items()
        if usual.get(key, ...) != value
    ]
    return ["| option | default | |", "|---|---|---|", *rows] if rows else []


if __name__ == "__main__":
    print(page(), end="")
