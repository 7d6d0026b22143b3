"""Short labels of attacks for the heads of a table, and the level of the required set that each belongs to."""

import re

import pandas as pd

from attacks.grammar import TERM, parse_attack
from bench.tables import ranks
from bench.tables.distrust import read_or_none
from bench.tables.methods import find_entry

SHORT = {"lora_sft": "LoRA", "full_sft": "full", "drop_inserted": "drop", "crop_color": "crop", "mix_clean": "mix"}
"""Words for the most frequent parts; others are shown by their own names."""

HEADINGS = {
    "plain": "plain",
    "adaptive": "adaptive",
    "queries": "queries",
    "clean": "clean pictures",
    "": "outside the set",
}
"""Headings of the levels, from the least that a trainer knows on."""


CLASSES = {
    "tune": "only train",
    "augment": "augment pictures",
    "purify": "clean pictures",
    "text": "clean words",
    "data": "add or drop data",
}
"""Classes of attacks by the folders of `attacks/` that their parts come from, each as what the attacks do."""


def find_classes(text: str) -> set[str]:
    """Return the classes of an attack in text form: those of its parts, or `tune` where it has none.

    >>> sorted(find_classes("full_sft+jpeg+drop_inserted")), find_classes("lora_sft"), find_classes("<b>")
    (['purify', 'text'], {'tune'}, set())
    """
    method = read_or_none(lambda: parse_attack(text))
    entries = [find_entry(name) for name in method.name.split("+")] if method else []
    folders = {entry.module.split(".")[1] for entry in entries if entry and entry.module.startswith("attacks.")}
    return folders - {"tune"} or folders


def shorten_attack(text: str) -> str:
    """Return a short label of an attack in text form, with the values of its options alone.

    >>> shorten_attack("full_sft(tower=true)+crop_color+mix_clean(share=0.01)")
    'full tower + crop + mix 0.01'
    """
    terms = [TERM.fullmatch(term) for term in text.split("+")]
    if not all(terms):
        return text
    return " + ".join(_shorten_term(*match.groups()) for match in terms if match)


def label_attacks(cells: pd.DataFrame, game: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of a game in the order of the required set, other attacks last.

    Added columns: `attack_text`, the whole grammar; `level`, "" outside the set; `short`, a label that is of one attack
    alone. game: the rows of `tabulate_runs` that the cells come from.
    """
    texts = dict(zip(game["attack_label"], game["attack_text"], strict=True))
    levels = find_levels()
    order = {attack: number for number, attack in enumerate(levels)}
    labelled = cells.assign(attack_text=cells["attack_label"].map(texts))
    short = {text: shorten_attack(text) for text in labelled["attack_text"].unique()}
    is_alone = {text: list(short.values()).count(label) == 1 for text, label in short.items()}
    return labelled.assign(
        level=[levels.get(text, "") for text in labelled["attack_text"]],
        short=[short[text] if is_alone[text] else text for text in labelled["attack_text"]],
        place=[order.get(text, len(order)) for text in labelled["attack_text"]],
    ).sort_values(["place", "attack_text"], kind="stable")


def find_levels() -> dict[str, str]:
    """Return the least level of the required set that each of its attacks belongs to, in the set's order."""
    levels: dict[str, str] = {}
    for level, attacks in ranks.required_attacks().items():
        levels = {**dict.fromkeys(attacks, level), **levels}
    order = [attack for attacks in ranks.required_attacks().values() for attack in attacks]
    return {attack: levels[attack] for attack in dict.fromkeys(order)}


def _shorten_term(name: str, arguments: str | None) -> str:
    values = []
    for option in filter(None, re.split(r"\s*,\s*", arguments or "")):
        key, _, value = option.partition("=")
        values.append(key if value == "true" else value)
    return " ".join([SHORT.get(name, name), *values])
