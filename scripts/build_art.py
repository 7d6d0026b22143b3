"""Build `bench/datasets/emoji/art.parquet` from two MIT-licensed npm packages.

    npm pack @lobehub/fluent-emoji-3d@1.1.0 emoji-datasource-google@16.0.0
    # unpack both, then:
    python scripts/build_art.py FLUENT_PACKAGE DATASOURCE_PACKAGE

One row for each concept: plain lower-case name, category, subcategory, code point and a 96 px RGBA WebP.
"""

import io
import json
import re
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

SIZE = 96
SKIPPED = {"Flags", "Symbols", "Component"}


def encode_webp(path: Path) -> bytes:
    """Return a picture as a SIZE x SIZE RGBA WebP file."""
    picture = Image.open(path).convert("RGBA").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=90, method=6)
    return buffer.getvalue()


def main(fluent: Path, datasource: Path) -> None:
    """Write the table from the two unpacked packages."""
    rows: dict[str, dict[str, object]] = {}
    for entry in json.loads((datasource / "emoji.json").read_text()):
        code = entry["unified"].lower()
        files = [fluent / "assets" / f"{c}.webp" for c in (code, code.replace("-fe0f", ""))]
        file = next((file for file in files if file.exists()), None)
        name = " ".join(re.sub(r"[^a-z ]", " ", entry["name"].lower()).split())
        if file is None or entry["category"] in SKIPPED or name in rows:
            continue
        rows[name] = {
            "name": name,
            "category": entry["category"],
            "subcategory": entry["subcategory"],
            "codepoint": code,
            "webp": encode_webp(file),
        }
    table = pd.DataFrame(rows.values()).sort_values("name", ignore_index=True)
    target = Path(__file__).parent.parent / "bench/datasets/emoji/art.parquet"
    table.to_parquet(target, compression="none")
    print(f"{len(table)} concepts, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
