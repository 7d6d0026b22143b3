"""One interface to every large vision-language model: what defenses, attacks and the evaluator see of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import BaseImageProcessor, Cache, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from bench.lvlm.attention import NAME, Recorder, recording
from bench.lvlm.features import Features
from bench.lvlm.pixels import MODES, Backend, resize
from bench.lvlm.recompute import LARGE, prepare, recomputing
from bench.lvlm.text import Encoded, Prompt, TextEncoder

Layout = tuple[int, ...]
"""What the processor makes of a picture's size: height and width in pixels, or tiles, as a family has it."""


class Prefix(NamedTuple):
    """Keys and values of everything up to the end of the pictures: the same for any text that follows.

    Of a layer that has no keys, two tensors that it keeps instead.
    """

    length: int
    layers: list[tuple[torch.Tensor, torch.Tensor]]


class Forward(NamedTuple):
    """What one pass gives: answer NLL per sample (B,), summed over answer tokens (MMGuard Eq. 12), and the rows."""

    loss: torch.Tensor
    recorder: Recorder | None


class LVLM(ABC):
    """A loaded checkpoint with frozen weights. Images are float or uint8 levels in 0..255, (3, H, W)."""

    image_token: str
    placeholder: str | None = None
    """What the chat template gives a picture, where that is not the image token."""
    language_modules: str = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
    """Regular expression of the language model's linear layers; LoRA goes there."""
    projector_modules: str
    """Empty where the projector has no linear layers."""
    projector_parameters: tuple[str, ...] = ()
    """Ends of the names of the projector's matrices that are no linear layer's."""
    tower_modules: str
    tower: str
    """Name of the vision tower's module."""
    tower_prefixes: tuple[str, ...]
    """Parameter names of the vision tower, without what projects its features into the language model."""

    def __init__(
        self,
        name: str,
        revision: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        processor: BaseImageProcessor,
    ) -> None:
        self.name, self.revision = name, revision
        self.model = model.eval().requires_grad_(False)
        self.tokenizer, self.processor = tokenizer, processor
        self.features = Features()
        ends = model.generation_config.eos_token_id
        stops = ends if isinstance(ends, list) else [] if ends is None else [ends]
        self.text = TextEncoder(tokenizer, self.image_token, self.placeholder, stops)
        self.model.set_attn_implementation({"text_config": NAME})
        self.recomputes = model.num_parameters() >= LARGE
        if self.recomputes:
            prepare(model)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @property
    def embedding(self) -> torch.nn.Embedding:
        """The input embedding table of the language model."""
        return self.model.get_input_embeddings()

    # -- what a family knows -------------------------------------------------------------------------------------

    @abstractmethod
    def layout(self, size: tuple[int, int]) -> Layout:
        """What the processor makes of a picture of (height, width) `size`."""

    @abstractmethod
    def image_tokens(self, layout: Layout) -> str:
        """How a picture reads in the text: its image tokens, and what frames them."""

    @abstractmethod
    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Differentiable model inputs of pictures of any sizes, equal to the Hugging Face processor's."""

    @abstractmethod
    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Mean |delta| of the pixels under each image token, one (tokens,) a picture (MMGuard Eq. 22).

        `deltas` are differences of *preprocessed* pictures, without their first dimension.
        """

    @abstractmethod
    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Levels (N, 3, H, W) to the resized, cropped or tiled, and normalised (N, ...) that is cut into patches."""

    def position_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Extra inputs that go with the tokens, (..., T): positions, token types; none for some families."""
        return {}

    def tail_inputs(self, positions: dict[str, torch.Tensor], start: int) -> dict[str, torch.Tensor]:
        """`position_inputs` of the tokens from `start` on."""
        return {key: value[..., start:] for key, value in positions.items()}

    def processed(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        """What the Hugging Face processor itself gives for (H, W, 3) uint8 pictures: the trainer's pixels."""
        # Told, not guessed: a picture that is three pixels high looks like one whose channels come first.
        shown = self.processor(images=list(images), return_tensors="pt", input_data_format="channels_last")
        return dict(shown.to(self.device))

    def collate(self, pictures: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """One batch of what `processed` gave for single pictures."""
        return {key: torch.cat([picture[key] for picture in pictures]) for key in pictures[0]}

    def cache(self, layers: Sequence[tuple[torch.Tensor, torch.Tensor]] | None = None) -> Cache:
        """What the language model keeps: nothing yet, or a prefix's layers, which no pass may write to."""
        return DynamicCache(layers)

    @property
    def attending(self) -> Sequence[int]:
        """Indices of the decoder layers whose attention is over the tokens: what binding can bind."""
        return range(self.model.config.text_config.num_hidden_layers)

    # -- what is the same for all --------------------------------------------------------------------------------

    def resize(self, levels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Levels (..., 3, H, W) resized to (height, width) with the processor's kernel, as its library does it."""
        library: Backend = "torchvision" if self.processor.backend == "torchvision" else "pillow"
        return resize(levels, size, MODES[int(self.processor.resample)], library)

    def preprocess_each(self, images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """`preprocess` on the model's device for pictures of mixed sizes: those of one size go together."""
        done: dict[int, torch.Tensor] = {}
        for size in {tuple(image.shape) for image in images}:
            group = [i for i, image in enumerate(images) if tuple(image.shape) == size]
            done |= zip(group, self.preprocess(torch.stack([images[i] for i in group]).to(self.device)), strict=True)
        return [done[i] for i in range(len(images))]

    @torch.no_grad()
    def intensity(self, images: Sequence[torch.Tensor], clean: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Mean |delta| of the preprocessed pixels under each image token, one (tokens,) a picture (MMGuard Eq. 22)."""
        now, before = self.preprocess_each(images), self.preprocess_each(clean)
        return self.token_intensity([a - b for a, b in zip(now, before, strict=True)])

    def layouts(self, images: Sequence[torch.Tensor]) -> list[Layout]:
        """Layouts of pictures given as (3, H, W)."""
        return [self.layout((image.shape[-2], image.shape[-1])) for image in images]

    def encode(self, prompts: Sequence[Prompt], layouts: Sequence[Layout], *, left: bool = False) -> Encoded:
        """Token ids and spans of a batch."""
        return self.text.encode(prompts, [self.image_tokens(lay) for lay in layouts], left=left).to(self.device)

    @torch.no_grad()
    def prefix(self, encoded: Encoded, images: Sequence[torch.Tensor]) -> Prefix:
        """What the language model keeps of pictures, computed once and read by many passes over other texts.

        The pictures must have as many tokens each, at the same places.
        """
        length = int(encoded.image[0].nonzero().max()) + 1
        head, cache = encoded.columns(0, length), self.cache()
        inputs = {**self.pixel_values(images), **self.position_inputs(head, self.layouts(images))}
        self.model.model(
            input_ids=head.ids,
            attention_mask=head.mask.long(),
            past_key_values=cache,
            use_cache=True,
            **self.suited(inputs),
        )
        return Prefix(length, [(layer.keys, layer.values) for layer in cache.layers])

    def answer_loss(self, encoded: Encoded, hidden: torch.Tensor) -> torch.Tensor:
        """Sum of -log p over each sample's answer tokens, (B,); the head is applied at those positions only."""
        target = encoded.answer[:, 1:].to(hidden.device)
        logits = self.model.lm_head(hidden[:, :-1][target]).float()
        wanted = encoded.ids[:, 1:].to(hidden.device)[target].to(logits.device)
        nll = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
        owner = torch.arange(len(target), device=nll.device)[:, None].expand_as(target)[target.to(nll.device)]
        return nll.new_zeros(len(target)).index_add(0, owner, nll)

    def forward(
        self,
        encoded: Encoded,
        images: Sequence[torch.Tensor],
        *,
        recorder: Recorder | None = None,
        prefix: Prefix | None = None,
        inputs_embeds: torch.Tensor | None = None,
        positions: dict[str, torch.Tensor] | None = None,
    ) -> Forward:
        """Loss and attention rows in one pass over pictures (3, H, W), levels in 0..255.

        prefix: of these pictures, where it is at hand. inputs_embeds: embeddings to read instead of the ids'; of the
        tokens after the prefix, if there is one. positions: `position_inputs` to use instead of the mask's own.
        """
        positions = self.position_inputs(encoded, self.layouts(images)) if positions is None else positions
        if prefix is None:
            return self.forward_inputs(encoded, {**self.pixel_values(images), **positions}, recorder, inputs_embeds)
        inputs = {
            "attention_mask": encoded.mask.long(),
            "past_key_values": self.cache(prefix.layers),
            **self.tail_inputs(positions, prefix.length),
        }
        if recorder is not None:
            recorder.sets = [members[:, prefix.length :] for members in recorder.sets]
        return self.forward_inputs(encoded.columns(prefix.length), inputs, recorder, inputs_embeds)

    def forward_inputs(
        self,
        encoded: Encoded,
        inputs: dict[str, Any],
        recorder: Recorder | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> Forward:
        """The same on model inputs that are already made."""
        tokens = {"input_ids": encoded.ids} if inputs_embeds is None else {"inputs_embeds": inputs_embeds}
        again = self.recomputes and torch.is_grad_enabled() and "past_key_values" not in inputs
        with recording(recorder), recomputing(self.model) if again else nullcontext():
            hidden = self.model.model(
                **{"attention_mask": encoded.mask.long(), "use_cache": False, **tokens, **self.suited(inputs)}
            )[0]
        return Forward(self.answer_loss(encoded, hidden), recorder)

    def suited(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Pixels in the model's precision: perturbations, and the path to here, are float32 or better."""
        return {
            key: value.to(self.model.dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
            for key, value in inputs.items()
        }

    def loss(self, encoded: Encoded, images: Sequence[torch.Tensor]) -> torch.Tensor:
        """Per-sample answer NLL, (B,)."""
        return self.forward(encoded, images).loss

    def attention_rows(
        self, encoded: Encoded, images: Sequence[torch.Tensor], layers: Sequence[int], rows: Sequence[torch.Tensor]
    ) -> dict[int, list[torch.Tensor]]:
        """Mean attention rows of the query sets `rows` in `layers`: see `Recorder`."""
        recorder = Recorder(layers, rows)
        self.forward(encoded, images, recorder=recorder)
        return recorder.rows

    @torch.no_grad()
    def generate(self, questions: Sequence[str], images: Sequence[np.ndarray], max_new_tokens: int = 16) -> list[str]:
        """Greedy answers to questions about (H, W, 3) uint8 pictures, through the Hugging Face processor."""
        layouts = [self.layout(image.shape[:2]) for image in images]
        encoded = self.encode([Prompt(q) for q in questions], layouts, left=True)
        ids = self.model.generate(
            input_ids=encoded.ids,
            attention_mask=encoded.mask.long(),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.text.stops,
            **self.generation_inputs(encoded, layouts),
            **self.suited(self.processed(images)),
        )
        answers = self.tokenizer.batch_decode(ids[:, encoded.ids.shape[1] :], skip_special_tokens=True)
        return [answer.strip() for answer in answers]

    def generation_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Extra inputs of `generate`; none for most families."""
        return {}

    def save(self, folder: Path) -> None:
        """Write model, tokenizer, chat template and image processor side by side, in the standard files."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.processor.save_pretrained(folder)
