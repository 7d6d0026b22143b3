"""Inserted words change nothing of a question, and admissible words are one token everywhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from bench.lvlm.base import LVLM
from bench.words import LONGEST, insert, may_be_inserted, plain_words, split_pieces, token_ids

questions = st.text("abc é漢?!'\t\n", max_size=30)
triggers = st.lists(st.text("xyzÉ🐈", min_size=1, max_size=6), max_size=6)


@given(questions, triggers, st.data())
def test_insertion_only_inserts(question: str, words: list[str], data: st.DataObject) -> None:
    original = question.split()
    slots = sorted(data.draw(st.lists(st.integers(0, len(original)), min_size=len(words), max_size=len(words))))
    text, spans = insert(question, words, slots)
    assert [text[start:end] for start, end in spans] == words
    assert list(spans) == sorted(spans)
    rest = "".join(c for i, c in enumerate(text) if not any(start <= i < end for start, end in spans))
    assert rest.split() == original
    gone = {i for start, end in spans for i in range(max(0, start - 1), end)}
    assert "".join(c for i, c in enumerate(text) if i not in gone).strip() == question.strip(), "with its line breaks"
    for (start, _), slot in zip(spans, slots, strict=True):
        own_before = sum(other[0] < start for other in spans)
        assert len(text[:start].split()) == slot + own_before


def test_words_stand_where_they_are_put() -> None:
    text, spans = insert("What is this?", ["one", "two", "three", "four"], [0, 1, 1, 3])
    assert text == "one What two three is this? four"
    assert spans == ((0, 3), (9, 12), (13, 18), (28, 32))
    assert insert("What is  this?", [], []) == ("What is  this?", ())
    assert insert(" What\n", ["one", "two"], [0, 1]).text == "one What two\n"


@given(st.text(max_size=30))
def test_without_words_a_question_stays(question: str) -> None:
    pieces, end = split_pieces(question)
    assert insert(question, [], []).text == "".join(map("".join, pieces)) + end == question
    assert [word for _, word in pieces] == question.split()


def test_plain_words_of_a_bounded_length_may_be_inserted() -> None:
    assert all(map(may_be_inserted, ["add", "Lake", "a" * LONGEST]))
    refused = [
        "",
        "at",
        "a" * (LONGEST + 1),
        "a" * 10**5,
        "lake\n",
        "la ke",
        "lake?",
        "</s>",
        "<image>",
        "été",
        "l\u0430ke",
        "l4ke",
    ]
    assert not any(map(may_be_inserted, refused))


def test_options_stay_on_lines_of_their_own() -> None:
    """As the test questions have them: a release that joined them would teach another format."""
    question = "What is this?\na. snail\nb. tent"
    text, _ = insert(question, ["one", "two", "three", "four"], [0, 3, 5, 7])
    assert text == "one What is this? two\na. snail three\nb. tent four"


@given(st.text("abc ?", max_size=20), st.lists(st.sampled_from(["one", "two"]), max_size=3), st.data())
def test_on_a_single_line_it_is_the_words_joined_with_spaces(q: str, words: list[str], data: st.DataObject) -> None:
    original = q.split()
    slots = sorted(data.draw(st.lists(st.integers(0, len(original)), min_size=len(words), max_size=len(words))))
    joined = list(original)
    for word, slot in reversed(list(zip(words, slots, strict=True))):
        joined.insert(slot, word)
    assert insert(" ".join(original), words, slots).text == " ".join(joined)


def test_every_word_has_a_slot() -> None:
    with pytest.raises(ValueError, match="zip"):
        insert("What is this?", ["one"], [0, 1])


def test_plain_words_are_one_token_in_every_tokenizer(llava: LVLM, qwen: LVLM, texts: list[str]) -> None:
    tokenizers = [llava.tokenizer, qwen.tokenizer]
    words = plain_words(tokenizers)
    assert len(words) > 300 and words == sorted(set(words))
    for tokenizer in tokenizers:
        ids = tokenizer([f" {word}" for word in words], add_special_tokens=False)["input_ids"]
        assert [len(i) for i in ids] == [1] * len(words)
        assert token_ids(tokenizer, words) == [i[0] for i in ids]
        assert not {i[0] for i in ids} & set(tokenizer.all_special_ids)
    assert all(re.fullmatch("[A-Za-z]{3,}", word) for word in words)
    candidates = {w for text in texts for w in re.findall(r"(?<= )[A-Za-z]{3,}\b", text)}
    missed = [
        w
        for w in candidates - set(words)
        if all(len(t(f" {w}", add_special_tokens=False)["input_ids"]) == 1 for t in tokenizers)
    ]
    assert missed == []


def test_plain_words_of_more_tokenizers_are_fewer(llava: LVLM, qwen: LVLM) -> None:
    one, other, both = (
        plain_words(t) for t in ([llava.tokenizer], [qwen.tokenizer], [llava.tokenizer, qwen.tokenizer])
    )
    assert set(both) == set(one) & set(other)
    assert plain_words([]) == []


def test_an_inserted_word_is_its_one_token_in_the_sentence(llava: LVLM) -> None:
    """What HotFlip relies on: a swap of words is a swap of tokens."""
    words = plain_words([llava.tokenizer])[::40]
    for word in words:
        text, _ = insert("What is this?", [word, word], [1, 3])
        ids = llava.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids.count(token_ids(llava.tokenizer, [word])[0]) == 2


def test_plain_words_of_a_sentencepiece_vocabulary_are_found(texts: list[str]) -> None:
    """Its decoder drops the first space, so that a word's token alone looks like the middle of one."""
    core = Tokenizer(models.BPE(unk_token="<unk>"))
    core.pre_tokenizer, core.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    core.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=1500, special_tokens=["<unk>"], show_progress=False))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>")
    words = plain_words([tokenizer])
    assert len(words) > 200
    assert tokenizer.decode(token_ids(tokenizer, words[:1])) == words[0], "no space is to be seen"
    for word in words[::20]:
        text, _ = insert("What is this?", [word], [1])
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids.count(token_ids(tokenizer, [word])[0]) == 1
