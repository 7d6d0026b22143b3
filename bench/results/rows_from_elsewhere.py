"""The closed model of a published row: every field of it is checked before anything is shown or computed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from bench.command import format_command
from bench.errors import UserError, printable
from bench.game.threat import surrogates
from bench.results.rows import Run
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL, Budget, Closed, Method, RunSpec, Seed, Threat

PRIVATE_PLACE = re.compile(r"(?<![\w/.])(~?/|\.\.?/|[A-Za-z]:\\)[^\s\"']|://|file:")
"""A path or an address, which would reveal where somebody keeps files. `8/255` is neither."""

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = timedelta(days=1)
"""The time by which the clock of another machine may be ahead."""

WORD = r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,99}"
NAME = rf"^(own:)?{WORD}(/{WORD})?$"


def _check_text(text: str) -> str:
    if not text.isprintable() or PRIVATE_PLACE.search(text):
        raise ValueError("allowed: printable text without a path or an address")
    return text


def _check_created(microseconds: int) -> datetime:
    try:
        created = datetime.fromtimestamp(microseconds // 10**6, UTC) + timedelta(microseconds=microseconds % 10**6)
    except (OverflowError, ValueError, OSError):
        created = datetime.max.replace(tzinfo=UTC)
    if not FIRST <= created <= datetime.now(UTC) + FUTURE:
        raise ValueError(f"allowed: microseconds from {FIRST:%Y} to tomorrow")
    return created


Text = Annotated[str, Field(max_length=200), AfterValidator(_check_text)]
Name = Annotated[str, Field(pattern=NAME)]
Names = Annotated[str, Field(pattern=rf"^{NAME[1:-1]}(,{NAME[1:-1]}){{0,7}}$")]
MethodName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*$", max_length=128)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
OptionKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39})?$")]
Role = Annotated[str, Field(pattern=rf"^[a-z][a-z0-9_]{{0,39}}(@(own:)?{WORD}(/{WORD})?)?$")]
Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,59}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Score = Annotated[float, Field(ge=-1e6, le=1e6)]
OptionValues = Annotated[dict[OptionKey, bool | Annotated[int, Field(ge=-(2**63), lt=2**63)] | Number | Text],
                         Field(max_length=64)]  # fmt: skip
Numbers = Annotated[dict[Key, Number | None], Field(max_length=64)]
Sandbox = Literal["bubblewrap", "podman", "docker", "none"]
Change = Annotated[list[Number], Field(min_length=1, max_length=3)]


class Strict(Closed):
    """A closed model that converts nothing."""

    model_config = ConfigDict(strict=True)


class Point(Strict):
    """A point of a learning curve."""

    epoch: Annotated[int, Field(ge=0, le=10**6)]
    validation: Share
    test: Share


class Effect(Strict):
    """The effects of a training on one other task: see `bench.play.side_effects`."""

    metric: Text
    items: Count
    of: Count
    zero: Number
    clean: Number
    attacked: Number
    clean_change: Change
    attacked_change: Change


class Baseline(Strict):
    """Accuracies of what knows nothing of the release's content: see `bench.play.roles.BASELINES`."""

    test: Share
    validation: Share


class Hardware(Strict):
    """The machine that a number was computed on."""

    processor: Text | None = None
    cores: Count | None = None
    memory_gb: Number | None = None
    accelerators: Annotated[list[Text], Field(max_length=64)] | None = None


class Origin(Strict):
    """The origin of a row: see `bench.play.provenance`."""

    packages: Annotated[dict[Version, Version], Field(max_length=64)] = {}
    python: Version | None = None
    git: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")] | None = None
    dirty: bool | None = None
    machine: Version | None = None
    hardware: Hardware = Hardware()
    threads: Count | None = None
    reused: Annotated[list[Role], Field(max_length=1000)] = []
    sandbox: Sandbox | None = None
    attack_sandbox: Sandbox | None = None


class PublishedRow(Strict):
    """A row of published results, with JSON columns decoded and `created` in microseconds since 1970."""

    id: Identity
    protocol: Annotated[int, Field(ge=0, le=PROTOCOL)]
    evaluator: Annotated[int, Field(ge=0, le=EVALUATOR)]
    code: Version | None
    defense: MethodName
    defense_options: OptionValues
    attack: MethodName
    attack_options: OptionValues
    dataset: Name
    victim: Name
    threat: Threat
    surrogates: Names | None
    seed: Seed
    epsilon: Annotated[int, Field(ge=0, le=255)]
    words: Annotated[int, Field(ge=0, le=64)]
    utility_zero: Share
    utility_clean: Share
    utility: Share
    validation: Share
    protection: Score | None
    protection_low: Score | None
    protection_high: Score | None
    eligible: bool
    stealth: Numbers
    cost: Annotated[dict[Role, Numbers], Field(max_length=1000)]
    stages: Annotated[dict[Role, Identity], Field(max_length=3000)]
    provenance: Origin
    curve: Annotated[list[Point], Field(max_length=1000)] | None
    validation_clean: Share | None
    baselines: Annotated[dict[Key, Baseline], Field(min_length=1, max_length=8)] | None
    effects: Annotated[dict[Name, Effect], Field(max_length=100)] | None
    command: Annotated[str, Field(max_length=4000)]
    created: Annotated[int, AfterValidator(_check_created)]

    def specify(self) -> RunSpec:
        """Return the specification of the run. Surrogates that follow from the threat model are not named."""
        named = tuple(self.surrogates.split(",")) if self.surrogates else ()
        try:
            usual = surrogates(self.victim, self.threat)
        except UserError:
            usual = ()
        return RunSpec(
            defense=Method(name=self.defense, options=self.defense_options),
            attack=Method(name=self.attack, options=self.attack_options),
            dataset=self.dataset,
            victim=self.victim,
            threat=self.threat,
            surrogates=() if named == usual else named,
            seed=self.seed,
            budget=Budget(epsilon=self.epsilon, words=self.words),
        )


_ROW: TypeAdapter[PublishedRow] = TypeAdapter(PublishedRow)


def check_row(values: Mapping[str, JsonValue]) -> Run:
    """Return a row whose every field is right, its command rebuilt from the specification.

    Raises ValueError; that of pydantic names the field.
    """
    row = _ROW.validate_python(values)
    low, high = row.protection_low, row.protection_high
    if low is not None and high is not None and low > high:
        raise ValueError("protection_low: above protection_high")
    checked: dict[str, Any] = dict(values)
    return Run(**{**checked, "created": row.created, "command": format_command(row.specify(), list(row.effects or ()))})


def describe_fault(error: Exception) -> str:
    """Return in one line what `check_row` found wrong: the field, its value, and what is allowed."""
    if not isinstance(error, ValidationError):
        return printable(str(error).partition("\n")[0] or type(error).__name__)[:300]
    first = error.errors()[0]
    field = ".".join(str(part)[:40] for part in first["loc"])
    return printable(f"{field}: {repr(first['input'])[:80]}; {first['msg']}")[:300]
