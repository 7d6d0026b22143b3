"""The required set: the attacks of `required.yaml` that every ranked defense meets, by what the trainer knows.

Where one attack or several are allowed, `best` stands for the plain and adaptive attacks, and `required` for all.
"""

from functools import cache
from itertools import accumulate
from pathlib import Path

from pydantic import Field

from attacks.grammar import format_attack, parse_attack
from bench import yamlfile
from bench.spec import Closed, Method, identity

REQUIRED = Path(__file__).parent / "required.yaml"
SETS = {"best": "adaptive", "required": "clean"}
"""Names of sets of attacks, each with the level whose attacks it stands for."""


class Member(Closed):
    """An attack in text form, why the set has it, and the weak release that it must break."""

    attack: str = Field(min_length=1, max_length=400)
    why: str = Field(min_length=3, max_length=160)
    control: str = Field(min_length=1, max_length=64)


class RequiredSet(Closed):
    """The members that each level of knowledge adds: plain suspects nothing, adaptive is K0 to K2.

    queries: K3, can have pictures protected. clean: K4, holds some of the owner's clean pictures.
    """

    plain: list[Member] = Field(min_length=1)
    adaptive: list[Member] = Field(min_length=1)
    queries: list[Member] = Field(min_length=1)
    clean: list[Member] = Field(min_length=1)

    @property
    def members(self) -> dict[str, tuple[Member, ...]]:
        """The members of each level together with those of the levels before it."""
        added = [(level, getattr(self, level)) for level in type(self).model_fields]
        sums = accumulate((members for _, members in added), lambda before, more: (*before, *more))
        return dict(zip((level for level, _ in added), sums, strict=True))

    @property
    def levels(self) -> dict[str, tuple[Method, ...]]:
        """The attacks of each level: plain, adaptive, queries, clean. Each has those of the levels before it."""
        return {level: tuple(parse_attack(m.attack) for m in members) for level, members in self.members.items()}

    @property
    def hash(self) -> str:
        """16 hex digits of the attacks by level. Reasons and controls are not in it."""
        return identity({level: [m.attack for m in members] for level, members in self.members.items()})


@cache
def load_required() -> RequiredSet:
    """Return the required set of attacks.

    >>> [attack.name for attack in load_required().levels["plain"]]
    ['lora_sft']
    """
    return yamlfile.read(REQUIRED, RequiredSet)


def expand_set(text: str) -> tuple[str, ...]:
    """Return the attacks of a set by its name in `SETS`, in text form, and `text` alone otherwise.

    >>> expand_set("lora_sft+jpeg")
    ('lora_sft+jpeg',)
    """
    return tuple(m.attack for m in load_required().members[SETS[text]]) if text in SETS else (text,)


def find_variants(attack: Method) -> tuple[str, ...]:
    """Return the set's attacks of the same tuner and parts, in text form, where it has them with other options alone.

    attack: normalised, so without options that are at their defaults.

    >>> find_variants(parse_attack("tuned+drop_inserted"))
    ('tuned(trials=4)+drop_inserted',)
    >>> find_variants(parse_attack("tuned(trials=4)+drop_inserted"))
    ()
    """
    members = {format_attack(method): method.name for method in load_required().levels["clean"]}
    same = tuple(text for text, name in members.items() if name == attack.name)
    return () if format_attack(attack) in same else same
