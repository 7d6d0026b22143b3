"""The members of the required set in text form, as `required.yaml` lists them by what the trainer knows."""

from functools import cache
from itertools import accumulate
from pathlib import Path

from pydantic import Field

from bench import yamlfile
from bench.spec import Closed

REQUIRED = Path(__file__).parent / "required.yaml"


class Member(Closed):
    """An attack in text form, why the set has it, and the weak release that it must break."""

    attack: str = Field(min_length=1, max_length=400)
    why: str = Field(min_length=3, max_length=160)
    control: str = Field(min_length=1, max_length=64)


class Members(Closed):
    """The members that each level of knowledge adds: plain suspects nothing, adaptive is K0 to K2.

    queries: K3, can have pictures protected. clean: K4, holds some of the owner's clean pictures.
    """

    plain: list[Member] = Field(min_length=1)
    adaptive: list[Member] = Field(min_length=1)
    queries: list[Member] = Field(min_length=1)
    clean: list[Member] = Field(min_length=1)

    @property
    def levels(self) -> dict[str, tuple[Member, ...]]:
        """The members of each level together with those of the levels before it."""
        added = [(level, getattr(self, level)) for level in type(self).model_fields]
        sums = accumulate((members for _, members in added), lambda before, more: (*before, *more))
        return dict(zip((level for level, _ in added), sums, strict=True))


@cache
def load_members() -> Members:
    """Return the members of the required set."""
    return yamlfile.read(REQUIRED, Members)
