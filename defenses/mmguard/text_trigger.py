"""MMGuard's text-only ablation: the trigger search without pixel steps."""

from pydantic import Field

from defenses import register
from defenses.base import Card
from defenses.craft.trigger import TriggerDefense, TriggerOptions


class TextTriggerOptions(TriggerOptions):
    """The search alone: no pixel steps."""

    image_steps: int = Field(0, ge=0, le=0, description="pictures stay clean")


@register("text_trigger")
class TextTrigger(TriggerDefense[TextTriggerOptions]):
    """Trigger words alone, found by HotFlip (MMGuard's text-only ablation)."""

    card = Card(
        paper="Zhao et al., MMGuard, arXiv 2605.14291, row Text",
        needs="answers, and an LVLM as surrogate",
        touches="questions, words inserted",
        adaptation="made for LVLMs; a search over the slots in each of 3 rounds, with 16 words verified for each "
        "(paper: 8 to 512), after 5 surrogate steps as em",
        validation="effect tests; published: 2.5 points lost on average over 30 black-box cells",
    )
