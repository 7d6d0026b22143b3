"""Speed and memory of crafting and fine-tuning at a real model's size, with random weights: nothing is downloaded.

    python benchmarks/large.py qwen3-vl-4b|llava-1.5-7b [--batch 16] [--side 512] [--precision bf16] [--profile --tiny]

On the first card, or on the processor where there is none. The bare loop is a forward pass and an input gradient of the
same surrogate, without what a defense adds. Batches that do not fit are halved, as everywhere. --profile: which part of
the model takes the time of one such pass. --tiny: a few narrow layers, to see that it works. Peak memory is torch's on
a card; on the processor the process's, from its start on.
"""

import argparse
import re
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function
from transformers import (
    AutoModelForImageTextToText,
    CLIPImageProcessor,
    LlavaConfig,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
)

from attacks import REGISTRY as ATTACKS
from bench.lvlm.adapters import attach_adapter, lora_config
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.build import BUILDERS
from bench.lvlm.embedded.recipes import RECIPES
from bench.lvlm.placement import choose_device
from bench.runtime import prepare, seed_everything
from bench.samples import Sample, SampleSet
from bench.spec import Method
from bench.victims import HUB, PRECISIONS
from defenses import REGISTRY as DEFENSES
from defenses.craft.pixel import Batch, Draft, PixelDefense, PixelOptions, Surrogate

STEPS = 6  # a round of a default release
TRAINED = 4  # steps timed, after as many to warm up
QUESTION, ANSWER = "Which of these objects is shown in the picture?", "a red bicycle with a basket"
RECIPE = {"llava": "tiny-llava-a", "qwen3_vl": "tiny-qwen3vl"}
Row = dict[str, float | str]


def qwen3_vl(tiny: bool, ids: dict[str, int]) -> Qwen3VLConfig:
    """Qwen3-VL-4B-Instruct as published, but for the ids of its tokens."""
    vision = {
        "depth": 24, "hidden_size": 1024, "num_heads": 16, "intermediate_size": 4096, "patch_size": 16,
        "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 2560, "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [5, 11, 17], "hidden_act": "gelu_pytorch_tanh",
    }  # fmt: skip
    text = {
        "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936, "rms_norm_eps": 1e-6,
        "max_position_embeddings": 262144, "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True,
        },
    }  # fmt: skip
    if tiny:
        vision |= {"depth": 3, "hidden_size": 64, "num_heads": 4, "intermediate_size": 96, "out_hidden_size": 64}
        vision |= {"deepstack_visual_indexes": [0, 1]}
        text |= {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2}
        text |= {"intermediate_size": 96, "vocab_size": 1000}
    names = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    fields = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    tokens = {field: ids[name] for field, name in zip(fields, names, strict=True)}
    return Qwen3VLConfig(vision_config=vision, text_config=text, tie_word_embeddings=True, **tokens)


def llava(tiny: bool, ids: dict[str, int]) -> LlavaConfig:
    """llava-1.5-7b-hf as published, but for the ids of its tokens."""
    vision = {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768,
    }  # fmt: skip
    text = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
    }  # fmt: skip
    if tiny:
        small = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4}
        vision, text = vision | small, text | small | {"vocab_size": 1000, "num_key_value_heads": 4}
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=ids["<image>"],
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=576,
        tie_word_embeddings=False,
    )


CONFIGS: dict[str, Callable[[bool, dict[str, int]], Any]] = {"qwen3_vl": qwen3_vl, "llava": llava}
PROCESSORS: dict[str, Callable[[], Any]] = {
    "qwen3_vl": lambda: Qwen2VLImageProcessor(
        patch_size=16, merge_size=2, size={"shortest_edge": 65536, "longest_edge": 16777216},
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    ),
    "llava": lambda: CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
}  # fmt: skip


def build(name: str, precision: str, device: str, *, tiny: bool = False) -> LVLM:
    """The model with random weights, made where they stay; a tokenizer of a few hundred words."""
    kind = HUB[name].architecture
    builder = BUILDERS[kind]
    tokenizer = builder.tokenizer(RECIPES[RECIPE[kind]], [f" {QUESTION} {ANSWER}"] * 3)
    ids = dict(zip(builder.specials, tokenizer.convert_tokens_to_ids(list(builder.specials)), strict=True))
    config = CONFIGS[kind](tiny, ids)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=getattr(torch, PRECISIONS[precision]))
    return builder.family(name, "random", model, tokenizer, PROCESSORS[kind]())


