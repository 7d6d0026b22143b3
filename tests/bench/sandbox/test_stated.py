"""A tuner that is known by its description states, with parts, what the tuner itself would state."""

import pytest

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import PARTS
from bench.errors import UserError
from bench.sandbox.stated import make_tuner
from bench.spec import Method

TUNERS = sorted(name for name, entry in REGISTRY.catalog.items() if not entry.installed)

PARTED = [
    "lora_sft+jpeg(quality=40)+crop_color",
    "lora_sft(rank=8)+bridge",
    "full_sft(tower=true,epochs=3)+mix_clean(share=0.3)+drop_inserted",
    "tuned(trials=4)+drop_inserted",
]


@pytest.mark.parametrize("text", [*TUNERS, *PARTED])
def test_it_states_what_the_tuner_states(text: str) -> None:
    method = parse_attack(text)
    real = REGISTRY.build(method)
    tuner, *names = method.name.split("+")
    own = {key: value for key, value in method.options.items() if "." not in key}
    described = REGISTRY.describe(Method(name=tuner, options=own)).model_dump(mode="json")
    made = make_tuner(*(described[field] for field in ("options", "naming", "traits")))
    parts = [PARTS.build(Method(name=name, options=_options_of(name, method))) for name in names]
    stated = made(made.Options(**described["naming"]), parts)
    assert stated.settings == real.settings
    assert stated.naming == real.naming
    assert stated.traits == real.traits


def _options_of(part: str, method: Method) -> dict[str, bool | int | float | str]:
    pairs = [(*key.rpartition("."), value) for key, value in method.options.items()]
    return {option: value for owner, _, option, value in pairs if owner == part}


def test_it_says_that_it_cannot_train() -> None:
    made = make_tuner({}, {}, REGISTRY.describe(Method(name="lora_sft")).traits.model_dump(mode="json"))
    made.name = "lora_sft"
    with pytest.raises(UserError, match="lora_sft is known by its description alone here, and trains nothing"):
        made(made.Options()).tune()
