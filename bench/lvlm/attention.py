"""Attention rows of chosen layers, and no full attention map anywhere.

An attention function is registered with transformers: it is plain SDPA, and while a `Recorder` is open it also
computes, in the layers asked for, softmax rows of the queries asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "sdpa_rows"


class Recorder:
    """Mean attention rows of query sets.

    layers: indices of decoder layers; sets: bool (B, Q) masks over the *query* positions of the forward that is
    recorded. `rows[layer][s]` is the mean over heads and the queries of set `s`, a distribution over keys (B, K).
    A sample whose set is empty has a row of zeros.
    """

    def __init__(self, layers: Sequence[int], sets: Sequence[torch.Tensor]) -> None:
        self.layers = frozenset(layers)
        self.sets = sets
        self.rows: dict[int, list[torch.Tensor]] = {}

    def record(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scale: float
    ) -> None:
        """query (B, H, Q, D), key (B, G, K, D) after rotary embedding; mask bool (B, 1, Q, K), True = may attend."""
        home, sets = self.sets[0].device, [members.to(query.device) for members in self.sets]
        union = torch.stack(sets).any(0)
        index, real = _gather_index(union)
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        chosen = query.gather(2, index[:, None, :, None].expand(-1, query.shape[1], -1, query.shape[3]))
        scores = chosen @ key.transpose(2, 3) * scale
        allowed = _allowed(mask, index, query.shape[2], key.shape[2])
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
        # Of half-precision models too in float32, as their own attention normalises.
        mean_over_heads = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32)).mean(1)
        self.rows[layer] = []
        for members in sets:
            weight = (members.gather(1, index) & real).to(mean_over_heads.dtype)
            total = weight.sum(1, keepdim=True).clamp(min=1)
            self.rows[layer].append(torch.einsum("bq,bqk->bk", weight / total, mean_over_heads).to(home))


def _gather_index(union: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions of the True entries of each row, padded with 0, (B, R), and which of them are real."""
    count = int(union.sum(1).max())
    order = torch.argsort(union.int(), dim=1, descending=True, stable=True)[:, :count]
    return order, union.gather(1, order)


def _allowed(mask: torch.Tensor | None, index: torch.Tensor, queries: int, keys: int) -> torch.Tensor:
    """Bool (B, 1, R, K): the mask's rows at `index`; the causal rule where SDPA was given no mask."""
    if mask is not None:
        mask = mask if mask.dtype == torch.bool else mask == 0
        return mask.expand(len(index), -1, -1, -1).gather(2, index[:, None, :, None].expand(-1, 1, -1, keys))
    last = index + keys - queries
    return (torch.arange(keys, device=index.device) <= last[:, :, None])[:, None]


_open: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def current() -> Recorder | None:
    """What is recorded into at this moment."""
    return _open.get()


@contextmanager
def recording(recorder: Recorder | None) -> Iterator[None]:
    """Record into `recorder` during the block; with None, nothing."""
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
    recorder = current()
    if recorder is not None and module.layer_idx in recorder.layers:
        recorder.record(module.layer_idx, query, key, attention_mask, kwargs["scaling"])
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
