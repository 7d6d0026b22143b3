"""Strangers' checkpoints: each is loaded whole or refused in one line, never a traceback, a hang or a question."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import victims
from bench.errors import UserError
from bench.lvlm.trial import Limits, choose_limits, exercise, require_trial
from tests.bench.lvlm.hostile import (
    Change,
    copy_checkpoint,
    edit,
    link,
    pipe,
    remove,
    set_one,
    shard,
    weights,
    write,
)

TEMPLATE = (victims.embedded_folder("tiny-llava-a") / "chat_template.jinja").read_text(encoding="utf-8")
NORM = "language_model.model.norm.weight"
AUTO_MAP = {"AutoImageProcessor": "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"], "AutoConfig": "evil.Evil"}
PROCESSOR, TOKENIZER = "preprocessor_config.json", "tokenizer_config.json"

REFUSED: dict[str, tuple[Change, str]] = {
    # the config
    "config is a list": (write("config.json", "[]"), "'config.json' .* is a JSON list; allowed: a JSON object"),
    "config is a number": (write("config.json", "7"), "is a JSON int"),
    "config is empty": (write("config.json", ""), "is no JSON"),
    "config is cut off": (write("config.json", '{"model_type": "lla'), "is no JSON"),
    "config is nested": (write("config.json", "[" * 200_000), "is no JSON .too deeply nested"),
    "config is Latin-1": (write("config.json", '{"model_type": "é"}'.encode("latin-1")), "is no JSON"),
    "config has a number of 5000 digits": (write("config.json", f'{{"a": {"9" * 5000}}}'), "is no JSON"),
    "config names no architecture": (edit("config.json", model_type=None), "model_type None"),
    "config names a list": (edit("config.json", model_type=["llava"]), r"model_type \['llava'\]"),
    "config names code": (edit("config.json", model_type="evil", auto_map=AUTO_MAP), "architecture 'evil'"),
    "config is a pipe": (pipe("config.json"), "is no ordinary file"),
    "config is a device": (link("config.json", "/dev/zero"), "a link to '/dev/zero'"),
    "a part is text": (edit("config.json", text_config="llama"), "cannot be loaded"),
    "a part is of an unknown kind": (edit("config.json", "text_config", model_type="nobody"), "cannot be loaded"),
    "a million layers": (edit("config.json", "text_config", num_hidden_layers=10**6), "num_hidden_layers 1000000"),
    "layers below zero": (edit("config.json", "vision_config", num_hidden_layers=-1), "num_hidden_layers -1"),
    "layers as text": (edit("config.json", "text_config", num_hidden_layers="4"), "num_hidden_layers '4'"),
    "a layer too many": (edit("config.json", "text_config", num_hidden_layers=5), "is in no file of weights"),
    "no heads": (edit("config.json", "text_config", num_attention_heads=0), "cannot be loaded"),
    "another width": (edit("config.json", "text_config", hidden_size=64), "has shape .*as 'config.json' says"),
    "a larger vocabulary": (edit("config.json", "text_config", vocab_size=2001), r"has shape \[2000, 128\]"),
    "NaN in a norm": (edit("config.json", "text_config", rms_norm_eps=float("nan")), "no finite loss"),
    "unknown precision": (edit("config.json", quantization_config={"quant_method": "magic"}), "quant_method 'magic'"),
    "unknown activation": (edit("config.json", "text_config", hidden_act="explode"), "cannot be loaded"),
    "an untied head": (
        lambda folder: [
            edit("config.json", tie_word_embeddings=False)(folder),
            edit("config.json", "text_config", tie_word_embeddings=False)(folder),
        ],
        "'lm_head.weight' is in no file of weights",
    ),
    "weights elsewhere": (edit("config.json", transformers_weights="../other.safetensors"), "transformers_weights"),
    "attention from the hub": (edit("config.json", attn_implementation="evil/kernel"), "attn_implementation"),
    "attention of a part": (edit("config.json", "text_config", _attn_implementation="evil/kernel"), "evil/kernel"),
    # the weights
    "no weights": (remove("model.safetensors"), "no weights"),
    "weights are empty": (write("model.safetensors", b""), "'model.safetensors' is not whole"),
    "weights are a pointer": (write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"), "not whole"),
    "weights are a pickle": (write("model.safetensors", b"\x80\x04K\x01."), "not whole"),
    "a header of exabytes": (write("model.safetensors", b"\xff" * 8 + b"{}"), "not whole"),
    "weights are a pipe": (pipe("model.safetensors"), "is no ordinary file"),
    "weights are a device": (link("model.safetensors", "/dev/zero"), "a link to '/dev/zero'"),
    "weights are a link to nothing": (link("model.safetensors", "nowhere"), "a link to nothing"),
    "weights are a link to themselves": (link("model.safetensors", "model.safetensors"), "a link to nothing"),
    "a tensor is missing": (weights(lambda t: t.pop(NORM)), "norm.weight' is in no file of weights"),
    "no tensor fits": (
        lambda folder: weights(lambda t: [t.__setitem__(f"x{key}", t.pop(key)) for key in list(t)])(folder),
        "is in no file of weights",
    ),
    "a tensor of another shape": (weights(lambda t: t.__setitem__(NORM, t[NORM][:-1].clone())), r"has shape \[127\]"),
    "a tensor of one number": (weights(lambda t: t.__setitem__(NORM, t[NORM][:1].clone())), r"has shape \[1\]"),
    "a NaN": (set_one(float("nan")), "norm.weight' holds NaN or infinity"),
    "an infinity": (set_one(float("inf")), "norm.weight' holds NaN or infinity"),
    "a negative infinity": (set_one(float("-inf")), "norm.weight' holds NaN or infinity"),
    "an index that points outside": (
        shard("model.safetensors", index={"weight_map": {NORM: "../../other.safetensors"}}),
        "in '../../other.safetensors'; allowed: a file inside the folder",
    ),
    "an index that points to /": (
        shard("a.safetensors", index={"weight_map": {NORM: "/etc/passwd"}}),
        "in '/etc/passwd'",
    ),
    "an index of a list": (shard("a.safetensors", index={"weight_map": {NORM: ["a"]}}), r"in \['a'\]"),
    "an index of nothing": (shard("a.safetensors", index={"weight_map": {}}), "has no weight_map"),
    "an index of one tensor": (
        shard("a.safetensors", index={"weight_map": {NORM: "a.safetensors"}}),
        "is in no file|cannot be loaded",
    ),
    "an adapter of another model": (
        write("adapter_config.json", json.dumps({"base_model_name_or_path": "org/other", "peft_type": "LORA"})),
        "'adapter_config.json' names another model",
    ),
    # the picture's preprocessing
    "no processor": (remove(PROCESSOR), "cannot be loaded"),
    "a processor of code": (edit(PROCESSOR, image_processor_type="Evil", auto_map=AUTO_MAP), "cannot be loaded"),
    "a mean of NaN": (edit(PROCESSOR, image_mean=[float("nan")] * 3), "image_mean"),
    "a mean of one number": (edit(PROCESSOR, image_mean=[0.5]), "image_mean .*three finite numbers"),
    "a mean as text": (edit(PROCESSOR, image_mean="0.5"), "image_mean"),
    "a deviation of zero": (edit(PROCESSOR, image_std=[0.5, 0.0, 0.5]), "image_std .*over 0"),
    "a deviation below zero": (edit(PROCESSOR, image_std=[0.5, -0.5, 0.5]), "image_std"),
    "an infinite deviation": (edit(PROCESSOR, image_std=[float("inf")] * 3), "image_std"),
    "a factor of zero": (edit(PROCESSOR, rescale_factor=0), "rescale_factor 0"),
    "an infinite factor": (edit(PROCESSOR, rescale_factor=float("inf")), "rescale_factor inf"),
    "no normalisation": (edit(PROCESSOR, do_normalize=False), "do_normalize False .*allowed: true"),
    "an enormous picture": (edit(PROCESSOR, size={"height": 10**9, "width": 10**9}), "size.height 1000000000"),
    "a picture of nothing": (edit(PROCESSOR, size={"height": 0, "width": 48}), "size.height 0"),
    "another picture size": (edit(PROCESSOR, size={"height": 40, "width": 40}), "cannot be loaded"),
    "an unknown resampling": (edit(PROCESSOR, resample=99), "cannot be loaded"),
    # the tokenizer and its chat template
    "a tokenizer of code": (edit(TOKENIZER, tokenizer_class="Evil", auto_map=AUTO_MAP), "tokenizer_class 'Evil'"),
    "a tokenizer cut off": (write("tokenizer.json", '{"version": "1.0", "tru'), "is no JSON"),
    "a tokenizer of nothing": (write("tokenizer.json", "{}"), "cannot be loaded"),
    "no tokenizer": (remove("tokenizer.json"), "cannot be loaded|no eos_token"),
    "no end of sequence": (edit(TOKENIZER, eos_token=None), "no eos_token"),
    "a token beyond the table": (edit(TOKENIZER, extra_special_tokens=["<image>", "<new>"]), "has 2001 tokens"),
    "no chat template": (remove("chat_template.jinja"), "no chat template"),
    "a template of no picture": (write("chat_template.jinja", TEMPLATE.replace("<image>", "")), "chat template"),
    "a template of no question": (write("chat_template.jinja", "<image>"), "cannot be loaded"),
    "a template with an error": (write("chat_template.jinja", "{% for"), "cannot be loaded"),
    "a template that raises": (write("chat_template.jinja", "{{ raise_exception('no') }}"), "cannot be loaded"),
    "a template that divides by zero": (write("chat_template.jinja", "{{ 1 // 0 }}"), "cannot be loaded"),
    "a template that looks around": (
        write("chat_template.jinja", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        "cannot be loaded",
    ),
    "a template that draws": (write("chat_template.jinja", TEMPLATE + "{{ [1, 2] | random }}"), "random"),
    "templates elsewhere": (link("additional_chat_templates", "/tmp"), "a link to another folder"),
    "a template elsewhere": (
        link("additional_chat_templates/more.jinja", "/etc/hostname"),
        "a link to '/etc/hostname'",
    ),
    # the settings of generation
    "an end beyond the table": (edit("generation_config.json", eos_token_id=10**9), "eos_token_id 1000000000"),
    "an end below zero": (edit("generation_config.json", eos_token_id=[2, -1]), "eos_token_id -1"),
    "an end as text": (edit("generation_config.json", eos_token_id="2"), "eos_token_id '2'|cannot be loaded"),
    "generation is a list": (write("generation_config.json", "[1]"), "is a JSON list"),
}
"""Changes that are refused, and a pattern of the line."""

LOADED: dict[str, Change] = {
    "as it is": lambda folder: None,
    "tensors that nobody uses": weights(lambda t: t.__setitem__("optimizer.step", t[NORM].clone())),
    "in shards": shard("model-00001-of-00001.safetensors"),
    "a shard in a folder": shard("parts/a.safetensors"),
    "double precision": weights(lambda t: t.__setitem__(NORM, t[NORM].double())),
    "a template that counts": write("additional_chat_templates/tools.jinja", TEMPLATE),
    "code that nobody runs": write("custom_generate/generate.py", "raise SystemExit('code of a checkpoint was run')"),
    "a link inside": lambda folder: [
        (folder / "chat_template.jinja").rename(folder / "template.txt"),
        link("chat_template.jinja", "template.txt")(folder),
    ],
    "no generation config": remove("generation_config.json"),
}
"""Changes that are not refused."""


@pytest.fixture(autouse=True)
def _no_question(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where somebody is asked."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question was asked"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of an embedded checkpoint."""
    return copy_checkpoint("tiny-llava-a", tmp_path / "copy")


