"""An estimate of a job before it: counts, time and memory. Embedded models are tried; larger ones are computed."""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.datasets.sizes import SplitSize
from bench.owner.craft import Job, craft
from bench.owner.inventory import Inventory, take_inventory
from bench.owner.jobs import describe_job
from bench.owner.methods import needs_models
from bench.owner.protect import plan_chunks
from bench.play.cost_model import CostModel, assumed_speed, is_real
from bench.progress import silent
from bench.store import artifacts

BYTES_A_PIXEL = 200
"""Memory that a pixel takes while it is perturbed."""

TRIED = 8
"""Pictures that are protected, in memory alone, to measure a rate."""


def estimate(source: Path, job: Job) -> dict[str, Any]:
    """Return the counts of a job, its seconds, its memory in MB, and what these rest on. Nothing is written.

    Raises UserError as `protect` does for data that it would refuse.
    """
    with tempfile.TemporaryDirectory(prefix="bench-owner-") as spool:
        inventory = take_inventory(source, Path(spool))
        chunks = plan_chunks(inventory, job)
        counts = {
            "pictures": sum(map(len, chunks)),
            "megapixels": round(sum(p.header.pixels for p in inventory.pictures.values()) / 1e6, 2),
            "rows": sum(len(inventory.pictures[digest].rows) for chunk in chunks for digest in chunk),
            "chunks": len(chunks),
            "left_out": [left._asdict() for left in inventory.left_out],
        }
        models = job.surrogates if needs_models(job.method.name) else ()
        is_computed = any(is_real(name) for name in models)
        return {**counts, **(_compute(inventory, job) if is_computed else _try(inventory, job, chunks))}


def _try(inventory: Inventory, job: Job, chunks: list[list[str]]) -> dict[str, Any]:
    """Protect a few pictures, and take the others to be alike by their pixels."""
    few = chunks[0][:TRIED]
    craft(job, inventory, few[:1], 0, silent)  # loads the models
    start = time.monotonic()
    craft(job, inventory, few, 0, silent)
    tried = sum(inventory.pictures[digest].header.pixels for digest in few)
    pixels = sum(inventory.pictures[digest].header.pixels for chunk in chunks for digest in chunk)
    seconds = (time.monotonic() - start) * pixels / tried
    more = max(picture.header.pixels for picture in inventory.pictures.values()) - tried
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + max(0, more) * BYTES_A_PIXEL / 2**20
    return {"seconds": round(seconds), "memory_mb": round(peak), "rests_on": f"{len(few)} pictures, protected here"}


def _compute(inventory: Inventory, job: Job) -> dict[str, Any]:
    """Compute the cost by arithmetic: no large model is loaded for an estimate."""
    from defenses import REGISTRY

    pixels = [picture.header.pixels for picture in inventory.pictures.values()]
    side = round((sum(pixels) / len(pixels)) ** 0.5)
    described = describe_job(job)
    payload = {
        "surrogates": [[*pair, None] for pair in described["surrogates"]],
        "options": REGISTRY.describe(job.method).options,
        "budget": job.part.budget.model_dump(),
    }
    size = SplitSize(max(len(inventory.texts), len(pixels)), side, side)
    cost = CostModel((), artifacts.read_manifests(), assumed_speed())
    expected = cost.estimate("protect", payload, size)
    if expected is None:
        return {"seconds": None, "memory_mb": None, "rests_on": "the size of a surrogate is not known"}
    return {
        "seconds": round(expected.seconds),
        "memory_mb": round(1000 * expected.host_gb),
        "gpu_mb": round(1000 * expected.gpu_gb),
        "rests_on": cost.assumptions,
    }
