"""What an unauthorised trainer does with a release: a tuner, and parts around it."""

from attacks.base import Attack, AttackTraits
from attacks.registry import Attacks

REGISTRY = Attacks("attack", "attacks", AttackTraits)
register = REGISTRY.register

__all__ = ["REGISTRY", "Attack", "register"]
