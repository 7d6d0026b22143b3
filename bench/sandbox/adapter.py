"""Read the adapter that comes out of a sandbox, and check it anew on the victim that it is for.

Only tensors and the scale of LoRA are taken from outside: the configuration is written by the judge.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from pydantic import Field, FiniteFloat, TypeAdapter

from bench.errors import printable, show
from bench.progress import Progress
from bench.sandbox.release import MAX_TEXT, Done, File, Step, parse, read_bytes, read_message, refuse
from bench.spec import Closed

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig

    from bench.lvlm.base import LVLM

ADAPTER, WEIGHTS, SCALE, CURVE = "adapter_model.safetensors", "weights.safetensors", "scale.json", "curve.json"
PREFIX = "base_model.model."
"""The beginning of a tensor's name in an adapter of PEFT."""

MIN_BYTES = 2**28
"""Bytes that a file of weights may have at least, whatever the size of the victim."""

Curve = list[dict[str, FiniteFloat]]


class Scale(Closed):
    """The settings of LoRA that its tensors do not tell: alpha, and if it is divided by the root of the rank."""

    alpha: float = Field(gt=0, le=1e6)
    rslora: bool = False


class Trained(NamedTuple):
    """The answer of an attack: files of tensors by place, not yet checked, the scale of LoRA, and the curve."""

    files: Mapping[str, bytes]
    scale: Scale
    curve: Curve


def read_trained(stream: IO[bytes], places: Collection[str], limit: int, progress: Progress) -> Trained:
    """Read the adapters of an attack, one for each place. Raises UserError for an error from inside or another answer.

    limit: bytes of a file of weights. Raises Ended where the output ends too soon.
    """
    allowed = {str(Path(place, name)): limit for place in places for name in (ADAPTER, WEIGHTS)}
    files = dict[str, bytes]()
    while not isinstance(line := read_message(stream), Done):
        if isinstance(line, Step):
            progress(line.progress, printable(line.note[:80]))
        elif not isinstance(line, File) or line.file in files:
            refuse(f"the answer {show(line)}", "an adapter")
        elif line.file in (SCALE, CURVE):
            files[line.file] = read_bytes(stream, line, MAX_TEXT)
        elif line.file in allowed:
            files[line.file] = read_bytes(stream, line, limit)
        else:
            refuse(f"the file {show(line.file)}", f"{SCALE}, {CURVE} and {', '.join(sorted(allowed))}")
    scale = parse(files.pop(SCALE, b'{"alpha": 1}'), TypeAdapter(Scale), SCALE)
    curve = parse(files.pop(CURVE, b"[]"), TypeAdapter(Curve), CURVE)
    for place in places:
        if (count := sum(str(Path(place, name)) in files for name in (ADAPTER, WEIGHTS))) != 1:
            refuse(f"{count} adapters for the place {place!r}", "one, an adapter of LoRA or weights")
    return Trained(files, scale, curve)


def save_trained(trained: Trained, victim: "LVLM", folder: Path) -> None:
    """Check adapters on their victim, and write them into a folder as a tuner does.

    Raises UserError for tensors of other names or shapes than the victim has, and for what is no finite number.
    """
    from safetensors.torch import save_file

    from bench.lvlm.adapters import full_parameters

    for place, data in trained.files.items():
        tensors = _load(data, place)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.name == WEIGHTS:
            parameters = full_parameters(victim, tower=True)
            shapes = {name: parameters[name].shape for name in tensors if name in parameters}
        else:
            config = _make_config(tensors, victim, trained.scale)
            shapes = _adapter_shapes(victim, config)
            config.save_pretrained(target.parent)
        _check(tensors, shapes, place)
        save_file(tensors, target)


def _load(data: bytes, place: str) -> "dict[str, torch.Tensor]":
    """Return the tensors of a file. Raises UserError for a broken one, and for values that are not finite."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        refuse(f"{place}: {show(error)}", "a file of safetensors")
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            refuse(f"{place}: {show(name)} of {str(tensor.dtype)[6:]}", "finite numbers")
    return tensors


def _make_config(tensors: "Mapping[str, torch.Tensor]", victim: "LVLM", scale: Scale) -> "LoraConfig":
    """Return the configuration of LoRA that tensors are of: their modules, one rank, and the scale."""
    from peft import LoraConfig

    down = {name.removesuffix(".lora_A.weight"): t for name, t in tensors.items() if name.endswith(".lora_A.weight")}
    if not down or min(tensor.ndim for tensor in down.values()) == 0:
        refuse("no adapter of LoRA", "tensors lora_A and lora_B of modules")
    modules = [name.removeprefix(PREFIX) for name in down]
    matrices = [m for m in victim.projector_parameters if any(_is_of(module, m) for module in modules)]
    return LoraConfig(
        r=next(iter(down.values())).shape[0],
        lora_alpha=scale.alpha,
        target_modules=[module for module in modules if not any(_is_of(module, m) for m in matrices)],
        target_parameters=matrices or None,
        use_dora=any("lora_magnitude_vector" in name for name in tensors),
        use_rslora=scale.rslora,
    )


def _is_of(module: str, parameter: str) -> bool:
    """Return True if a parameter, named by the end of its place, belongs to a module."""
    return module.endswith(parameter.rpartition(".")[0])


def _adapter_shapes(victim: "LVLM", config: "LoraConfig") -> "dict[str, torch.Size]":
    """Return the shapes of the tensors of an adapter on a victim, by name."""
    from peft import get_peft_model, get_peft_model_state_dict

    try:
        peft = get_peft_model(victim.model, config)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        refuse(f"an adapter that does not fit: {show(error)}", "LoRA on modules of the victim")
    try:
        return {name: tensor.shape for name, tensor in get_peft_model_state_dict(peft).items()}
    finally:
        peft.unload()
        victim.model.requires_grad_(False)


def _check(tensors: "Mapping[str, torch.Tensor]", shapes: "Mapping[str, torch.Size]", place: str) -> None:
    for name in sorted(tensors.keys() | shapes.keys()):
        given, expected = (list(t) if t is not None else "none" for t in (_shape(tensors, name), shapes.get(name)))
        if given != expected:
            refuse(f"{place}: {show(name)} of shape {given}", str(expected))


def _shape(tensors: "Mapping[str, torch.Tensor]", name: str) -> "torch.Size | None":
    return tensors[name].shape if name in tensors else None
