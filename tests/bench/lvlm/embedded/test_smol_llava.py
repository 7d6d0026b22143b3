"""`smol-llava` in miniature: joined, aligned, merged and made with a tiny language model in place of SmolLM2."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainingArguments

from bench import victims
from bench.datasets.emoji import pretraining
from bench.datasets.emoji.art import pretraining_indices
from bench.datasets.emoji.questions import NAMING
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.lvlm.embedded import align, smol_llava, smollm2, training
from bench.lvlm.embedded.build import BUILDERS
from bench.lvlm.embedded.tower import Pictures
from bench.lvlm.text import Prompt

SOME = pretraining_indices()[5:1205:200]
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def language() -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A language model of the same class with random weights, and a tokenizer with the same special tokens."""
    builder = BUILDERS["llava"]
    bpe = type("Smol", (type(builder),), {"specials": SPECIALS})().train_bpe(400, [*NAMING, *"abcdef"])
    end, start, stop = SPECIALS
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=start, eos_token=stop, unk_token=end, pad_token=stop
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, bos_token_id=1, eos_token_id=2, pad_token_id=2, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.model.embed_tokens.weight.data.mul_(5)  # random logits of some size, so that there is something to learn
    return model, tokenizer


@pytest.fixture
def lvlm() -> LVLM:
    return smol_llava.build(*language())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> pretraining.PretrainingPictures:
    """Four renderings of each of six concepts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretraining, "pretraining_indices", lambda: SOME)
        return pretraining.load_pretraining_pictures(tmp_path_factory.mktemp("pictures"), "train", 4, 0)


@pytest.fixture
def data(lvlm: LVLM, pictures: pretraining.PretrainingPictures) -> Pictures:
    return Pictures(lvlm.processor, pictures)


def state(lvlm: LVLM) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in lvlm.model.state_dict().items()}


def test_the_parts_are_those_they_were_made_from(lvlm: LVLM) -> None:
    text, (model, tokenizer) = state(lvlm), language()
    for name, value in load("tiny-llava-a").model.model.vision_tower.state_dict().items():
        assert torch.equal(text[f"model.vision_tower.{name}"], value)
    for name, value in model.model.state_dict().items():
        kept = text[f"model.language_model.{name}"]
        assert torch.equal(kept[: len(value)] if "embed_tokens" in name else kept, value)
    assert lvlm.embedding.num_embeddings == len(tokenizer) + 1, "one row more, for the picture"
    assert lvlm.model.lm_head.weight.data_ptr() == lvlm.embedding.weight.data_ptr()


def test_turns_are_those_of_smollm2_without_a_system_prompt(lvlm: LVLM) -> None:
    assert lvlm.text.before == "<|im_start|>user\n<image>\n"
    assert lvlm.text.between == "<|im_end|>\n<|im_start|>assistant\n"
    assert lvlm.image_tokens((48, 48)).count("<image>") == 36
    answers = lvlm.generate(["What is this?"], [np.zeros((64, 64, 3), np.uint8)], max_new_tokens=2)
    assert len(answers) == 1


def test_two_builds_are_the_same(lvlm: LVLM) -> None:
    other = state(smol_llava.build(*language()))
    assert all(torch.equal(value, other[name]) for name, value in state(lvlm).items())


def test_the_start_points_each_picture_to_the_words_of_its_name(
    lvlm: LVLM, data: Pictures, pictures: pretraining.PretrainingPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = pictures.labels.groupby("concept")["name"].first()
    monkeypatch.setattr(align, "CHUNK", 8)

    def hits() -> float:
        with torch.no_grad():
            tokens = [lvlm.tokenizer(f" {name}", add_special_tokens=False)["input_ids"] for name in names]
            words = torch.stack([lvlm.embedding(torch.tensor(ids)).mean(0) for ids in tokens])
            patches = lvlm.model.model.vision_tower(**data.batch(list(range(24)))).last_hidden_state[:, 1:]
            shown = lvlm.model.model.multi_modal_projector(patches).mean(1)
        similar = (
            torch.nn.functional.normalize(shown - shown.mean(0))
            @ torch.nn.functional.normalize(words - words.mean(0)).T
        )
        return float((similar.argmax(1).numpy() == pictures.labels["concept"].to_numpy()).mean())

    before = hits()
    align.start_projector(lvlm, data, pictures.labels)
    assert before < 0.6 < 0.9 < hits()


def run_alignment(lvlm: LVLM, data: Pictures, pictures: pretraining.PretrainingPictures, folder: Path, n: int) -> None:
    align.align(lvlm, data, pictures.labels, folder, steps=n)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Small chunks and batches, a checkpoint every second step; the losses in the order of training."""
    losses: list[float] = []
    forward = align.Alignment.forward

    def spy(self: align.Alignment, *args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:
        result = forward(self, *args, **kwargs)
        losses.append(result["loss"].item())
        return result

    monkeypatch.setattr(align, "CHUNK", 8)
    monkeypatch.setattr(align, "BATCH", 8)
    monkeypatch.setattr(align, "RATE", 1e-2)
    monkeypatch.setattr(align.Alignment, "forward", spy)
    arguments = lambda **given: TrainingArguments(**{**given, "save_steps": 2, "warmup_steps": 1})  # noqa: E731
    monkeypatch.setattr(training, "TrainingArguments", arguments)
    return losses


def test_alignment_teaches_the_projector_and_an_adapter_and_nothing_else(
    lvlm: LVLM, data: Pictures, pictures: pretraining.PretrainingPictures, short: list[float], tmp_path: Path
) -> None:
    before = state(lvlm)
    run_alignment(lvlm, data, pictures, tmp_path, 24)
    after = state(lvlm)
    same = {name for name, value in before.items() if name in after and torch.equal(value, after[name])}
    assert {name for name in before if "vision_tower" in name} <= same
    assert not any("multi_modal_projector" in name for name in same)
    assert any("lora_B" in name and value.abs().sum() > 0 for name, value in after.items())
    assert np.mean(short[-4:]) < 0.7 * np.mean(short[:2])


def test_an_interrupted_alignment_ends_where_an_uninterrupted_one_ends(
    data: Pictures, pictures: pretraining.PretrainingPictures, short: list[float], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    whole, batch = smol_llava.build(*language()), Pictures.batch
    run_alignment(whole, data, pictures, tmp_path / "whole", 6)

    def fragile(self: Pictures, indices: list[int]) -> dict[str, torch.Tensor]:
        if len(short) == 6 + 4:
            raise KeyboardInterrupt
        return batch(self, indices)

    monkeypatch.setattr(Pictures, "batch", fragile)
    with pytest.raises(KeyboardInterrupt):
        run_alignment(smol_llava.build(*language()), data, pictures, tmp_path / "broken", 6)
    monkeypatch.setattr(Pictures, "batch", batch)
    again = smol_llava.build(*language())
    run_alignment(again, data, pictures, tmp_path / "broken", 6)
    assert len(short) < 6 + 4 + 6, "the steps before the checkpoint are not done again"
    end = state(again)
    assert [name for name, value in state(whole).items() if not torch.equal(value, end[name])] == []


@pytest.fixture
def made(
    lvlm: LVLM, data: Pictures, pictures: pretraining.PretrainingPictures, short: list[float], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, bench_home: Path,
) -> LVLM:  # fmt: skip
    """Align the miniature and make a victim of it in the home folder; return the model that wears the adapter."""
    run_alignment(lvlm, data, pictures, tmp_path / "work", 6)
    monkeypatch.setattr(victims, "embedded_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(smollm2, "fetch", lambda folder: folder)
    monkeypatch.setattr(smollm2, "read", lambda file: language())
    smol_llava.save_alignment(lvlm, tmp_path / "smol-llava" / smol_llava.FILE)
    smol_llava.make(victims.assembled_folder("smol-llava"))
    victims.revision.cache_clear()
    return lvlm


def test_what_is_embedded_is_the_projector_and_the_adapter(made: LVLM, tmp_path: Path) -> None:
    kept = load_file(tmp_path / "smol-llava" / smol_llava.FILE)
    assert {value.dtype for value in kept.values()} == {torch.float16}
    assert all("lora_" in name or "multi_modal_projector" in name for name in kept)
    assert sum("multi_modal_projector" in name for name in kept) == 4


def test_the_made_victim_answers_like_the_one_that_was_aligned(
    made: LVLM, pictures: pretraining.PretrainingPictures
) -> None:
    loaded = load("smol-llava")
    assert not any("lora_" in name for name, _ in loaded.model.named_parameters())
    images = [torch.from_numpy(np.array(p)).permute(2, 0, 1).float() for p in pictures.pixels[:8]]
    prompts = [Prompt("What is this?", name) for name in pictures.labels["name"][:8]]
    losses = [m.loss(m.encode(prompts, m.layouts(images)), images).detach() for m in (made, loaded)]
    assert torch.allclose(losses[0], losses[1], rtol=0.03)
    assert (victims.architecture("smol-llava"), victims.precision("smol-llava")) == ("llava", "fp32")
    assert len(victims.revision("smol-llava")) == 16


def test_making_twice_gives_the_same_bytes(made: LVLM) -> None:
    before = victims.revision("smol-llava")
    smol_llava.make(victims.assembled_folder("smol-llava"))
    victims.revision.cache_clear()
    assert victims.revision("smol-llava") == before


@pytest.mark.usefixtures("bench_home")
def test_before_it_is_made_one_line_says_how() -> None:
    victims.revision.cache_clear()
    for look in (victims.revision, victims.fetch, lambda name: victims.check_available([name])):
        with pytest.raises(UserError, match="make it with `bench victims fetch smol-llava`"):
            look("smol-llava")
    victims.check("smol-llava")
