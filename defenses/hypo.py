"""HYPO (Tao et al., NeurIPS 2021): error-minimising noise on one fixed model."""

from pydantic import Field

from defenses import register
from defenses.base import Card
from defenses.craft.pixel import PixelDefense, PixelOptions


class HypoOptions(PixelOptions):
    """As many pixel steps as `em`, in one round without adaptation."""

    rounds: int = Field(1, ge=1, le=1, description="one: nothing changes between rounds")
    image_steps: int = Field(24, ge=0, le=500, description="signed pixel steps (original: 100 of 0.8 levels)")
    inner_steps: int = Field(0, ge=0, le=0, description="the surrogate stays as it is")


@register("hypo")
class Hypo(PixelDefense[HypoOptions]):
    """Noise that minimises the answer loss of the pretrained LVLM itself; nothing is adapted."""

    card = Card(
        paper="Tao et al., Better Safe Than Sorry (hypocritical perturbations), NeurIPS 2021, arXiv 2102.04716",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each",
        adaptation="class loss becomes answer loss; the pretrained LVLM is the fixed model; 24 steps of one level, as "
        "many as em (original: 100 of 0.8)",
        validation="effect tests alone; not comparable: CIFAR-10 with ResNet-18 70 % against 94 % clean",
    )
