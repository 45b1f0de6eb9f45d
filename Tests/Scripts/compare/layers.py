"""Layers of the PyTorch side. Parameters have the published names, so that fixtures load into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from shapes import Shape


class Named(nn.Module):
    """A namespace for parameter names; BERT's have a child called `self`, hence the first parameter's name."""

    def __init__(this, /, **children: nn.Module | nn.Parameter) -> None:
        super(Named, this).__init__()
        for name, child in children.items():
            setattr(this, name, child)

    if TYPE_CHECKING:  # the children's types are not known by name

        def __getattr__(self, name: str) -> Any: ...


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None, dropout: float) -> Tensor:
    """Multi-head attention by PyTorch's fused kernel; all of `[N, T, width]`, `mask` true where a key is read."""
    query, key, value = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return out.transpose(1, 2).flatten(2)


class Adapter(nn.Module):
    """Down, GELU, up. In sequence (`skip`) it adds its input, beside a layer it does not."""

    def __init__(self, width: int, ratio: float, skip: bool) -> None:
        super().__init__()
        hidden = int(width * ratio)
        self.D_fc1, self.D_fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        y = self.D_fc2(F.gelu(self.D_fc1(x)))
        return x + y if self.skip else y


class SelfAttention(nn.Module):
    """The ViT's attention, query, key and value in one product."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        return self.proj(attend(query, key, value, self.heads, None, 0.0))


class FeedForward(nn.Module):
    """Up, GELU, down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class DecoderBlock(nn.Module):
    """A ViT block: norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=1e-6), SelfAttention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width, eps=1e-6), FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionBlock(DecoderBlock):
    """A ViT block with an adapter after attention and another beside the feed-forward layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape.width, shape.vision_heads)
        self.attn_adapter = Adapter(shape.width, shape.adapter_ratio, skip=True)
        self.mlp_adapter = Adapter(shape.width, shape.adapter_ratio, skip=False)
        self.scale = shape.adapter_scale

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn_adapter(self.attn(self.norm1(x)))
        n = self.norm2(x)
        return x + self.mlp(n) + self.scale * self.mlp_adapter(n)


class ProjectionHead(nn.Module):
    """Into the joint embedding space."""

    def __init__(self, width: int, projection: int) -> None:
        super().__init__()
        self.dense_to_hidden = nn.Linear(width, projection)
        self.dense_to_output = nn.Linear(projection, projection)
        self.LayerNorm = nn.LayerNorm(projection, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense_to_output(self.LayerNorm(F.gelu(self.dense_to_hidden(x))))


class TextLayer(nn.Module):
    """A BERT layer (norms last) with an adapter after attention and another beside the feed-forward layer."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        width, wide = shape.width, shape.text_intermediate
        self.attention = Named(
            self=Named(query=nn.Linear(width, width), key=nn.Linear(width, width), value=nn.Linear(width, width)),
            output=Named(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=1e-12)),
        )
        self.intermediate = Named(dense=nn.Linear(width, wide))
        self.output = Named(dense=nn.Linear(wide, width), LayerNorm=nn.LayerNorm(width, eps=1e-12))
        self.attn_adapter = Adapter(width, shape.adapter_ratio, skip=True)
        self.mlp_adapter = Adapter(width, shape.adapter_ratio, skip=False)
        self.heads, self.scale, self.dropout = shape.text_heads, shape.adapter_scale, dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        read, out = self.attention.self, self.attention.output
        a = attend(read.query(x), read.key(x), read.value(x), self.heads, mask, self.dropout)
        a = F.dropout(out.dense(a), self.dropout)
        a = self.attn_adapter(out.LayerNorm(a + x))
        m = F.dropout(self.output.dense(F.gelu(self.intermediate.dense(a))), self.dropout)
        return self.output.LayerNorm(m + a) + self.scale * self.mlp_adapter(a)
