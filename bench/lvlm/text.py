"""Encode a question and an answer as token ids, with the spans of their parts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from bench.errors import UserError

DATE = "26 Jul 2024"
"""The date for chat templates that state one (Llama 3): a fixed one, so that prompts stay the same every day."""

STOPPED_CLOCK = f"{{% macro strftime_now(format) %}}{DATE}{{% endmacro %}}\n"
"""The beginning of every chat template, in Jinja: it gives DATE to those that ask for the time, in any format."""

ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
"""A place in memory, as Python shows it for an object that has no text of its own."""


class Prompt(NamedTuple):
    """A question about one picture, and its answer.

    trigger_spans: (start, end) of every trigger word in the question, in characters.

    >>> Prompt("What xq is this?", "a cat", ((5, 7),)).question[5:7]
    'xq'
    """

    question: str
    answer: str = ""
    trigger_spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Encoded:
    """A padded batch of B prompts with T tokens.

    ids: token ids, int64 (B, T). mask: True for all tokens but padding, bool (B, T). image, question, answer: spans,
    bool (B, T); the answer includes the end of turn, and is empty for a prompt without an answer. word: int64 (B, T),
    1, 2, ... at the tokens of the first, second, ... trigger word, and 0 elsewhere.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    image: torch.Tensor
    question: torch.Tensor
    word: torch.Tensor
    answer: torch.Tensor

    @property
    def trigger(self) -> torch.Tensor:
        """Span of all trigger words, bool (B, T)."""
        return self.word > 0

    def with_tokens(self, ids: torch.Tensor, mask: torch.Tensor) -> "Encoded":
        """Return a batch with the same spans and other tokens."""
        return replace(self, ids=ids, mask=mask)

    def columns(self, start: int, stop: int | None = None) -> "Encoded":
        """Return the tokens from position `start` up to `stop`, exclusive."""
        return Encoded(*(getattr(self, field.name)[:, start:stop] for field in fields(self)))

    def to(self, device: torch.device) -> "Encoded":
        """Return the batch on `device`."""
        return Encoded(*(getattr(self, field.name).to(device) for field in fields(self)))


class TextEncoder:
    """Applies chat template and tokenizer to prompts, for any tokenizer that gives character offsets.

    Hugging Face's combined processors cannot all be built without torchvision. So the placeholder that the chat
    template writes for a picture is replaced here by the picture's image tokens and their frame, as text and before
    tokenisation. Tests compare the result with that of the combined processors, frozen where torchvision is installed.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        image_token: str,
        placeholder: str | None = None,
        stops: Sequence[int] = (),
    ) -> None:
        """Render the chat template once.

        stops: ids that end an answer, besides the tokenizer's end of sequence. Raises UserError for a chat template
        that shows no picture before the question, or that prints a place in memory.
        """
        self.tokenizer = tokenizer
        self.image_token = image_token
        self.placeholder = placeholder or image_token
        self.image_id = tokenizer.convert_tokens_to_ids(image_token)
        self.stops = sorted({*stops, tokenizer.eos_token_id})
        self.before, rest = self._apply_template("<question>", "<answer>").split("<question>")
        if self.placeholder not in self.before:
            raise UserError(
                f"chat template: no {self.placeholder!r} before the question; allowed: one that shows pictures"
            )
        self.between, self.after = rest.split("<answer>")
        self.generation = self._apply_template("<question>", None).split("<question>")[1]
        self.add_special_tokens = not (tokenizer.bos_token and self.before.startswith(tokenizer.bos_token))
        if not set(self.stops) & set(tokenizer(self.after, add_special_tokens=False)["input_ids"]):
            # A template without an end of turn (LLaVA 1.5) would teach the model never to end an answer.
            self.after = self.after.rstrip() + tokenizer.eos_token

    def _apply_template(self, question: str, answer: str | None) -> str:
        turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        content = [{"type": "text", "text": answer}]
        if answer is not None:
            turns.append({"role": "assistant", "content": content})
        text: str = self.tokenizer.apply_chat_template(
            turns,
            chat_template=STOPPED_CLOCK + self.tokenizer.get_chat_template(),
            tokenize=False,
            add_generation_prompt=answer is None,
            date_string=DATE,
        )
        if match := ADDRESS.search(text):
            raise UserError(f"chat template: it prints {match[0].strip()!r}; allowed: the same prompt each time")
        # GLM-4.1V's template prints the content of an answer as it is, so that the list appears as Python code.
        return text.replace(str(content), str(answer))

    def render(self, prompt: Prompt) -> tuple[str, int]:
        """Return the model's text, with a placeholder for the picture, and the position where the answer begins.

        The question and the answer fill the two slots of the chat template. Raises UserError for a question or an
        answer that contains an image token itself.
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
        """Encode a batch; `pictures` are each picture's image tokens as text; `left` pads left, for generation."""
        return self.pad(self.encode_each(prompts, pictures), left=left)

    def pad(self, rows: Sequence[np.ndarray], *, left: bool = False) -> Encoded:
        """Pad the results of `encode_each` to one batch."""
        length = max(row.shape[1] for row in rows)
        batch = np.zeros((6, len(rows), length), np.int64)
        batch[0] = self.tokenizer.pad_token_id
        for i, row in enumerate(rows):
            columns = slice(length - row.shape[1], length) if left else slice(0, row.shape[1])
            batch[:, i, columns] = row
        ids, mask, image, question, word, answer = torch.from_numpy(batch)
        return Encoded(ids, mask.bool(), image.bool(), question.bool(), word, answer.bool())

    def encode_one(self, prompt: Prompt, picture: str) -> np.ndarray:
        """Encode one prompt whose picture is the text `picture`; return the rows of `Encoded`, int64 (6, T)."""
        return self.encode_each([prompt], [picture])[0]

    def encode_each(self, prompts: Sequence[Prompt], pictures: Sequence[str]) -> list[np.ndarray]:
        """Encode each prompt as `encode_one` does, in one call of the tokenizer."""
        rendered = [self.render(prompt) for prompt in prompts]
        pairs = zip(rendered, pictures, strict=True)
        texts = [text.replace(self.placeholder, picture, 1) for (text, _), picture in pairs]
        tokens = self.tokenizer(texts, add_special_tokens=self.add_special_tokens, return_offsets_mapping=True)
        rows = zip(prompts, pictures, rendered, tokens["input_ids"], tokens["offset_mapping"], strict=True)
        return [
            self._mark(prompt, len(picture) - len(self.placeholder), answer_start, np.array(ids), np.array(offsets))
            for prompt, picture, (_, answer_start), ids, offsets in rows
        ]

    def _mark(self, prompt: Prompt, shift: int, answer_start: int, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return the rows of `Encoded` for token ids (T,) with offsets (T, 2) in a text that grew by `shift`."""
        start, end = offsets.T
        question_start = len(self.before) + shift
        question_end = question_start + len(prompt.question)
        answer = start >= answer_start + shift
        ends = answer & np.isin(ids, self.stops)
        answer &= ends.cumsum() - ends == 0
        word = np.zeros_like(ids)
        for number, (first, last) in enumerate(prompt.trigger_spans, start=1):
            word[(start < question_start + last) & (end > question_start + first)] = number
        question = (start < question_end) & (end > question_start)
        return np.stack([ids, np.ones_like(ids), ids == self.image_id, question, word, answer])
