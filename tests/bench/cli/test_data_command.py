"""`bench data`: what is listed, what is prepared, and the duplicate across splits that is found."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from bench import datasets
from bench.datasets import hub_store, identity
from bench.datasets.cards import EMBEDDED, HUB, DatasetCard
from bench.datasets.splits import SPLITS
from bench.samples import Sample, SampleSet
from tests.bench.datasets.hub import shelf


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    for cached in (datasets.load, identity.dataset_identity):
        cached.cache_clear()


@pytest.fixture
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local copy of MMStar with 60 rows, one of them without an answer."""
    folder = tmp_path_factory.mktemp("copy")
    rows = [shelf.row("mmstar", n, **({"answer": None} if n == 7 else {})) for n in range(60)]
    shelf.write("mmstar", folder / "mmstar.parquet", rows)
    return folder


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set of which test picture 3 is training picture 5, a photograph, resized to 93 % and saved as JPEG."""

    def load(split: str) -> SampleSet:
        start = 100 * SPLITS.index(split)
        pictures = [shelf.pixels(start + n, 120, 160) for n in range(8)]
        if split == "train":
            pictures[5] = data.coffee()
        if split == "test":
            buffer = io.BytesIO()
            Image.fromarray(data.coffee()).resize((558, 372), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=80)
            pictures[3] = np.asarray(Image.open(buffer))
        return SampleSet(tuple(Sample(f"{split}-{n}", f"{split}-{n}", p, "?", "!") for n, p in enumerate(pictures)))

    monkeypatch.setattr("tests.bench.datasets.hub.shelf.load", load, raising=False)
    monkeypatch.setitem(EMBEDDED, "toy", DatasetCard("tests.bench.datasets.hub.shelf", "a toy", "CC0"))


def test_every_data_set_is_listed_with_its_licence_and_state(cli: Callable, copy: Path) -> None:
    lines = cli("data", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == [*EMBEDDED, *HUB]
    assert all(card.licence in line for line, card in zip(lines, [*EMBEDDED.values(), *HUB.values()], strict=True))
    assert next(line for line in lines if line.startswith("mmstar")).split()[1:4] == ["42", "MB", "to"]
    assert cli("data", "prepare", "mmstar", "--from", str(copy), "--quiet").code == 0
    assert next(line for line in cli("data", "list").out.splitlines() if " prepared " in line).startswith("mmstar")


def test_preparing_reports_rows_splits_licence_and_what_was_left_out(cli: Callable, copy: Path) -> None:
    output = cli("data", "prepare", "mmstar", "--from", str(copy), "--quiet")
    assert output.code == 0 and output.err == "left out: mmstar.parquet: row 7: answer: 'None'; allowed: text\n"
    lines = output.out.splitlines()
    assert lines[0].startswith("mmstar: Lin-Chen/MMStar at local-") and lines[0].endswith(", licence not stated")
    assert lines[1].startswith("59 rows about 59 pictures; 0 without a picture, 1 malformed, 0 pictures dropped")
    counts = [(line.split()[0], int(line.split()[1])) for line in lines[2:]]
    assert [split for split, _ in counts] == list(SPLITS) and sum(count for _, count in counts) == 59
    checked = cli("data", "check", "mmstar")
    assert checked.code == 0 and checked.out.splitlines()[-1].endswith("; 0 near-duplicate pairs across splits")


def test_a_file_that_changed_after_it_was_prepared_is_found(cli: Callable, copy: Path) -> None:
    cli("data", "prepare", "mmstar", "--from", str(copy), "--quiet")
    file = next((hub_store.folder("mmstar") / "test").glob("*.arrow"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    output = cli("data", "check", "mmstar")
    assert output.code == 2
    assert f"test/{file.name} has changed; `bench data prepare mmstar` again" in output.err


def test_a_duplicate_planted_across_splits_is_found(cli: Callable, planted: None) -> None:
    output = cli("data", "check", "toy")
    assert output.code == 1
    lines = output.out.splitlines()
    assert lines[-2].startswith("near-duplicates in two splits: test test-3 and train train-5 (")
    assert lines[-1] == "toy: samples train 8, validation 8, test 8; 1 near-duplicate pairs across splits"
    assert sum("near-duplicates in two splits" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "mmstars"), "dataset: 'mmstars' is not known; did you mean 'mmstar'?; allowed: realworldqa, "),
        (("prepare", "emoji_catalog"), "dataset: 'emoji_catalog' is not known"),
        (("check", "mmstar"), "is not prepared; `bench data prepare mmstar` does it"),
        (
            ("prepare", "mmstar"),
            "'mmstar' needs 1 files of Lin-Chen/MMStar, about 42 MB, licence not stated, and HF_HUB",
        ),
        (("prepare", "mmstar", "--from", "/nowhere"), "from: /nowhere lacks mmstar.parquet"),
        (("prepare", "mmstar", "--revision", "main"), "revision: 'main'; allowed: a commit of Lin-Chen/MMStar, 40 hex"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(cli: Callable, arguments: tuple[str, ...], message: str) -> None:
    output = cli("data", *arguments)
    assert output.code == 2 and message in output.err and output.err.count("\n") == 1
