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
    from bench.lvlm.base import LVLM

ADAPTER, WEIGHTS, SCALE, CURVE = "adapter_model.safetensors", "weights.safetensors", "scale.json", "curve.json"
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
    from peft import LoraConfig
    from safetensors.torch import save_file

    from bench.lvlm.foreign_adapter import DOWN, attach_checked, check_weights, read_tensors

    for place, data in trained.files.items():
        where = f"out of the sandbox came {place}"
        tensors = read_tensors(data, where)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.name == WEIGHTS:
            check_weights(victim, tensors, where)
        else:
            down = [name for name in tensors if name.endswith(DOWN)]
            parameters = victim.projector_parameters
            config = LoraConfig(
                r=next((tensors[name].shape[0] for name in down if tensors[name].ndim), 0),
                lora_alpha=trained.scale.alpha,
                target_parameters=[p for p in parameters if any(n.endswith(_module(p) + DOWN) for n in down)] or None,
                use_dora=any("lora_magnitude_vector" in name for name in tensors),
                use_rslora=trained.scale.rslora,
            )
            with attach_checked(victim, tensors, config, where):
                config.save_pretrained(target.parent)
        save_file(tensors, target)


def _module(parameter: str) -> str:
    """Return the end of the place of the module that a parameter, named by the end of its own, belongs to."""
    return parameter.rpartition(".")[0]
