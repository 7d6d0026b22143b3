"""The table of victims: the embedded ones, published ones, and the precisions that a name can ask for."""

from typing import NamedTuple

EMBEDDED = {
    "tiny-llava-a": "llava",
    "tiny-llava-b": "llava",
    "tiny-qwen3vl": "qwen3_vl",
    "tiny-internvl": "internvl",
    "tiny-gemma3": "gemma3",
    "tiny-internvl-64": "internvl",
    "tiny-gemma3-64": "gemma3",
    "tiny-llava-64": "llava",
}
"""Embedded victims and their architectures (`model_type`)."""


class Hub(NamedTuple):
    """A published checkpoint.

    architecture: `model_type` of its config. source: its id on the Hugging Face hub. commit: the pinned revision.
    gigabytes: size of the download, about.
    """

    architecture: str
    source: str
    commit: str
    gigabytes: float
    licence: str
    note: str = ""


HUB = {
    "qwen3-vl-4b": Hub(
        "qwen3_vl", "Qwen/Qwen3-VL-4B-Instruct", "ebb281ec70b05090aa6165b016eac8ec08e71b17", 8.9, "Apache-2.0"
    ),
    "qwen3-vl-2b": Hub(
        "qwen3_vl", "Qwen/Qwen3-VL-2B-Instruct", "89644892e4d85e24eaac8bacfd4f463576704203", 4.3, "Apache-2.0"
    ),
    "qwen3-vl-8b": Hub(
        "qwen3_vl", "Qwen/Qwen3-VL-8B-Instruct", "0c351dd01ed87e9c1b53cbc748cba10e6187ff3b", 17.5, "Apache-2.0"
    ),
    "qwen2.5-vl-7b": Hub(
        "qwen2_5_vl", "Qwen/Qwen2.5-VL-7B-Instruct", "cc594898137f460bfe9f0759e9844b3ce807cfb5", 16.6, "Apache-2.0"
    ),
    "llama-3.2-11b-vision": Hub(
        "mllama",
        "meta-llama/Llama-3.2-11B-Vision-Instruct",
        "9eb2daaa8597bf192a8b0e73f848f3a102794df5",
        21.3,
        "Llama 3.2 Community",
        "gated: its licence must be accepted on the hub",
    ),
    "llava-1.5-7b": Hub(
        "llava", "llava-hf/llava-1.5-7b-hf", "b234b804b114d9e37bb655e11cbbb5f5e971b7a9", 14.1, "Llama 2 Community"
    ),
    "internvl3.5-8b": Hub(
        "internvl", "OpenGVLab/InternVL3_5-8B-HF", "741a7d03020411e666c6109218ab71e08151ef86", 17.1, "Apache-2.0"
    ),
    "gemma-3-4b": Hub(
        "gemma3",
        "google/gemma-3-4b-it",
        "093f9f388b31de276ce2de164bdc2081324b9767",
        8.6,
        "Gemma terms",
        "gated: its licence must be accepted on the hub",
    ),
    "glm-4.1v-9b": Hub(
        "glm4v",
        "zai-org/GLM-4.1V-9B-Base",
        "5e8d1942554a9277eabcf9e83211bbf9c86136ee",
        20.6,
        "MIT",
        "its commit is from one public list of tokenizers that compared this file; not checked on the hub itself",
    ),
    "minicpm-v-4": Hub(
        "minicpmv4_6",
        "openbmb/MiniCPM-V-4.6",
        "8169864629825dc1d755a5aa1cd8b5935dcbc83f",
        2.6,
        "Apache-2.0",
        "the paper's MiniCPM-V-4 needs remote code; this is the nearest with a class of its own in transformers",
    ),
    "smolvlm-256m": Hub(
        "idefics3",
        "HuggingFaceTB/SmolVLM-256M-Instruct",
        "7e3e67edbbed1bf9888184d9df282b700a323964",
        0.5,
        "Apache-2.0",
    ),
}
"""The nine victims of MMGuard's paper, its second surrogate, and one that is small enough for a laptop."""


class Assembled(NamedTuple):
    """A victim that is put together on this machine, from a published language model and parts that are embedded.

    architecture: `model_type` of its config. parameters: how many. image_tokens: of a picture. source: of the language
    model.
    """

    architecture: str
    parameters: int
    image_tokens: int
    source: str
    licence: str


ASSEMBLED = {"smol-llava": Assembled("llava", 135_613_696, 36, "SmolLM2-135M-Instruct (93 MB)", "Apache-2.0")}
"""Victims that `bench victims fetch NAME` makes; their weights are too many to be embedded."""

FAMILIES = {"qwen3_vl": "qwen_vl", "qwen2_5_vl": "qwen_vl", "idefics3": "smolvlm", "minicpmv4_6": "minicpm_v"}
"""Family of an architecture that shares it with others; the paper counts both generations of Qwen as one family."""

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "4bit": "bfloat16"}
"""Precisions that may follow the `@` of a name, and the dtype of computation; `4bit` keeps weights in NF4 (QLoRA)."""

SMALL_CHECKPOINT = 10**9
"""Bytes below which a checkpoint is computed in float32; larger ones in bfloat16, unless the name asks otherwise."""


def split_precision(name: str) -> tuple[str, str | None]:
    """Split a victim's name into the name itself and the precision after its `@`, if it has one.

    >>> split_precision("qwen3-vl-4b@4bit")
    ('qwen3-vl-4b', '4bit')
    >>> split_precision("tiny-llava-a")
    ('tiny-llava-a', None)
    """
    base, _, precision = name.rpartition("@")
    return (base, precision) if precision in PRECISIONS else (name, None)
