"""Activations of large models are computed again in the backward pass instead of kept."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from bench.lvlm.attention import Recorder, current, recording

LARGE = 10**9
"""Parameters from which on it pays."""


def prepare(model: PreTrainedModel) -> None:
    """Have every layer keep its inputs alone while it is in training mode."""
    model.activation_checkpointing_enable({"use_reentrant": False, "context_fn": _contexts})


@contextmanager
def recomputing(model: PreTrainedModel) -> Iterator[None]:
    """The same for a model that is not in training mode, whose pixels alone are optimised.

    transformers asks each layer whether it trains; so the layers say that they do, and nothing inside them, whose
    dropout would act. Not for passes with a cache, which transformers drops.
    """
    layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    before = [layer.training for layer in layers]
    try:
        for layer in layers:
            layer.training = True
        yield
    finally:
        for layer, training in zip(layers, before, strict=True):
            layer.training = training


def _contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """A layer that is run again records again what it recorded: both runs must keep as many tensors."""
    open_ = current()
    again = None if open_ is None else Recorder(list(open_.layers), open_.sets)
    return nullcontext(), recording(again)
