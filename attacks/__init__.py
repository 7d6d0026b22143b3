"""Attacks: tuners, which fine-tune a victim on a release, and parts, which change the data that a tuner trains on."""

from attacks.base import Attack, AttackTraits
from attacks.registry import Attacks

REGISTRY = Attacks("attack", "attacks", AttackTraits)
register = REGISTRY.register

__all__ = ["REGISTRY", "Attack", "register"]
