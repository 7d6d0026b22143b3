"""No attack: the victim as it is."""

from typing import ClassVar

from attacks import register
from attacks.base import Attack


@register("none")
class Nothing(Attack):
    """No training: the zero-shot reference."""

    trains: ClassVar[bool] = False

    def tune(self, victim, released, validation, seed, folder, progress):
        return []
