"""Error-minimising noise (Huang et al., ICLR 2021) on the answer loss of LVLMs: MMGuard's image-only ablation."""

from defenses import register
from defenses.base import Card
from defenses.craft.pixel import PixelDefense


@register("em")
class ErrorMinimising(PixelDefense):
    """Error-minimising noise on the pictures alone (MMGuard Eq. 14, 15)."""

    card = Card(
        paper="Huang et al., Unlearnable Examples, ICLR 2021; on LVLMs: MMGuard's row Image (arXiv 2605.14291)",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each",
        adaptation="class loss becomes answer loss; adapters start anew each round, as in MMGuard; 3 x 8 steps of one "
        "level, 5 surrogate steps of the trainer's recipe before every 8 (original: 20 of 0.8 after every 10 "
        "surrogate steps, until the training error is 1 %)",
        validation="effect tests; published with LVLMs: 2.4 points lost on average over 30 black-box cells. Not "
        "comparable: CIFAR-10 with ResNet-18 21 % against 94 % clean",
    )
