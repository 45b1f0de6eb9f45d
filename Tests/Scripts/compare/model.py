"""ALTA in PyTorch, as an engineer who wants it fast writes it; nothing in it is special to this comparison.

Patches are embedded after masking and the hidden ones are dropped before the encoder, attention is PyTorch's fused kernel,
pixels are predicted at hidden patches and words at masked tokens only. Reports are padded to the longest of the batch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layers import DecoderBlock, Named, ProjectionHead, TextLayer, VisionBlock
from shapes import VIEWS, Shape, is_trainable
from studies import Batch

SCALES = ("logit_scale", "logit_scale_local1", "logit_scale_local2", "logit_scale_local3")


class Encoded(NamedTuple):
    """What a process computes of its own studies: b studies, T tokens, k kept patches, d the joint space."""

    image_global: Tensor  # [b, d], unit vectors
    text_global: Tensor  # [b, d], unit vectors
    image_local: Tensor  # [b, 4 k, d]
    text_local: Tensor  # [b, T - 1, d]
    image_error: Tensor  # summed over hidden patches
    text_error: Tensor  # summed over masked tokens
    scales: Tensor  # [4], of the logits


class TextEncoder(nn.Module):
    """BERT with adapters, its heads, and the masked-language head whose output matrix is the word embeddings."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        width = shape.width
        self.bert = Named(
            embeddings=Named(
                word_embeddings=nn.Embedding(shape.vocabulary, width),
                position_embeddings=nn.Embedding(shape.max_positions, width),
                token_type_embeddings=nn.Embedding(2, width),
                LayerNorm=nn.LayerNorm(width, eps=1e-12),
            ),
            encoder=Named(layer=nn.ModuleList(TextLayer(shape, dropout) for _ in range(shape.text_depth))),
        )
        transform = Named(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=1e-12))
        self.cls = Named(predictions=Named(bias=nn.Parameter(torch.zeros(shape.vocabulary)), transform=transform))
        self.cls_projection_head = ProjectionHead(width, shape.projection)
        self.local_projection_head = ProjectionHead(width, shape.projection)
        self.dropout = dropout

    def forward(self, batch: Batch, study: Tensor) -> tuple[Tensor, Tensor]:
        """Intact and masked reports, `[b, T, width]` each; `study [b, width]` is added to the masked ones' tokens."""
        embeddings = self.bert.embeddings
        ids = torch.cat([batch.ids, batch.masked_ids])
        x = embeddings.word_embeddings(ids) + embeddings.position_embeddings.weight[: ids.shape[1]]
        x = F.dropout(embeddings.LayerNorm(x + embeddings.token_type_embeddings.weight[0]), self.dropout)
        intact, masked = x.chunk(2)
        x = torch.cat([intact, masked + study[:, None]])
        mask = batch.is_token.repeat(2, 1)[:, None, None, :]
        for layer in self.bert.encoder.layer:
            x = layer(x, mask)
        intact, masked = x.chunk(2)
        return intact, masked

    def word_error(self, masked: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy summed over the masked tokens."""
        head = self.cls.predictions
        x = masked.flatten(0, 1)[batch.masked_positions]
        x = head.transform.LayerNorm(F.gelu(head.transform.dense(x)))
        logits = F.linear(x, self.bert.embeddings.word_embeddings.weight, head.bias)
        return F.cross_entropy(logits.float(), batch.masked_words, reduction="sum")


class Alta(nn.Module):
    """The whole model. One call computes all that a process can compute without the others."""

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        width, narrow = shape.width, shape.decoder_width
        self.patch_embed = Named(proj=nn.Conv2d(3, width, shape.patch_size, shape.patch_size))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.missing_token = nn.Parameter(torch.zeros(1, shape.patches, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.patches + 1, width))
        self.temporal_embedding = nn.Parameter(torch.zeros(1, 2, width))
        self.view_embedding = nn.Parameter(torch.zeros(1, 2, width))
        self.blocks = nn.ModuleList(VisionBlock(shape) for _ in range(shape.vision_depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.bert_embed = nn.Linear(width, width)
        self.decoder_embed = nn.Linear(width, narrow)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, narrow))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, shape.patches + 1, narrow))
        self.decoder_blocks = nn.ModuleList(
            DecoderBlock(narrow, shape.decoder_heads) for _ in range(shape.decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(narrow, eps=1e-6)
        self.decoder_pred = nn.Linear(narrow, 3 * (2 * shape.patch_size) ** 2)
        self.projection_head = ProjectionHead(width, shape.projection)
        self.local_projection_head = ProjectionHead(width, shape.projection)
        for name in SCALES:
            setattr(self, name, nn.Parameter(torch.tensor(math.log(1 / 0.07))))
        self.bert_encoder = TextEncoder(shape, dropout)
        for name, parameter in self.named_parameters():
            parameter.requires_grad = is_trainable(name)

    def forward(self, batch: Batch) -> Encoded:
        states = self.encode_views(batch)
        study = states[:, :, 0].mean(1)
        intact, masked = self.bert_encoder(batch, self.bert_embed(study))
        return Encoded(
            image_global=F.normalize(self.projection_head(study).float(), dim=-1),
            text_global=F.normalize(self.bert_encoder.cls_projection_head(intact[:, 0]).float(), dim=-1),
            image_local=self.local_projection_head(states[:, :, 1:].flatten(1, 2)).float(),
            text_local=self.bert_encoder.local_projection_head(intact[:, 1:]).float(),
            image_error=self.pixel_error(states[:, 0], batch),
            text_error=self.bert_encoder.word_error(masked, batch),
            scales=torch.stack([getattr(self, name) for name in SCALES]).exp(),
        )

    def encode_views(self, batch: Batch) -> Tensor:
        """The ViT's states, `[b, 4, 1 + k, width]`."""
        x = self.embed_patches(batch)
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        views = self.view_embedding[0].repeat(2, 1)  # frontal, auxiliary, frontal, auxiliary
        times = self.temporal_embedding[0].repeat_interleave(2, 0)  # current, current, prior, prior
        x = torch.cat([cls, x], 1) + (views + times).repeat(len(batch.ids), 1)[:, None]
        for block in self.blocks:
            x = block(x)
        return self.norm(x).unflatten(0, (-1, VIEWS))

    def embed_patches(self, batch: Batch) -> Tensor:
        """Kept patches with their positions, `[4 b, k, width]`; an absent view's are one token's."""
        kept = batch.order.flatten(0, 1)[:, : self.shape.kept]
        pixels = patches(batch.views.flatten(0, 1), kept, self.shape).flatten(2)
        x = F.linear(pixels, self.patch_embed.proj.weight.flatten(1), self.patch_embed.proj.bias)
        absent = batch.is_absent.flatten()[:, None, None]
        return torch.where(absent, self.missing_token[0][kept], x) + self.pos_embed[0, 1:][kept]

    def pixel_error(self, states: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of each hidden patch of the current frontal view, summed. `states [b, 1 + k, width]`.

        Attention does not see the order of its rows: they stay in the order of the mask, kept ones first.
        """
        x = self.decoder_embed(states)
        order, kept = batch.order[:, 0], self.shape.kept
        hidden = self.mask_token.expand(len(x), self.shape.patches - kept, -1).to(x.dtype)
        places = torch.cat([torch.zeros_like(order[:, :1]), 1 + order], 1)
        x = torch.cat([x, hidden], 1) + self.decoder_pos_embed[0][places]
        for block in self.decoder_blocks:
            x = block(x)
        predicted = self.decoder_pred(self.decoder_norm(x[:, 1 + kept :])).float()
        target = patches(batch.target, order[:, kept:], self.shape).permute(0, 1, 3, 4, 2).flatten(2)
        if self.shape.normalize_pixels:
            target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
        return (predicted - target).square().mean(-1).sum()


def patches(images: Tensor, chosen: Tensor, shape: Shape) -> Tensor:
    """Of `images [n, 3, S, S]` the patches `chosen [n, m]` of the grid: `[n, m, 3, S / grid, S / grid]`."""
    tiled = images.unflatten(-1, (shape.grid, -1)).unflatten(-3, (shape.grid, -1))
    image = torch.arange(len(images))[:, None]
    return tiled[image, :, chosen // shape.grid, :, chosen % shape.grid, :]
