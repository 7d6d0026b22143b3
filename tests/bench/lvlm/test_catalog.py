"""Models are loaded by name and by folder, from older files too; other code and pickles are refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from bench import victims
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import ARCHITECTURES, family_class, load
from bench.lvlm.checkpoint import open_checkpoint
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny import VARIANTS


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """An embedded checkpoint elsewhere."""
    return Path(shutil.copytree(victims.embedded_folder("tiny-llava-a"), tmp_path / "copy"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_has_its_class(architecture: str) -> None:
    family = family_class(architecture)
    assert issubclass(family, LVLM) and not getattr(family, "__abstractmethods__", None)


def test_the_catalogs_architectures_can_be_loaded() -> None:
    assert {hub.architecture for hub in victims.HUB.values()} <= ARCHITECTURES.keys()
    assert set(victims.EMBEDDED.values()) <= ARCHITECTURES.keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_checkpoint_of_any_architecture_is_loaded_from_its_folder(variant: str, tmp_path: Path) -> None:
    saved = VARIANTS[variant]()
    saved.save(tmp_path)
    again = open_checkpoint(str(tmp_path), tmp_path)
    assert type(again) is type(saved) and again.revision == victims.revision(str(tmp_path))
    image = torch.from_numpy(torch.arange(3 * 40 * 64).numpy().reshape(3, 40, 64) % 256).float()
    losses = []
    for lvlm in (saved, again):
        encoded = lvlm.encode([Prompt("What is this?", "cat")], lvlm.layouts([image]))
        losses.append(lvlm.loss(encoded, [image]))
    assert torch.equal(*losses)
    assert again.text.stops == saved.text.stops


def test_older_checkpoints_keep_their_chat_template_in_a_file_of_its_own(copy: Path) -> None:
    template = (copy / "chat_template.jinja").read_text()
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match=r"has no chat template; allowed: a checkpoint with chat_template\.jinja"):
        load(str(copy))
    (copy / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert load(str(copy)).text.before == load("tiny-llava-a").text.before


@pytest.mark.parametrize("kind", ["minicpmv", "gpt2", None])
def test_an_architecture_that_needs_other_code_is_refused(copy: Path, kind: str | None) -> None:
    """MiniCPM-V-4's own files need code from the hub; the error comes before any is downloaded."""
    config = json.loads((copy / "config.json").read_text()) | {"model_type": kind}
    config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModelForImageTextToText": "evil.Model"}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "evil.py").write_text("raise SystemExit('code of a checkpoint was run')")
    with pytest.raises(UserError, match=rf"(architecture|model_type) {kind!r}.*allowed: (llava, qwen3_vl|a name)"):
        load(str(copy))


def test_pickled_weights_are_not_read(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"no weights in .*copy'; allowed: a checkpoint with \*\.safetensors"):
        load(str(copy))


def test_a_missing_model_offline_says_what_to_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(victims, "locate", lambda name: None)
    with pytest.raises(UserError, match=r"'gemma-3-4b' is not on this machine.*google/gemma-3-4b-it, about 8.6 GB"):
        load("gemma-3-4b")


def test_a_hub_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(victims, "locate", lambda name: None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(
        UserError, match=r"the hub cannot be reached .*\(ConnectionError\).*; download Qwen/Qwen3-VL-4B-Instruct"
    ):
        load("qwen3-vl-4b")
