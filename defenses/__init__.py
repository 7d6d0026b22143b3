"""Defenses: the methods by which a data owner protects data before release, one file each."""

from bench.methods import submitted
from bench.methods.registry import Registry
from defenses.base import Defense, DefenseTraits

REGISTRY = Registry[Defense, DefenseTraits](
    "defense", "defenses", DefenseTraits, sandbox="bench.sandbox", submitted=submitted.find
)
register = REGISTRY.register
