"""The benchmark of real sizes runs on a narrow model, and its full models have the published sizes."""

from types import SimpleNamespace

import pytest
from torch.autograd import DeviceType

from benchmarks.large import main
from benchmarks.part_times import tally
from benchmarks.random_models import build_random

MODELS = ("qwen3-vl-4b", "llava-1.5-7b")


@pytest.mark.parametrize("name", MODELS)
def test_a_narrow_model_is_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.lvlm.base.LARGE_MODEL", 0)  # activations are computed again, as the real shapes' are
    rows, shares = main([name, "--tiny", "--batch", "1", "--side", "96", "--precision", "fp32", "--profile"])
    assert [row["what"] for row in rows] == ["crafting: em", "bare loop", "training: lora_sft"]
    for row in rows:
        assert row["at once"] == 1
        assert all(row[column] > 0 for column in ("steps/s", "pictures/s", "peak GB"))
    assert set(shares) == {"pixel path", "tower", "projector", "language model", "head", "rest"}
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0
    assert shares["rest"] < 0.2, "nearly all the time has a name, in the backward pass too"
    assert shares["head"] < min(shares["tower"], shares["language model"])


@pytest.mark.parametrize(("name", "least", "most"), [("qwen3-vl-4b", 4.0e9, 4.9e9), ("llava-1.5-7b", 6.9e9, 7.2e9)])
def test_the_real_shapes_have_the_published_sizes_and_recompute(name: str, least: float, most: float) -> None:
    lvlm = build_random(name, "bf16", "meta")
    assert least < lvlm.model.num_parameters() < most
    assert lvlm.recomputes
    assert {(p.device.type, str(p.dtype)) for p in lvlm.model.parameters()} == {("meta", "torch.bfloat16")}


def event(name: str, start: int, *, parent: object = None, sequence: int = -1, **times: float) -> SimpleNamespace:
    return SimpleNamespace(
        name=name, time_range=SimpleNamespace(start=start), cpu_parent=parent, sequence_nr=sequence,
        device_type=DeviceType.CPU, **times,
    )  # fmt: skip


def test_a_cards_kernels_count_for_the_part_whose_forward_pass_asked_for_them() -> None:
    tower = event("part: tower", 0, self_device_time_total=9.0)  # what a card's own copy of the range may add
    norm = event("aten::norm", 1, parent=tower, sequence=4, self_device_time_total=0.0)
    matrix = event("aten::mm", 2, parent=tower, sequence=5, self_device_time_total=1.0)
    head = event("part: head", 3, self_device_time_total=0.0)
    last = event("aten::mm", 4, parent=head, sequence=6, self_device_time_total=1.0)
    step = event("autograd::engine::evaluate_function: MmBackward0", 5, sequence=5, self_device_time_total=0.0)
    again = event("aten::mm", 6, parent=step, sequence=6, self_device_time_total=2.0)
    kernel = SimpleNamespace(device_type=DeviceType.CUDA)
    shares = tally([tower, norm, matrix, head, last, kernel, step, again], on_card=True)
    assert shares == pytest.approx({"tower": 0.75, "head": 0.25})
