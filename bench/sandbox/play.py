"""Protect samples with foreign code, or describe it. Only data return, and they are checked."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.methods.catalog import Entry
from bench.methods.registry import REGISTRIES
from bench.progress import Progress, silent
from bench.samples import SampleSet
from bench.sandbox.limits import Limits, choose_limits
from bench.sandbox.prepare import Job, find_checkpoint, play
from bench.sandbox.release import AttackFacts, Facts, MethodFacts, PartFacts, read_facts, read_release
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.base import Protected


def protect(
    code: Path | str,
    options: Mapping[str, Any],
    samples: SampleSet,
    surrogates: Sequence[str],
    budget: Budget,
    seed: int | Sequence[int],
    progress: Progress = silent,
    limits: Limits | None = None,
) -> Protected:
    """Return the release that foreign code makes of samples, as `Defense.protect` does.

    code: the file of a code entry, which defines one defense, or the name of an installed one. surrogates: names of
    the only models that it sees. Pictures and texts are as `bench.sandbox.release` has checked them; whether they keep
    answers, ids and budget is for `check_release` and the audit. Raises UserError, in one line, for an error of the
    code, for going over a limit, and where there is no sandbox.
    """
    size = [file for name in surrogates for file in find_checkpoint(name).glob("*.safetensors")]
    task = {"task": "protect", "budget": budget.model_dump(), "seed": seed if isinstance(seed, int) else list(seed)}
    job = _job(code, options, task)._replace(models=surrogates, samples=lambda: {"samples": samples})
    read = partial(read_release, original=samples, progress=progress)
    return Protected(*play(job, limits or choose_limits(size), read))


def describe(code: Path | str, options: Mapping[str, Any], limits: Limits | None = None) -> Facts:
    """Return the facts that foreign code states about its defense with these options.

    Raises UserError for a wrong option, for code that cannot be loaded, and where there is no sandbox.
    """
    return play(_job(code, options, {"task": "describe"}), limits or choose_limits(), partial(read_facts, kind=Facts))


def describe_method(kind: str, method: Method) -> MethodFacts:
    """Return the facts about a defense, an attack or a part of one whose code is of others, as `describe` does.

    Foreign parts of a tuner of the suite are described beside the tuner's description, which takes no training library.
    """
    job = Job(kind, method, REGISTRIES[kind].foreign(method.name), {"task": "describe"})
    if kind == "attack":
        return play(_with_tuner(job), choose_limits(), partial(read_facts, kind=AttackFacts))
    return play(job, choose_limits(), partial(read_facts, kind=Facts if kind == "defense" else PartFacts))


def _with_tuner(job: Job) -> Job:
    """Return the job of describing an attack, with the description of its tuner where that is one of the suite."""
    tuner, *_ = job.method.name.split("+")
    if REGISTRIES["attack"].foreign(tuner):
        return job
    of_parts = {key: value for key, value in job.method.options.items() if "." in key}
    own = {key: value for key, value in job.method.options.items() if "." not in key}
    stated = REGISTRIES["attack"].describe(Method(name=tuner, options=own))
    facts = stated.model_dump(mode="json", include={"options", "naming", "traits"})
    method = job.method.model_copy(update={"options": {**stated.naming, **of_parts}})
    return job._replace(method=method, task={**job.task, "tuner": facts})


def _job(code: Path | str, options: Mapping[str, Any], task: Mapping[str, Any]) -> Job:
    """Return the job of a defense: of the file of a code entry, or of an installed one."""
    name = code.name if isinstance(code, Path) else code
    entry = Entry("", "", code) if isinstance(code, Path) else REGISTRY.catalog[code]
    return Job("defense", Method.model_construct(name=name, options=dict(options)), [("defense", name, entry)], task)
