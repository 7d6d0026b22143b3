"""The report as a page: one file that opens without a network. Names and words of strangers are escaped."""

import base64
import io
import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from bench.errors import printable
from bench.owner.encodings import read_pixels
from bench.owner.inventory import Inventory
from bench.owner.state import State

SHOWN = 48
"""Pictures with thumbnails."""

NAMED = 1000
"""Files that were left out, and words, that are listed."""

SIDE, GAIN = 160, 8
"""The longest side of a thumbnail, and the factor by which the change is made visible."""

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "table{border-collapse:collapse}td,th{padding:.2rem .6rem;text-align:left;border-bottom:1px solid #ccc}"
    "img{max-width:160px;image-rendering:auto}.row{display:flex;flex-wrap:wrap;gap:.5rem}figure{margin:0}"
)


def write_page(state: State, inventory: Inventory, report: dict[str, Any]) -> None:
    """Write `report.html`, with thumbnails of the first pictures: the original, the protected one, and the change."""
    (state.report / "report.html").write_text("".join(_page(state, inventory, report)), encoding="utf-8")


def _page(state: State, inventory: Inventory, report: dict[str, Any]) -> Iterator[str]:
    stealth, budget = report["stealth"], report["budget"]
    title = f"{report['defense']['name']} on {report['pictures']} pictures"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<h1>{escape(title)}</h1><p>Do not publish this page: it names the inserted words.</p>"
    facts = {
        "pictures, rows": f"{report['pictures']}, {report['rows']}",
        "left out": len(report["left_out"]),
        "budget": f"{budget['epsilon']} levels of 255, {budget['words']} words a question",
        "largest change of a pixel": f"{stealth['linf']} levels",
        "PSNR, SSIM, means": f"{stealth['psnr']} dB, {stealth['ssim']}",
        "unchanged pictures": stealth["unchanged"],
        "surrogates": ", ".join(report["surrogates"]),
        "platform": report["through"] or "none",
        **{f"mean loss of an answer, {side.replace('_', ', ')}": loss for side, loss in report["losses"].items()},
    }
    yield _table(facts.items())
    yield "<h2>What it is worth</h2>"
    for game in report["published"]:
        place = ", ".join(f"{key} {value}" for key, value in game["game"].items())
        yield f"<p>Played on {escape(place)}:</p>{_list(game['sentences'])}"
    if not report["published"]:
        yield "<p>The published results have no row of this method: nothing is known of its worth.</p>"
    yield f"<h2>What it cannot promise</h2>{_list(report['limits'])}"
    yield "<h2>Left out</h2><p>These are not in the protected folder.</p>"
    yield _table((left["name"], left["reason"]) for left in report["left_out"][:NAMED])
    yield f"<h2>Inserted words</h2>{_table(list(report['words'].items())[:NAMED])}"
    yield f"<h2>Pictures</h2><p>The original, the protected picture, and the change times {GAIN}.</p>"
    with (state.report / "pictures.jsonl").open(encoding="utf-8") as lines:
        for line, _ in zip(lines, range(SHOWN), strict=False):
            yield _figure(state, inventory, json.loads(line))


def _figure(state: State, inventory: Inventory, picture: dict[str, Any]) -> str:
    source = inventory.pictures[picture["picture"]]
    new = next(iter(picture["files"].values()), None)
    file = state.protected / source.digest if new is None else state.target / new
    before, after = (read_pixels(path.read_bytes(), source.label) for path in (source.file, file))
    change = np.clip(128 + GAIN * (after.astype(int) - before), 0, 255).astype(np.uint8)
    images = "".join(f'<img alt="" src="{_thumbnail(pixels)}">' for pixels in (before, after, change))
    psnr = "unchanged" if picture["psnr"] is None else f"{picture['psnr']} dB"
    name = source.label if new is None else printable(new)
    caption = f"{name}: {picture['linf']} levels, {psnr}, SSIM {picture['ssim']}"
    note = f"; {picture['note']}" if picture["note"] else ""
    return f'<figure><figcaption>{escape(caption + note)}</figcaption><div class="row">{images}</div></figure>'


def _thumbnail(pixels: np.ndarray) -> str:
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _table(rows: Iterable[tuple[object, object]]) -> str:
    cells = "".join(f"<tr><th>{escape(printable(str(a)))}<td>{escape(printable(str(b)))}" for a, b in rows)
    return f"<table>{cells}</table>" if cells else "<p>Nothing.</p>"


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}' for sentence in sentences)}</ul>"
