"""From a question and an answer to token ids and spans."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase


class Prompt(NamedTuple):
    """A question about one picture. `inserted` are the (start, end) character spans of trigger words in it."""

    question: str
    answer: str = ""
    inserted: tuple[tuple[int, int], ...] = ()


class Encoded(NamedTuple):
    """A padded batch. Ids are int64 (B, T); the others bool (B, T): real tokens, and the four spans.

    `answer` holds the answer's tokens and the end of turn; it is empty for prompts without an answer.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    image: torch.Tensor
    question: torch.Tensor
    trigger: torch.Tensor
    answer: torch.Tensor

    def to(self, device: torch.device) -> "Encoded":
        """The same batch on another device."""
        return Encoded(*(t.to(device) for t in self))


class TextEncoder:
    """Chat template, tokenisation, placeholder expansion and spans, for any tokenizer with offsets.

    Hugging Face's combined processors cannot all be built without torchvision, so the expansion of one image
    placeholder into `tokens` image tokens is done here, and tested against the combined processor where it builds.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, image_token: str) -> None:
        self.tokenizer = tokenizer
        self.image_token = image_token
        self.image_id = tokenizer.convert_tokens_to_ids(image_token)

    def render(self, prompt: Prompt) -> tuple[str, int]:
        """The text the model reads, and where in it the answer begins."""
        user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt.question}]}
        head = self.tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=True)
        if not prompt.answer:
            return head, len(head)
        turn = {"role": "assistant", "content": [{"type": "text", "text": prompt.answer}]}
        text = self.tokenizer.apply_chat_template([user, turn], tokenize=False)
        return text, len(head)

    def encode(self, prompts: Sequence[Prompt], tokens: Sequence[int], *, left: bool = False) -> Encoded:
        """Encode a batch; `tokens` are the image tokens of each picture; `left` pads left, for generation."""
        rows = [self._row(prompt, count) for prompt, count in zip(prompts, tokens, strict=True)]
        length = max(row.shape[1] for row in rows)
        batch = torch.zeros(6, len(rows), length, dtype=torch.long)
        batch[0] = self.tokenizer.pad_token_id
        for i, row in enumerate(rows):
            columns = slice(length - row.shape[1], length) if left else slice(0, row.shape[1])
            batch[:, i, columns] = row
        return Encoded(batch[0], *batch[1:].bool())

    def _row(self, prompt: Prompt, tokens: int) -> torch.Tensor:
        """(6, T): ids, ones, image, question, trigger, answer."""
        text, answer_at = self.render(prompt)
        coded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        question_at = text.index(prompt.question, text.index(self.image_token))
        question_end = question_at + len(prompt.question)
        spans = [(question_at + start, question_at + end) for start, end in prompt.inserted]
        columns: list[list[int]] = []
        ended = False
        for token, (start, end) in zip(coded["input_ids"], coded["offset_mapping"], strict=True):
            in_answer = start >= answer_at and not ended
            ended = ended or (in_answer and token == self.tokenizer.eos_token_id)
            column = [
                token,
                1,
                token == self.image_id,
                start < question_end and end > question_at,
                any(start < b and end > a for a, b in spans),
                in_answer,
            ]
            columns += [column] * (tokens if token == self.image_id else 1)
        return torch.tensor(columns, dtype=torch.long).T
