"""The suite from Python: light to import, the same rows as the command line, and errors in one line."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import bench
from bench.errors import UserError
from bench.results import Run, load


def test_nothing_heavy_is_imported_before_work_starts() -> None:
    code = (
        "import sys; from bench import *; import bench; assert callable(bench.run) and callable(bench.results)\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'typer', 'streamlit'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_documented() -> None:
    for name in bench.__all__:
        assert callable(getattr(bench, name)) and getattr(bench.api, name).__doc__.count(">>> ") >= 2
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        bench.nothing_of_the_kind  # type: ignore[attr-defined]  # noqa: B018


def test_results_are_a_frame_with_one_row_a_run(finished: Callable[..., Run]) -> None:
    """`bench.results` is the function and the room of the same name, in any order of imports."""
    finished(seed=0)
    finished(seed=1)
    frame = bench.results()
    assert list(frame["seed"]) == [0, 1] == [row.seed for row in bench.results.load()]  # type: ignore[attr-defined]
    assert (frame["protection"] == 0.5).all()
    assert not bench.results(published=True).empty


def test_run_plays_what_the_command_line_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []
    monkeypatch.setattr("bench.play.run.play_run", lambda spec, **_: played.append(spec))
    bench.run(
        "mmguard", "lora_sft+jpeg(quality=20)", dataset=Path("emoji_smoke"), surrogates=["tiny-qwen3vl"],
        threat="black", seed=3, epsilon=4, words=2, defense_options={"rounds": 2}, attack_options={"epochs": 1},
    )  # fmt: skip
    (spec,) = played
    assert (spec.dataset, spec.seed, spec.budget.epsilon, spec.budget.words) == ("emoji_smoke", 3, 4, 2)
    assert spec.surrogates == ("tiny-qwen3vl",) and spec.defense.options == {"rounds": 2}
    assert spec.attack.options == {"epochs": 1, "jpeg.quality": 20}


def test_a_folder_is_protected_and_audited(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (40, 30), "grey").save(tmp_path / "mine" / "grey.png")
    report = bench.protect(tmp_path / "mine", tmp_path / "out", "random_noise", epsilon=4)
    assert report["pictures"] == 1 and report["stealth"]["linf"] == 4
    assert bench.audit(tmp_path / "mine", tmp_path / "out", epsilon=4)["within"]
    assert not bench.audit(tmp_path / "mine", tmp_path / "out", epsilon=3)["within"]


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: bench.run("mmgard", "lora_sft"), "did you mean 'mmguard'"),
        (lambda: bench.run("mmguard", "best"), "'best' is not known"),
        (lambda: bench.run("mmguard", "lora_sft", threat="red"), "threat: 'red'"),
        (lambda: bench.run("mmguard", "lora_sft", seed=-1), "seed"),
        (lambda: bench.run("mmguard", "lora_sft", epsilon=300), "epsilon"),
        (lambda: bench.run("mmguard", "lora_sft", dataset="no/such/folder"), "no/such/folder"),
        (lambda: bench.run("mmguard", "lora_sft", attack_options={"speed": 1}), "speed"),
        (lambda: bench.protect("no/such/folder", "out"), "no/such/folder"),
        (lambda: bench.protect(".", "out", "mmguard", image_only=True, text_only=True), "one of them"),
        (lambda: bench.audit("no/such/folder", "."), "no/such/folder"),
        (lambda: bench.load_defense("Mm Guard"), "'Mm Guard' is not known"),
        (lambda: bench.load_defense("mmguard", rounds=-1), "rounds"),
        (lambda: bench.load_defense("mmguard", rounds=[1]), "options.rounds"),
        (lambda: bench.load_attack("lora_sft+"), "lora_sft+"),
        (lambda: bench.load_attack("lora_sft+jpeg+jpeg"), "each part once"),
    ],
)
def test_an_error_names_what_is_wrong(call: Callable[[], object], part: str, bench_home: Path) -> None:
    with pytest.raises(UserError) as error:
        call()
    assert part in str(error.value) and "\n" not in str(error.value)
    assert load() == []
