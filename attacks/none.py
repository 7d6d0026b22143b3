"""No attack: the victim as it is."""

from typing import Any, ClassVar

from attacks import register
from attacks.base import Attack
from attacks.parts import Card


@register("none")
class Nothing(Attack):
    """No training: the zero-shot reference."""

    card = Card("K0", 0.0, "nothing", "the reference U0")
    trains: ClassVar[bool] = False

    def tune(self, *_: Any) -> list[dict[str, Any]]:
        """No learning curve."""
        return []
