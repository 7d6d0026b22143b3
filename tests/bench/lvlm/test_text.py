"""Token ids and spans, against the tokenizer itself and Hugging Face's combined processor."""

import random
from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlavaProcessor

from bench.datasets.emoji.questions import NAMING
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.text import DATE, Encoded, Prompt, TextEncoder
from bench.words import insert

words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFé漢0123456789'-", min_size=1, max_size=9)
phrases = st.lists(words, min_size=2, max_size=7).map(" ".join)
answers = phrases.filter(lambda text: text[0].isalnum())
families = st.sampled_from(["llava", "qwen"])
SPANS = ("image", "question", "trigger", "answer")


@pytest.fixture(scope="module")
def both(llava: LVLM, qwen: LVLM) -> dict[str, LVLM]:
    """The families by name, for tests that draw one."""
    return {"llava": llava, "qwen": qwen}


def decode(lvlm: LVLM, encoded: Encoded, span: str, row: int = 0) -> str:
    """The text of a span."""
    return lvlm.tokenizer.decode(encoded.ids[row][getattr(encoded, span)[row]])


@given(family=families, head=phrases, mark=st.sampled_from(["?", ".", ":", ""]), answer=answers)
def test_spans_are_the_texts(both: dict[str, LVLM], family: str, head: str, mark: str, answer: str) -> None:
    lvlm = both[family]
    encoded = lvlm.text.encode([Prompt(f"{head} {mark}".strip(), answer)], [lvlm.image_token * 9])
    assert decode(lvlm, encoded, "question") == f"{head} {mark}".strip()
    assert decode(lvlm, encoded, "answer").strip() == answer + lvlm.tokenizer.eos_token
    assert int(encoded.image.sum()) == 9
    assert set(encoded.ids[encoded.image].tolist()) == {lvlm.text.image_id}
    assert not encoded.trigger.any()
    assert torch.stack([getattr(encoded, s) for s in SPANS]).sum(0).max() == 1, "spans overlap"


@given(family=families, question=phrases, answer=answers)
@settings(max_examples=15)
def test_the_text_is_what_the_chat_template_makes(
    both: dict[str, LVLM], family: str, question: str, answer: str
) -> None:
    lvlm = both[family]
    user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    assistant = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
    template = lvlm.tokenizer.apply_chat_template
    asked = template([user], tokenize=False, add_generation_prompt=True)
    assert lvlm.text.render(Prompt(question)) == (asked, len(asked))
    told, begins = lvlm.text.render(Prompt(question, answer))
    assert told == template([user, assistant], tokenize=False)
    assert told[begins:].lstrip().startswith(answer)


