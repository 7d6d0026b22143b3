"""Who the surrogates are, and which ones an owner of a box cannot have."""

import shutil
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.threat import ENSEMBLE, PAPER, surrogates
from bench.victims import EMBEDDED, HUB, embedded_folder, family


@pytest.mark.parametrize("victim", [*EMBEDDED, *HUB])
def test_the_white_box_is_the_victim_and_the_black_box_an_ensemble_of_other_families(victim: str) -> None:
    assert surrogates(victim, "white") == (victim,)
    black = surrogates(victim, "black")
    families = [family(name) for name in black]
    assert victim not in black and family(victim) not in families
    others = len({family(name) for name in (EMBEDDED if victim in EMBEDDED else PAPER)} - {family(victim)})
    assert len(black) == len(set(families)) == min(ENSEMBLE, others)


@pytest.mark.parametrize("victim", [*EMBEDDED, *HUB])
def test_gray_stays_in_the_family_or_says_why_not(victim: str) -> None:
    world = EMBEDDED if victim in EMBEDDED else HUB
    others = [name for name in world if family(name) == family(victim) and name != victim]
    if others:
        (owner,) = surrogates(victim, "gray")
        assert owner in others
    else:
        with pytest.raises(UserError, match=r"second checkpoint of the family.*or --surrogates"):
            surrogates(victim, "gray")


def test_the_papers_boxes_are_the_papers() -> None:
    assert surrogates("llava-1.5-7b", "black") == PAPER
    for victim in ("qwen3-vl-2b", "qwen3-vl-8b", "qwen2.5-vl-7b"):
        assert surrogates(victim, "gray") == ("qwen3-vl-4b",)


def test_a_precision_is_the_same_checkpoint() -> None:
    assert surrogates("tiny-llava-a@bf16", "white") == ("tiny-llava-a@bf16",)
    assert surrogates("tiny-llava-a@bf16", "gray") == ("tiny-llava-b",)
    with pytest.raises(UserError, match="is the victim"):
        surrogates("tiny-llava-a", "gray", ["tiny-llava-a@bf16"])


@pytest.mark.parametrize(
    ("threat", "chosen"),
    [
        ("white", ("tiny-llava-a",)), ("white", ("tiny-llava-b", "tiny-llava-a")), ("gray", ("tiny-llava-b",)),
        ("black", ("tiny-qwen3vl",)), ("black", ("tiny-qwen3vl", "gemma-3-4b")),
    ],
)  # fmt: skip
def test_chosen_surrogates_stay_in_their_order(threat: str, chosen: tuple[str, ...]) -> None:
    assert surrogates("tiny-llava-a", threat, chosen) == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("threat", "chosen", "said"),
    [
        ("white", ["tiny-llava-b"], r"allowed in the white box: 'tiny-llava-a'"),
        ("gray", ["tiny-llava-a"], r"surrogates: 'tiny-llava-a' is the victim, which the gray box does not know"),
        ("gray", ["tiny-qwen3vl"], r"of the family qwen_vl; allowed in the gray box: .*\(llava\)"),
        ("gray", ["tiny-llava-b", "tiny-qwen3vl"], "of the family qwen_vl"),
        ("black", ["tiny-qwen3vl", "tiny-llava-a"], "'tiny-llava-a' is the victim, which the black box"),
        ("black", ["tiny-llava-b"], r"is of the victim's family \(llava\), which the black box does not know"),
        ("black", ["tiny-qwen3vl", "tiny-qwen3vl"], "allowed: different names"),
        ("black", ["tiny-quen3vl"], r"surrogates: 'tiny-quen3vl' is not known; did you mean 'tiny-qwen3vl'\?"),
    ],
)
def test_chosen_surrogates_keep_to_the_threat_model(threat: str, chosen: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        surrogates("tiny-llava-a", threat, chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("threat", ["gray", "black"])
def test_a_copy_of_the_victim_under_another_name_is_the_victim(tmp_path: Path, bench_home: Path, threat: str) -> None:
    copy = tmp_path / "innocent"
    shutil.copytree(embedded_folder("tiny-llava-a"), copy)
    with pytest.raises(UserError, match="is the victim"):
        surrogates("tiny-llava-a", threat, [str(copy)])  # type: ignore[arg-type]
    with pytest.raises(UserError, match="is the victim"):
        surrogates(str(copy), threat, ["tiny-llava-a"])  # type: ignore[arg-type]
