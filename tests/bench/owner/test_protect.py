"""A folder protected: the same tree, nothing over budget, nothing lost without its name, and the source untouched."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.owner.methods import Part
from bench.owner.protect import describe_job, protect
from bench.owner.state import State
from bench.pictures import decode
from bench.spec import Method, identity
from tests.bench.owner import files
from tests.bench.owner.conftest import JobMaker, tree


def report_of(target: Path) -> dict:
    content: dict = json.loads((target.with_name(f"{target.name}.report") / "report.json").read_text())
    return content


def test_every_picture_is_right_or_named(tmp_path: Path, job: JobMaker) -> None:
    """Every kind of picture, broken ones, odd names and a link in a circle."""
    odd = {
        name: files.encode(files.picture(seed=40 + i), "PNG")
        for i, name in enumerate(
            (
                "-rf.png",
                "two words.png",
                "line\nbreak.png",
                "Ünï çødé 画.png",
                "deep/er/a.png",
                "no ending",
                os.fsdecode(b"\xff.png"),
            )
        )
    }
    good = {**files.kinds(), **odd}
    broken = {name: data for name, (data, _) in files.broken().items()}
    folder, target = tmp_path / "mine", tmp_path / "out"
    files.write(folder, {**good, **broken, "notes.txt": b"mine"})
    (folder / "deep" / "circle").symlink_to(folder)
    before = tree(folder)
    report = protect(folder, target, job())
    named = {left["name"]: left["reason"] for left in report["left_out"]}
    for name, (_, reason) in files.broken().items():
        assert reason in named[name]
    assert "link" in named["deep/circle"] and "no picture" in named["notes.txt"]
    lines = (tmp_path / "out.report" / "pictures.jsonl").read_text().splitlines()
    new = {old: name for line in map(json.loads, lines) for old, name in line["files"].items()}
    assert set(new) == set(good)
    assert set(tree(target)) == set(new.values())
    for name, protected in new.items():
        clean, now = decode(good[name], "a"), decode((target / protected).read_bytes(), "b")
        assert 0 < np.abs(clean.astype(int) - now).max() <= 8
    assert tree(folder) == before


def test_rows_keep_their_answers_and_name_the_new_files(source: Path, tmp_path: Path, job: JobMaker) -> None:
    report = protect(source, tmp_path / "out", job())
    rows = [json.loads(line) for line in (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()]
    old = [json.loads(line) for line in (source / "metadata.jsonl").read_text().splitlines()]
    assert [{**row, "file_name": ""} for row in rows] == [{**row, "file_name": ""} for row in old]
    assert [row["file_name"] for row in rows[:3]] == ["images/0.png", "images/1.png", "images/2.png"]
    assert all((tmp_path / "out" / row["file_name"]).is_file() for row in rows)
    assert (report["pictures"], report["rows"], report["left_out"]) == (12, 13, [])


def test_one_picture_under_two_names_has_one_perturbation(tmp_path: Path, job: JobMaker) -> None:
    """Two of them could be averaged."""
    data = files.encode(files.picture(), "PNG")
    files.write(
        tmp_path / "mine", {"a.png": data, "b/c.png": data, "d.png": files.encode(files.picture(seed=1), "PNG")}
    )
    protect(tmp_path / "mine", tmp_path / "out", job(chunk=1))
    protected = tree(tmp_path / "out")
    assert protected["a.png"] == protected["b/c.png"] != data


def test_words_alone_leave_the_files_as_they_are(source: Path, tmp_path: Path, job: JobMaker) -> None:
    report = protect(source, tmp_path / "out", job("random_trigger", part=Part(0, 3)))
    before, after = tree(source), tree(tmp_path / "out")
    assert {name: data for name, data in before.items() if "images" in name}.items() <= after.items()
    rows = [json.loads(line) for line in (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()]
    assert all(len(row["question"].split()) == 3 + len(["What", "is", "this?"]) for row in rows[:-1])
    assert sum(report["words"].values()) == 3 * 13 and report["stealth"]["unchanged"] == 12


def test_mmguard_changes_pictures_and_questions(source: Path, tmp_path: Path, job: JobMaker) -> None:
    method = Method(name="mmguard", options={"rounds": 1, "image_steps": 2, "inner_steps": 1, "candidates": 1})
    report = protect(source, tmp_path / "out", job(method=method, part=Part(8, 2), chunk=16))
    assert 0 < report["stealth"]["linf"] <= 8 and sum(report["words"].values()) == 2 * 13
    assert set(report["losses"]) == {"clean", "release"}
    rows = [json.loads(line) for line in (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()]
    assert all(len(row["question"].split()) == 5 for row in rows[:-1])


def test_mmguard_on_captions_and_pictures_alone_inserts_no_word(tmp_path: Path, job: JobMaker) -> None:
    """A caption has no question: the noise is made without a trigger, which the release would not have."""
    rows = [{"file_name": f"{i}.png", "caption": f"a thing {i}"} for i in range(4)]
    files.write(tmp_path / "mine", {f"{i}.png": files.encode(files.picture(seed=i), "PNG") for i in range(4)})
    (tmp_path / "mine" / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    method = Method(name="mmguard", options={"rounds": 1, "image_steps": 1, "inner_steps": 0})
    report = protect(tmp_path / "mine", tmp_path / "out", job(method=method, part=Part(8, 2)))
    assert report["words"] == {} and 0 < report["stealth"]["linf"] <= 8
    assert (tmp_path / "out" / "metadata.jsonl").read_text() == (tmp_path / "mine" / "metadata.jsonl").read_text()


def test_a_killed_job_goes_on_to_the_same_bytes(source: Path, tmp_path: Path, job: JobMaker) -> None:
    """SIGKILL while the pictures of a chunk are written: some are there, and its record is not."""
    program = (
        "import os, sys; from pathlib import Path; from bench.owner import protect as p;"
        "from bench.owner.craft import Job; from bench.owner.methods import Part; from bench.spec import Method;"
        "seen = []; write = p.write_flushed\n"
        "def die(*arguments):\n"
        "    seen.append(1); write(*arguments)\n"
        "    len(seen) > 6 and os.kill(os.getpid(), 9)\n"
        "p.write_flushed = die\n"
        "job = Job(Method(name='random_noise'), Part(8, 0), ('tiny-llava-a',), 0, 4)\n"
        "p.protect(Path(sys.argv[1]), Path(sys.argv[2]), job)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(source), str(tmp_path / "out")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "out.report" / "work").glob("chunk-*"))) == 1
    protect(source, tmp_path / "out", job())
    protect(source, tmp_path / "whole", job())
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert tree(tmp_path / "out.report") == tree(tmp_path / "whole.report")


def test_half_done_work_of_another_command_or_other_data_is_not_touched(
    source: Path, tmp_path: Path, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.owner.protect.write_tables", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        protect(source, tmp_path / "out", job())
    monkeypatch.undo()
    before = tree(tmp_path / "out")
    with pytest.raises(UserError, match="another command"):
        protect(source, tmp_path / "out", job(seed=1))
    (source / "metadata.jsonl").write_text((source / "metadata.jsonl").read_text().replace("thing 1", "thing one"))
    with pytest.raises(UserError, match="other data"):
        protect(source, tmp_path / "out", job())
    assert tree(tmp_path / "out") == before


def test_nothing_is_overwritten(source: Path, tmp_path: Path, job: JobMaker) -> None:
    protect(source, tmp_path / "out", job())
    before = tree(tmp_path / "out")
    with pytest.raises(UserError, match="or is finished"):
        protect(source, tmp_path / "out", job())
    files.write(tmp_path / "full", {"mine.txt": b"keep"})
    with pytest.raises(UserError, match="is not empty"):
        protect(source, tmp_path / "full", job())
    assert tree(tmp_path / "out") == before and tree(tmp_path / "full") == {"mine.txt": b"keep"}
    assert not (tmp_path / "full.report").exists()


def test_two_processes_do_not_work_on_one_folder(source: Path, tmp_path: Path, job: JobMaker) -> None:
    state = State(tmp_path / "out")
    assert state.open(identity(describe_job(job())))
    with pytest.raises(UserError, match="another process is at work"):
        protect(source, tmp_path / "out", job())
    state.close()
    assert protect(source, tmp_path / "out", job())["pictures"] == 12


def test_folders_in_each_other_are_refused(source: Path, tmp_path: Path, job: JobMaker) -> None:
    shutil.copytree(source, tmp_path / "deep" / "mine")
    (tmp_path / "link").symlink_to(source)
    for origin, target in (
        (source, source / "out"),
        (source, source),
        (tmp_path / "deep" / "mine", tmp_path / "deep"),
        (source, tmp_path / "link" / "out"),
    ):
        before = tree(tmp_path)
        with pytest.raises(UserError, match="in each other"):
            protect(origin, target, job())
        assert tree(tmp_path) == before


def test_pictures_without_texts_need_a_method_without_answers(tmp_path: Path, job: JobMaker) -> None:
    files.write(tmp_path / "mine", {"a.png": files.encode(files.picture(), "PNG")})
    with pytest.raises(UserError, match=r"needs answers; allowed: a table .* or feature_shift, uc") as error:
        protect(tmp_path / "mine", tmp_path / "out", job("em"))
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists() and not (tmp_path / "out.report").exists()


@pytest.mark.parametrize("name", ["uc", "feature_shift"])
def test_a_method_without_answers_protects_pictures_alone(tmp_path: Path, job: JobMaker, name: str) -> None:
    files.write(tmp_path / "mine", {f"{i}.png": files.encode(files.picture(seed=i), "PNG") for i in range(4)})
    method = Method(name=name, options={"image_steps": 2, **({"clusters": 2} if name == "uc" else {})})
    report = protect(tmp_path / "mine", tmp_path / "out", job(method=method, chunk=1))
    assert report["pictures"] == 4 and 0 < report["stealth"]["linf"] <= 8


def test_a_method_of_shared_noise_takes_all_pictures_together_or_none(
    source: Path, tmp_path: Path, job: JobMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A noise for each answer is the same in every picture with it, whatever the chunk."""
    protect(source, tmp_path / "out", job("random_noise_class", chunk=1))
    noise = {}
    for number in (0, 4, 8):
        before = next((source / "images").glob(f"{number}.*")).read_bytes()
        after = next((tmp_path / "out" / "images").glob(f"{number}.*")).read_bytes()
        noise[number] = decode(after, "a").astype(int) - decode(before, "b")
    assert np.array_equal(noise[0], noise[4]) and np.array_equal(noise[0], noise[8])
    monkeypatch.setattr("bench.owner.protect.MOST_TOGETHER", 11)
    with pytest.raises(UserError, match="12 pictures; allowed: 11"):
        protect(source, tmp_path / "none", job("random_noise_class"))
