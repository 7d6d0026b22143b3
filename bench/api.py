"""The suite from Python: what `from bench import ...` gives. Errors of input are `bench.errors.UserError`, in one line.

Nothing here imports torch before work starts. Finished stages are read from the home (`$BENCH_HOME`), as `bench run`
does, and a killed call goes on where it was.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.errors import UserError, show

if TYPE_CHECKING:
    import pandas as pd

    from attacks import Attack
    from bench.results import Run
    from bench.spec import Method
    from defenses.base import Defense

Options = Mapping[str, bool | int | float | str]


def run(
    defense: str,
    attack: str,
    *,
    dataset: str | Path = "emoji_catalog",
    victim: str = "tiny-llava-a",
    threat: str = "white",
    surrogates: Sequence[str] = (),
    seed: int = 0,
    epsilon: int = 8,
    words: int = 5,
    defense_options: Options | None = None,
    attack_options: Options | None = None,
    force: bool = False,
) -> "Run":
    """Play one cell with one seed, as `bench run` does: protect, attack, evaluate and score. Return its row.

    dataset: a name, or a path to your own data. attack: also with parts, `lora_sft+jpeg(quality=20)`. epsilon: levels
    of 0..255. force: go on where the victim solves the data without training. Rows of your own data that cannot be used
    are printed on the error output. Raises UserError.

    >>> row = run("random_noise", "none", dataset="emoji_smoke")  # "lora_sft" instead of "none" trains
    >>> row.defense, row.seed, row.stealth["linf"]
    ('random_noise', 0, 8)
    """
    from bench.cli import parse
    from bench.play.run import play_run
    from bench.play.zero_shot import check_zero_shot
    from bench.threads import read_threads

    read_threads()
    spec = parse.spec(
        defense=defense,
        attack=attack,
        dataset=parse.dataset(str(dataset)),
        victim=victim,
        threat=threat,
        surrogates=",".join(surrogates),
        seed=seed,
        epsilon=epsilon,
        words=words,
        options=defense_options or {},
        attack_options=attack_options or {},
    )

    def check(accuracy: float) -> None:
        if not force:
            check_zero_shot(spec, accuracy)

    return play_run(spec, on_zero_shot=check)


def protect(
    source: str | Path,
    out: str | Path,
    defense: str = "mmguard",
    *,
    surrogates: Sequence[str] = (),
    epsilon: int = 8,
    words: int = 5,
    options: Options | None = None,
    seed: int = 0,
    chunk: int = 128,
    image_only: bool = False,
    text_only: bool = False,
    through: str | None = None,
) -> dict[str, Any]:
    """Protect a folder into the new folder `out`, as `bench protect` does. Return the report that is beside it.

    The source is only read. Pictures that could not be protected are in the report under `left_out`. surrogates: the
    models that it is made on. through: a platform to survive, such as "jpeg=85". Raises UserError.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     Path(folder, "mine").mkdir()
    ...     Image.new("RGB", (32, 32)).save(Path(folder, "mine", "dark.png"))
    ...     report = protect(f"{folder}/mine", f"{folder}/release", "random_noise")
    ...     audit(f"{folder}/mine", f"{folder}/release")["within"]
    True
    >>> report["pictures"], report["stealth"]["linf"]
    (1, 8)
    """
    from bench.owner import protect
    from bench.owner.inventory import locate_source
    from bench.owner.jobs import make_job
    from bench.threads import read_threads
    from bench.victims import check_available

    read_threads()
    path = locate_source(str(source))
    job = make_job(
        defense,
        options or {},
        surrogates=surrogates,
        epsilon=epsilon,
        words=words,
        seed=seed,
        chunk=chunk,
        image_only=image_only,
        text_only=text_only,
        through=through,
    )
    check_available(job.surrogates)
    return protect.protect(path, Path(out), job)


def audit(original: str | Path, protected: str | Path, *, epsilon: int = 8, words: int = 5) -> dict[str, Any]:
    """Compare a protected folder with its original, as `bench audit` does. Return what was changed, and every fault.

    `within` is True if pictures and questions are within budget and nothing else was changed. Raises UserError.

    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (32, 32)).save(Path(folder, "dark.png"))
    ...     audit(folder, folder)["unchanged"]
    1
    """
    from bench.owner.audit import audit
    from bench.owner.inventory import locate_source
    from bench.spec import Budget

    return audit(locate_source(str(original)), locate_source(str(protected)), Budget(epsilon=epsilon, words=words))


def detect(
    original: str | Path, released: str | Path, model: str, adapter: str | Path | None = None, *, fpr: float = 0.01
) -> dict[str, Any]:
    """Ask if a model was trained on a folder that `protect` made, as `bench detect` does. Return `found` and numbers.

    model: a name, or the folder of a checkpoint. adapter: the folder of its LoRA. fpr: how often a model that never saw
    the release may be found. Raises UserError.

    >>> from tempfile import TemporaryDirectory
    >>> from bench.datasets import load
    >>> with TemporaryDirectory() as folder:
    ...     load("emoji_smoke", "validation").save(Path(folder, "mine"))
    ...     report = protect(f"{folder}/mine", f"{folder}/release", "random_noise", seed=20417)
    ...     detect(f"{folder}/mine", f"{folder}/release", "tiny-llava-a")["found"]
    False
    """
    from bench.owner.detect import Suspect, detect
    from bench.owner.inventory import locate_source
    from bench.threads import read_threads
    from bench.victims import check, check_available

    read_threads()
    places = locate_source(str(original)), locate_source(str(released))
    check(model)
    check_available([model])
    return detect(*places, Suspect(model, None if adapter is None else Path(adapter)), fpr)


def load_defense(name: str, **options: bool | int | float | str) -> "Defense":
    """Return a defense by its name in `bench list`. Its method `protect` makes a release of samples.

    Raises UserError for an unknown name or option.

    >>> noise = load_defense("random_noise")
    >>> noise.name, sorted(noise.depends)
    ('random_noise', ['budget', 'seed'])
    """
    from defenses import REGISTRY

    REGISTRY.check(name)
    return REGISTRY.build(_make_method(name, options))


def load_attack(text: str, **options: bool | int | float | str) -> "Attack":
    """Return an attack: a tuner, and parts in order. Its methods `prepare` and `tune` learn from a release.

    Options are those of the tuner; those of a part stand in the text. Raises UserError for an unknown name or option.

    >>> attack = load_attack("lora_sft+jpeg(quality=20)", epochs=1)
    >>> attack.naming
    {'epochs': 1, 'jpeg.quality': 20}
    """
    from attacks import REGISTRY
    from attacks.grammar import parse_attack

    method = parse_attack(text)
    REGISTRY.check(method.name)
    return REGISTRY.build(_make_method(method.name, {**method.options, **options}))


def _make_method(name: str, options: Options) -> "Method":
    """Return a method. Raises UserError for an option that is no plain value."""
    from bench.spec import Method

    try:
        return Method(name=name, options=dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {show(first['input'])}: {first['msg']}") from None


def results(*, published: bool = False) -> "pd.DataFrame":
    """Return the runs of this home, or those that come with the suite, as a pandas DataFrame, oldest first.

    A row is a run. Its columns are those of `bench.tables.runs.tabulate_runs`, among them `protection` with its 95 %
    interval `protection_low` and `protection_high`, and `reason`: why the run is never compared, or "".

    >>> frame = results(published=True)
    >>> {"defense", "attack", "seed", "protection", "reason"} <= set(frame.columns)
    True
    """
    from bench.tables.runs import load_published_runs, load_runs

    return load_published_runs() if published else load_runs()