def pictures(count: int, side: int) -> SampleSet:
    """Questions about so many pictures of noise."""
    rng = np.random.default_rng(0)
    pixels = (rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count))
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", shown, QUESTION, ANSWER) for i, shown in enumerate(pixels)))


def now(device: torch.device) -> float:
    """Seconds, when a card has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def warm(device: torch.device) -> float:
    """The same, and the peak of memory begins anew: what was tried and did not fit is none."""
    started = now(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    return started


def row(what: str, device: torch.device, batch: int, rate: float, at_once: int) -> Row:
    """Steps a second of `batch` pictures, of which so many were in memory at once, and the peak of memory."""
    card = device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if card else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"what": what, "at once": at_once, "steps/s": rate, "pictures/s": rate * batch, "peak GB": peak / 1e9}


def crafting(lvlm: LVLM, batch: int, side: int) -> list[Row]:
    """Rows of a defense's pixel steps and of the bare loop."""
    defense = DEFENSES.build(Method(name="em", options={"image_steps": STEPS, "batch": batch}))
    assert isinstance(defense, PixelDefense)
    draft, rng = Draft(pictures(batch, side), lvlm.device), np.random.default_rng(0)
    o = PixelOptions()

    def bare(indices: Sequence[int]) -> None:
        some = Batch(draft, list(indices))
        encoded, images = some.encode(lvlm), some.images()
        for _ in range(STEPS):
            leaves = [image.clone().requires_grad_(True) for image in images]
            torch.autograd.grad(lvlm.loss(encoded, leaves).sum(), leaves)

    def timed(what: str, loop: Callable[[], object]) -> Row:
        loop()
        started = warm(lvlm.device)
        loop()
        rate = STEPS / (now(lvlm.device) - started)
        return row(what, lvlm.device, batch, rate, min(batch, defense.memory_limit.max_items or batch))

    with attach_adapter(lvlm, lora_config(lvlm, o.inner_rank, "language", o.inner_dropout)) as parameters:
        lvlm.model.eval().requires_grad_(False)
        worn = [Surrogate(lvlm, parameters, [], torch.optim.SGD(parameters))]
        whole = range(batch)
        return [
            timed("crafting: em", lambda: defense.step_batch(Batch(draft, list(whole)), worn, 8, rng)),
            timed("bare loop", lambda: defense.memory_limit.map_parts(bare, whole)),
        ]


def training(lvlm: LVLM, batch: int, side: int) -> Row:
    """A row of steps of `lora_sft`, optimiser and all."""
    attack = ATTACKS.build(Method(name="lora_sft", options={"epochs": 1, "batch": batch, "lr": 1e-4}))
    samples = pictures(2 * TRAINED * batch, side)
    ends: list[float] = []
    sizes: list[int] = []

    def progress(fraction: float, _: str) -> None:
        ends.append(now(lvlm.device) if ends else warm(lvlm.device))

    hook = lvlm.embedding.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    with tempfile.TemporaryDirectory() as folder:
        attack.tune(lvlm, samples, SampleSet(()), 0, Path(folder), progress)
    hook.remove()
    rate = TRAINED / (ends[-1] - ends[-1 - TRAINED])
    return row("training: lora_sft", lvlm.device, batch, rate, sizes[-1])


def parts(lvlm: LVLM) -> dict[nn.Module, str]:
    """Modules of the language model whose time is told apart, and the names of their parts."""
    tower, head, model = lvlm.model.get_submodule(lvlm.tower), lvlm.model.lm_head, lvlm.model
    lora = lora_config(lvlm, 1, "projector").target_modules
    held = {name.rpartition(".")[0] for name, _ in model.named_modules() if re.fullmatch(str(lora), name)}
    return {
        tower: "tower",
        **{model.get_submodule(name): "projector" for name in held},
        model.model.language_model: "language model",
        head: "head",
    }


