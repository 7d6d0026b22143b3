"""Titles and authors of what was submitted, by the identity of the entry. They are for readers and decide nothing.

An entry is its normalised configuration, or the hash of its code or release. Copies under other titles are one entry.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bench.game.submissions.fields import Authors, Title
from bench.paths import home, write_atomic
from bench.spec import Closed, identity

FOLDER = "cards"
"""The folder of them in the home."""


class EntryCard(Closed):
    """The texts of an entry."""

    title: Title
    authors: Authors


def identify_defense(name: str, options: Mapping[str, Any]) -> str:
    """Return the identity of an entry from the columns `defense` and `defense_options` of its rows."""
    return identity([{"name": name, "options": dict(options)}])


def identify_attack(name: str, options: Mapping[str, Any]) -> str:
    """Return the key of an attack's texts, from the columns `attack` and `attack_options` of its rows."""
    return identity([{"attack": name, "options": dict(options)}])


def keep_card(key: str, card: EntryCard) -> None:
    """Keep the texts of an entry that was played in this home; a later title replaces an earlier one."""
    write_atomic(home() / FOLDER / f"{key}.json", card.model_dump_json())


def load_cards() -> dict[str, EntryCard]:
    """Return the texts of the entries that were played in this home, without those that cannot be read."""
    contents: dict[str, object] = {}
    for file in (home() / FOLDER).glob(f"{'[0-9a-f]' * 16}.json"):
        try:
            contents[file.stem] = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
    return check_cards(contents)


def check_cards(contents: object) -> dict[str, EntryCard]:
    """Return the texts of entries that come from elsewhere, without those that `bench submit` would refuse."""
    cards: dict[str, EntryCard] = {}
    for key, content in contents.items() if isinstance(contents, dict) else ():
        try:
            cards[str(key)] = EntryCard.model_validate(content)
        except ValidationError:
            continue
    return cards
