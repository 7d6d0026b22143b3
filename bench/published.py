"""The models and data sets of MMGuard's paper (section 6.1), as far as a plan needs them: they cannot be played yet."""

from bench.errors import UserError
from bench.spec import RunSpec

MODELS = {
    "qwen3-vl-4b": ("qwen_vl", "Qwen/Qwen3-VL-4B-Instruct"),
    "qwen3-vl-2b": ("qwen_vl", "Qwen/Qwen3-VL-2B-Instruct"),
    "qwen3-vl-8b": ("qwen_vl", "Qwen/Qwen3-VL-8B-Instruct"),
    "qwen2.5-vl-7b": ("qwen_vl", "Qwen/Qwen2.5-VL-7B-Instruct"),
    "llama-3.2-11b-vision": ("mllama", "meta-llama/Llama-3.2-11B-Vision-Instruct"),
    "llava-1.5-7b": ("llava", "llava-hf/llava-1.5-7b-hf"),
    "internvl3.5-8b": ("internvl", "OpenGVLab/InternVL3_5-8B-HF"),
    "gemma-3-4b": ("gemma3", "google/gemma-3-4b-it"),
    "glm-4.1v-9b": ("glm4v", "zai-org/GLM-4.1V-9B-Base"),
    "minicpm-v-4": ("minicpm_v", "openbmb/MiniCPM-V-4"),
}
"""Family and hub name. The paper counts the Qwen models, of two generations, as one family."""

SURROGATES = {name: MODELS[name][0] for name in ("qwen3-vl-4b", "minicpm-v-4")}
"""What the paper's owner optimises on, with families."""

DATASETS = {
    "realworldqa": "xai-org/RealworldQA",
    "mmstar": "Lin-Chen/MMStar",
    "scienceqa": "derek-thomas/ScienceQA",
    "vqa-rad": "flaviagiammarino/vqa-rad",
    "textvqa": "lmms-lab/textvqa",
    "docvqa": "lmms-lab/DocVQA",
}
"""Hub names."""


def check_playable(spec: RunSpec) -> None:
    """Raises UserError for a run that can be planned only."""
    for field, name, known in (
        ("dataset", spec.dataset, DATASETS),
        ("victim", spec.victim, {name: hub for name, (_, hub) in MODELS.items()}),
    ):
        if name in known:
            raise UserError(
                f"{field}: {name!r} ({known[name]}) can be planned but not played yet; "
                "allowed: what `bench list` names, and for victims a checkpoint folder"
            )
