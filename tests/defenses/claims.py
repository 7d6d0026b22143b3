"""The claims that defenses must meet, and the methods that each is tested on.

Both follow from the code: a new defense is under every claim that its base class makes. A claim that does not fit a
method is declared on its class, with the reason: `exempt = {"training_loss": "it moves features"}`.
"""

from pydantic import ValidationError

from bench.spec import Method
from defenses import REGISTRY
from defenses.base import Defense
from defenses.craft.classwise import ClassWise
from defenses.craft.pixel import PixelDefense
from defenses.craft.trigger import TriggerDefense
from defenses.mmguard.joint import Binding

CLAIMS = {
    "training_loss": "the loss of the released samples on the surrogate is below the clean one, or above it for `-Max`",
    "steps": "more pixel steps are never weaker on the method's own objective",
    "eot": "steps help through transformations that no step has seen",
    "ensemble": "steps help on each surrogate of an ensemble",
    "budget": "a larger budget is never weaker, and the steps use all of it",
    "clusters": "class-wise noise that is exchanged between clusters loses its effect",
}


def build(name: str) -> Defense:
    """Return a defense with its default options."""
    return REGISTRY.build(Method(name=name))


def methods_of(claim: str, kind: type[Defense] = PixelDefense) -> list[str]:
    """Return the methods of a kind that must meet a claim."""
    return [name for name in METHODS if isinstance(build(name), kind) and claim not in build(name).exempt]


def touched(name: str) -> set[str]:
    """Return what a defense changes, by its card: pictures, questions, answers, or nothing."""
    return {part.split(",")[0].strip() for part in build(name).card.touches.split(";")}


def steps_pixels(name: str) -> bool:
    """Return True if a method takes pixel steps."""
    defense = build(name)
    return isinstance(defense, PixelDefense) and defense.options.image_steps > 0


def maximises(name: str) -> bool:
    """Return True if a method maximises the training loss."""
    defense = build(name)
    return isinstance(defense, Binding) and defense.sign < 0


def accepted(name: str, options: dict[str, object]) -> dict[str, object]:
    """Return those of `options` that a defense has and allows."""
    model = REGISTRY.get(name).Options

    def allows(option: str, value: object) -> bool:
        try:
            model.model_validate({option: value})
        except ValidationError:
            return False
        return True

    return {option: value for option, value in options.items() if allows(option, value)}


METHODS = sorted(REGISTRY.catalog.keys() - REGISTRY.controls)
STEPPED = [name for name in METHODS if steps_pixels(name)]
CLASSWISE = methods_of("clusters", ClassWise)
TRIGGERED = [name for name in METHODS if isinstance(build(name), TriggerDefense)]
ASCENDING = [name for name in methods_of("training_loss") if maximises(name)]
DESCENDING = [name for name in methods_of("training_loss") if not maximises(name)]


def stepped(claim: str) -> list[str]:
    """Return the methods with pixel steps that must meet a claim."""
    return [name for name in STEPPED if claim not in build(name).exempt]
