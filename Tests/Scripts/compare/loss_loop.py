"""Both contrastive losses as they are published: every report against all studies, one report after the other."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from losses import global_loss

# As alta_reference.py has them: patches [B, P, d], words [B, longest, d], counts [B], three temperatures.
LocalLoss = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
GlobalLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


def similarity(patches: Tensor, words: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
    """Of every study with one report: `patches [B, P, d]`, `words [W, d]` give `[B]`."""
    affinity = (patches @ words.T).softmax(-1)
    context = (t1 * affinity.transpose(1, 2)).softmax(-1) @ patches
    norms = words.norm(dim=-1) * context.norm(dim=-1)
    cosine = (words * context).sum(-1) / norms.clamp(min=1e-8)
    return (t2 * cosine).logsumexp(-1)


def local_loss(patches: Tensor, words: Tensor, counts: Tensor, t1: Tensor, t2: Tensor, t3: Tensor) -> Tensor:
    """Symmetric InfoNCE; the first `counts[j]` of report j's words count."""
    columns = [similarity(patches, words[report, :count], t1, t2) for report, count in enumerate(counts.tolist())]
    logits = t3 * torch.stack(columns, 1)
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def loss_functions(reference: Path | None) -> tuple[GlobalLoss, LocalLoss]:
    """This file's, or those of alta_reference.py at that path."""
    if reference is None:
        return global_loss, local_loss
    spec = importlib.util.spec_from_file_location("alta_reference", reference)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module.global_loss, module.local_loss


@dataclass(frozen=True)
class Embeddings:
    """A batch that `alta-worker bench loss --dump` wrote, ready for gradients, and what it found of it."""

    image_global: Tensor  # [B, d]
    text_global: Tensor  # [B, d]
    image_local: Tensor  # [B, P, d]
    text_local: Tensor  # [B, longest, d], zero where a report has ended
    scales: Tensor  # [4], logarithms
    counts: Tensor  # [B]
    expected: dict[str, Tensor]  # losses [2], gradients/*

    @staticmethod
    def read(path: Path) -> Embeddings:
        """Reads the whole file."""
        tensors = load_file(path)
        counts = tensors["embeddings/words"]

        def padded(words: Tensor) -> Tensor:
            return torch.nn.utils.rnn.pad_sequence(list(words.split(counts.tolist())), batch_first=True)

        expected = {name: value for name, value in tensors.items() if name.startswith(("losses", "gradients/"))}
        expected["gradients/text_local"] = padded(expected["gradients/text_local"])
        return Embeddings(
            image_global=tensors["embeddings/image_global"].requires_grad_(),
            text_global=tensors["embeddings/text_global"].requires_grad_(),
            image_local=tensors["embeddings/image_local"].requires_grad_(),
            text_local=padded(tensors["embeddings/text_local"]).requires_grad_(),
            scales=tensors["scales"].requires_grad_(),
            counts=counts,
            expected=expected,
        )

    def leaves(self) -> dict[str, Tensor]:
        """What gradients are taken of."""
        names = ("image_global", "text_global", "image_local", "text_local", "scales")
        return {name: getattr(self, name) for name in names}
