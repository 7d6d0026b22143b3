"""Attacks by name: a tuner, or a tuner and its parts in order, `lora_sft+jpeg+gray`."""

from typing import Any

from attacks.base import Attack, AttackTraits
from attacks.parts import PARTS
from bench.errors import UserError
from bench.methods.registry import Registry
from bench.spec import Method, identity


def split(name: str) -> tuple[str, list[str]]:
    """The tuner and the parts that a name names."""
    tuner, *parts = name.split("+")
    return tuner, parts


class Attacks(Registry[Attack, AttackTraits]):
    """The tuners; any of them may have parts, whose options are named `part.option`."""

    def check(self, name: str) -> None:
        """Raises UserError for an unknown tuner or part, and for a part that stands twice."""
        tuner, parts = split(name)
        super().check(tuner)
        for part in parts:
            PARTS.check(part)
        if len(set(parts)) < len(parts):
            raise UserError(f"attack: {name!r}; allowed: each part once")

    def code(self, name: str) -> str:
        """Hash of the code of the tuner and its parts."""
        tuner, parts = split(name)
        own = super().code(tuner)
        return identity([own, *map(PARTS.code, parts)]) if parts else own

    def build(self, method: Method) -> Attack:
        """The tuner with its parts. Raises UserError that names the option and what is allowed."""
        tuner, parts = split(method.name)
        own: dict[str, dict[str, Any]] = {name: {} for name in ("", *parts)}
        for key, value in method.options.items():
            part, _, option = key.rpartition(".")
            if part not in own:
                raise UserError(f"attack {method.name}, option {key}={value!r}: no part {part!r} here")
            own[part][option] = value
        built = super().build(Method(name=tuner, options=own[""]))
        built.parts = tuple(PARTS.build(Method(name=part, options=own[part])) for part in parts)
        if parts and not built.trains:
            raise UserError(f"attack: {method.name!r}; {tuner} trains nothing and takes no parts")
        return built
