"""From a question and an answer to token ids and spans."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase

from bench.errors import UserError


class Prompt(NamedTuple):
    """A question about one picture. `inserted` are the (start, end) character spans of trigger words in it."""

    question: str
    answer: str = ""
    inserted: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Encoded:
    """A padded batch: ids int64 (B, T), real tokens and spans bool (B, T), and the number of each token's trigger word.

    `word` is int64 (B, T): 1, 2, ... for the tokens of the first, second, ... trigger word, 0 elsewhere. `answer`
    holds the answer's tokens and the end of turn; it is empty for prompts without an answer.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    image: torch.Tensor
    question: torch.Tensor
    word: torch.Tensor
    answer: torch.Tensor

    @property
    def trigger(self) -> torch.Tensor:
        """The tokens of all trigger words, bool (B, T)."""
        return self.word > 0

    def with_tokens(self, ids: torch.Tensor, mask: torch.Tensor) -> "Encoded":
        """The same spans over other tokens."""
        return replace(self, ids=ids, mask=mask)

    def columns(self, start: int, stop: int | None = None) -> "Encoded":
        """The tokens from `start` on, up to `stop`."""
        return Encoded(*(getattr(self, field.name)[:, start:stop] for field in fields(self)))

    def to(self, device: torch.device) -> "Encoded":
        """The same batch on another device."""
        return Encoded(*(getattr(self, field.name).to(device) for field in fields(self)))


class TextEncoder:
    """Chat template, tokenisation, placeholder expansion and spans, for any tokenizer with offsets.

    Hugging Face's combined processors cannot all be built without torchvision, so the expansion of one image
    placeholder into `tokens` image tokens is done here, and tested against the combined processor where it builds.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, image_token: str) -> None:
        self.tokenizer = tokenizer
        self.image_token = image_token
        self.image_id = tokenizer.convert_tokens_to_ids(image_token)
        whole = self._template("<question>", "<answer>")
        self.before, rest = whole.split("<question>")
        self.between, self.after = rest.split("<answer>")
        head = self._template("<question>", None)
        self.generation = head.split("<question>")[1]

    def _template(self, question: str, answer: str | None) -> str:
        turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        if answer is not None:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        return self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer is None)

    def render(self, prompt: Prompt) -> tuple[str, int]:
        """The text the model reads, and where in it the answer begins.

        The chat template is rendered once, at construction; each prompt fills its two slots. Raises UserError for a
        text that holds the image token itself.
        """
        for field, text in (("question", prompt.question), ("answer", prompt.answer)):
            if self.image_token in text:
                raise UserError(f"{field}: {text!r} holds {self.image_token!r}; allowed: text without image tokens")
        head = self.before + prompt.question + self.generation
        if not prompt.answer:
            return head, len(head)
        return self.before + prompt.question + self.between + prompt.answer + self.after, len(head)

    def encode(self, prompts: Sequence[Prompt], tokens: Sequence[int], *, left: bool = False) -> Encoded:
        """Encode a batch; `tokens` are the image tokens of each picture; `left` pads left, for generation."""
        return self.pad([self.row(prompt, count) for prompt, count in zip(prompts, tokens, strict=True)], left=left)

    def pad(self, rows: Sequence[torch.Tensor], *, left: bool = False) -> Encoded:
        """A batch of what `row` gave."""
        length = max(row.shape[1] for row in rows)
        batch = torch.zeros(6, len(rows), length, dtype=torch.long)
        batch[0] = self.tokenizer.pad_token_id
        for i, row in enumerate(rows):
            columns = slice(length - row.shape[1], length) if left else slice(0, row.shape[1])
            batch[:, i, columns] = row
        ids, mask, image, question, word, answer = batch
        return Encoded(ids, mask.bool(), image.bool(), question.bool(), word, answer.bool())

    def row(self, prompt: Prompt, tokens: int) -> torch.Tensor:
        """One prompt about a picture of `tokens` image tokens, (6, T): ids, ones, image, question, word, answer."""
        text, answer_at = self.render(prompt)
        coded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        question_at = len(self.before)
        question_end = question_at + len(prompt.question)
        spans = [(question_at + start, question_at + end) for start, end in prompt.inserted]
        ids = torch.tensor(coded["input_ids"])
        start, end = torch.tensor(coded["offset_mapping"]).T
        answer = start >= answer_at
        ends = answer & (ids == self.tokenizer.eos_token_id)
        answer &= ends.cumsum(0) - ends.long() == 0
        word = torch.zeros_like(ids)
        for number, (a, b) in enumerate(spans, start=1):
            word[(start < b) & (end > a)] = number
        question = (start < question_end) & (end > question_at)
        image = ids == self.image_id
        rows = torch.stack([ids, torch.ones_like(ids), image, question, word, answer])
        return rows.repeat_interleave(torch.where(image, tokens, 1), dim=1)
