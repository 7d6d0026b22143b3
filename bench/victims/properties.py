"""Look up the architecture, the family and the precision of a victim."""

from bench.errors import UserError
from bench.victims.catalog import ASSEMBLED, EMBEDDED, FAMILIES, HUB, SMALL_CHECKPOINT, split_precision
from bench.victims.contents import list_files, read_architecture
from bench.victims.downloads import find_files


def architecture(name: str) -> str:
    """Return the `model_type` of a victim.

    Raises UserError for a name that is neither in the catalog nor on this machine.
    """
    base, _ = split_precision(name)
    if base in EMBEDDED:
        return EMBEDDED[base]
    if base in ASSEMBLED:
        return ASSEMBLED[base].architecture
    if base in HUB:
        return HUB[base].architecture
    folder = find_files(base)
    if folder is None:
        known = ", ".join([*EMBEDDED, *ASSEMBLED, *HUB])
        raise UserError(f"victim: the family of {name!r} is not known; allowed: {known} or a local copy")
    return read_architecture(folder)


def family(name: str) -> str:
    """Return the family of a victim, which an owner in the gray box knows. Raises UserError as `architecture` does.

    >>> family("qwen2.5-vl-7b"), family("tiny-qwen3vl"), family("tiny-gemma3")
    ('qwen_vl', 'qwen_vl', 'gemma3')
    """
    return FAMILIES.get(architecture(name), architecture(name))


def precision(name: str) -> str:
    """Return fp32, bf16, fp16 or 4bit: as the name says, or else by the size of the checkpoint.

    >>> precision("qwen3-vl-4b@4bit"), precision("qwen3-vl-4b")
    ('4bit', 'bf16')
    """
    base, named = split_precision(name)
    if named is not None:
        return named
    if base in ASSEMBLED:
        return "fp32"
    if base in HUB:
        return "bf16" if HUB[base].gigabytes >= SMALL_CHECKPOINT / 1e9 else "fp32"
    folder = find_files(base)
    if folder is None:
        return "bf16"
    size = sum(file.stat().st_size for file in list_files(folder).values() if file.suffix == ".safetensors")
    return "fp32" if size < SMALL_CHECKPOINT else "bf16"
