"""The benchmark of `bench protect` protects what it writes, in a process of its own."""

from pathlib import Path

from benchmarks import owner


def test_the_folder_has_pictures_and_questions(tmp_path: Path) -> None:
    owner.write_folder(tmp_path / "mine", 3)
    assert len((tmp_path / "mine" / "metadata.jsonl").read_text().splitlines()) == 3
    assert len(list((tmp_path / "mine").glob("*.png"))) == 3


def test_a_process_is_measured() -> None:
    peak, seconds = owner.measure(3, ["--defense", "random_noise"])
    assert 50 < peak < 10_000 and seconds > 0
