"""Version 2 of a submission: four closed kinds. Victims, data and seeds are the organiser's, so no field has them."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, field_validator, model_validator

from attacks.grammar import parse_attack
from bench.errors import UserError, show, unknown_name
from bench.game.submissions.fields import Authors, Line, OptionalLine, Sha256, Title, check_dataset, refuse_doubles
from bench.spec import Budget, Closed, Method, Threat
from bench.victims import EMBEDDED as VICTIMS
from bench.victims import HUB as HUB_VICTIMS

VERSION = 2
Options = dict[str, bool | int | float | str]


class Common(Closed):
    """Facts for readers of the leaderboard. Each is text, and none decides a number."""

    version: Literal[2] = Field(description="the version of this schema")
    title: Title = Field(description="one line, as it is to stand on the leaderboard")
    authors: Authors = Field(description="one name each")
    licence: Line = Field(min_length=2, max_length=60, description="of what is sent, for example MIT or CC-BY-4.0")
    paper: OptionalLine = Field("", max_length=300, description="where the method is described")
    repository: str = Field(
        "",
        max_length=300,
        pattern=r"^(https://[A-Za-z0-9.:-]+(/[!-~]*)?)?$",
        description="link to the authors' own code",
    )
    claims: Annotated[list[Annotated[Line, Field(max_length=300)]], AfterValidator(refuse_doubles)] = Field(
        [], max_length=10, description="what the authors say that it does, a sentence each; nobody has checked them"
    )


class Configured(Common):
    """A defense of `bench list`, or one that combines others, with options."""

    kind: Literal["configured"]
    defense: Method = Field(description="its name, and the options that differ from their defaults")


class Origin(Closed):
    """The data, models and budget that a release was made for. It is played there alone."""

    dataset: str = Field(description="the data set whose training samples are protected")
    threat: Threat = Field(description="what was known of the victim: white, gray or black")
    surrogates: list[str] = Field(max_length=16, description="the models it was made with; [] for none")
    budget: Budget = Field(description="the limits that it keeps")

    @field_validator("dataset")
    @classmethod
    def check_dataset(cls, name: str) -> str:
        """Raise UserError for a data set without a card."""
        return check_dataset(name, "made_for.dataset")

    @field_validator("surrogates")
    @classmethod
    def check_surrogates(cls, names: list[str]) -> list[str]:
        """Raise UserError for a model outside the catalog, and ValueError for one that is there twice."""
        for name in names:
            if name not in VICTIMS and name not in HUB_VICTIMS:
                raise unknown_name("made_for.surrogates", name, [*VICTIMS, *HUB_VICTIMS])
        return refuse_doubles(names)


class Release(Common):
    """A protected set that was made elsewhere, in the folder `release` with checksums in `SHA256SUMS`."""

    kind: Literal["release"]
    made_for: Origin


class Code(Common):
    """One file of Python that defines a defense. It runs in a sandbox."""

    kind: Literal["code"]
    file: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}\.py$", description="the file beside this one")
    sha256: Sha256 = Field(description="of that file")
    options: Options = Field({}, description="those that differ from their defaults")


class Attack(Common):
    """An attack, and the defenses that it is said to break. A tuner or part of it may be a file of Python beside."""

    kind: Literal["attack"]
    attack: str = Field(
        min_length=1,
        max_length=400,
        description="as on the command line: lora_sft+jpeg(quality=30); `lora_sft+mine` uses the file mine.py",
    )
    breaks: list[Method] = Field(min_length=1, max_length=4, description="defenses that it is played against")
    file: str = Field("", pattern=r"^([a-z][a-z0-9_]{0,63}\.py)?$", description="with a tuner or part of one's own")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of that file")

    @field_validator("attack")
    @classmethod
    def check_attack(cls, text: str) -> str:
        """Raise UserError for a text that is no attack."""
        parse_attack(text)
        return text

    @field_validator("breaks")
    @classmethod
    def check_breaks(cls, defenses: list[Method]) -> list[Method]:
        """Raise ValueError for a defense that is there twice."""
        refuse_doubles([f"{defense.name} {sorted(defense.options.items()) or ''}".strip() for defense in defenses])
        return defenses

    @model_validator(mode="after")
    def check_file(self) -> Self:
        """Raise UserError for a file without a checksum, or one that the attack does not name."""
        if bool(self.file) != bool(self.sha256):
            raise UserError("sha256: there without a file, or a file without it; allowed: both, or neither")
        name = self.file.removesuffix(".py")
        if self.file and name not in parse_attack(self.attack).name.split("+"):
            raise UserError(
                f"attack: {show(self.attack)} does not name {show(name)}; allowed: a part or tuner that is {self.file}"
            )
        return self


Entry = Configured | Release | Code | Attack
KINDS: dict[str, type[Entry]] = {"configured": Configured, "release": Release, "code": Code, "attack": Attack}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a submission, for editors."""
    kinds = TypeAdapter[Entry](Annotated[Entry, Field(discriminator="kind")])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **kinds.json_schema()}
