"""The one interface of defenses, attacks and the evaluator to every large vision-language model."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import (
    BaseImageProcessor,
    Cache,
    DynamicCache,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from bench.lvlm.attention import IMPLEMENTATION, Recorder, record_into
from bench.lvlm.feature_cache import FeatureCache
from bench.lvlm.pixels import MODES, Backend, resize
from bench.lvlm.recompute import LARGE_MODEL, enable_recomputation, recompute_activations
from bench.lvlm.text import Encoded, Prompt, TextEncoder
from bench.lvlm.workers import map_threads
from bench.victims.recipes import Recipe, choose_recipe

Layout = tuple[int, ...]
"""The shape that a processor gives a picture: height and width in pixels, or in tiles; each family has its own."""


class Prefix(NamedTuple):
    """Keys and values of every layer up to the end of the pictures, which are the same for any text that follows.

    length: number of tokens. A layer without attention has two tensors of its recurrent state instead.
    """

    length: int
    layers: list[tuple[torch.Tensor, torch.Tensor]]


class Forward(NamedTuple):
    """The result of one pass.

    loss: NLL of each sample's answer (B,), summed over its tokens (MMGuard Eq. 12). recorder: the one that was passed
    in, with its attention rows.
    """

    loss: torch.Tensor
    recorder: Recorder | None


class LVLM(ABC):
    """A loaded checkpoint with frozen weights. Images are float or uint8 levels in 0..255, (3, H, W)."""

    image_token: str
    placeholder: str | None = None
    """Text that the chat template writes for a picture; None where that is the image token."""
    language_modules: str = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
    """Regular expression for the names of the language model's linear layers, for LoRA."""
    projector_modules: str
    """The same for the projector; empty where it has no linear layers."""
    projector_parameters: tuple[str, ...] = ()
    """Ends of the names of the projector's matrices that belong to no linear layer."""
    tower_modules: str
    """Regular expression for the names of the vision tower's linear layers."""
    tower: str
    """Name of the vision tower's module."""
    tower_prefixes: tuple[str, ...]
    """Beginnings of the names of the tower's parameters, without those of the projector."""

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
        self.feature_cache = FeatureCache()
        ends = model.generation_config.eos_token_id
        stops = [end for end in (ends if isinstance(ends, list) else [ends]) if end is not None]
        self.text = TextEncoder(tokenizer, self.image_token, self.placeholder, stops)
        self.model.set_attn_implementation({"text_config": IMPLEMENTATION})
        self.recomputes = model.num_parameters() >= LARGE_MODEL
        if self.recomputes:
            enable_recomputation(model)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        device: torch.device = self.model.device
        return device

    @property
    def recipe(self) -> Recipe:
        """The usual fine-tuning of a model with so many parameters."""
        return choose_recipe(self.model.num_parameters())

    @property
    def embedding(self) -> torch.nn.Embedding:
        """The input embedding table of the language model."""
        table: torch.nn.Embedding = self.model.get_input_embeddings()
        return table

    # -- defined by each family ----------------------------------------------------------------------------------

    @abstractmethod
    def layout(self, size: tuple[int, int]) -> Layout:
        """Return the layout that the processor gives a picture of (height, width) `size`."""

    @abstractmethod
    def image_tokens(self, layout: Layout) -> str:
        """Return a picture as text: its image tokens and the tokens that frame them."""

    @abstractmethod
    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return differentiable model inputs of pictures of any sizes, equal to the Hugging Face processor's."""

    @abstractmethod
    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the mean |delta| of the pixels under each image token, (tokens,) for each picture (MMGuard Eq. 22).

        `deltas` are differences of *preprocessed* pictures, without their first dimension.
        """

    @abstractmethod
    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Resize, crop or tile, and normalise levels (N, 3, H, W); the result (N, ...) is then cut into patches."""

    def position_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Return extra inputs of the tokens, (..., T), such as positions and token types; empty for some families."""
        return {}

    def tail_inputs(self, positions: dict[str, torch.Tensor], start: int) -> dict[str, torch.Tensor]:
        """Return the part of `position_inputs` for the tokens from `start` on."""
        return {key: value[..., start:] for key, value in positions.items()}

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        """Run the Hugging Face processor on (H, W, 3) uint8 pictures, as a trainer does.

        Returns its model inputs, in main memory.
        """
        # The processor would guess the format: a picture three pixels high looks like one with channels first.
        return dict(self.processor(images=list(images), return_tensors="pt", input_data_format="channels_last"))

    def process_each(self, images: Sequence[np.ndarray]) -> list[dict[str, torch.Tensor]]:
        """Run the processor on each picture by itself, side by side on the cores that may be used."""
        return map_threads(lambda image: self.run_processor([image]), images)

    def collate(self, pictures: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Join the results of `process_each` into one batch."""
        return {key: torch.cat([picture[key] for picture in pictures]) for key in pictures[0]}

    def make_cache(self, layers: Sequence[tuple[torch.Tensor, torch.Tensor]] | None = None) -> Cache:
        """Return an empty cache of the language model, or one that starts with the layers of a prefix.

        No pass may write into the tensors of the prefix.
        """
        return DynamicCache(layers)

    @property
    def attention_layers(self) -> Sequence[int]:
        """Indices of the decoder layers that attend to the tokens of the text, which attention binding can use."""
        return range(self.model.config.text_config.num_hidden_layers)

    # -- the same for all families -------------------------------------------------------------------------------

    def resize(self, levels: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Resize levels (..., 3, H, W) to (height, width) with the kernel and the rounding of the processor."""
        library: Backend = "torchvision" if self.processor.backend == "torchvision" else "pillow"
        return resize(levels, size, MODES[int(self.processor.resample)], library)

    def preprocess_each(self, images: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Preprocess pictures of mixed sizes on the model's device, those of one size together."""
        results: dict[int, torch.Tensor] = {}
        for size in {tuple(image.shape) for image in images}:
            group = [i for i, image in enumerate(images) if tuple(image.shape) == size]
            results |= zip(group, self.preprocess(torch.stack([images[i] for i in group]).to(self.device)), strict=True)
        return [results[i] for i in range(len(images))]

    @torch.no_grad()
    def intensity(self, images: Sequence[torch.Tensor], clean: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return `token_intensity` of the differences between pictures and their clean versions (MMGuard Eq. 22)."""
        perturbed, original = self.preprocess_each(images), self.preprocess_each(clean)
        return self.token_intensity([a - b for a, b in zip(perturbed, original, strict=True)])

    def layouts(self, images: Sequence[torch.Tensor]) -> list[Layout]:
        """Return the layouts of pictures (3, H, W)."""
        return [self.layout((image.shape[-2], image.shape[-1])) for image in images]

    def encode(self, prompts: Sequence[Prompt], layouts: Sequence[Layout], *, left: bool = False) -> Encoded:
        """Return the token ids and spans of a batch on the model's device; `left` pads left, for generation."""
        return self.text.encode(prompts, [self.image_tokens(layout) for layout in layouts], left=left).to(self.device)

    @torch.no_grad()
    def compute_prefix(self, encoded: Encoded, images: Sequence[torch.Tensor]) -> Prefix:
        """Compute the keys and values of pictures once, for many passes over different texts about them.

        Every picture must have the same number of tokens, at the same positions.
        """
        length = int(encoded.image[0].nonzero().max()) + 1
        head, cache = encoded.columns(0, length), self.make_cache()
        inputs = {**self.pixel_values(images), **self.position_inputs(head, self.layouts(images))}
        self.model.model(
            input_ids=head.ids,
            attention_mask=head.mask.long(),
            past_key_values=cache,
            use_cache=True,
            **self.to_model(inputs),
        )
        return Prefix(length, [(layer.keys, layer.values) for layer in cache.layers])

    def answer_loss(self, encoded: Encoded, hidden: torch.Tensor) -> torch.Tensor:
        """Return the sum of -log p over each sample's answer tokens, (B,); applies the head at those tokens only."""
        is_answer = encoded.answer[:, 1:].to(hidden.device)
        logits = self.model.lm_head(hidden[:, :-1][is_answer]).float()
        targets = encoded.ids[:, 1:].to(hidden.device)[is_answer].to(logits.device)
        nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        rows = torch.arange(len(is_answer), device=nll.device)[:, None].expand_as(is_answer)
        return nll.new_zeros(len(is_answer)).index_add(0, rows[is_answer.to(nll.device)], nll)

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
        """Compute loss and attention rows in one pass over pictures (3, H, W), levels in 0..255.

        recorder: takes the attention rows. prefix: that of these pictures, which saves computing it again.
        inputs_embeds: embeddings to use instead of those of the ids; with a prefix, of the tokens after it.
        positions: `position_inputs` to use instead of those of `encoded`.
        """
        positions = self.position_inputs(encoded, self.layouts(images)) if positions is None else positions
        if prefix is None:
            return self.forward_inputs(encoded, {**self.pixel_values(images), **positions}, recorder, inputs_embeds)
        inputs = {
            "attention_mask": encoded.mask.long(),
            "past_key_values": self.make_cache(prefix.layers),
            **self.tail_inputs(positions, prefix.length),
        }
        tail_recorder = None if recorder is None else recorder.from_column(prefix.length)
        return self.forward_inputs(encoded.columns(prefix.length), inputs, tail_recorder, inputs_embeds)

    def forward_inputs(
        self,
        encoded: Encoded,
        inputs: dict[str, Any],
        recorder: Recorder | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> Forward:
        """Compute the same from ready model inputs: pictures, positions, and a cache where there is one."""
        tokens = {"input_ids": encoded.ids} if inputs_embeds is None else {"inputs_embeds": inputs_embeds}
        recompute = self.recomputes and torch.is_grad_enabled() and "past_key_values" not in inputs
        with record_into(recorder), recompute_activations(self.model) if recompute else nullcontext():
            hidden = self.model.model(
                **{"attention_mask": encoded.mask.long(), "use_cache": False, **tokens, **self.to_model(inputs)}
            )[0]
        return Forward(self.answer_loss(encoded, hidden), recorder)

    def to_model(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Move tensors to the model's device and cast those of floats to its precision.

        Before this, perturbed pixels are float32 or better.
        """
        return {
            key: value.to(self.device, self.model.dtype if value.is_floating_point() else value.dtype)
            if isinstance(value, torch.Tensor)
            else value
            for key, value in inputs.items()
        }

    def loss(self, encoded: Encoded, images: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the NLL of each sample's answer, (B,)."""
        return self.forward(encoded, images).loss

    def attention_rows(
        self, encoded: Encoded, images: Sequence[torch.Tensor], layers: Sequence[int], rows: Sequence[torch.Tensor]
    ) -> dict[int, list[torch.Tensor]]:
        """Return the mean attention rows of the query masks `rows` in `layers`, as `Recorder.rows` has them."""
        recorder = Recorder(layers, rows)
        self.forward(encoded, images, recorder=recorder)
        return recorder.rows

    @torch.no_grad()
    def generate(self, questions: Sequence[str], images: Sequence[np.ndarray], max_new_tokens: int = 16) -> list[str]:
        """Return greedy answers to questions about (H, W, 3) uint8 pictures, read by the Hugging Face processor."""
        layouts = [self.layout(image.shape[:2]) for image in images]
        encoded = self.encode([Prompt(q) for q in questions], layouts, left=True)
        greedy = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.text.stops,
        )
        ids = self.model.generate(
            input_ids=encoded.ids,
            attention_mask=encoded.mask.long(),
            generation_config=greedy,
            **self.generation_inputs(encoded, layouts),
            **self.to_model(self.collate(self.process_each(images))),
        )
        answers = self.tokenizer.batch_decode(ids[:, encoded.ids.shape[1] :], skip_special_tokens=True)
        return [answer.strip() for answer in answers]

    def generation_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Return extra inputs of the model's `generate`; empty for most families."""
        return {}

    def save(self, folder: Path) -> None:
        """Write model, tokenizer, chat template and image processor side by side, in the standard files."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.processor.save_pretrained(folder)
