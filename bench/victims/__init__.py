"""Victims by name: what each of them is, where its files are, and its revision. Imports no torch."""

from bench.victims.catalog import ASSEMBLED, EMBEDDED, HUB, PRECISIONS, Hub, split_precision
from bench.victims.contents import list_files, read_architecture, read_json
from bench.victims.downloads import fetch
from bench.victims.files import (
    assembled_folder,
    check,
    embedded_folder,
    is_embedded,
    locate,
    read_card,
)
from bench.victims.inspection import check_available, inspect
from bench.victims.properties import architecture, family, precision
from bench.victims.recipes import choose_recipe, recipe_of
from bench.victims.revisions import is_pinned, revision

__all__ = [
    "ASSEMBLED",
    "EMBEDDED",
    "HUB",
    "PRECISIONS",
    "Hub",
    "architecture",
    "assembled_folder",
    "check",
    "check_available",
    "choose_recipe",
    "embedded_folder",
    "family",
    "fetch",
    "inspect",
    "is_embedded",
    "is_pinned",
    "list_files",
    "locate",
    "precision",
    "read_architecture",
    "read_card",
    "read_json",
    "recipe_of",
    "revision",
    "split_precision",
]
