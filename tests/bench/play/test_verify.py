"""A provenance file that nobody touched verifies; whatever was changed, in the file or in the home, is named."""

import json
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UserError
from bench.game.submissions.files import read_release
from bench.game.submissions.played import identify
from bench.game.submissions.schema import Release
from bench.game.submissions.version1 import Submission
from bench.play import chain
from bench.play.rerun import draw
from bench.play.run import play_run
from bench.play.verify import status, verify
from bench.samples import SampleSet
from bench.spec import identity
from bench.store import checksums
from bench.store.checksums import MANIFEST, add_seal
from tests.bench.game.submissions.wholes import COMMON, ORIGIN, write_sums
from tests.bench.toy_game import Game, things

FIELDS: dict[str, Any] = {
    "version": 1, "title": "Hide by a stranger", "authors": ["A. Stranger"], "defense": {"name": "hide"},
    "datasets": ["emoji_smoke"], "victims": ["tiny-llava-a"], "seeds": [0, 1],
}  # fmt: skip
Change = Callable[[dict[str, Any]], None]


def submission(**changes: Any) -> Submission:
    return Submission.model_validate({**FIELDS, **changes})


def write(entry: Submission, folder: Path) -> Path:
    for spec in entry.runs("lora_sft"):
        play_run(spec)
    return chain.write_chain(entry, {}, "lora_sft", first=False, folder=folder)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for a home that was played once."""
    return tmp_path_factory.mktemp("kept") / "home"


@pytest.fixture
def file(game: Game, bench_home: Path, kept: Path) -> Path:
    """The provenance file of two runs of a toy defense, in a home of its own."""
    if kept.exists():
        shutil.copytree(kept, bench_home, dirs_exist_ok=True)
    else:
        write(submission(), bench_home / "out")
        shutil.copytree(bench_home, kept)
    (file,) = (bench_home / "out").iterdir()
    return file


def check(file: Path, share: float = 0, seed: int = 0) -> dict[str, list[str]]:
    """Return the lines of a verification by their status."""
    lines: dict[str, list[str]] = {"ok": [], "open": [], "WRONG": []}
    for line in verify(file, share, seed):
        lines[status(line)].append(f"{line.name}: {line.text}")
    return lines


def edit(file: Path, change: Change) -> dict[str, Any]:
    """Change the content of a provenance file and seal it again, as someone would who knows how; return it."""
    content = json.loads(file.read_bytes())
    del content["seal"]
    change(content)
    file.write_bytes(add_seal(json.dumps(content, indent=1)[:-2].encode()))
    return content


def find_link(file: Path, stage: str) -> str:
    """Return the identity of a stage of the first row."""
    row: dict[str, Any] = next(iter(json.loads(file.read_bytes())["rows"].values()))
    return str(row["stages"][stage])


def test_an_untouched_file_verifies_and_every_stage_can_be_made_again(file: Path, game: Game) -> None:
    links = json.loads(file.read_bytes())["links"]
    before = len(game.computed)
    lines = check(file, share=1)
    assert (lines["open"], lines["WRONG"]) == ([], [])
    assert lines["ok"][:3] == [
        "seal: as it was written",
        f"entry: {json.loads(file.read_bytes())['identity']}, Hide by a stranger",
        "plan: 2 of 2 runs have their row",
    ]
    assert f"links: {len(links)} of {len(links)} are here with the same bytes" in lines["ok"]
    again = {line.partition(":")[0].partition("/")[2] for line in lines["ok"] if line.startswith("re-run ")}
    assert again == links.keys()
    assert len(game.computed) > before, "reused ones prove nothing"


def find_seed(file: Path, key: str) -> int:
    """Return a seed that draws a stage alone."""
    links = json.loads(file.read_bytes())["links"]
    return next(seed for seed in count() if draw(links, 0.01, seed) == [key])


def test_a_share_is_drawn_by_the_seed() -> None:
    names = dict.fromkeys(map(str, range(50)))
    assert [len(draw(names, share, 1)) for share in (0, 0.001, 0.1, 1)] == [0, 1, 5, 50]
    assert draw(names, 0.1, 1) == draw(dict(reversed(names.items())), 0.1, 1) != draw(names, 0.1, 2)


def test_another_home_is_left_as_it_is(file: Path, bench_home: Path) -> None:
    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(bench_home.rglob("*")) if path.is_file()}

    before = state()
    check(file, 0.01, find_seed(file, find_link(file, "attack")))
    assert state() == before


def test_a_machine_that_has_nothing_says_what_it_cannot_check(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    lines = check(file)
    number = len(json.loads(file.read_bytes())["links"])
    assert not lines["WRONG"]
    assert lines["open"][0].startswith(f"links: not checked: {number} are not on this machine, ")
    assert ["its numbers" in line for line in lines["open"][1:]] == [True, True]
    lines = check(file, 0.01, find_seed(file, find_link(file, "evaluate")))
    assert not lines["WRONG"]
    again = {line.split(":")[0].split("/")[0] for line in lines["ok"] if line.startswith("re-run ")}
    assert again >= {"re-run protect", "re-run attack", "re-run evaluate"}, "what it is made of is made, too"


def _protection(content: dict[str, Any]) -> None:
    row = next(iter(content["rows"].values()))
    row["protection"] = row["protection_high"] = 0.99


def _swap(content: dict[str, Any]) -> None:
    one, two = content["rows"]
    content["rows"] = {one: content["rows"][two], two: content["rows"][one]}


def _remove(content: dict[str, Any]) -> None:
    content["rows"].popitem()


def _seed(content: dict[str, Any]) -> None:
    next(iter(content["rows"].values()))["seed"] = 7


def _authors(content: dict[str, Any]) -> None:
    content["submission"]["defense"] = {"name": "hide", "options": {"hidden": 3}}


def _link(content: dict[str, Any]) -> None:
    del content["links"][next(key for key, link in content["links"].items() if link["stage"] == "protect")]


def _payload(content: dict[str, Any]) -> None:
    next(link for link in content["links"].values() if link["stage"] == "attack")["payload"]["seed"] = 5


def _stages(content: dict[str, Any]) -> None:
    row = next(iter(content["rows"].values()))
    row["stages"]["evaluate"] = row["stages"]["clean"]


def _sum(content: dict[str, Any]) -> None:
    link = next(link for link in content["links"].values() if link["stage"] == "protect")
    link["files"]["metadata.jsonl"][1] = "0" * 64


@pytest.mark.parametrize(
    ("change", "names", "text"),
    [
        (_protection, "row ", "protection: '0.99'; the answers give '"),
        (_swap, "row ", "its columns are those of another run"),
        (_remove, "row ", "missing; it is bench run --defense hide"),
        (_seed, "row ", "its columns are those of another run"),
        (_authors, "entry", " is not the identity of this submission, which is "),
        (_link, "link ", ", which is not in the file"),
        (_payload, "link attack/", "its payload names another stage"),
        (_stages, "row ", "evaluate is "),
        (_sum, "link protect/", "metadata.jsonl: other bytes than the provenance file names"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_changed_in_the_file_is_named(file: Path, change: Change, names: str, text: str) -> None:
    """It is sealed again afterwards."""
    edit(file, change)
    wrong = check(file)["WRONG"]
    assert [line for line in wrong if line.startswith(names) and text in line], wrong


def test_a_run_of_another_seed_is_none_of_the_submission(file: Path, tmp_path: Path) -> None:
    """A whole and true row, of a seed that the plan does not have."""
    other = json.loads(write(submission(seeds=[0, 7]), tmp_path / "other").read_bytes())
    edit(file, lambda content: content.update(rows=other["rows"], links=other["links"] | content["links"]))
    wrong = check(file)["WRONG"]
    assert [line.partition(": ")[2].partition(";")[0].partition(":")[0] for line in wrong] == [
        "missing", "not of this submission",
    ]  # fmt: skip


def test_a_change_without_a_new_seal_breaks_the_seal(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"A. Stranger", b"B. Stranger"))
    assert check(file)["WRONG"] == ["seal: the file was changed afterwards"]


FILES = {"pixel": ("protect", "images/train3.png"), "answer": ("evaluate", "predictions.parquet"),
         "adapter": ("attack", "adapter.json"), "audit": ("audit", "audit.json")}  # fmt: skip


def damage(file: Path, home: Path, what: str) -> tuple[str, Path]:
    """Change one byte of an artefact in the home; return its link and its folder."""
    stage, name = FILES[what]
    key = find_link(file, stage)
    path = home / "artifacts" / stage / key / name
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.unlink()  # an adapter has two names
    path.write_bytes(bytes(data))
    return f"link {stage}/{key}", home / "artifacts" / stage / key


@pytest.mark.parametrize("what", FILES)
def test_a_byte_that_was_changed_in_the_home_is_named(file: Path, bench_home: Path, what: str) -> None:
    name, _ = damage(file, bench_home, what)
    lines = check(file)
    assert lines["WRONG"] == [f"{name}: {FILES[what][1]} has changed, in this home"]
    assert any("its numbers" in line for line in lines["open"])


@pytest.mark.parametrize("what", FILES)
def test_an_artefact_that_was_sealed_again_differs_from_its_link(file: Path, bench_home: Path, what: str) -> None:
    name, folder = damage(file, bench_home, what)
    seal_again(folder)
    assert check(file)["WRONG"] == [f"{name}: {FILES[what][1]}: other bytes than the provenance file names"]


@pytest.mark.parametrize("what", ["pixel", "adapter"])
def test_a_forgery_that_fits_everywhere_is_found_by_making_it_again(file: Path, bench_home: Path, what: str) -> None:
    """The artefact, its manifest, the provenance file and its seal all say the same, and the numbers fit."""
    name, folder = damage(file, bench_home, what)
    files = seal_again(folder)["files"]
    edit(file, lambda content: content["links"][folder.name].update(files=files))
    assert not check(file)["WRONG"]
    (wrong,) = check(file, 0.01, find_seed(file, folder.name))["WRONG"]
    assert wrong.startswith(f"{name.replace('link', 're-run')}: {FILES[what][1]}: other bytes")


def seal_again(folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).unlink()
    return checksums.seal(folder, {name: manifest[name] for name in ("stage", "payload", "cost")})


def test_titles_and_authors_are_not_the_identity(game: Game, tmp_path: Path) -> None:
    """Copies under other names are one entry, and so is a default that is written out."""
    entries = [
        submission(), submission(title="Better than all"), submission(authors=["B", "C"]),
        submission(defense={"name": "hide", "options": {"hidden": 16}}),
    ]  # fmt: skip
    assert len({chain.identify_entry(entry, {}) for entry in entries}) == 1
    files = {write(entry, tmp_path / str(number)).name for number, entry in enumerate(entries)}
    rows = [
        json.loads((tmp_path / str(number) / name).read_bytes())["rows"] for number, name in enumerate(2 * [*files])
    ]
    assert (len(files), rows[0]) == (1, rows[1])
    assert chain.identify_entry(submission(defense={"name": "hide", "options": {"hidden": 3}}), {}) != files.pop()


@pytest.fixture
def release(game: Game, tmp_path: Path) -> tuple[Release, Path]:
    """A release that was made elsewhere, its fourth sample marked."""
    samples = [s.with_release(s.pixels, f"mark {s.question}") if s.id == "train3" else s for s in things("train")]
    SampleSet(tuple(samples)).save(tmp_path / "entry" / "release")
    write_sums(tmp_path / "entry")
    entry = Release.model_validate({**COMMON, "kind": "release", "made_for": ORIGIN})
    return entry, tmp_path / "entry" / "submission.yaml"


def test_a_release_is_linked_from_the_bytes_that_were_sent_in(
    release: tuple[Release, Path], bench_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any
) -> None:
    entry, place = release
    identify(entry, place).keep()
    sums = read_release(place.parent)
    (spec,) = chain.plan_runs(entry, sums, "lora_sft", first=True)
    play_run(spec)
    file = chain.write_chain(entry, sums, "lora_sft", first=True)
    lines = check(file)
    assert (lines["WRONG"], lines["open"]) == ([], [])
    assert f"entry: 33 files of {spec.defense.name} as they were sent in" in lines["ok"]
    picture = bench_home / "entries" / spec.defense.name / "images" / "train5.png"
    picture.write_bytes(picture.with_name("train6.png").read_bytes())
    expected = f"entry: images/train5.png of {spec.defense.name}: other bytes than were sent in"
    assert check(file)["WRONG"] == [expected]
    edit(file, lambda content: content["sums"].update({"release/images/train5.png": "0" * 64}))
    assert "is not the identity of this submission" in "".join(check(file)["WRONG"] + check(file)["open"])
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    assert not [line for line in check(file)["ok"] if line.startswith("entry")], "nothing of it is here"


def test_without_all_rows_no_file_is_written(game: Game, tmp_path: Path) -> None:
    play_run(submission().runs("lora_sft")[0])
    with pytest.raises(chain.MissingRows, match=r"no provenance file: 1 of 2 runs have no row, [0-9a-f]{16} first"):
        chain.write_chain(submission(), {}, "lora_sft", first=False, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert chain.write_chain(submission(), {}, "lora_sft", first=True, folder=tmp_path / "out").is_file()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"version": 1, "\x1b[31m": 2}', b'{"version": 2}',
     json.dumps({"version": 1, "submission": {"kind": []}, "identity": "0" * 16, "sums": {}, "attack": "lora_sft",
                 "first": False, "rows": {}, "links": {}, "seal": ""}).encode(),
     json.dumps({"version": 1, "submission": FIELDS, "identity": "0" * 16, "sums": {}, "attack": "lora_sft",
                 "first": False, "rows": {"../../x": {}}, "links": {}, "seal": ""}).encode()],
)  # fmt: skip
def test_what_is_no_provenance_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        check(tmp_path / "x.json")
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith("allowed: a file that `bench submit run` wrote")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_none_and_all(file: Path, share: float) -> None:
    with pytest.raises(UserError, match=r"rerun: .*; allowed: 0 to 1"):
        check(file, share)


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd"])
def test_names_in_a_file_lead_nowhere(file: Path, name: str) -> None:
    key = find_link(file, "protect")
    edit(file, lambda content: content["links"][key]["files"].update({name: [1, "0" * 64]}))
    assert check(file)["WRONG"] == [f"link protect/{key}: {name}: other bytes than the provenance file names"]


def test_hostile_numbers_in_a_payload_are_a_wrong_link(file: Path) -> None:
    key = find_link(file, "protect")
    content = json.loads(file.read_bytes())
    content["links"][key]["payload"]["seed"] = 10**40
    file.write_text(json.dumps(content))
    assert f"link protect/{key}: its payload names another stage" in check(file)["WRONG"]
    assert identity(content["links"][key]["payload"]) != key
