"""Find attacks by name: a tuner, or a tuner with parts in order, `lora_sft+jpeg+gray`."""

from attacks.base import Attack, AttackTraits
from attacks.parts import PARTS
from bench.errors import UserError
from bench.methods.registry import Registry
from bench.spec import Method, identity


def split_name(name: str) -> tuple[str, list[str]]:
    """Return the tuner and the parts that an attack's name consists of.

    >>> split_name("lora_sft+jpeg+gray")
    ('lora_sft', ['jpeg', 'gray'])
    """
    tuner, *parts = name.split("+")
    return tuner, parts


class Attacks(Registry[Attack, AttackTraits]):
    """The registry of tuners. Each may be combined with parts, whose options are named `part.option`."""

    def check(self, name: str) -> None:
        """Raise UserError for an unknown tuner or part, and for a part that is named twice."""
        tuner, parts = split_name(name)
        super().check(tuner)
        for part in parts:
            PARTS.check(part)
        if len(set(parts)) < len(parts):
            raise UserError(f"attack: {name!r}; allowed: each part once")

    def code(self, name: str) -> str:
        """Return the hash of the code of the tuner and its parts."""
        tuner, parts = split_name(name)
        code = super().code(tuner)
        return identity([code, *map(PARTS.code, parts)]) if parts else code

    def build(self, method: Method) -> Attack:
        """Return the tuner with its parts. Raises UserError that names the option and what is allowed."""
        tuner, parts = split_name(method.name)
        options: dict[str, dict[str, bool | int | float | str]] = {name: {} for name in ("", *parts)}
        for key, value in method.options.items():
            part, _, option = key.rpartition(".")
            if part not in options:
                raise UserError(f"attack {method.name}, option {key}={value!r}: no part {part!r} here")
            options[part][option] = value
        attack = self.get(tuner)
        checked = self.check_options(Method(name=tuner, options=options[""]))
        built_parts = [PARTS.build(Method(name=part, options=options[part])) for part in parts]
        if parts and not attack.trains:
            raise UserError(f"attack: {method.name!r}; {tuner} trains nothing and takes no parts")
        return attack(checked, built_parts)
