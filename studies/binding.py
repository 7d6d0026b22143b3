"""Ask whether binding binds, and whether it protects: python -m studies.binding --victim tiny-llava-a

Every combination of lambda, tau, |K| and c is played. For each, the attention mass that MMGuard raises is measured in
the binding layers of the victim fine-tuned on the release, and of the victim as it is: on the clean input (the original
picture, random words in the places of the trigger) and on the protected one. ± is the half width of a 95 % interval
over samples. Accuracy is that of the plain trainer on the *validation* split.
"""

from itertools import product

import numpy as np
import typer

from bench.lvlm.adapters import use_adapter
from bench.lvlm.catalog import load_once
from bench.play.roles import PLAIN
from bench.samples import SampleSet
from bench.spec import Method, RunSpec, Threat
from bench.stages import attack, dataset, evaluate, protect
from bench.store.predictions import read_table
from bench.words import plain_words
from reports import markdown
from studies.mechanism import MASSES, attention_masses


def mass_cells(masses: np.ndarray) -> list[str]:
    """Return a cell for each mass, clean and protected, from one value a sample (2, 3, samples)."""
    mean, half = masses.mean(-1), 1.96 * masses.std(-1) / np.sqrt(masses.shape[-1])
    return [f"{mean[when, m]:.3f} ± {half[when, m]:.3f}" for m in range(len(MASSES)) for when in (0, 1)]


def rows(spec: RunSpec, layers: int, tau: float) -> list[list[str]]:
    """Return the cells of one release: the victim as it is, and fine-tuned on the release."""
    release = protect.stage(spec)
    adapter = attack.stage(spec, release, PLAIN)
    assert adapter is not None, "the plain attack trains"
    accuracy = read_table(evaluate.stage(spec, adapter, "validation").make().folder)["score"].mean()
    before, after = (SampleSet.load(s.make().folder) for s in (dataset.stage(spec.dataset, "train"), release))
    lvlm = load_once(spec.victim)
    made = []
    for state, folder in (("as it is", None), ("fine-tuned", adapter.folder)):
        with use_adapter(lvlm, folder):
            masses = attention_masses(lvlm, before, after, plain_words([lvlm.tokenizer]), tau)
        made.append([state, *mass_cells(masses[:, :layers].mean(1)), f"{accuracy:.1%}"])
    return made


def numbers(text: str) -> list[float]:
    """Return numbers that are separated by commas."""
    return [float(part) for part in text.split(",")]


def main(
    defense: str = "mmguard",
    victim: str = "tiny-llava-a",
    dataset: str = "emoji_catalog",
    threat: Threat = "white",
    seed: int = 0,
    bind: str = "0,0.5,2",
    tau: str = "0.1,0.25",
    layers: str = "1,2",
    candidates: str = "16,64",
) -> None:
    """Print one Markdown table with two rows for each combination."""
    titles = ["λ", "τ", "|K|", "c", "victim", *(f"{mass}, {w}" for mass in MASSES for w in ("clean", "protected"))]
    print(markdown.table([*titles, "accuracy"], []), flush=True)
    for weight, share, depth, count in product(*map(numbers, (bind, tau, layers, candidates))):
        options = {"lambda_bind": weight, "tau": share, "layers": int(depth), "candidates": int(count)}
        spec = RunSpec(
            defense=Method(name=defense, options=options),
            attack=PLAIN,
            dataset=dataset,
            victim=victim,
            threat=threat,
            seed=seed,
        )
        for cells in rows(spec, int(depth), share):
            setting = [f"{weight:g}", f"{share:g}", str(int(depth)), str(int(count))]
            print("| " + " | ".join([*setting, *cells]) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
