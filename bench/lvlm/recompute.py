"""Recompute the activations of large models in the backward pass instead of keeping them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from bench.lvlm.attention import current_recorder, record_into

LARGE_MODEL = 10**9
"""Number of parameters from which on recomputing pays."""


def enable_recomputation(model: PreTrainedModel) -> None:
    """Let every layer keep only its inputs while it is in training mode."""
    model.activation_checkpointing_enable({"use_reentrant": False, "context_fn": _checkpoint_contexts})


@contextmanager
def recompute_activations(model: PreTrainedModel) -> Iterator[None]:
    """Recompute during the block, for a model in evaluation mode whose pixels alone are optimised.

    transformers asks each layer for its training flag. So the flag is set on the layers, and not on the modules
    inside them, whose dropout would act. Not for passes with a cache of keys and values: transformers drops it.
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


def _checkpoint_contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return the contexts of a layer's first and second run.

    The second run records attention rows again, and drops them: both runs must keep as many tensors.
    """
    recorder = current_recorder()
    return nullcontext(), record_into(None if recorder is None else replace(recorder, rows={}))
