"""`bench victims pretrain smol-llava`: align it anew, write what it has learned, and measure the whole."""

import json
import platform
import shutil
import time
from pathlib import Path

import numpy as np
import torch
import transformers

from bench import victims
from bench.datasets.emoji.pretraining import PretrainingPictures, load_pretraining_pictures
from bench.lvlm.catalog import load
from bench.lvlm.embedded import exam, smollm2
from bench.lvlm.embedded.align import BATCH, RATE, STEPS, align
from bench.lvlm.embedded.pretrain import EXAM_SEED
from bench.lvlm.embedded.smol_llava import FILE, NAME, RANK, SEED, TOWER_OF, build, make, save_alignment
from bench.lvlm.embedded.tower import Pictures
from bench.paths import make_home

PICTURES = 16
"""Renderings of each concept to learn from."""
EXAM_STEP = 4
"""The exam asks about one rendering of every fourth concept: a model of this size answers slowly."""


def pretrain() -> Path:
    """Align `smol-llava`, resumably, write its alignment and its card, make it, and return the folder of the card."""
    work, folder = make_home() / "pretrain", victims.embedded_folder(NAME)
    pictures = load_pretraining_pictures(work, "train", PICTURES, 0)
    lvlm = build(*smollm2.read(smollm2.fetch(work)))
    started = time.monotonic()
    align(lvlm, Pictures(lvlm.processor, pictures), pictures.labels, work / NAME)
    save_alignment(lvlm, folder / FILE)
    make(victims.assembled_folder(NAME))
    write_card(round(time.monotonic() - started))
    shutil.rmtree(work / NAME)
    return folder


def write_card(seconds: int) -> None:
    """Examine the victim that was made, and write its card as JSON and Markdown; `seconds`: of its alignment."""
    lvlm = load(NAME)
    unseen = load_pretraining_pictures(make_home() / "pretrain", "test", 2, EXAM_SEED)
    asked = np.arange(0, len(unseen.pixels), 2 * EXAM_STEP)
    unseen = PretrainingPictures(unseen.pixels[asked], unseen.labels.iloc[asked])
    card = {
        "name": NAME,
        "language_model": {"package": smollm2.PACKAGE, "sha256": smollm2.SHA256, "licence": "Apache-2.0"},
        "tower_of": TOWER_OF,
        "alignment": {"steps": STEPS, "batch": BATCH, "rate": RATE, "rank": RANK, "seed": SEED, "pictures": PICTURES},
        "parameters": lvlm.model.num_parameters(),
        "hardware": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "seconds": seconds,
        "accuracy": exam.examine(lvlm, unseen),
    }
    folder = victims.embedded_folder(NAME)
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    accuracy = "\n".join(f"| {kind} | {value:.1%} |" for kind, value in card["accuracy"].items())
    (folder / "README.md").write_text(
        f"# {NAME}\n\n"
        f"A `llava` LVLM of {card['parameters']:,} parameters whose language model was pretrained on text: "
        f"SmolLM2-135M-Instruct\n({smollm2.PACKAGE}, Apache-2.0, four-bit weights widened). Tower: that of {TOWER_OF}. "
        f"`bench victims pretrain {NAME}` aligned them.\n\n"
        "- Data: Fluent Emoji 3D (MIT), seeded renderings of the 1,279 concepts that are not the owner's.\n"
        f"- Alignment: closed-form start of the projector, then {STEPS} steps of {BATCH} pictures for the projector\n"
        f"  and an adapter of rank {RANK}.\n"
        f"- Hardware: {card['hardware']}; {seconds} s.\n"
        "- Licence: Apache-2.0; the pictures it was aligned on are MIT.\n\n"
        f"| question about unseen renderings of known concepts | accuracy |\n|---|---|\n{accuracy}\n"
    )
