"""Which defense must show what. A new one must show everything; one that a claim does not fit says why here."""

from bench.spec import Method
from defenses import REGISTRY
from defenses.base import Defense
from defenses.craft.classwise import ClassWise
from defenses.craft.pixel import PixelDefense

NO_STEPS = {
    "lsp": "made without a gradient; what a larger budget does to it is in test_lsp.py",
    "text_trigger": "takes no pixel step; its search never raises the loss: mmguard/test_trigger.py",
}
NO_TRAINING_LOSS = {
    "bait": "binds its noise to answers on other pictures, not on the released ones: test_classwise.py",
    "lsp": "made without a model",
    "tap": "lowers the loss of a wrong answer: test_claims.py",
    "uc": "knows no answers; moves features: test_classwise.py",
}
"""The training loss of the released samples on the surrogate is not what these methods lower or raise."""


def built(name: str) -> Defense:
    """A defense with its defaults."""
    return REGISTRY.build(Method(name=name))


METHODS = sorted(REGISTRY.catalog.keys() - REGISTRY.controls)
STEPPED = [name for name in METHODS if name not in NO_STEPS]
CLASSWISE = [name for name in STEPPED if isinstance(built(name), ClassWise)]
ASCENDING = [name for name in METHODS if getattr(built(name), "sign", 1) < 0]
DESCENDING = [name for name in METHODS if name not in {*ASCENDING, *NO_TRAINING_LOSS}]


def can(name: str) -> bool:
    """Whether a defense steps pixels, as everything outside `NO_STEPS` must."""
    defense = built(name)
    return isinstance(defense, PixelDefense) and defense.options.image_steps > 0
