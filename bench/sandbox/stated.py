"""A tuner of the suite, known by its description, so that foreign parts are described without the tuner's libraries."""

from typing import Any, ClassVar

from pydantic import create_model

from attacks.base import Attack, AttackTraits, Curve
from attacks.parts import AttackCard
from bench.errors import UserError
from bench.spec import Options


class StatedTuner(Attack):
    """A tuner that states what its description says, and cannot train."""

    stated: ClassVar[AttackTraits]

    @property
    def checkpoints(self) -> dict[str, dict[str, str]]:
        """The folders that the description names."""
        return self.stated.checkpoints

    @property
    def clean_share(self) -> float:
        """The share that the tuner or a part needs."""
        return max(self.stated.clean_share, super().clean_share)

    @property
    def queries(self) -> int:
        """The number that the tuner or a part needs."""
        return max(self.stated.queries, super().queries)

    def tune(self, *_: Any, **__: Any) -> Curve:
        """Raise UserError: only foreign code that holds this one could ask it to train."""
        raise UserError(f"{self.name} is known by its description alone here, and trains nothing; allowed: `describe`")


def make_tuner(options: dict[str, Any], naming: dict[str, Any], traits: dict[str, Any]) -> type[StatedTuner]:
    """Return the class of a tuner with these facts, as `Description` has them.

    Built with the options `naming`, it has the settings `options`: all others are its defaults.
    """
    stated = AttackTraits.model_validate(traits)
    fields = {name: (Any, ... if name in naming else value) for name, value in options.items()}
    facts = {
        "Options": create_model("StatedOptions", __base__=Options, **fields),  # type: ignore[call-overload]
        "card": AttackCard(stated.knowledge, 1.0, "", ""),
        "stated": stated,
        "trains": stated.trains,
        "tuner_needs": stated.needs,
    }
    return type("Stated", (StatedTuner,), facts)
