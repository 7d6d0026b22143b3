"""One configuration has one form, however it was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from bench.cli import parse
from bench.errors import UserError
from bench.game.suite import Matrix
from bench.play.run import run_id
from bench.spec import Method
from defenses import REGISTRY as DEFENSES

DEFAULT = DEFENSES.get("em").Options().model_dump()["rounds"]


@given(rounds=st.integers(1, 100), write=st.sampled_from(["{}", "{}.0", "+{}", "{}e0"]))
def test_every_spelling_of_a_number_is_one_method(rounds: int, write: str) -> None:
    typed = DEFENSES.normalise(Method(name="em", options=parse.options([f"rounds={write.format(rounds)}"])))
    assert typed.options == ({} if rounds == DEFAULT else {"rounds": rounds})
    assert all(type(value) is int for value in typed.options.values())
    assert DEFENSES.normalise(typed) == typed


@pytest.mark.parametrize("text", ["'02'", "' 2'", "true", "two"])
def test_a_text_or_a_truth_is_no_number(text: str) -> None:
    with pytest.raises(UserError, match=r"defense em, option rounds=.*without quotes"):
        DEFENSES.normalise(Method(name="em", options=parse.options([f"rounds={text}"])))


def test_the_order_and_form_of_an_attack_s_options_name_nothing() -> None:
    one, other = parse_attack("lora_sft(rank=8,lr=1)+jpeg(quality=40)"), parse_attack("lora_sft(lr=1.0,rank=8.0)+jpeg")
    other = other.model_copy(update={"options": {"jpeg.quality": 40.0, **other.options}})
    assert ATTACKS.normalise(one).model_dump_json() == ATTACKS.normalise(other).model_dump_json()


def test_spellings_in_a_suite_are_one_run_and_other_values_are_others() -> None:
    options = [{"rounds": DEFAULT + 1}, {"rounds": DEFAULT + 1.0}, {"rounds": DEFAULT + 2}, {"rounds": DEFAULT}, {}]
    matrix = Matrix.model_validate({"defenses": [{"name": "em", "options": entry} for entry in options]})
    more, same, most, default, plain = map(run_id, matrix.runs())
    assert more == same and default == plain and len({more, most, plain}) == len([more, most, plain])


@pytest.mark.parametrize("several", ["0,00,000", "-1", "1.0", "1e3", "٣", "9" * 5000, "0,\x1b[1m"])
def test_seeds_that_are_equal_or_no_seeds_are_one_line(several: str) -> None:
    with pytest.raises(UserError, match="different whole numbers") as error:
        parse.seeds(0, several)
    assert str(error.value).isprintable()
