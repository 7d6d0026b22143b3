"""Victims by name: what each of them is, where its files are, and its revision. Imports no torch."""

from bench.victims.catalog import EMBEDDED, HUB, PRECISIONS, Hub, split_precision
from bench.victims.files import SUFFIXES, check, check_available, embedded_folder, locate, missing_error, read_card
from bench.victims.properties import architecture, family, precision
from bench.victims.revisions import revision

__all__ = [
    "EMBEDDED",
    "HUB",
    "PRECISIONS",
    "SUFFIXES",
    "Hub",
    "architecture",
    "check",
    "check_available",
    "embedded_folder",
    "family",
    "locate",
    "missing_error",
    "precision",
    "read_card",
    "revision",
    "split_precision",
]
