"""Measure which share of the clean gain attacks keep on *validation* data: python -m studies.clean_gain ATTACK ...

An attack that ruins clean data shows nothing about a defense. Nothing here reads the test split.
"""

import time

import typer

from attacks.grammar import parse_attack
from bench.play.roles import NO_DEFENSE, PLAIN
from bench.spec import Method, RunSpec
from bench.stages import attack, evaluate, protect
from bench.stages.stage import Stage
from bench.store.predictions import read_table


def main(
    attacks: list[str], defense: str = "none", dataset: str = "emoji_catalog", victim: str = "tiny-internvl"
) -> None:
    """Print one Markdown row for each attack: validation accuracy, share of the clean gain of `lora_sft`, seconds."""
    clean = RunSpec(defense=NO_DEFENSE, attack=PLAIN, dataset=dataset, victim=victim)
    spec = clean.model_copy(update={"defense": Method(name=defense)})

    def accuracy(spec: RunSpec, adapter: Stage | None) -> float:
        return float(read_table(evaluate.stage(spec, adapter, "validation").make().folder)["score"].mean())

    zero = accuracy(clean, None)
    gain = accuracy(clean, attack.stage(clean, protect.stage(clean), PLAIN)) - zero
    print(f"zero-shot {zero:.1%}, clean gain {gain:.1%}\n\n| attack | accuracy | share of the clean gain | seconds |")
    print("|---|---|---|---|", flush=True)
    for text in attacks:
        started = time.monotonic()
        reached = accuracy(spec, attack.stage(spec, protect.stage(spec), parse_attack(text)))
        seconds = time.monotonic() - started
        print(f"| `{text}` | {reached:.1%} | {(reached - zero) / gain:.0%} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