def refusal(folder: Path) -> str:
    """Return the line with which a checkpoint is refused."""
    with pytest.raises(UserError) as error:
        exercise(str(folder), folder)
    line = str(error.value)
    assert "\n" not in line and len(line) < 700 and "allowed: " in line
    return line


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_whole_is_refused_in_one_line(folder: Path, kind: str) -> None:
    change, said = REFUSED[kind]
    change(folder)
    line = refusal(folder)
    assert re.search(said, line), line


@pytest.mark.parametrize("kind", LOADED)
def test_what_is_whole_is_loaded(folder: Path, kind: str) -> None:
    LOADED[kind](folder)
    exercise(str(folder), folder)


def test_a_socket_is_no_file(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "tokenizer.json"))
        assert "'tokenizer.json'" in refusal(folder)


def test_a_folder_of_everything_is_no_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.victims.contents.MOST_ENTRIES", 5)
    assert "over 5 files" in refusal(folder)


def template_of_loops(folder: Path) -> None:
    loops = "".join(f"{{% for v{i} in range(99999) %}}" for i in range(4)) + "{% endfor %}" * 4
    write("chat_template.jinja", loops + TEMPLATE)(folder)


def normalizer_bomb(folder: Path) -> None:
    doubling: list[dict[str, Any]] = [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 60
    edit("tokenizer.json", normalizer={"type": "Sequence", "normalizers": doubling})(folder)


HANGS: dict[str, Change] = {
    "nested loops in a template": template_of_loops,
    "a normaliser that doubles": normalizer_bomb,
    "positions for ever": edit("config.json", "vision_config", image_size=8 * 10**7),
}


@pytest.mark.parametrize("kind", HANGS)
def test_what_hangs_or_eats_memory_ends_with_one_line(folder: Path, kind: str) -> None:
    HANGS[kind](folder)
    with pytest.raises(UserError) as error:
        require_trial(str(folder), folder, Limits(8, choose_limits(folder).memory))
    assert "\n" not in str(error.value) and "allowed: " in str(error.value)


def test_a_checkpoint_that_passed_is_not_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_trial(str(folder), folder)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("tried again"))
    require_trial(str(folder), folder)


@pytest.mark.parametrize("kind", ["a processor of code", "templates elsewhere"])
def test_the_command_says_it_in_one_line(folder: Path, kind: str) -> None:
    change, said = REFUSED[kind]
    change(folder)
    command = ["run", "--defense", "none", "--attack", "lora_sft", "--dataset", "emoji_smoke", "--victim", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli.main", *command], capture_output=True, text=True, input="y\n", timeout=120
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and "[y/N]" not in done.stdout + done.stderr
    assert re.search(said, " ".join(done.stderr.split())), done.stderr
