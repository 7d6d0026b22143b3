"""From a question and an answer to token ids and spans."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase

from bench.errors import UserError

DATE = "26 Jul 2024"
"""What templates that state the date (Llama 3) are told: what is read must not change overnight."""


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

    Hugging Face's combined processors cannot all be built without torchvision, so the placeholder that the chat
    template gives a picture is replaced here by its image tokens and what frames them, as text and before
    tokenisation, and tested against what the combined processors gave where torchvision is installed.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        image_token: str,
        placeholder: str | None = None,
        stops: Sequence[int] = (),
    ) -> None:
        """`stops`: ids that end an answer, besides the tokenizer's end of sequence.

        Raises UserError for a chat template that does not show a picture before the question.
        """
        self.tokenizer = tokenizer
        self.image_token = image_token
        self.placeholder = placeholder or image_token
        self.image_id = tokenizer.convert_tokens_to_ids(image_token)
        self.stops = sorted({*stops, tokenizer.eos_token_id})
        whole = self._template("<question>", "<answer>")
        self.before, rest = whole.split("<question>")
        if self.placeholder not in self.before:
            raise UserError(
                f"chat template: no {self.placeholder!r} before the question; allowed: one that shows pictures"
            )
        self.between, self.after = rest.split("<answer>")
        head = self._template("<question>", None)
        self.generation = head.split("<question>")[1]
        self.special = not (tokenizer.bos_token and self.before.startswith(tokenizer.bos_token))
        if not set(self.stops) & set(tokenizer(self.after, add_special_tokens=False)["input_ids"]):
            # A template without an end of turn (LLaVA 1.5) would teach answers that never end.
            self.after = self.after.rstrip() + tokenizer.eos_token

    def _template(self, question: str, answer: str | None) -> str:
        turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        told = [{"type": "text", "text": answer}]
        if answer is not None:
            turns.append({"role": "assistant", "content": told})
        text = self.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=answer is None, date_string=DATE
        )
        # GLM-4.1V's template prints an answer's content as it is: a list would be read as Python.
        return text.replace(str(told), str(answer))

    def render(self, prompt: Prompt) -> tuple[str, int]:
        """The text the model reads, with a placeholder for its picture, and where in it the answer begins.

        The chat template is rendered once, at construction; each prompt fills its two slots. Raises UserError for a
        text that holds an image token itself.
        """
        for field, text in (("question", prompt.question), ("answer", prompt.answer)):
            for token in (self.placeholder, self.image_token):
                if token in text:
                    raise UserError(f"{field}: {text!r} holds {token!r}; allowed: text without image tokens")
        head = self.before + prompt.question + self.generation
        if not prompt.answer:
            return head, len(head)
        return self.before + prompt.question + self.between + prompt.answer + self.after, len(head)

    def encode(self, prompts: Sequence[Prompt], pictures: Sequence[str], *, left: bool = False) -> Encoded:
        """Encode a batch; `pictures` are the image tokens of each as text; `left` pads left, for generation."""
        return self.pad([self.row(prompt, shown) for prompt, shown in zip(prompts, pictures, strict=True)], left=left)

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

    def row(self, prompt: Prompt, picture: str) -> torch.Tensor:
        """One prompt about a picture that reads `picture`, (6, T): ids, ones, image, question, word, answer."""
        text, answer_at = self.render(prompt)
        text = text.replace(self.placeholder, picture, 1)
        longer = len(picture) - len(self.placeholder)
        coded = self.tokenizer(text, add_special_tokens=self.special, return_offsets_mapping=True)
        question_at = len(self.before) + longer
        question_end = question_at + len(prompt.question)
        spans = [(question_at + start, question_at + end) for start, end in prompt.inserted]
        ids = torch.tensor(coded["input_ids"])
        start, end = torch.tensor(coded["offset_mapping"]).T
        answer = start >= answer_at + longer
        ends = answer & torch.isin(ids, torch.tensor(self.stops))
        answer &= ends.cumsum(0) - ends.long() == 0
        word = torch.zeros_like(ids)
        for number, (a, b) in enumerate(spans, start=1):
            word[(start < b) & (end > a)] = number
        question = (start < question_end) & (end > question_at)
        return torch.stack([ids, torch.ones_like(ids), ids == self.image_id, question, word, answer])
