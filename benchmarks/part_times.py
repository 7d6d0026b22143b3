"""The time that each part of a model takes in one forward pass and input gradient."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity, profile, record_function

from bench.lvlm.adapters import lora_config
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import SampleSet
from defenses.craft.levels import to_levels

PREFIX = "part: "
"""Marks the profiler's ranges that are parts of the model."""


def name_parts(lvlm: LVLM) -> dict[nn.Module, str]:
    """Return the modules whose time is measured apart, and the names of their parts."""
    tower, head, model = lvlm.model.get_submodule(lvlm.tower), lvlm.model.lm_head, lvlm.model
    projector = str(lora_config(lvlm, 1, "projector").target_modules)
    parents = {name.rpartition(".")[0] for name, _ in model.named_modules() if re.fullmatch(projector, name)}
    return {
        tower: "tower",
        **{model.get_submodule(name): "projector" for name in parents},
        model.model.language_model: "language model",
        head: "head",
    }


def measure_parts(lvlm: LVLM, samples: SampleSet) -> dict[str, float]:
    """Return the share in [0,1] of each part in the time of a pass; `rest` is what belongs to no part.

    On a card it is the time of its kernels, on a processor all time. A backward step, with the activations that it
    computes again, counts for the part whose forward pass made it.
    """
    leaves = [to_levels(sample.pixels).to(lvlm.device).requires_grad_(True) for sample in samples]
    layouts = lvlm.layouts(leaves)
    encoded = lvlm.encode([Prompt(sample.question, sample.answer) for sample in samples], layouts)
    positions = lvlm.position_inputs(encoded, layouts)
    hooks, open_ranges = [], []
    for module, name in name_parts(lvlm).items():
        hooks.append(module.register_forward_pre_hook(lambda *_, name=name: open_ranges.append(open_range(name))))
        hooks.append(module.register_forward_hook(lambda *_: open_ranges.pop().__exit__(None, None, None)))
    on_card = lvlm.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_card else [])]
    with profile(activities=activities) as profiler, record_function(f"{PREFIX}rest"):
        with record_function(f"{PREFIX}pixel path"):
            pixels = lvlm.pixel_values(leaves)
        loss = lvlm.forward_inputs(encoded, {**pixels, **positions}).loss.sum()
        torch.autograd.grad(loss, leaves)
    for hook in hooks:
        hook.remove()
    return tally(profiler.events(), on_card=on_card)


def open_range(name: str) -> record_function:
    """Return the profiler's range of a part, open."""
    opened: record_function = record_function(f"{PREFIX}{name}").__enter__()
    return opened


def tally(events: Sequence[Any], *, on_card: bool) -> dict[str, float]:
    """Return the share of each part, the largest first.

    An event counts for the innermost range around it. One of the backward pass counts for the part of the forward
    operation with the same sequence number.
    """
    part_of_forward: dict[int, str] = {}
    seconds: dict[str, float] = {}
    on_processor = (event for event in events if event.device_type == DeviceType.CPU)
    for event in sorted(on_processor, key=lambda event: event.time_range.start):
        ancestors = [event]
        while ancestors[-1].cpu_parent is not None:
            ancestors.append(ancestors[-1].cpu_parent)
        backward = [e for e in ancestors if e.name.startswith("autograd::engine::evaluate_function")]
        ranges = [e.name.removeprefix(PREFIX) for e in ancestors if e.name.startswith(PREFIX)]
        if backward:
            part = part_of_forward.get(backward[-1].sequence_nr, "rest")
        else:
            part = ranges[0] if ranges else "rest"
            part_of_forward[event.sequence_nr] = part
        if not on_card:
            seconds[part] = seconds.get(part, 0.0) + event.self_cpu_time_total
        elif not event.name.startswith(PREFIX):  # a range may report the kernels inside it once more, as one
            seconds[part] = seconds.get(part, 0.0) + event.self_device_time_total
    total = sum(seconds.values())
    return {part: spent / total for part, spent in sorted(seconds.items(), key=lambda pair: -pair[1])}
