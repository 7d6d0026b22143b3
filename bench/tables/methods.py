"""Facts about a method for its page: the summary, the card and the options. Methods of a sandbox tell no more."""

from typing import Any

from attacks import REGISTRY as ATTACKS
from attacks.parts import PARTS
from bench.methods.catalog import Entry
from bench.spec import Method
from bench.tables.distrust import read_or_none
from defenses import REGISTRY as DEFENSES

REGISTRIES = (DEFENSES, ATTACKS, PARTS)


def find_entry(name: str) -> Entry | None:
    """Return the entry of a defense, an attack or a part of one by its name; None for one that is not here."""
    return next((entry for registry in REGISTRIES if (entry := registry.entry(name))), None)


def read_card(name: str) -> dict[str, str]:
    """Return the card of a method by field; {} where it has none. The first time, its module is imported.

    >>> list(read_card("em"))
    ['paper', 'needs', 'touches', 'adaptation', 'validation']
    """
    registry = next((registry for registry in REGISTRIES if registry.entry(name)), None)
    cls = read_or_none(lambda: registry.get(name)) if registry else None
    card = getattr(cls, "card", None)
    return {field: str(fact) for field, fact in card._asdict().items()} if card else {}


def load_options(name: str) -> dict[str, Any]:
    """Return the default of each option of a defense, an attack or a part; {} for what is not here."""
    registry = next((registry for registry in REGISTRIES if registry.entry(name)), None)
    description = read_or_none(lambda: registry.describe(Method(name=name))) if registry else None
    return description.options if description else {}