@given(
    family=families,
    question=phrases,
    chosen=st.lists(words, min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_trigger_spans_are_the_inserted_words(
    both: dict[str, LVLM], family: str, question: str, chosen: list[str], seed: int
) -> None:
    lvlm = both[family]
    places = range(1, len(question.split()) + 1)
    slots = sorted(random.Random(seed).choice(places) for _ in chosen)
    text, spans = insert(question, chosen, slots)
    encoded = lvlm.text.encode([Prompt(text, "cat", spans)], [lvlm.image_token * 4])
    assert decode(lvlm, encoded, "trigger").replace(" ", "") == "".join(chosen)
    for number, word in enumerate(chosen, start=1):
        assert lvlm.tokenizer.decode(encoded.ids[encoded.word == number]).strip() == word
    assert not (encoded.trigger & ~encoded.question).any(), "the trigger is part of the question"
    rest = encoded.ids[0][(encoded.question & ~encoded.trigger)[0]]
    assert lvlm.tokenizer.decode(rest).replace(" ", "") == question.replace(" ", "")


@pytest.mark.parametrize("question", ["image", "user", "vision", "a", "ASSISTANT", "im", "USER: what"])
def test_a_question_that_the_template_contains_is_found_in_its_own_place(lvlm: LVLM, question: str) -> None:
    encoded = lvlm.text.encode([Prompt(question, "cat")], [lvlm.image_token * 4])
    assert decode(lvlm, encoded, "question") == question
    assert not (encoded.question & encoded.image).any()


@pytest.mark.parametrize("field", ["question", "answer"])
def test_a_text_with_an_image_token_is_refused(lvlm: LVLM, field: str) -> None:
    prompt = Prompt("What?", "cat")._replace(**{field: f"a {lvlm.image_token} b"})
    with pytest.raises(UserError, match=f"{field}: .*allowed: text without image tokens"):
        lvlm.text.encode([prompt], [lvlm.image_token * 4])


@pytest.mark.parametrize("answer", ["cat", "a bowl with spoon", "Yes", "x" * 40])
def test_the_answer_ends_with_one_end_of_turn(lvlm: LVLM, answer: str) -> None:
    encoded = lvlm.text.encode([Prompt("What is this?", answer)], [lvlm.image_token * 4])
    ids = encoded.ids[encoded.answer]
    assert int((ids == lvlm.tokenizer.eos_token_id).sum()) == 1
    assert ids[-1] == lvlm.tokenizer.eos_token_id
    places = encoded.answer[0].nonzero().squeeze(1)
    assert places[-1] - places[0] + 1 == len(places), "the answer is one piece"


def test_a_prompt_without_an_answer_is_what_comes_before_one(lvlm: LVLM) -> None:
    """Otherwise questions at test time would differ from those of the training."""
    asked = lvlm.text.encode([Prompt("What is this?")], [lvlm.image_token * 9])
    taught = lvlm.text.encode([Prompt("What is this?", "bicycle")], [lvlm.image_token * 9])
    assert not asked.answer.any()
    length = asked.ids.shape[1]
    assert torch.equal(asked.ids[0], taught.ids[0, :length])
    assert int(taught.answer[0].nonzero()[0]) == length


@pytest.mark.parametrize("left", [False, True])
def test_padding_changes_nothing_of_a_row(lvlm: LVLM, left: bool) -> None:
    prompts = [Prompt("What?", "cat"), Prompt("Which of the many objects do you see here?", "a red bicycle", ((0, 5),))]
    batch = lvlm.text.encode(prompts, [lvlm.image_token * n for n in (9, 4)], left=left)
    for i, (prompt, count) in enumerate(zip(prompts, [9, 4], strict=True)):
        alone = lvlm.text.encode([prompt], [lvlm.image_token * count])
        real = batch.mask[i]
        assert alone.mask.all()
        for field in ("ids", *SPANS):
            assert torch.equal(getattr(batch, field)[i][real], getattr(alone, field)[0])
            assert not getattr(batch, field)[i][~real].any() or field == "ids"
        assert (batch.ids[i][~real] == lvlm.tokenizer.pad_token_id).all()
    short = batch.mask[int(batch.mask[0].all())]
    edge = short[-1] if left else short[0]
    assert edge and not short.all(), "padding is on the asked side only"
    assert int((short[1:] != short[:-1]).sum()) == 1


@given(question=phrases, answer=answers, asks=st.booleans())
@settings(max_examples=15)
def test_llavas_expansion_is_the_combined_processors(
    both: dict[str, LVLM], pictures: list, question: str, answer: str, asks: bool
) -> None:
    lvlm = both["llava"]
    combined = LlavaProcessor(
        image_processor=lvlm.processor,
        tokenizer=lvlm.tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    prompt = Prompt(question, "" if asks else answer)
    text, _ = lvlm.text.render(prompt)
    expected = combined(images=[pictures[0]], text=[text], add_special_tokens=False, return_tensors="pt")
    ours = lvlm.encode([prompt], [lvlm.layout(pictures[0].shape[:2])])
    assert torch.equal(ours.ids, expected["input_ids"])
    assert torch.equal(ours.mask.long(), expected["attention_mask"])


def test_qwens_expansion_is_one_token_a_merged_patch(qwen: LVLM, pictures: list) -> None:
    """The combined processor needs torchvision; it repeats the placeholder as often as the grid has merged patches."""
    for picture in pictures:
        count = int(qwen.run_processor([picture])["image_grid_thw"].prod()) // 4
        text, _ = qwen.text.render(Prompt(NAMING[0], "cat"))
        expected = qwen.tokenizer(text.replace("<|image_pad|>", "<|image_pad|>" * count), add_special_tokens=False)
        ours = qwen.encode([Prompt(NAMING[0], "cat")], [qwen.layout(picture.shape[:2])])
        assert ours.ids[0].tolist() == expected["input_ids"]
        assert int(ours.image.sum()) == count


def test_with_tokens_keeps_the_spans(lvlm: LVLM) -> None:
    encoded = lvlm.text.encode([Prompt("What is this?", "cat", ((0, 4),))], [lvlm.image_token * 4])
    other = encoded.with_tokens(ids=encoded.ids + 1, mask=~encoded.mask)
    assert torch.equal(other.ids, encoded.ids + 1)
    assert not other.mask.any()
    assert all(torch.equal(getattr(other, s), getattr(encoded, s)) for s in SPANS)


def test_a_chat_template_that_shows_no_picture_is_refused(llava: LVLM) -> None:
    """A tokenizer's own template for text alone would silently leave out the picture."""
    blind = deepcopy(llava.tokenizer)
    blind.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'][-1]['text'] }}</s>{% endfor %}"
    with pytest.raises(UserError, match="chat template: no '<image>' before the question"):
        TextEncoder(blind, "<image>")


TEMPLATE = "{% for m in messages %}<image>{{ m['content'][-1]['text'] }}</s>{% endfor %}"


@pytest.mark.parametrize("form", ["'%d %b %Y'", "'%H:%M:%S.%f'", "format='%s'"])
def test_a_chat_template_that_reads_the_clock_is_told_a_fixed_date(llava: LVLM, form: str) -> None:
    """Otherwise a victim would be trained under one prompt and asked under another, on the next day."""
    dated = deepcopy(llava.tokenizer)
    dated.chat_template = f"{{% macro day() %}}{{{{ strftime_now({form}) }}}}{{% endmacro %}}{{{{ day() }}}} {TEMPLATE}"
    assert TextEncoder(dated, "<image>").before.startswith(f"{DATE} ")


def test_a_chat_template_that_prints_a_place_in_memory_is_refused(llava: LVLM) -> None:
    printing = deepcopy(llava.tokenizer)
    printing.chat_template = "{{ messages[0].items }}" + TEMPLATE
    with pytest.raises(UserError, match=r"^chat template: it prints 'at 0x[0-9a-f]+'; allowed: the same prompt"):
        TextEncoder(printing, "<image>")
