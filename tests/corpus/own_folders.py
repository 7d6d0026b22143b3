"""Folders of data as people have them, made small: with the rows that are read, or the line that names the fault."""

import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

Rows = list[dict[str, Any]]
COUNT = 24


def drawn(number: int, form: str = "PNG") -> bytes:
    """Draw a picture that is like no other."""
    coarse = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((24, 20), Image.Resampling.BICUBIC).save(buffer, form)
    return buffer.getvalue()


PICTURES = [drawn(number) for number in range(COUNT)]


class Case(NamedTuple):
    """A folder or file: how it is written, the exit code of `bench data check`, and a text that is in its output."""

    name: str
    write: Callable[[Path], Path]
    code: int
    shown: str


READ = f"{COUNT} rows, 0 of them cannot be used"
ALL_BAD = f"{COUNT} of {COUNT} rows cannot be used"


def rows(**more: Any) -> Rows:
    """Return the plainest rows, with other cells or columns; a function is called with the row's number."""
    plain: Rows = [{"file_name": f"{n}.png", "question": "Which?", "answer": f"thing {n}"} for n in range(COUNT)]
    return [{**row, **{k: v(n) if callable(v) else v for k, v in more.items()}} for n, row in enumerate(plain)]


def without(cells: Rows, *keys: str) -> Rows:
    return [{key: cell for key, cell in row.items() if key not in keys} for row in cells]


def pictures(folder: Path, names: Callable[[int], str] = lambda n: f"{n}.png") -> Path:
    for number, data in enumerate(PICTURES):
        file = folder / names(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def lines(cells: Rows, table: str = "metadata.jsonl", names: Callable[[int], str] = lambda n: f"{n}.png") -> Any:
    """Write rows as JSON lines beside their pictures."""
    return text("\n".join(json.dumps(row, ensure_ascii=False) for row in cells), table, names)


def text(content: str | bytes, table: str, names: Callable[[int], str] = lambda n: f"{n}.png") -> Any:
    def write(place: Path) -> Path:
        pictures(place, names)
        (place / table).parent.mkdir(parents=True, exist_ok=True)
        (place / table).write_bytes(content if isinstance(content, bytes) else content.encode())
        return place

    return write


def one_file(write: Any, name: str) -> Any:
    return lambda place: write(place) / name


def listed(cells: Rows, **more: Any) -> str:
    return json.dumps(cells, **more)


def csv(delimiter: str = ",", answer: Callable[[int], str] = lambda n: f"thing {n}", answers: str = "") -> str:
    header = ["file_name", "question", "answer", *(["answers"] if answers else [])]
    body = [[f"{n}.png", "Which?", answer(n), *([answers] if answers else [])] for n in range(COUNT)]
    return "\n".join(delimiter.join(row) for row in [header, *body]) + "\n"


def talk(*turns: tuple[str, Any], keys: tuple[str, str] = ("from", "value")) -> Rows:
    column = "conversations" if keys[0] == "from" else "messages"
    said = [dict(zip(keys, turn, strict=True)) for turn in turns]
    return [{"id": str(n), "image": f"{n}.png", column: said} for n in range(COUNT)]


def split_folders(*names: str, extra: Callable[[Path], object] = lambda place: None) -> Any:
    """Write 8 rows into each folder."""

    def write(place: Path) -> Path:
        for number, name in enumerate(names):
            (place / name).mkdir(parents=True)
            part = range(8 * number, 8 * number + 8)
            for n in part:
                (place / name / f"{n}.png").write_bytes(PICTURES[n])
            (place / name / "metadata.jsonl").write_text("\n".join(json.dumps(rows()[n]) for n in part))
        extra(place)
        return place

    return write


def parquet(name: str = "pets.parquet", image: Callable[[int], Any] = lambda n: PICTURES[n], **more: Any) -> Any:
    def write(place: Path) -> Path:
        place.mkdir(parents=True)
        table = without(rows(image=image, **more), "file_name")
        pq.write_table(pa.Table.from_pylist(table), place / name)
        return place / name

    return write


def hub_cache(place: Path) -> Path:
    """Write a repository of a hub cache, and return its Parquet file: a link to a file without an ending."""
    (place / "blobs").mkdir(parents=True)
    parquet()(place / "made").rename(place / "blobs" / "0f3c9a")
    link = place / "snapshots" / "rev" / "train-00000-of-00001.parquet"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../blobs/0f3c9a")
    return link


def hub_folder(place: Path) -> Path:
    """Write an image folder of a hub cache: its table and its pictures are links."""
    made, snapshot = lines(rows())(place / "made"), place / "snapshots" / "rev"
    (place / "blobs").mkdir()
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(made.iterdir())):
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
        file.rename(place / "blobs" / str(number))
    return snapshot


