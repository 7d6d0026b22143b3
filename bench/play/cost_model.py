"""A small model of cost: seconds, memory and disk of a stage on a real model, by arithmetic, before it is ever played.

A pass over a sample takes two operations for each parameter and token. A step with a gradient is a pass forward and one
backward through frozen weights, and for large models the forward pass again. An accelerator does a share of its peak.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from math import sqrt
from typing import Any, NamedTuple

from bench.datasets import hub_store
from bench.datasets.cards import HUB as DATASETS
from bench.datasets.sizes import SplitSize, split_size
from bench.datasets.splits import SPLITS
from bench.engine.devices import cores, devices
from bench.spec import identity
from bench.stages import dataset
from bench.victims.catalog import EMBEDDED, HUB, split_precision
from bench.victims.files import locate
from bench.victims.image_tokens import count_image_tokens
from bench.victims.properties import precision
from bench.victims.recipes import count_parameters, recipe_of

PEAK = 989e12
"""Operations a second of an H100 in bf16, as its maker states."""

SHARE = 0.25
"""The share of PEAK that is reached, where nothing was measured here: batches are small and sequences differ."""

CORE = 1e11
"""Operations a second that one core of a usual processor reaches in fp32."""

TEXT_TOKENS, ANSWER_TOKENS = 48, 8
"""Tokens of a question with its template, and of an answer."""

RECOMPUTED = 1e9
"""Parameters from which activations are computed again in the backward pass."""

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "4bit": 0.6}
"""Bytes of a weight by precision."""

LAYERS, ACTIVATIONS = 30, 34
"""Layers of a usual model, and activations that a layer keeps for a token, as a multiple of the width."""

SHARED_HEADS = 0.25
"""Keys and values that are kept for a token, as a share of the width: several heads share them."""

TRAINED = 0.9
"""The share of a model that is surely trained where all weights are: a vision tower is up to a tenth of it."""

LOG_SAMPLES, EVALUATION_BATCH = 128, 96
"""Samples whose loss is logged in a round of crafting, and questions that are answered at a time."""

SECONDS_PER_MEGAPIXEL = {"dataset": 0.5, "protect": 0.7, "audit": 1.5}
"""Work without a model, most of it the coding of PNG files, on one core of a usual processor."""

PNG_BYTES = 2.1
"""Bytes of a pixel of a perturbed photograph."""

ADAPTER_SHARE = 0.008
"""Parameters of a usual adapter, as a share of the model's; they are kept as fp32."""

PROCESS_GB = 4.0
"""Host memory of a process besides a model's weights, which pass through it when they are loaded."""

DATA = {"protect": "dataset", "attack": "validation", "evaluate": "questions", "audit": "original"}
"""The field of a stage's payload that names its data."""

Payload = dict[str, Any]


class Estimate(NamedTuple):
    """The cost of a stage: seconds here, and those of an H100. The latter and gpu_gb are 0 where no model is loaded."""

    seconds: float
    h100_seconds: float
    gpu_gb: float
    host_gb: float
    disk_gb: float


class Speed(NamedTuple):
    """Operations a second that are assumed where nothing was measured, and a text that says why."""

    rate: float
    text: str


H100 = Speed(SHARE * PEAK, f"{SHARE:.0%} of an H100's {PEAK / 1e12:.0f} TFLOP/s")


def assumed_speed() -> Speed:
    """Return an H100's speed where an accelerator is seen, else that of the cores that may be used."""
    if devices() or os.environ.get("BENCH_DEVICE") == "auto":
        return H100
    return Speed(CORE * cores(), f"{CORE / 1e9:.0f} GFLOP/s for each of {cores()} cores, for no accelerator is seen")


class CostModel:
    """Estimates of stages on real models. The rate of each kind of stage is measured where such stages are finished.

    names: the data sets in question, besides those of the hub. manifests: of finished stages. speed: for kinds of stage
    of which none is finished.
    """

    def __init__(self, names: Iterable[str], manifests: Iterable[dict[str, Any]], speed: Speed) -> None:
        self.speed = speed
        places = [(name, split) for name in {*names, *DATASETS} for split in SPLITS]
        self.data = {dataset.stage(*place).identity: place for place in places}
        self.sizes = {place: split_size(*place) for place in places}
        operations: dict[str, float] = defaultdict(float)
        seconds: dict[str, float] = defaultdict(float)
        for manifest in manifests:
            kind = manifest["stage"]
            if count := self._count_operations(kind, manifest["payload"], self._size(kind, manifest["payload"])):
                operations[kind] += count
                seconds[kind] += manifest["cost"]["seconds"]
        self.rates = {kind: count / seconds[kind] for kind, count in operations.items() if seconds[kind]}

    @property
    def assumptions(self) -> str:
        """A line that says what the estimates rest on."""
        measured = ", ".join(f"{kind} {rate / 1e12:.3g}" for kind, rate in sorted(self.rates.items()))
        return (
            "assumed: 2 operations a parameter and token; 3 passes for a step with a gradient; pictures of usual size; "
            f"{self.speed.text}; measured here instead, in TFLOP/s: "
            f"{measured or 'nothing'}"
        )

    def estimate(self, kind: str, payload: Payload, size: SplitSize | None = None) -> Estimate | None:
        """Return the expected cost of a stage; None where its data or the size of its models are not known.

        size: of data that no data set's name stands for.
        """
        size = size or self._size(kind, payload)
        operations = self._count_operations(kind, payload, size)
        if size is None or operations is None:
            return None
        models, disk = models_of(kind, payload), _disk_bytes(kind, payload, size) / 1e9
        if not models:
            megapixels = size.samples * size.height * size.width / 1e6
            return Estimate(SECONDS_PER_MEGAPIXEL[kind] * megapixels, 0.0, 0.0, PROCESS_GB, disk)
        weights = sum(_weight_bytes(name) for name in models)
        accelerator = weights + max(_extra_bytes(kind, payload, name, size) for name in models)
        seconds = operations / self.rates.get(kind, self.speed.rate)
        return Estimate(seconds, operations / H100.rate, accelerator / 1e9, PROCESS_GB + weights / 1e9, disk)

    def _count_operations(self, kind: str, payload: Payload, size: SplitSize | None) -> float | None:
        """Return the operations of the models of a stage; None where data or models are not known, or embedded."""
        models = models_of(kind, payload)
        if size is None or not all(is_real(name) and _parameters(name) for name in models):
            return None
        return sum(_count_for_model(kind, payload, name, size) for name in models)

    def _size(self, kind: str, payload: Payload) -> SplitSize | None:
        """Return the size of the data that a stage works on."""
        source = identity(payload) if kind == "dataset" else payload.get(DATA.get(kind, ""))
        if source not in self.data:
            return None
        name, split = self.data[source]
        size = self.sizes[name, "train" if kind == "attack" else split]
        return size._replace(samples=payload["count"]) if "count" in payload else size


