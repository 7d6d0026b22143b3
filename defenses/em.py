"""Error-minimising noise (Huang et al., ICLR 2021) on the answer loss of LVLMs: MMGuard's image-only ablation."""

from defenses import register
from defenses.pixel import PixelDefense


@register("em")
class ErrorMinimising(PixelDefense):
    """Error-minimising noise on the pictures alone (MMGuard Eq. 14, 15)."""
