"""Write `tests/bench/lvlm/families/fixtures`: outputs of transformers' combined processors for pictures and questions.

They cannot all be built without torchvision, on which this project does not depend. So run this by hand, when
transformers or a tiny model changes, in a separate environment with torchvision and a torch that suits it:

    python3.11 -m venv ELSEWHERE
    grep -v "^torch=" constraints.txt > others.txt
    ELSEWHERE/bin/pip install torch==2.14.1 torchvision==0.29.1
    ELSEWHERE/bin/pip install -c others.txt transformers peft trl datasets pydantic num2words
    PYTHONPATH=. ELSEWHERE/bin/python scripts/freeze_processors.py [VARIANT ...]

It reads the tokenizer, image processor and config of this project's tiny models, and nothing else of it.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, ProcessorMixin

FOLDER = Path(__file__).parents[1] / "tests/bench/lvlm/families/fixtures"
SIZES = ((64, 64), (37, 51), (97, 333), (301, 223), (1, 1), (150, 40))
PROMPTS = (("What is this?", ""), ("Which of the many objects do you see here?", "a red bicycle with a basket"))
TEXT = ("input_ids", "mm_token_type_ids", "token_type_ids", "cross_attention_mask")
"""Inputs that belong to the tokens; the others that a processor gives belong to the picture."""
SAMPLES = 48
"""Number of values that are kept of an array of floats."""


def make_picture(height: int, width: int) -> np.ndarray:
    """Return a smooth gradient with noise over it, (H, W, 3) uint8."""
    ramp = np.linspace(0, 200, height)[:, None] + np.linspace(0, 55, width)[None]
    noise = np.random.default_rng([height, width]).normal(0, 40, (height, width, 3))
    return np.clip(ramp[..., None] + noise, 0, 255).astype(np.uint8)


def sample_indices(count: int) -> np.ndarray:
    """Return evenly spaced indices into `count` values."""
    return np.linspace(0, count - 1, min(SAMPLES, count)).astype(int)


def encode_runs(values: np.ndarray) -> str:
    """Return whole numbers as text with run lengths: "7 0x3" for 7 0 0 0."""
    flat = values.ravel()
    starts = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1), len(flat)]
    pieces = [(flat[a], b - a) for a, b in pairwise(starts)]
    return " ".join(f"{value}x{count}" if count > 1 else f"{value}" for value, count in pieces)


def freeze_array(value: Any) -> dict[str, str]:
    """Return an array's shape with all of its values if they are whole numbers, or evenly spaced ones of its floats."""
    array = np.asarray(torch.as_tensor(value))
    shape = " ".join(map(str, array.shape))
    if array.dtype.kind != "f":
        return {"shape": shape, "runs": encode_runs(array)}
    return {"shape": shape, "samples": " ".join(f"{x:.4f}" for x in array.ravel()[sample_indices(array.size)])}


def combined_processor(kind: str, image: Any, tokenizer: Any, config: Any) -> ProcessorMixin:
    """Return the family's own combined processor, with the settings of its published `processor_config.json`."""
    import transformers as hf

    vision, template = config.vision_config, {"chat_template": tokenizer.chat_template}
    match kind:
        case "llava":  # the class token counts as an image token here, and the "default" strategy drops it again
            strategy = config.vision_feature_select_strategy
            template["num_additional_image_tokens"] = 1
            return hf.LlavaProcessor(image, tokenizer, vision.patch_size, strategy, **template)
        case "qwen3_vl":
            return hf.Qwen3VLProcessor(image, tokenizer, hf.Qwen3VLVideoProcessor(), **template)
        case "qwen2_5_vl":
            return hf.Qwen2_5_VLProcessor(image, tokenizer, hf.Qwen2VLVideoProcessor(), **template)
        case "glm4v":
            return hf.Glm4vProcessor(image, tokenizer, hf.Glm4vVideoProcessor(), **template)
        case "internvl":
            videos = hf.InternVLVideoProcessor()
            return hf.InternVLProcessor(image, tokenizer, videos, config.image_seq_length, **template)
        case "gemma3":
            return hf.Gemma3Processor(image, tokenizer, image_seq_length=config.mm_tokens_per_image, **template)
        case "mllama":
            return hf.MllamaProcessor(image, tokenizer, **template)
        case "minicpmv4_6":
            videos = hf.MiniCPMV4_6VideoProcessor()
            return hf.MiniCPMV4_6Processor(
                image_processor=image, video_processor=videos, tokenizer=tokenizer, **template
            )
        case "smolvlm" | "idefics3":
            count = (vision.image_size // vision.patch_size // config.scale_factor) ** 2
            if kind == "idefics3":
                return hf.Idefics3Processor(image, tokenizer, count, **template)
            return hf.SmolVLMProcessor(image, tokenizer, hf.SmolVLMVideoProcessor(), count, **template)
    raise ValueError(f"no combined processor is known for {kind!r}")


def make_conversation(kind: str, picture: Image.Image, question: str, answer: str) -> list[dict[str, Any]]:
    """Return a conversation about a picture; GLM-4.1V's template takes answers as plain text only."""
    content = [{"type": "image", "image": picture}, {"type": "text", "text": question}]
    turns: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if answer:
        reply = answer if kind == "glm4v" else [{"type": "text", "text": answer}]
        turns.append({"role": "assistant", "content": reply})
    return turns


def freeze(lvlm: Any) -> dict[str, Any]:
    """Return the fixture of one tiny model: the outputs of the combined processor for each size and prompt."""
    kind = lvlm.model.config.model_type
    with tempfile.TemporaryDirectory() as folder:
        lvlm.tokenizer.save_pretrained(folder)
        lvlm.processor.save_pretrained(folder)
        image = AutoImageProcessor.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    processor = combined_processor(kind, image, tokenizer, lvlm.model.config)
    # `Gemma3Processor` overrules the pan and scan of its image processor: only an argument of the call turns it on.
    pan_and_scan = kind == "gemma3" and image.do_pan_and_scan
    options = {key: getattr(image, key) for key in processor.images_kwargs} if pan_and_scan else {}
    pictures = []
    for size in SIZES:
        case: dict[str, Any] = {"size": size, "prompts": []}
        for question, answer in PROMPTS:
            outputs = processor.apply_chat_template(
                make_conversation(kind, Image.fromarray(make_picture(*size)), question, answer),
                tokenize=True,
                return_dict=True,
                add_generation_prompt=not answer,
                return_tensors="pt",
                processor_kwargs={"images_kwargs": options},
            )
            values = {key: freeze_array(value) for key, value in outputs.items() if key != "attention_mask"}
            text = {key: values.pop(key) for key in TEXT if key in values}
            case["prompts"].append({"question": question, "answer": answer, **text})
            case["pixels"] = values
        pictures.append(case)
    names = {"processor": type(processor).__name__, "image_processor": type(image).__name__}
    return {**names, "backend": image.backend, "options": options, "pictures": pictures}


def main(names: list[str]) -> None:
    """Write the fixtures of the named variants, or of all."""
    from tests.bench.lvlm.families.tiny import VARIANTS

    made_with = {name: version(name) for name in ("transformers", "tokenizers", "torch", "torchvision", "pillow")}
    FOLDER.mkdir(exist_ok=True)
    for name in names or VARIANTS:
        fixture = {"variant": name, "made_with": made_with, **freeze(VARIANTS[name]())}
        (FOLDER / f"{name}.json").write_text(json.dumps(fixture, indent=1) + "\n", encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
