"""A tuner with parts is one attack: it has one name, all options are checked, and its code is that of all of them."""

import numpy as np
import pytest

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import PARTS, Knowledge
from attacks.registry import split_name
from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec
from bench.stages import attack, protect


def test_the_parts_of_an_attack_have_their_options() -> None:
    built = REGISTRY.build(parse_attack("lora_sft(rank=8)+jpeg(quality=30)+blur"))
    assert [part.name for part in built.parts] == ["jpeg", "blur"]
    assert (built.options.rank, built.parts[0].options.quality, built.parts[1].options.sigma) == (8, 30, 1.0)
    assert built.settings["jpeg.quality"] == 30 and built.settings["blur.sigma"] == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lora_sft+jpg", "part: 'jpg' is not known; did you mean 'jpeg'"),
        ("lora_sfd+jpeg", "attack: 'lora_sfd' is not known; did you mean 'lora_sft'"),
        ("lora_sft+jpeg+jpeg", "each part once"),
        ("jpeg", "attack: 'jpeg' is not known"),
    ],
)
def test_a_wrong_name_is_refused_without_importing_a_method(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        REGISTRY.check(text)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (parse_attack("lora_sft+jpeg(quality=0)"), "part jpeg, option quality=0"),
        (parse_attack("lora_sft+jpeg(size=3)"), "part jpeg, option size=3: .*options: quality"),
        (parse_attack("lora_sft+blur(sigma=0.1)"), "part blur, option sigma=0.1"),
        (parse_attack("none+jpeg"), "none trains nothing and takes no parts"),
        (Method(name="lora_sft+gray", options={"jpeg.quality": 30}), "no part 'jpeg' here"),
    ],
)
def test_a_wrong_option_is_refused(method: Method, message: str) -> None:
    with pytest.raises(UserError, match=message):
        REGISTRY.build(method)


def test_the_code_of_an_attack_includes_its_parts() -> None:
    codes = [REGISTRY.code(name) for name in ("lora_sft", "lora_sft+jpeg", "lora_sft+gray", "tuned+gray")]
    assert len(set(codes)) == 4
    assert REGISTRY.code("lora_sft+jpeg+gray") != REGISTRY.code("lora_sft+gray+jpeg")


def test_order_and_options_are_the_identity_of_the_adapter() -> None:
    def identity(text: str) -> str:
        spec = RunSpec(defense=Method(name="none"), attack=parse_attack(text), dataset="emoji_smoke")
        stage = attack.stage(spec, protect.stage(spec), spec.attack)
        assert stage is not None
        return stage.identity

    texts = ["lora_sft", "lora_sft+jpeg", "lora_sft+jpeg(quality=31)", "lora_sft+jpeg+gray", "lora_sft+gray+jpeg"]
    assert len({identity(text) for text in texts}) == len(texts)
    assert identity("lora_sft+jpeg") == identity("lora_sft+jpeg(quality=30)") == identity(" lora_sft + jpeg ")


def test_parts_are_applied_in_order() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    samples = SampleSet((Sample("a", "a", picture, "What?", "it"), Sample("b", "a", picture, "Why?", "it")))
    knowledge = Knowledge(victim=None, validation=samples)  # type: ignore[arg-type]

    def prepared(text: str) -> SampleSet:
        return REGISTRY.build(parse_attack(text)).prepare(samples, knowledge, np.random.default_rng(0))

    both = prepared("lora_sft+gray(share=1)+bit_depth(bits=1)")
    first, second = (
        PARTS.build(Method(name=n, options=o)) for n, o in (("gray", {"share": 1}), ("bit_depth", {"bits": 1}))
    )
    np.testing.assert_array_equal(both[0].pixels, second.purify(first.purify(picture, rng), rng))  # type: ignore
    assert (both[0].pixels != prepared("lora_sft+bit_depth(bits=1)+gray(share=1)")[0].pixels).any()
    assert both[0].pixels is both[1].pixels, "one picture, mapped once"
    assert [(s.id, s.question, s.answer) for s in both] == [(s.id, s.question, s.answer) for s in samples]


def test_names_are_split_at_plus() -> None:
    assert split_name("lora_sft") == ("lora_sft", []) and split_name("a+b+c") == ("a", ["b", "c"])
