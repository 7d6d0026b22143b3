"""MMGuard's multimodal ablation: the whole loop without binding."""

from defenses import register
from defenses.base import Card
from defenses.craft.trigger import TriggerDefense
from defenses.mmguard.joint import RECIPE


@register("multimodal")
class Multimodal(TriggerDefense):
    """Error-minimising noise and trigger together, without binding (MMGuard's multimodal ablation)."""

    card = Card(
        paper="Zhao et al., MMGuard, arXiv 2605.14291, row Multimodal",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise each; questions, words inserted",
        adaptation=RECIPE,
        validation="effect tests; published: 2.8 points lost on average over 30 black-box cells",
    )
