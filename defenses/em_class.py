"""Class-wise error-minimising noise (Huang et al., ICLR 2021), a class being a cluster of answers."""

from defenses import register
from defenses.base import Card
from defenses.craft.classwise import ClassWise


@register("em_class")
class ClassWiseErrorMinimising(ClassWise):
    """Error-minimising noise, one for all pictures with the same answer."""

    card = Card(
        paper="Huang et al., Unlearnable Examples, ICLR 2021, class-wise",
        needs="answers, and an LVLM as surrogate",
        touches="pictures, one noise for each cluster of answers",
        adaptation="class becomes answer cluster; each step of a noise goes against the sum of its pictures' "
        "gradients over the whole data set (original: batch after batch, the mean of its pictures' noises); rounds and "
        "steps as em",
        validation="effect tests alone: no published number for LVLMs",
    )