def shares(lvlm: LVLM, batch: int, side: int) -> dict[str, float]:
    """Share (0..1) of each part in the time of a forward pass and an input gradient; `rest` is what has no name.

    A card's time is its kernels', a processor's all of it. A backward step, with what it computes again, counts for
    the part whose forward pass made it: autograd numbers both alike.
    """
    some = Batch(Draft(pictures(batch, side), lvlm.device), list(range(batch)))
    encoded, leaves = some.encode(lvlm), [image.requires_grad_(True) for image in some.images()]
    hooks, open_ = [], []
    for module, name in parts(lvlm).items():
        hooks.append(module.register_forward_pre_hook(lambda *_, name=name: open_.append(enter(name))))
        hooks.append(module.register_forward_hook(lambda *_: open_.pop().__exit__(None, None, None)))
    on_card = lvlm.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_card else [])]
    positions = lvlm.position_inputs(encoded, lvlm.layouts(leaves))
    with profile(activities=activities) as profiler, record_function("part: rest"):
        with record_function("part: pixel path"):
            pixels = lvlm.pixel_values(leaves)
        loss = lvlm.forward_inputs(encoded, {**pixels, **positions}).loss.sum()
        torch.autograd.grad(loss, leaves)
    for hook in hooks:
        hook.remove()
    return tally(profiler.events(), on_card=on_card)


def enter(name: str) -> record_function:
    """An open range."""
    return record_function(f"part: {name}").__enter__()


def tally(events: Sequence[Any], *, on_card: bool) -> dict[str, float]:
    """Shares of the ranges `part: ...` in one pass: an event is in the innermost around it, or around its origin."""
    maker: dict[int, str] = {}
    taken: dict[str, float] = {}
    for event in sorted((e for e in events if e.device_type == DeviceType.CPU), key=lambda e: e.time_range.start):
        above = [event]
        while above[-1].cpu_parent is not None:
            above.append(above[-1].cpu_parent)
        backward = [e for e in above if e.name.startswith("autograd::engine::evaluate_function")]
        named = [e.name.removeprefix("part: ") for e in above if e.name.startswith("part: ")]
        if backward:
            part = maker.get(backward[-1].sequence_nr, "rest")
        else:
            part = named[0] if named else "rest"
            maker[event.sequence_nr] = part
        if not on_card:
            taken[part] = taken.get(part, 0.0) + event.self_cpu_time_total
        elif not event.name.startswith("part: "):  # a range may repeat, as one, the kernels inside it
            taken[part] = taken.get(part, 0.0) + event.self_device_time_total
    return {part: spent / sum(taken.values()) for part, spent in sorted(taken.items(), key=lambda pair: -pair[1])}


def table(title: str, rows: Sequence[Row]) -> Table:
    """Rows with the same columns."""
    shown = Table(*rows[0], title=title)
    for cells in rows:
        shown.add_row(*(value if isinstance(value, str) else f"{value:.4g}" for value in cells.values()))
    return shown


def main(arguments: Sequence[str] | None = None) -> tuple[list[Row], dict[str, float]]:
    """Print the tables, and give their numbers."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("model", choices=["qwen3-vl-4b", "llava-1.5-7b"])
    parser.add_argument("--tiny", action="store_true", help="a few narrow layers")
    parser.add_argument("--batch", type=int, default=16, help="pictures a step")
    parser.add_argument("--side", type=int, default=512, help="sides of a picture in pixels")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--profile", action="store_true", help="which part takes the time")
    asked = parser.parse_args(arguments)
    prepare()
    seed_everything(0)
    device = "cpu" if choose_device() == "cpu" else "cuda"
    lvlm = build(asked.model, asked.precision, device, tiny=asked.tiny)
    rows = crafting(lvlm, asked.batch, asked.side)
    rows.append(training(lvlm, asked.batch, asked.side))
    fitted = int(min(float(measured["at once"]) for measured in rows))
    found = shares(lvlm, fitted, asked.side) if asked.profile else {}
    card = torch.cuda.get_device_name() if device == "cuda" else f"processor, {torch.get_num_threads()} threads"
    layout = lvlm.layout((asked.side, asked.side))
    tokens = lvlm.image_tokens(layout).count(lvlm.image_token)
    size = f"{lvlm.model.num_parameters() / 1e6:.2f} M parameters, {asked.precision}, {tokens} tokens a picture"
    again = "computes activations again" if lvlm.recomputes else "keeps activations"
    console = Console()
    console.print(f"{asked.model}{' --tiny' if asked.tiny else ''}: {size}; {again}")
    console.print(f"{card}; torch {torch.__version__}, transformers {transformers.__version__}")
    console.print(table(f"batch {asked.batch}, {asked.side} x {asked.side} pixels", rows))
    if found:
        console.print(table("one pass", [{"part": part, "share": f"{share:.2%}"} for part, share in found.items()]))
    return rows, found


if __name__ == "__main__":
    main()
