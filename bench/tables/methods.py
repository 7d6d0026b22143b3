"""Facts about a method: the summary, the card and the options. Methods of a sandbox tell no more."""

from typing import Any

from attacks import REGISTRY as ATTACKS
from attacks.parts import PARTS, AttackCard
from bench.methods.catalog import Entry
from bench.spec import Method
from bench.tables.distrust import read_or_none
from defenses import REGISTRY as DEFENSES
from defenses.base import Card

REGISTRIES = (DEFENSES, ATTACKS, PARTS)


def find_entry(name: str) -> Entry | None:
    """Return the entry of a defense, an attack or a part of one by its name; None for one that is not here."""
    return next((entry for registry in REGISTRIES if (entry := registry.entry(name))), None)


def read_card(name: str) -> dict[str, str]:
    """Return the card of a method by field; {} where it has none. Only for an inherited one is a module imported.

    >>> list(read_card("em"))
    ['paper', 'needs', 'touches', 'adaptation', 'validation']
    """
    registry = next((registry for registry in REGISTRIES if registry.entry(name)), None)
    entry = find_entry(name)
    if entry and entry.card:
        form = Card if registry is DEFENSES else AttackCard
        card: Any = form(*entry.card.values, **entry.card.named)
    else:
        cls = read_or_none(lambda: registry.get(name)) if registry else None
        card = getattr(cls, "card", None)
    return {field: str(fact) for field, fact in card._asdict().items()} if card else {}


def read_knowledge(attack: Method) -> str:
    """Return what the trainer of an attack knows, K0 to K4: the most that its tuner or a part has on its card.

    It is the trait of `attacks.base.AttackTraits`, without an import of torch where cards are plain values. Raises
    UserError for an unknown tuner or part.

    >>> read_knowledge(Method(name="lora_sft+jpeg"))
    'K1'
    """
    ATTACKS.check(attack.name)
    tuner, *parts = attack.name.split("+")
    entries = [ATTACKS.entry(tuner), *map(PARTS.entry, parts)]
    cards = [AttackCard(*entry.card.values, **entry.card.named) for entry in entries if entry and entry.card]
    if len(cards) < len(entries):
        return ATTACKS.describe(attack).traits.knowledge
    return max(card.knowledge for card in cards)


def load_options(name: str) -> dict[str, Any]:
    """Return the default of each option of a defense, an attack or a part; {} for what is not here."""
    registry = next((registry for registry in REGISTRIES if registry.entry(name)), None)
    description = read_or_none(lambda: registry.describe(Method(name=name))) if registry else None
    return description.options if description else {}
