"""The `bench run` command of a run: written from its specification, and read back from such a text alone."""

import shlex
from collections.abc import Sequence
from typing import get_args

from bench.spec import Budget, Method, RunSpec, Threat

NEEDED = ("--defense", "--attack", "--dataset", "--victim", "--threat", "--seed", "--epsilon", "--words")
OPTIONS = {"-o": "--defense", "-a": "--attack"}


def format_command(spec: RunSpec, side_effects: Sequence[str] = ()) -> str:
    """Return the `bench run` command of a run, quoted for a shell.

    >>> format_command(RunSpec(defense=Method(name="em"), attack=Method(name="lora_sft"), victim="a b"))[-64:]
    "--victim 'a b' --threat white --seed 0 --epsilon 8/255 --words 5"
    """
    words = ["bench", "run", "--defense", spec.defense.name, "--attack", spec.attack.name, "--dataset", spec.dataset]
    words += ["--victim", spec.victim, "--threat", spec.threat]
    words += ["--surrogates", ",".join(spec.surrogates)] if spec.surrogates else []
    words += ["--seed", str(spec.seed)]
    words += ["--epsilon", f"{spec.budget.epsilon}/255", "--words", str(spec.budget.words)]
    words += [w for key, value in spec.defense.options.items() for w in ("-o", f"{key}={value}")]
    words += [w for key, value in spec.attack.options.items() for w in ("-a", f"{key}={value}")]
    words += ["--side-effects", ",".join(side_effects)] if side_effects else []
    return shlex.join(words)


def rewrite_command(text: str) -> str:
    """Return a command from elsewhere as `format_command` writes it. Raises ValueError for any other text."""
    program, subcommand, *words = shlex.split(text)
    if (program, subcommand) != ("bench", "run") or len(words) % 2:
        raise ValueError("allowed: bench run and its options")
    options: dict[str, dict[str, bool | int | float | str]] = {name: {} for name in OPTIONS.values()}
    values: dict[str, str] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name in OPTIONS:
            key, _, setting = value.partition("=")
            options[OPTIONS[name]][key] = setting
        elif name in values or name not in (*NEEDED, "--surrogates"):
            raise ValueError(f"allowed: each of {', '.join(NEEDED)} once")
        else:
            values[name] = value
    if missing := [name for name in NEEDED if name not in values]:
        raise ValueError(f"without {missing[0]}")
    methods = {name: Method(name=values[name], options=options[name]) for name in ("--defense", "--attack")}
    (threat,) = (name for name in get_args(Threat) if name == values["--threat"])
    spec = RunSpec(
        defense=methods["--defense"],
        attack=methods["--attack"],
        dataset=values["--dataset"],
        victim=values["--victim"],
        threat=threat,
        surrogates=tuple(values.get("--surrogates", "").split(",")) if "--surrogates" in values else (),
        seed=int(values["--seed"]),
        budget=Budget(epsilon=int(values["--epsilon"].removesuffix("/255")), words=int(values["--words"])),
    )
    return format_command(spec)
