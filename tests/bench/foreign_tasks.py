"""Task files as lm-eval's own are written, with data in a local Parquet file: some items show two pictures, or none."""

import io
from pathlib import Path

import numpy as np
from datasets import Dataset, Image
from PIL import Image as Pictures

TASK = """
task: {name}
dataset_path: parquet
dataset_kwargs: {{data_files: {{test: "{data}"}}}}
test_split: test
output_type: generate_until
doc_to_image: !function {utils}.pictures
doc_to_text: "<image> {{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["."], max_gen_toks: 4, do_sample: false}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""
UTILS = """
def pictures(doc):
    return [doc[name] for name in ("first", "second") if doc[name] is not None]
"""
GROUP = """
group: toy_val
task: [toy_plain, toy_more]
aggregate_metric_list:
  - {metric: exact_match, aggregation: mean, weight_by_size: true}
metadata: {version: 1.0}
"""
WORDS = """
task: toy_words
dataset_path: parquet
test_split: test
output_type: {output}
doc_to_image: first
doc_to_text: "{{{{question}}}}"
doc_to_choice: ["a", "b"]
doc_to_target: 0
"""


def picture(level: int) -> dict[str, bytes | None]:
    """A gray PNG."""
    buffer = io.BytesIO()
    Pictures.fromarray(np.full((24, 24, 3), level, np.uint8)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def write(folder: Path, counts: tuple[int, ...] = (1, 2, 1, 1, 0, 1)) -> Path:
    """Tasks `toy_plain` and `toy_more` (the group `toy_val`) and `toy_words`, which wants log-likelihoods."""
    for name, start in (("toy_plain", 0), ("toy_more", 100)):
        rows = {
            "question": [f"What is {start + i}?" for i in range(len(counts))],
            "answer": [str(start + i) for i in range(len(counts))],
            "first": [picture(start + i) if n else None for i, n in enumerate(counts)],
            "second": [picture(1) if n > 1 else None for n in counts],
        }
        data = Dataset.from_dict(rows).cast_column("first", Image()).cast_column("second", Image())
        data.to_parquet(folder / f"{name}.parquet")
        file = folder / f"{name}.yaml"
        file.write_text(TASK.format(name=name, data=folder / f"{name}.parquet", utils="utils"))
    (folder / "utils.py").write_text(UTILS)
    (folder / "_toy_val.yaml").write_text(GROUP)
    (folder / "toy_words.yaml").write_text(WORDS.format(output="multiple_choice"))
    return folder
