"""The published table against averages taken from its raw text, and what its test sizes could have shown."""

import csv
from collections import defaultdict
from importlib import resources

import pytest

from bench.tables import paper

RAW = resources.files("bench.tables").joinpath("mmguard_table2.csv").read_text(encoding="utf-8")
MODELS = ["Llama", "LLaVA", "InternVL", "Gemma", "GLM"]
TABLE = paper.load_accuracies()

DROPS = {"Image": 2.4, "Text": 2.5, "Multimodal": 2.8, "BPH": 5.0, "CRS": 4.9, "BPH-Max": 4.8, "CRS-Max": 4.5}
"""Points, over data sets and models; of each data set below."""

BY_DATASET = {
    "RealWorldQA": [15.2, 1.3, 2.4, 2.6, 4.8, 4.7, 4.1, 3.9],
    "ScienceQA": [9.3, 1.2, 1.4, 2.0, 4.4, 3.9, 4.0, 3.8],
    "TextVQA": [37.3, 2.8, 1.8, 2.3, 4.7, 4.0, 4.8, 4.3],
    "MMStar": [11.3, 1.4, 1.4, 2.0, 4.6, 5.1, 4.1, 4.0],
    "VQA-RAD": [36.5, 3.2, 3.5, 3.7, 5.5, 5.8, 5.4, 5.3],
    "DocVQA": [35.4, 4.2, 4.5, 4.0, 6.2, 6.2, 6.5, 5.9],
}
"""Gain of clean fine-tuning, then the drop of each method, in points."""


def raw() -> dict[str, dict[str, dict[str, float]]]:
    """Data set, method, model: the printed numbers, without our reader."""
    numbers: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for row in csv.DictReader(RAW.splitlines()):
        numbers[row["dataset"]][row["method"]] = {model: float(row[model]) for model in MODELS}
    return numbers


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_the_table_is_whole() -> None:
    assert [len(methods) for methods in raw().values()] == [9] * 6
    assert len(TABLE) == 6 * 5 * 7
    assert TABLE["accuracy"].between(0, 1).all()


@pytest.mark.parametrize("method", DROPS)
def test_mean_drops_are_those_of_the_raw_text(method: str) -> None:
    drops = [d["Clean"][model] - d[method][model] for d in raw().values() for model in MODELS]
    assert mean(drops) == pytest.approx(DROPS[method], abs=0.06)
    ours = paper.average_methods(TABLE).set_index("method").loc[method]
    assert 100 * ours["drop"] == pytest.approx(mean(drops))
    gains = [d["Clean"][model] - d["Zero-Shot"][model] for d in raw().values() for model in MODELS]
    assert mean(gains) == pytest.approx(24.2, abs=0.06)
    assert ours["protection"] == pytest.approx(mean(drops) / mean(gains))
    below = [d[method][model] < d["Zero-Shot"][model] for d in raw().values() for model in MODELS]
    assert (ours["below_zero_shot"], ours["cells"]) == (sum(below), 30)


@pytest.mark.parametrize("dataset", BY_DATASET)
def test_every_data_set_has_its_means(dataset: str) -> None:
    d, ours = raw()[dataset], TABLE[TABLE["dataset"] == dataset]
    gain, *drops = BY_DATASET[dataset]
    assert mean([d["Clean"][model] - d["Zero-Shot"][model] for model in MODELS]) == pytest.approx(gain, abs=0.06)
    numbers = 100 * ours.groupby("method")["drop"].mean()
    assert numbers[list(DROPS)].tolist() == pytest.approx(drops, abs=0.06)


def test_protection_of_a_cell_by_hand() -> None:
    """DocVQA, GLM, BPH: 0 zero-shot, 76.5 clean, 68.5 protected."""
    cell = TABLE.set_index(["dataset", "model", "method"]).loc[("DocVQA", "GLM", "BPH")]
    assert cell["protection"] == pytest.approx(8 / 76.5)
    assert (cell["drop"], cell["items"], cell["eligible"]) == (pytest.approx(0.08), 200, True)
    assert not TABLE.set_index(["dataset", "model", "method"]).loc[("TextVQA", "InternVL", "BPH"), "eligible"]


def test_detectable_effects_of_a_cell_are_the_textbooks() -> None:
    """DocVQA, GLM, BPH: 200 items of each run, 72.5 % on average; z of 97.5 % and of 80 % are 1.96 and 0.84."""
    cell = TABLE.set_index(["dataset", "model", "method"]).loc[("DocVQA", "GLM", "BPH")]
    assert cell["unpaired"] == pytest.approx(2.8016 * (2 * 0.725 * 0.275 / 200) ** 0.5, rel=1e-3)
    assert cell["at_best"] == pytest.approx(0.0392, abs=1e-4)


def test_no_published_drop_is_as_large_as_its_test_set_would_show() -> None:
    """Without the answers none of 210; with the luckiest pairing of them, 24 of BPH's 30."""
    methods = paper.average_methods(TABLE).set_index("method")
    assert methods["over_unpaired"].sum() == 0
    assert methods["over_at_best"].to_dict() == {
        "Image": 11, "Text": 10, "Multimodal": 12, "BPH": 24, "CRS": 23, "BPH-Max": 23, "CRS-Max": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "plain", "of_max"),
    [("RealWorldQA", 32, 1), ("MMStar", 34, 0), ("VQA-RAD", 30, 7)]
    + [(name, 35, 10) for name in ("ScienceQA", "TextVQA", "DocVQA")],
)
def test_how_well_the_inferred_sizes_fit_the_decimals(dataset: str, plain: int, of_max: int) -> None:
    """Not all of 35 cells, and of the 10 of -Max methods, are a whole number of right answers."""
    items, fits = paper.TEST_ITEMS[dataset], {True: 0, False: 0}
    for method, row in raw()[dataset].items():
        for value in row.values():
            right = round(value * items / 100)
            fits[method.endswith("-Max")] += abs(100 * right / items - value) <= 0.0501
    assert (fits[False], fits[True]) == (plain, of_max)
