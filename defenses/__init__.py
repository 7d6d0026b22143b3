"""What a data owner does before release: one file a method."""

from bench.methods.registry import Registry
from defenses.base import Defense

REGISTRY: Registry[Defense] = Registry("defense", "defenses")
register = REGISTRY.register
