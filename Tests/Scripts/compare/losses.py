"""The four losses of ALTA over the global batch, from what one or several processes encoded of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from model import Encoded
from shapes import Shape
from studies import Batch


class Counts(NamedTuple):
    """What the losses divide by, over the global batch."""

    words: Tensor  # [B], words of a report that enter the local loss: [CLS] is left out
    hidden_patches: int
    masked_tokens: int


class Losses(NamedTuple):
    """Their sum is minimised."""

    global_contrastive: Tensor
    local_contrastive: Tensor
    image_reconstruction: Tensor
    masked_language: Tensor

    def total(self) -> Tensor:
        """With weight 1 each, as published."""
        return torch.stack(self).sum()


class GatherRows(torch.autograd.Function):
    """Rows of all ranks, in the order of `Batch.share`; the gradient is summed over ranks."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ranks = dist.get_world_size()
        gathered = [torch.empty_like(rows) for _ in range(ranks)]
        dist.all_gather(gathered, rows.contiguous())
        return torch.stack(gathered, 1).flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous()
        dist.all_reduce(gradient)
        return gradient[dist.get_rank() :: dist.get_world_size()]


def gather(encoded: Encoded) -> Encoded:
    """All ranks' embeddings, by one collective."""
    fields = encoded[:4]
    rows = GatherRows.apply(torch.cat([field.flatten(1) for field in fields], 1))
    parts = rows.split([field[0].numel() for field in fields], 1)
    whole = [part.unflatten(1, field.shape[1:]) for part, field in zip(parts, fields)]
    return encoded._replace(**dict(zip(Encoded._fields, whole)))


def count(batch: Batch, shape: Shape) -> Counts:
    """Of a global batch."""
    hidden = len(batch.ids) * (shape.patches - shape.kept)
    return Counts(batch.is_token.sum(1) - 1, hidden, len(batch.masked_words))


def global_loss(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE of unit vectors `[B, d]`."""
    logits = scale * image @ text.T
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def local_similarity(patches: Tensor, words: Tensor, is_word: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
    """Similarity `[images, reports]` of `patches [I, P, d]` and `words [R, W, d]`, of which `is_word [R, W]` count.

    Affinities are normalised over words, then (times `t1`) over patches; each word meets its patches' mean by cosine, and
    the words are pooled by logsumexp (times `t2`).
    """
    ignored = ~is_word[None, :, :, None]
    affinity = torch.einsum("rwd,ipd->irwp", words, patches)
    affinity = affinity.masked_fill(ignored, -torch.inf).softmax(2)
    context = torch.einsum("irwp,ipd->irwd", (t1 * affinity).softmax(-1), patches)
    norms = words.norm(dim=-1) * context.norm(dim=-1)
    cosine = torch.einsum("rwd,irwd->irw", words, context) / norms.clamp(min=1e-8)
    return (t2 * cosine).masked_fill(~is_word, -torch.inf).logsumexp(-1)


def local_loss(patches: Tensor, words: Tensor, counts: Tensor, t1: Tensor, t2: Tensor, t3: Tensor) -> Tensor:
    """Symmetric InfoNCE of the local similarities; the first `counts [B]` of each report's `words` count."""
    is_word = torch.arange(words.shape[1]) < counts[:, None]
    logits = t3 * local_similarity(patches, words, is_word, t1, t2)
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def losses(encoded: Encoded, counts: Counts, ranks: int) -> Losses:
    """Of the global batch; gradients averaged over ranks (as DDP does) are those of the sum.

    The contrastive losses are whole on every rank. The other two are each rank's part, times the number of ranks.
    """
    whole = gather(encoded) if ranks > 1 else encoded
    scale, t1, t2, t3 = whole.scales.unbind()
    return Losses(
        global_contrastive=global_loss(whole.image_global, whole.text_global, scale),
        local_contrastive=local_loss(whole.image_local, whole.text_local, counts.words, t1, t2, t3),
        image_reconstruction=ranks * encoded.image_error / counts.hidden_patches,
        masked_language=ranks * encoded.text_error / counts.masked_tokens,
    )
