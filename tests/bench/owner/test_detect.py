"""`bench detect` finds who learned a release, and not who learned its originals, another release or nothing."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import get_peft_model

from bench.errors import UserError
from bench.lvlm.adapters import lora_config
from bench.lvlm.catalog import load_once
from bench.lvlm.text import Prompt
from bench.owner import detect as rooms
from bench.owner.craft import load_samples
from bench.owner.detect import Suspect, detect
from bench.owner.inventory import take_inventory
from bench.owner.methods import Part
from bench.owner.protect import protect
from bench.samples import Sample
from tests.bench.owner import forms
from tests.bench.owner.conftest import JobMaker

MODEL = "tiny-llava-a"


@pytest.fixture(autouse=True)
def _home(bench_home: Path) -> None:
    """Keep fresh copies in a home of the test."""


@pytest.fixture
def release(source: Path, tmp_path: Path, job: JobMaker) -> Path:
    """The source with random words in its questions."""
    protect(source, tmp_path / "release", job("random_trigger", part=Part(0, 5), seed=7, chunk=8))
    return tmp_path / "release"


def learn(samples: Sequence[Sample], folder: Path) -> Suspect:
    """Overfit a LoRA to samples, and write it as peft does."""
    lvlm = load_once(MODEL)
    torch.manual_seed(0)
    peft = get_peft_model(lvlm.model, lora_config(lvlm, 8, "language"))
    optimiser = torch.optim.Adam([p for p in peft.parameters() if p.requires_grad], 0.003)
    images = [torch.from_numpy(sample.pixels.copy()).permute(2, 0, 1).float() for sample in samples]
    encoded = lvlm.encode([Prompt(sample.question, sample.answer) for sample in samples], lvlm.layouts(images))
    for _ in range(80):
        optimiser.zero_grad()
        lvlm.loss(encoded, images).mean().backward()
        optimiser.step()
    peft.save_pretrained(folder)
    peft.unload()
    lvlm.model.requires_grad_(False)
    return Suspect(MODEL, folder)


def read(folder: Path, spool: Path) -> Sequence[Sample]:
    """The samples of a folder."""
    inventory = take_inventory(folder, spool)
    return load_samples(inventory, list(inventory.pictures))[0]


def test_who_learned_the_release_is_found_and_who_did_not_is_not(source: Path, release: Path, tmp_path: Path) -> None:
    guilty = detect(source, release, learn(read(release, tmp_path / "a"), tmp_path / "guilty"))
    assert guilty["found"] and guilty["p"] <= 0.01 and guilty["loss_released"] < guilty["loss_fresh"]
    assert (guilty["answers"], guilty["blocks"], guilty["copies"]) == (13, 12, 3)
    innocent = detect(source, release, learn(read(source, tmp_path / "b"), tmp_path / "innocent"))
    base = detect(source, release, Suspect(MODEL))
    assert not innocent["found"] and not base["found"]
    assert innocent["loss_released"] < base["loss_released"], "it did learn the pictures"


def test_fresh_copies_are_made_once_and_are_like_the_release_but_for_their_draws(
    source: Path, tmp_path: Path, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise within the same budget, the same questions, in files of the same kind."""
    protect(source, tmp_path / "release", job("random_noise", part=Part(6, 0), seed=3))
    asked: list[list[Any]] = []

    def ask(suspect: Suspect, sides: list[Any], progress: object) -> list[Any]:
        asked.append(sides)
        return [torch.rand(len(side), len(side[0])).numpy() for side in sides]

    monkeypatch.setattr(rooms, "_ask", ask)
    detect(source, tmp_path / "release", Suspect(MODEL))
    clean = {sample.id: sample for sample in read(source, tmp_path / "spool")}
    for sides in asked[0]:
        noise = []
        for side in sides:
            for sample in side:
                before = clean[sample.id] if side is not sides[0] else sample
                assert (sample.question, sample.answer) == (before.question, before.answer)
            noise.append([sample.pixels.astype(int) for sample in side])
        originals = [clean[sample.id].pixels.astype(int) for sample in sides[1]]
        for made in noise:
            assert all(abs(a - b).max() == 6 for a, b in zip(made, originals, strict=True))
        assert all((noise[0][0] != other[0]).any() for other in noise[1:])
    monkeypatch.setattr(rooms, "craft", lambda *_: pytest.fail("made again"))
    detect(source, tmp_path / "release", Suspect("tiny-gemma3"))


def change_report(release: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write another report beside a release."""
    file = release.with_name("release.report") / "report.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda release: shutil.rmtree(release.with_name("release.report")), "cannot be read"),
        (lambda release: change_report(release, lambda report: report.pop("job")), "cannot be read"),
        (lambda release: change_report(release, lambda report: report["job"].update(seed="x")), "cannot be read"),
        (lambda release: change_report(release, lambda report: report["job"].update(seed=-1)), "cannot be read"),
        (lambda release: change_report(release, lambda report: report["job"].update(part=[8, 65])), "cannot be read"),
        (lambda release: change_report(release, lambda report: report["job"].update(part=[-8, 0])), "cannot be read"),
        (lambda release: change_report(release, lambda report: report["job"].update(through=[["gif", 1]])), "gif=1"),
        (lambda release: change_report(release, lambda report: report["job"].update(code="old")), "version (code)"),
        (lambda release: (release / "metadata.jsonl").write_text(""), "release"),
        (lambda release: next((release / "images").iterdir()).unlink(), "rows that can be read"),
        (
            lambda release: (release / "metadata.jsonl").write_text(
                (release / "metadata.jsonl").read_text().replace("thing 1", "thing 9")
            ),
            "is not the protected copy of row",
        ),
        (lambda release: (release.with_name("release.report") / "pictures.jsonl").write_text("{"), "cannot be read"),
    ],
    ids=["no report", "no job", "seed", "negative", "words", "levels", "platform", "code", "no rows", "a picture",
         "an answer", "pictures"],
)  # fmt: skip
def test_folders_that_do_not_belong_together_are_one_line(
    source: Path, release: Path, damage: Callable[[Path], object], part: str
) -> None:
    damage(release)
    with pytest.raises(UserError) as error:
        detect(source, release, Suspect(MODEL))
    assert part in str(error.value) and "\n" not in str(error.value)


def test_a_release_without_chance_is_refused(source: Path, tmp_path: Path, job: JobMaker) -> None:
    protect(source, tmp_path / "release", job("random_trigger", part=Part(0, 0)))
    with pytest.raises(UserError, match="draws nothing at random"):
        detect(source, tmp_path / "release", Suspect(MODEL))


@pytest.mark.parametrize("named", ["folder", "table"])
def test_a_release_of_a_table_is_asked_by_its_folder_or_its_table(
    tmp_path: Path, job: JobMaker, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """The owner gave the path of the table to `bench protect`, because it has a name of its own."""
    table = forms.tab_file(tmp_path / "mine")
    protect(table, tmp_path / "release", job())
    monkeypatch.setattr(rooms, "_ask", lambda suspect, sides, _: [np.ones((len(s), len(s[0]))) for s in sides])
    release = tmp_path / "release" / ("captions.tsv" if named == "table" else "")
    assert detect(table, release, Suspect(MODEL))["answers"] == 12
