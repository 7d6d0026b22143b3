"""What a data owner does before release: one file a method."""

from bench.methods.registry import Registry
from defenses.base import Defense, DefenseTraits

REGISTRY = Registry[Defense, DefenseTraits]("defense", "defenses", DefenseTraits)
register = REGISTRY.register
