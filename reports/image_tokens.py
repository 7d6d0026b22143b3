"""Print how many tokens a 512 x 512 picture costs each model of the paper: python -m reports.image_tokens

Computed by the layout rules of `bench.lvlm.families`. The processor settings are those of the checkpoints'
preprocessor_config.json, copied here: no file is read.
"""

from types import SimpleNamespace
from typing import Any

from transformers import (
    CLIPImageProcessor,
    Gemma3ImageProcessor,
    Glm4vImageProcessor,
    GotOcr2ImageProcessor,
    Idefics3ImageProcessor,
    MllamaImageProcessor,
    Qwen2VLImageProcessor,
)
from transformers.models.minicpmv4_6.image_processing_pil_minicpmv4_6 import MiniCPMV4_6ImageProcessorPil

from bench.lvlm.catalog import family_class
from bench.victims import HUB

SIDE = 512
QWEN3 = {"patch_size": 16, "merge_size": 2, "size": {"shortest_edge": 65536, "longest_edge": 16777216}}
PROCESSORS: dict[str, Any] = {
    "qwen3-vl-4b": lambda: Qwen2VLImageProcessor(**QWEN3),
    "qwen3-vl-2b": lambda: Qwen2VLImageProcessor(**QWEN3),
    "qwen3-vl-8b": lambda: Qwen2VLImageProcessor(**QWEN3),
    "qwen2.5-vl-7b": lambda: Qwen2VLImageProcessor(
        patch_size=14, merge_size=2, size={"shortest_edge": 3136, "longest_edge": 12845056}
    ),
    "llama-3.2-11b-vision": lambda: MllamaImageProcessor(max_image_tiles=4, size={"height": 560, "width": 560}),
    "llava-1.5-7b": lambda: CLIPImageProcessor(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
    "internvl3.5-8b": lambda: GotOcr2ImageProcessor(
        size={"height": 448, "width": 448}, crop_to_patches=True, max_patches=12
    ),
    "gemma-3-4b": lambda: Gemma3ImageProcessor(size={"height": 896, "width": 896}),
    "glm-4.1v-9b": lambda: Glm4vImageProcessor(
        patch_size=14, merge_size=2, size={"shortest_edge": 12544, "longest_edge": 9633792}
    ),
    "minicpm-v-4": lambda: MiniCPMV4_6ImageProcessorPil(),
    "smolvlm-256m": lambda: Idefics3ImageProcessor(
        size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}, do_image_splitting=True
    ),
}
CONFIGS: dict[str, Any] = {
    "llava-1.5-7b": {"vision_config": SimpleNamespace(patch_size=14, image_size=336)},
    "gemma-3-4b": {"mm_tokens_per_image": 256, "vision_config": SimpleNamespace(patch_size=14, image_size=896)},
    "internvl3.5-8b": {"image_seq_length": 256, "downsample_ratio": 0.5, "vision_config": SimpleNamespace(
        patch_size=[14, 14], image_size=[448, 448])},
    "smolvlm-256m": {"scale_factor": 4, "vision_config": SimpleNamespace(patch_size=16, image_size=512)},
}  # fmt: skip


def image_text(name: str) -> str:
    """Return the text that stands for a picture of `SIDE` x `SIDE` in a prompt of the model."""
    family = family_class(HUB[name].architecture)
    lvlm: Any = object.__new__(family)
    lvlm.processor = PROCESSORS[name]()
    lvlm.model = SimpleNamespace(config=SimpleNamespace(**CONFIGS.get(name, {})))
    text: str = lvlm.image_tokens(lvlm.layout((SIDE, SIDE)))
    return text


def count_tokens(name: str) -> int:
    """Return the number of image tokens of that picture."""
    return image_text(name).count(family_class(HUB[name].architecture).image_token)


if __name__ == "__main__":
    for model in PROCESSORS:
        print(f"{model:<22} {count_tokens(model):>5}")
