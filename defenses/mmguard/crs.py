"""MMGuard-CRS: binding by attention that differs from that on the clean sample (Eq. 29)."""

import torch

from bench.lvlm.attention import Recorder
from bench.lvlm.base import LVLM
from bench.lvlm.text import Encoded
from defenses import register
from defenses.craft.draft import Batch, Step
from defenses.mmguard.binding import answer_rows, divergence
from defenses.mmguard.joint import Binding, mmguard_card


@register("mmguard_crs")
class CRS(Binding):
    """MMGuard-CRS: noise and trigger that push the answer's attention away from where it was (Eq. 29)."""

    card = mmguard_card("CRS", "4.9")

    def layer_losses(
        self, lvlm: LVLM, step: Step, encoded: Encoded, rows: dict[int, list[torch.Tensor]]
    ) -> list[torch.Tensor]:
        """Return the negative divergence of the answer's attention from that on the clean sample."""
        clean = self.clean_rows(lvlm, step.batch, encoded)
        return [-divergence(clean[layer], answer) for layer, (answer, _) in rows.items()]

    @torch.no_grad()
    def clean_rows(self, lvlm: LVLM, batch: Batch, encoded: Encoded) -> dict[int, torch.Tensor]:
        """Return the answer's attention rows (B, keys) on the clean sample, by layer, on the same adapted surrogate.

        Padding that nothing attends to stands in the trigger's slots, so both rows have the same keys (as in the
        paper's figure) and every other token keeps its position.
        """
        clean = batch.clean()
        ids = encoded.ids.masked_fill(encoded.trigger, lvlm.tokenizer.pad_token_id)
        padded = encoded.with_tokens(ids=ids, mask=encoded.mask & ~encoded.trigger)
        recorder = Recorder(lvlm.attention_layers[: self.options.layers], [answer_rows(encoded)])
        positions = lvlm.position_inputs(encoded, lvlm.layouts(clean))
        prefix = batch.clean_prefix(lvlm, encoded)
        lvlm.forward(padded, clean, recorder=recorder, prefix=prefix, positions=positions)
        return {layer: answer for layer, (answer,) in recorder.rows.items()}


@register("mmguard_crs_max")
class CRSMax(CRS):
    """MMGuard-CRS-Max: the binding of CRS while the training loss is maximised (Eq. 32)."""

    card = mmguard_card("CRS-Max", "4.5")
    sign = -1
