"""The model's sizes, as `ModelConfig` of AltaCore has them, and which of its parameters train."""

from __future__ import annotations

import json
from dataclasses import dataclass

VIEWS = 4  # current frontal, current auxiliary, prior frontal, prior auxiliary


@dataclass(frozen=True)
class Shape:
    """The published model's; the names are those of the fixtures' metadata."""

    image_size: int = 224  # side of the encoder's input in pixels; the reconstruction target has twice this side
    patch_size: int = 16
    width: int = 768  # of the ViT and of BERT
    vision_depth: int = 12
    vision_heads: int = 12
    decoder_width: int = 768
    decoder_depth: int = 4
    decoder_heads: int = 6
    text_depth: int = 12
    text_heads: int = 12
    text_intermediate: int = 3072
    vocabulary: int = 30522
    max_tokens: int = 128
    max_positions: int = 512
    adapter_ratio: float = 0.25
    adapter_scale: float = 0.5
    projection: int = 128
    mask_ratio: float = 0.75
    normalize_pixels: bool = True

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch_size

    @property
    def patches(self) -> int:
        """Patches of a radiograph."""
        return self.grid**2

    @property
    def kept(self) -> int:
        """Patches of a radiograph that the encoder sees."""
        return int(self.patches * (1 - self.mask_ratio))

    @staticmethod
    def from_metadata(text: str) -> Shape:
        """The shape in a fixture's metadata."""
        return Shape(**json.loads(text))


PRESETS = {
    "alta-base": Shape(),
    "alta-small": Shape(
        width=384, vision_heads=6, decoder_width=384, text_depth=6, text_heads=6, text_intermediate=1536
    ),
    "alta-tiny": Shape(
        width=64, vision_depth=4, vision_heads=4, decoder_width=64, decoder_depth=1, decoder_heads=4,
        text_depth=4, text_heads=4, text_intermediate=256, projection=64,
    ),
}  # fmt: skip

TRAINABLE = (
    "head", "norm", "Norm", "adapter", "Adapter", "logit_scale", "cls_token", "temporal_embedding", "view_embedding",
    "decoder_embed", "bert_encoder.cls.predictions", "mask_token", "decoder_pred",
)  # fmt: skip


def is_trainable(name: str) -> bool:
    """The published rule: a parameter trains where its name has one of these in it; all others stay frozen."""
    return any(part in name for part in TRAINABLE)