def changed(n: int, data: bytes, cells: Rows | None = None) -> Any:
    """Write the plain rows with another file as the picture of one."""

    def write(place: Path) -> Path:
        lines(cells or rows())(place)
        (place / f"{n}.png").write_bytes(data)
        return place

    return write


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def coco(captions: int = 2, folder: str = "", **more: Any) -> dict[str, Any]:
    images = [{"id": n, "file_name": f"{n}.png", "height": 20} for n in range(COUNT)]
    notes = [
        {"image_id": n, "id": 9 * n + k, "caption": f"thing {n} {k}"} for n in range(COUNT) for k in range(captions)
    ]
    return {"info": {}, "images": images, "annotations": notes, **more}


COMPOSED = "\xe9t\xe9"
HUMAN, GPT = ("human", "<image>\nWhich?"), ("gpt", "red")
VQA = {"questions": [{"image_id": 1, "question": "Which?", "question_id": 1}]}
BOTH = "allowed: one folder for each split"

CASES = [
    Case("plain", lines(rows()), 0, READ),
    Case("conversations", lines(talk(HUMAN, GPT)), 0, READ),
    Case("conversations_marker_last", lines(talk(("human", "Which?\n<image>"), GPT)), 0, READ),
    Case("conversations_json", text(listed(talk(HUMAN, GPT)), "metadata.json"), 0, READ),
    Case("conversations_file", one_file(text(listed(talk(HUMAN, GPT)), "llava.json"), "llava.json"), 0, READ),
    Case("messages", lines(talk(("user", "Which?"), ("assistant", "red"), keys=("role", "content"))), 0, READ),
    Case("conversations_four_turns", lines(talk(HUMAN, GPT, HUMAN, GPT)), 2, "4 turns; allowed: one of human/user"),
    Case("conversations_no_answer", lines(talk(HUMAN)), 2, "1 turns; allowed"),
    Case("conversations_system", lines(talk(("system", "Be brief."), HUMAN, GPT)), 2, "3 turns; allowed"),
    Case("conversations_backwards", lines(talk(GPT, HUMAN)), 2, "2 turns; allowed"),
    Case("conversations_of_text", lines(talk(HUMAN, ("gpt", ["red"]))), 2, "answer: \"['red']\" is list"),
    Case("conversations_and_question", lines([{**r, "question": "?"} for r in talk(HUMAN, GPT)]), 2, "together with"),
    Case("conversations_as_text", lines([{**r, "conversations": "hi"} for r in talk(HUMAN, GPT)]), 2, "two turns"),
    Case("val_folder", split_folders("train", "val", "test"), 0, "train 8, validation 8, test 8"),
    Case("valid_folder", split_folders("train", "valid", "testing"), 0, "train 8, validation 8, test 8"),
    Case("dev_folder", split_folders("Training", "dev", "TEST"), 0, "train 8, validation 8, test 8"),
    Case("validation_folder", split_folders("train", "validation", "test"), 0, "train 8, validation 8, test 8"),
    Case("two_validations", split_folders("train", "val", "dev"), 2, BOTH),
    Case("unknown_split", split_folders("train", "test", "holdout"), 2, "holdout: not read"),
    Case(
        "split_without_a_table",
        split_folders("train", "val", "test", extra=lambda p: pictures(p / "extra")),
        0,
        "extra: not read: a folder with data",
    ),
    Case("split_cells", lines(rows(split=lambda n: ("train", "val", "testing")[n % 3])), 0, READ),
    Case("split_cell_unknown", lines(rows(split="holdout")), 2, "split: 'holdout'; allowed: train"),
    Case("table_in_a_folder", lambda p: lines(rows())(lines(rows())(p) / "more").parent, 0, "more: not read"),
    Case("another_table", lambda p: text(csv(), "test.csv")(lines(rows())(p)), 0, "test.csv: not read"),
    Case("files_of_splits", one_file(text(csv(), "train.csv"), "train.csv"), 0, READ),
    Case(
        "only_one_shard",
        lambda p: (
            (parquet("train-00001-of-00002.parquet")(p / "x").parent / "y").parent
            and parquet("train-00000-of-00002.parquet")(p / "z")
        ),
        0,
        READ,
    ),
    Case("tsv", text(csv("\t"), "metadata.tsv"), 0, READ),
    Case("tsv_as_csv", text(csv("\t"), "metadata.csv"), 2, "is not known; allowed: file_name"),
    Case("semicolons", text(csv(";"), "metadata.csv"), 2, "is not known; allowed: file_name"),
    Case("other_name", text(csv(), "labels.csv"), 2, "'labels.csv': give the path of one of them"),
    Case("no_table", pictures, 2, "no known format"),
    Case("upper_table", text(csv(), "METADATA.CSV"), 0, READ),
    Case("upper_pictures", lines(rows(), names=lambda n: f"{n}.PNG"), 0, READ),
    Case("upper_parquet", parquet("Pets.Parquet"), 0, READ),
    Case("hub_file", hub_cache, 0, READ),
    Case("hub_folder", hub_folder, 0, READ),
    Case(
        "decomposed_names",
        lines(
            rows(file_name=lambda n: f"{COMPOSED}{n}.png"),
            names=lambda n: unicodedata.normalize("NFD", f"{COMPOSED}{n}.png"),
        ),
        0,
        READ,
    ),
    Case("python_list", text(csv(answers="\"['red', 'crimson']\""), "metadata.csv"), 0, READ),
    Case("json_list", text(csv(answers='"[""red"", ""crimson""]"'), "metadata.csv"), 0, READ),
    Case("numpy_list", text(csv(answers="\"['red' 'crimson']\""), "metadata.csv"), 2, "looks like a list but is none"),
    Case("tuple", text(csv(answers="\"('red', 'crimson')\""), "metadata.csv"), 2, "looks like a list but is none"),
    Case("bare_list", text(csv(answers='"[red, crimson]"'), "metadata.csv"), 2, "looks like a list but is none"),
    Case("list_of_none", text(csv(answers="\"['red', None]\""), "metadata.csv"), 2, "looks like a list but is none"),
    Case(
        "list_as_answer", text(csv(answer=lambda n: "\"['red']\""), "metadata.csv"), 2, "is a list; allowed: one text"
    ),
    Case("decimals", lines(rows(answer=lambda n: n / 2)), 0, READ),
    Case("booleans", lines(rows(answer=lambda n: n % 2 == 0)), 0, READ),
    Case("booleans_parquet", parquet(answer=lambda n: n % 2 == 0), 0, READ),
    Case("decimals_parquet", parquet(answer=lambda n: n / 2), 0, READ),
    Case("nan", text("\n".join(json.dumps(row) for row in rows(answer=float("nan"))), "metadata.jsonl"), 2, "NaN"),
    Case("answer_not_among", lines(rows(answers=["crimson", "navy"])), 0, READ),
    Case("answer_not_among_votes", lines(rows(answers=["crimson"], rule="vqa")), 2, "is not among the answers"),
    Case(
        "key_twice",
        text('{"file_name": "0.png", "question": "?", "answer": "a", "answer": "b"}\n' * COUNT, "metadata.jsonl"),
        2,
        "key 'answer' is there twice",
    ),
    Case("picture_list", lines(without(rows(image=lambda n: [f"{n}.png"]), "file_name")), 0, READ),
    Case("images_list", lines(without(rows(images=lambda n: [f"{n}.png"]), "file_name")), 0, READ),
    Case("two_pictures", lines(without(rows(image=lambda n: [f"{n}.png"] * 2), "file_name")), 2, "2 pictures; allowed"),
    Case("picture_list_parquet", parquet(image=lambda n: [{"bytes": PICTURES[n], "path": None}]), 0, READ),
    Case("marker_first", lines(rows(question="<image>\nWhich?")), 0, READ),
    *(
        Case(f"marker_{n}", lines(rows(**{key: cell})), 2, "is a special token of some models")
        for n, (key, cell) in enumerate(
            [
                ("question", "Is <image> red?"),
                ("question", "<image>\n<image>\nWhich?"),
                ("answer", "red</s>"),
                ("answer", "red<|im_end|>"),
                ("question", "<|image_pad|>Which?"),
                ("question", "<image_soft_token> Which?"),
                ("question", "[INST] Which? [/INST]"),
                ("answers", ["thing 1", "<pad>"]),
                ("question", "<start_of_turn>user"),
            ]
        )
    ),
    Case("html", lines(rows(question="Which text is in the <div>, 3 < 4?")), 0, READ),
    Case(
        "twelve_bits", changed(3, png(np.arange(400, dtype=np.uint16).reshape(20, 20) * 10)), 2, "16 bits with levels"
    ),
    Case("text_as_picture", changed(3, b"version https://example.org"), 2, "no picture that can be read"),
    Case("missing_picture", lines([*rows()[:-1], {**rows()[-1], "file_name": "none.png"}]), 2, "there is no such file"),
    Case("bad_line", text("{\n" + "\n".join(map(json.dumps, rows())), "metadata.jsonl"), 2, "row 1: no JSON"),
    Case(
        "long_line",
        text("x" * 3_000_000 + "\n" + "\n".join(map(json.dumps, rows())), "metadata.jsonl"),
        2,
        "row 1: more",
    ),
    Case("utf16", text(csv().encode("utf-16"), "metadata.csv"), 2, "UTF-16; allowed: UTF-8"),
    Case(
        "json_columns", text(listed([]).replace("[]", '{"answer": {"0": "red"}}'), "metadata.json"), 2, "an object with"
    ),
    Case("json_broken", text("[{]", "metadata.json"), 2, "no JSON"),
    Case("json_list_of_lists", text("[" + "[]," * 23 + "[]]", "metadata.json"), 2, "list; allowed: one object a row"),
    Case("coco_captions", text(json.dumps(coco()), "metadata.json"), 0, READ),
    Case("coco_folder", one_file(text(json.dumps(coco()), "c.json", lambda n: f"images/{n}.png"), "c.json"), 0, READ),
    Case(
        "coco_boxes",
        text(json.dumps(coco(annotations=[{"image_id": 1, "bbox": [1]}])), "metadata.json"),
        2,
        "COCO captions",
    ),
    Case("coco_without_captions", text(json.dumps(coco(captions=0)), "metadata.json"), 2, "no caption; allowed"),
    Case("vqa_questions", text(json.dumps(VQA), "metadata.json"), 2, "VQAv2, which are two files"),
    Case("vqa_annotations", text('{"annotations": []}', "metadata.json"), 2, "VQAv2, which are two files"),
    Case("unknown_column", lines(rows(source="web")), 2, "column 'source' is not known"),
    Case("dates_parquet", parquet(answer=lambda n: np.datetime64("2020-01-01").item()), 2, "column 'answer' is date32"),
]
