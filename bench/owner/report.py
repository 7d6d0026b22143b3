"""The report of a protected folder: `report.json`, a line of `pictures.jsonl` for each picture, and `report.html`."""

import json
from collections import Counter
from typing import Any

from bench.owner.craft import Job
from bench.owner.inventory import Inventory
from bench.owner.jobs import describe_job
from bench.owner.knowledge import LIMITS, published
from bench.owner.page import write_page
from bench.owner.state import State

VERSION = 1


def write(state: State, inventory: Inventory, job: Job, chunks: int) -> dict[str, Any]:
    """Write the report beside the protected folder, and return it. One chunk is in memory at a time."""
    words: Counter[str] = Counter()
    totals = _Totals()
    left_out = [left._asdict() for left in inventory.left_out]
    with (state.report / "pictures.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(chunks):
            record = state.read_chunk(number)
            left_out += record["left_out"]
            for picture in record["pictures"]:
                totals.add(picture)
                stream.write(json.dumps(picture) + "\n")
            for inserted, _ in record["rows"].values():
                words.update(inserted)
                totals.rows += 1
            totals.add_losses(record["losses"])
    report = {
        "version": VERSION,
        "job": describe_job(job),
        "defense": job.method.model_dump(),
        "surrogates": list(job.surrogates),
        "budget": job.part._asdict(),
        "seed": job.seed,
        "through": job.through.text if job.through else None,
        **totals.summary(),
        "words": dict(words.most_common()),
        "left_out": left_out,
        "notes": list(inventory.dataset.notes) if inventory.dataset else [],
        "published": published(job.method.name),
        "limits": list(LIMITS),
    }
    (state.report / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    write_page(state, inventory, report)
    return report


class _Totals:
    """Sums over the pictures and answers."""

    def __init__(self) -> None:
        self.pictures = self.files = self.rows = self.linf = self.unchanged = self.answers = 0
        self.psnr = self.ssim = 0.0
        self.losses: Counter[str] = Counter()

    def add(self, picture: dict[str, Any]) -> None:
        self.pictures += 1
        self.files += len(picture["files"])
        self.linf = max(self.linf, picture["linf"])
        self.ssim += picture["ssim"]
        self.unchanged += picture["psnr"] is None
        self.psnr += picture["psnr"] or 0.0

    def add_losses(self, losses: dict[str, list[float]]) -> None:
        self.answers += len(losses.get("clean", ()))
        for side, values in losses.items():
            self.losses[side] += sum(values)  # type: ignore[assignment]

    def summary(self) -> dict[str, Any]:
        """Return counts, the largest change, means over pictures, and mean losses of an answer."""
        changed = self.pictures - self.unchanged
        return {
            "pictures": self.pictures,
            "rows": self.rows,
            "stealth": {
                "linf": self.linf,
                "psnr": round(self.psnr / changed, 2) if changed else None,
                "ssim": round(self.ssim / self.pictures, 4) if self.pictures else None,
                "unchanged": self.unchanged,
            },
            "losses": {side: round(total / self.answers, 4) for side, total in self.losses.items()},
        }
