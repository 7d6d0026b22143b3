"""What an unauthorised trainer does with a release: one file a method."""

from attacks.base import Attack
from bench.registry import Registry

REGISTRY: Registry[Attack] = Registry("attack", "attacks")
register = REGISTRY.register
