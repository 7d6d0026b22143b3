"""Record attention rows of chosen layers and queries without building a full attention map.

An attention function is registered with transformers. It is plain SDPA; while a `Recorder` is open it also computes
the softmax rows of the recorder's queries in the recorder's layers.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

IMPLEMENTATION = "sdpa_rows"
"""Name under which transformers knows the attention function of this module."""


@dataclass(frozen=True)
class Recorder:
    """Collects mean attention rows of sets of queries.

    layers: indices of decoder layers. masks: one bool mask (B, Q) for each set of queries. rows[layer][s]: the mean
    over the heads and the queries of set s, a distribution over keys (B, K); zeros for a sample without such queries.
    """

    layers: Collection[int]
    masks: Sequence[torch.Tensor]
    rows: dict[int, list[torch.Tensor]] = field(default_factory=dict)

    def from_column(self, start: int) -> "Recorder":
        """Return a recorder of the queries from position `start` on that writes into the same `rows`."""
        return replace(self, masks=[mask[:, start:] for mask in self.masks])

    def record(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scale: float
    ) -> None:
        """Store the rows of a layer.

        query (B, H, Q, D) and key (B, G, K, D) after rotary embedding; mask bool (B, 1, Q, K), True = may attend.
        """
        device, masks = self.masks[0].device, [members.to(query.device) for members in self.masks]
        index, is_query = _gather_index(torch.stack(masks).any(0))
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        queries = query.gather(2, index[:, None, :, None].expand(-1, query.shape[1], -1, query.shape[3]))
        scores = queries @ key.transpose(2, 3) * scale
        allowed = _allowed_keys(mask, index, query.shape[2], key.shape[2])
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
        # In float32 for half-precision models too, as their own attention normalises.
        mean_over_heads = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32)).mean(1)
        self.rows[layer] = []
        for members in masks:
            weight = (members.gather(1, index) & is_query).to(mean_over_heads.dtype)
            total = weight.sum(1, keepdim=True).clamp(min=1)
            self.rows[layer].append(torch.einsum("bq,bqk->bk", weight / total, mean_over_heads).to(device))


def _gather_index(union: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the positions of the True entries of each row, (B, R), and a mask (B, R) that is False for padding."""
    count = int(union.sum(1).max())
    order = torch.argsort(union.int(), dim=1, descending=True, stable=True)[:, :count]
    return order, union.gather(1, order)


def _allowed_keys(mask: torch.Tensor | None, index: torch.Tensor, queries: int, keys: int) -> torch.Tensor:
    """Return bool (B, 1, R, K): the rows of `mask` at `index`, or the causal rule where SDPA got no mask."""
    if mask is not None:
        mask = mask if mask.dtype == torch.bool else mask == 0
        return mask.expand(len(index), -1, -1, -1).gather(2, index[:, None, :, None].expand(-1, 1, -1, keys))
    last = index + keys - queries
    return (torch.arange(keys, device=index.device) <= last[:, :, None])[:, None]


_open: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def current_recorder() -> Recorder | None:
    """Return the recorder that is open, or None."""
    return _open.get()


@contextmanager
def record_into(recorder: Recorder | None) -> Iterator[None]:
    """Record attention rows into `recorder` during the block; with None, record nothing."""
    token = _open.set(recorder)
    try:
        yield
    finally:
        _open.reset(token)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    recorder = current_recorder()
    if recorder is not None and module.layer_idx in recorder.layers:
        recorder.record(module.layer_idx, query, key, attention_mask, kwargs["scaling"])
    output: tuple[torch.Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    return output


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
