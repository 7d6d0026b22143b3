"""A trainer who holds some of the owner's clean originals."""

from numpy.random import Generator

from attacks.data.clean import chosen
from attacks.parts import Knowledge
from attacks.tune.lora_sft import LoraSFT
from bench.samples import SampleSet


class WithClean(LoraSFT):
    """LoRA of a trainer who knows a share of the owner's pictures; its options have `share`."""

    @property
    def needs(self) -> frozenset[str]:
        """See `Part.needs`."""
        return super().needs | {"owner"}

    def clean(self, own: Knowledge, rng: Generator) -> SampleSet:
        """The samples of those pictures; with the same seed the ones that `mix_clean` adds."""
        assert own.owner is not None
        pictures = chosen(own.owner, self.options.share, rng)
        return SampleSet(tuple(s for s in own.owner if s.image_id in pictures))
