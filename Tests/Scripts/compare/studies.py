"""Batches: of noise, with the shapes and costs of `alta-worker bench step`, and from fixtures."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from shapes import VIEWS, Shape


class Batch(NamedTuple):
    """B studies as a data loader hands them over, S the side of the encoder's input, P patches, T tokens, M masked."""

    views: Tensor  # [B, 4, 3, S, S]
    target: Tensor  # [B, 3, 2 S, 2 S], the current frontal view to reconstruct
    is_absent: Tensor  # [B, 4]
    order: Tensor  # [B, 4, P], patches in the order of the mask: the kept ones first
    ids: Tensor  # [B, T]
    masked_ids: Tensor  # [B, T]
    is_token: Tensor  # [B, T], false at padding
    masked_positions: Tensor  # [M], in the flattened [B T]
    masked_words: Tensor  # [M]

    def share(self, rank: int, ranks: int) -> Batch:
        """Every `ranks`-th study from `rank` on, padded as the whole batch is."""
        rows = slice(rank, None, ranks)
        words = torch.full(self.ids.shape, -1).flatten().scatter(0, self.masked_positions, self.masked_words)
        words = words.view(self.ids.shape)[rows].flatten()
        positions = (words >= 0).nonzero().flatten()
        own = {name: getattr(self, name)[rows].contiguous() for name in self._fields[:7]}
        return self._replace(**own, masked_positions=positions, masked_words=words[positions])


def collate(tensors: dict[str, Tensor], shape: Shape) -> Batch:
    """A batch of the fixtures' tensors, padded to its longest report."""
    frontal = F.interpolate(
        tensors["images"], size=(shape.image_size, shape.image_size), mode="bicubic", antialias=True
    )
    views = torch.stack([frontal, tensors["auxiliary"], tensors["prior"], tensors["prior_auxiliary"]], 1)
    longest = int(tensors["attention_mask"].sum(1).max())
    labels = tensors["labels"][:, :longest].flatten()
    positions = (labels != -100).nonzero().flatten()
    return Batch(
        views=views,
        target=tensors["images"],
        is_absent=(views == 0).flatten(2).all(-1),
        order=tensors["noise"].argsort(dim=-1),
        ids=tensors["ids"][:, :longest].contiguous(),
        masked_ids=tensors["masked_ids"][:, :longest].contiguous(),
        is_token=tensors["attention_mask"][:, :longest] > 0,
        masked_positions=positions,
        masked_words=labels[positions],
    )


def token_counts(count: int, mean: int, longest: int) -> list[int]:
    """Lengths of reports, spread evenly between the longest and as far below the mean, as `SyntheticStudies` does."""
    shortest = max(3, 2 * mean - longest)
    span = 2 * (mean - shortest)
    return [shortest + round(span * (k + 0.5) / count) for k in range(count)]


def synthetic(shape: Shape, count: int, mean_tokens: int, seed: int = 1) -> Batch:
    """`count` studies of noise. Every second lacks the auxiliary view, every third the prior, two of three the other."""
    generator = torch.Generator().manual_seed(seed)

    def image(side: int) -> Tensor:
        return torch.randn(count, 1, side, side, generator=generator).expand(-1, 3, -1, -1).contiguous()

    row = torch.arange(count)
    tensors = {"images": image(2 * shape.image_size)}
    absent = {"auxiliary": row % 2 == 1, "prior": row % 3 == 1, "prior_auxiliary": row % 3 != 0}
    for name, missing in absent.items():
        tensors[name] = image(shape.image_size).masked_fill_(missing[:, None, None, None], 0)
    tensors["noise"] = torch.rand(count, VIEWS, shape.patches, generator=generator)
    counts = torch.tensor(token_counts(count, mean_tokens, shape.max_tokens))
    counts = counts[torch.randperm(count, generator=generator)]
    tensors |= reports(shape, counts, generator)
    return collate(tensors, shape)


def reports(shape: Shape, counts: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Random words between [CLS] and [SEP], half of them masked; `counts [B]` tokens."""
    size, position = (len(counts), shape.max_tokens), torch.arange(shape.max_tokens)
    is_token = position < counts[:, None]
    ids = torch.randint(5, shape.vocabulary, size, generator=generator)
    ids[:, 0] = 2
    ids[torch.arange(len(counts)), counts - 1] = 3
    ids *= is_token
    chosen = (torch.rand(size, generator=generator) < 0.5) & (position > 0) & (position < counts[:, None] - 1)
    return {
        "ids": ids,
        "masked_ids": ids.masked_fill(chosen, 4),
        "labels": ids.masked_fill(~chosen, -100),
        "attention_mask": is_token.long(),
    }
