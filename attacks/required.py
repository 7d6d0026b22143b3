"""The required set: the attacks that every ranked defense meets, by what the trainer knows."""

from dataclasses import dataclass
from functools import cache, cached_property

from attacks import REGISTRY
from attacks.grammar import format_attack, parse_attack
from attacks.members import Members, load_members
from bench.spec import Method, identity


@dataclass(frozen=True)
class RequiredSet:
    """The attacks of each level of knowledge, and a hash that names them all."""

    members: Members

    @cached_property
    def levels(self) -> dict[str, tuple[Method, ...]]:
        """The attacks of each level: plain, adaptive, queries, clean. Each has those of the levels before it."""
        return {
            level: tuple(REGISTRY.normalise(parse_attack(m.attack)) for m in members)
            for level, members in self.members.levels.items()
        }

    @cached_property
    def hash(self) -> str:
        """16 hex digits of the attacks by level. Reasons and controls are not in it."""
        return identity({level: [format_attack(m) for m in methods] for level, methods in self.levels.items()})


@cache
def load_required() -> RequiredSet:
    """Return the required set of attacks.

    >>> [attack.name for attack in load_required().levels["plain"]]
    ['lora_sft']
    """
    return RequiredSet(load_members())