def is_real(name: str) -> bool:
    """Tell if a victim is a published or local checkpoint, not one of the tiny embedded ones."""
    return split_precision(name)[0] not in EMBEDDED


def models_of(kind: str, payload: Payload) -> tuple[str, ...]:
    """Return the models that a stage loads, from the payload that names its artefact."""
    if kind == "protect":
        return tuple(name for name, *_ in payload.get("surrogates", ()))
    return (payload["victim"][0],) if kind in ("attack", "evaluate") and "victim" in payload else ()


def step_passes(name: str) -> int:
    """Return the passes of a step with a gradient: forward, backward, and forward again for large models."""
    return 3 if _parameters(name) >= RECOMPUTED else 2


def _count_for_model(kind: str, payload: Payload, name: str, size: SplitSize) -> float:
    tokens = count_image_tokens(name, size.height, size.width) + TEXT_TOKENS
    per_token = 2 * _parameters(name)
    if kind == "evaluate":
        return size.samples * (tokens + ANSWER_TOKENS) * per_token
    options = payload["options"]
    if kind == "attack":
        epochs = options.get("epochs") or recipe_of(name).epochs
        repeats = options.get("trials", 1) * (1 + options.get("steps", 0))
        passes = step_passes(name) + (payload["attack"].startswith("full_sft"))
        return float(size.samples * epochs * repeats * passes * tokens * per_token)
    rounds = options.get("rounds", 1)
    steps = options.get("image_steps", 1) * size.samples + options.get("inner_steps", 0) * options.get("inner_batch", 0)
    words = payload.get("budget", {}).get("words", 0) * options.get("candidates", 0)
    searches = min(rounds, options.get("text_rounds", 0)) * words * size.samples
    passes = rounds * (steps * step_passes(name) + LOG_SAMPLES)
    return float((passes * tokens + searches * TEXT_TOKENS) * per_token)


@cache
def _parameters(name: str) -> float:
    """Return the number of parameters, which is asked for thousands of stages and needs the file system."""
    return count_parameters(name)


@cache
def _weight_bytes(name: str) -> float:
    return _parameters(name) * BYTES[precision(name)]


def _extra_bytes(kind: str, payload: Payload, name: str, size: SplitSize) -> float:
    """Return the bytes on the accelerator besides the weights: activations of a batch, and states of full training."""
    parameters = _parameters(name)
    tokens = count_image_tokens(name, size.height, size.width) + TEXT_TOKENS
    width = sqrt(parameters / (12 * LAYERS))
    if kind == "evaluate":
        return 2.0 * 2 * SHARED_HEADS * LAYERS * width * tokens * min(EVALUATION_BATCH, size.samples)
    kept = LAYERS + ACTIVATIONS if parameters >= RECOMPUTED else LAYERS * ACTIVATIONS
    batch: int = min(payload["options"].get("batch", 16), size.samples)
    return 2 * kept * width * tokens * batch + _state_bytes(kind, payload, name)


def _state_bytes(kind: str, payload: Payload, name: str) -> float:
    """Return the bytes of gradients, two moments and a copy of all weights, where all are trained."""
    return 4 * _weight_bytes(name) if kind == "attack" and payload["attack"].startswith("full_sft") else 0.0


def least_gigabytes(kind: str, payload: Payload) -> float:
    """Return the memory that a stage on real models needs with any batch: weights, and the states of full training.

    0 for embedded models, and where the number of parameters is not known.
    """
    models = [name for name in models_of(kind, payload) if is_real(name)]
    return sum(_weight_bytes(name) + TRAINED * _state_bytes(kind, payload, name) for name in models) / 1e9


def _disk_bytes(kind: str, payload: Payload, size: SplitSize) -> float:
    if kind == "attack":
        name = payload["victim"][0]
        full = payload["attack"].startswith("full_sft")
        return _weight_bytes(name) if full else ADAPTER_SHARE * 4 * _parameters(name)
    return PNG_BYTES * size.samples * size.height * size.width if kind in ("dataset", "protect") else 1e6


def download_gigabytes(victims: Iterable[str], datasets: Iterable[str]) -> float:
    """Return the size of what is not on this machine: models of the catalog, and data sets, which are stored twice."""
    bases = {split_precision(name)[0] for name in victims}
    models = sum(HUB[base].gigabytes for base in bases if base in HUB and locate(base) is None)
    missing = (name for name in set(datasets) if name in DATASETS and hub_store.load_manifest(name) is None)
    return models + sum(2 * DATASETS[name].megabytes / 1e3 for name in missing)
