"""The gallery of published releases: small, the same pictures of each release, and read with distrust."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bench import results
from bench.results import export, gallery, published
from bench.samples import Sample, SampleSet, encode_png
from bench.store import artifacts

Finish = Callable[..., results.Run]
COUNT = 30


def samples(noise: int, side: int = 4) -> SampleSet:
    rng = np.random.default_rng(0)
    pixels = rng.integers(20, 230, (COUNT, side, side, 3), dtype=np.uint8) + np.uint8(noise)
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", pixels[i], f"what{' is' * noise}", "it") for i in range(COUNT)))


def keep(noise: int, side: int = 4) -> str:
    """The identity of an artefact with the samples of a release."""
    return artifacts.make("protect", {"noise": noise, "side": side}, lambda f: samples(noise, side).save(f)).identity


@pytest.fixture
def play(finished: Finish) -> Callable[..., results.Run]:
    """A finished run of a release with so much noise."""

    def played(noise: int, side: int = 4, seed: int = 0, **changes: object) -> results.Run:
        stages = finished(seed).stages | {"original": keep(0, side), "protect": keep(noise, side)}
        return finished(seed, protected=16 + noise + side, stages=stages, **changes)

    return played


@pytest.fixture
def shipped(play: Callable[..., results.Run], tmp_path: Path) -> Path:
    export.publish([play(1), play(2)], tmp_path / "out")
    return tmp_path / "out"


def test_pictures_come_back_before_and_after(shipped: Path) -> None:
    before, first, second = (published.load_gallery(keep(noise), shipped) for noise in range(3))
    assert before and first and second
    assert [s.id for s in before] == [s.id for s in first] == [s.id for s in second]
    assert (len(before), before[0].id, before[-1].id) == (gallery.SHOWN, "s0", "s6")
    assert {f"s{COUNT - 1}"} < {s.id for s in before}, "spread over all, kept in the order of their names"
    whole = {s.id: s for s in samples(2)}
    for sample in second:
        np.testing.assert_array_equal(sample.pixels, whole[sample.id].pixels)
        assert sample.texts == whole[sample.id].texts
    assert published.load_gallery("f" * 16, shipped) is None


def test_pictures_stay_where_the_home_has_lost_them(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = (shipped / published.GALLERY).read_bytes()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
    export.publish([], shipped)
    assert (shipped / published.GALLERY).read_bytes() == kept


def test_a_release_of_which_only_a_few_pictures_are_left_keeps_them() -> None:
    rows = collect(SampleSet(samples(1).samples[3:7]))
    assert rows["id"].to_pylist() == ["s3", "s4", "s5", "s6"] * 2


def test_every_release_has_fewer_pictures_where_not_all_fit(
    play: Callable[..., results.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(encode_png(samples(0)[0].pixels))
    monkeypatch.setattr(gallery, "MAX_BYTES", 10 * size)
    export.publish([play(1), play(2)], tmp_path)
    shown = [published.load_gallery(keep(noise), tmp_path) for noise in range(3)]
    assert [len(part or ()) for part in shown] == [3, 3, 3]


def test_a_later_seed_has_fewer_pictures_unless_the_first_made_the_same_release(
    play: Callable[..., results.Run], tmp_path: Path
) -> None:
    export.publish([play(1), play(2, seed=1), play(3), play(3, seed=2)], tmp_path)
    first, later, both = (published.load_gallery(keep(noise), tmp_path) or () for noise in (1, 2, 3))
    assert (len(first), len(later), len(both)) == (gallery.SHOWN, gallery.SHOWN_AGAIN, gallery.SHOWN)
    assert {s.id for s in later} < {s.id for s in first}
    before = published.load_gallery(keep(0), tmp_path) or ()
    assert [s.id for s in before] == [s.id for s in first], "no picture of the data for later seeds alone"


def test_large_pictures_are_left_out(
    play: Callable[..., results.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "MAX_PIXELS", 16)
    export.publish([play(1), play(1, side=5)], tmp_path)
    assert published.load_gallery(keep(1), tmp_path)
    assert published.load_gallery(keep(1, 5), tmp_path) is None


@pytest.mark.parametrize("dataset", ["own:pets@0123456789abcdef", "docvqa"])
def test_only_data_that_come_with_the_suite_have_pictures(
    play: Callable[..., results.Run], tmp_path: Path, dataset: str
) -> None:
    export.publish([play(1, dataset=dataset)], tmp_path, own=["pets"])
    assert published.load_gallery(keep(1), tmp_path) is None
    assert len(pq.read_table(tmp_path / published.GALLERY)) == 0


def png(mode: str = "RGB", size: tuple[int, int] = (4, 4)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def collect(left: SampleSet | None = None) -> "pa.Table":
    """The gallery of one run, whose release is `b`; `left`: what there still is of it."""
    run = results.Run(dataset="emoji_smoke", seed=0, stages={"original": "a" * 16, "protect": "b" * 16})
    return gallery.collect([run], {"a" * 16: samples(0), "b" * 16: left or samples(1)}.get)


def change_last(field: str, value: bytes) -> "pa.Table":
    """That gallery, with another value in its last row; a text may be no UTF-8."""
    table = collect()
    cells = [*table[field].cast("binary").to_pylist()[:-1], value]
    column = pa.array(cells, pa.binary()).view(table.schema.field(field).type)
    return table.set_column(table.schema.get_field_index(field), table.schema.field(field), column)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("picture", b"no picture", "no picture that can be read"),
        ("picture", png("RGBA"), "RGBA, 4x4; allowed: RGB"),
        ("picture", png(size=(1025, 1024)), "1025x1024; allowed: RGB, 1048576 pixels"),
        ("picture", png(size=(5000, 5000)), "5000x5000"),
        ("picture", b"BM" + bytes(60), "no picture that can be read"),
        ("question", b"\xff", "question: not UTF-8"),
        ("answer", b"x" * 5000, "answer: 5000 bytes; allowed: 4096"),
        ("artefact", b"../../etc/passwd", "artefact: allowed: 16 hexadecimal digits"),
    ],
)
def test_a_bad_row_leaves_out_its_release_alone(field: str, value: bytes, message: str) -> None:
    rows, (fault,) = gallery.index(change_last(field, value))
    assert fault.startswith("release ") and message in fault
    assert "a" * 16 in rows
    assert field == "artefact" or "b" * 16 not in rows


def test_more_pictures_than_allowed_are_left_out() -> None:
    table = collect()
    more = [table.slice(len(table) - 1)] * (gallery.MAX_SHOWN - gallery.SHOWN + 1)
    rows, (fault,) = gallery.index(pa.concat_tables([table, *more]))
    assert f"more than {gallery.MAX_SHOWN} pictures" in fault
    assert list(rows) == ["a" * 16]


def test_too_many_rows_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "MAX_ROWS", 10)
    assert gallery.index(collect()) == ({}, ["12 rows; allowed: 10"])


def test_faults_are_told_and_damage_of_a_picture_gives_no_samples(shipped: Path) -> None:
    content = bytearray((shipped / published.GALLERY).read_bytes())
    content[len(content) // 2] ^= 1
    (shipped / published.GALLERY).write_bytes(bytes(content))
    assert published.load_faults(shipped) == [
        "published results: gallery.parquet: not the file that provenance.json names"
    ]
    assert published.load_runs(shipped)


def test_a_folder_without_pictures_is_whole(shipped: Path) -> None:
    provenance = json.loads((shipped / published.PROVENANCE).read_text())
    for name in published.EXTRAS:
        del provenance["files"][name]
        (shipped / name).unlink()
    (shipped / published.PROVENANCE).write_text(json.dumps(provenance))
    assert published.load_faults(shipped) == []
    assert published.load_gallery(keep(1), shipped) is None
    assert published.load_curve("attack", "f" * 16, shipped) is None
