"""A training step of the PyTorch side, in one process or in several under DDP over gloo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from losses import Counts, Losses, losses
from model import SCALES, Alta
from studies import Batch


@dataclass(frozen=True)
class Mode:
    """How PyTorch computes."""

    precision: str  # fp32, or bf16 by autocast
    is_compiled: bool  # by torch.compile, else eager
    ranks: int = 1
    rank: int = 0


@dataclass(frozen=True)
class Training:
    """A model in training on one batch, this process's share of it."""

    mode: Mode
    model: Alta
    encode: nn.Module  # the model, wrapped where there are several processes
    optimizer: torch.optim.Optimizer
    batch: Batch
    counts: Counts

    @staticmethod
    def make(model: Alta, batch: Batch, counts: Counts, mode: Mode) -> Training:
        """`batch` is the process's share, `counts` are the global batch's. Compiles at the first step."""
        if mode.precision == "bf16":
            store_frozen_in_bf16(model)
        if mode.is_compiled:
            model.compile(dynamic=False)
        encode: nn.Module = model
        if mode.ranks > 1:
            encode = DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)
        # The fused AdamW is PyTorch's fastest on a CPU.
        optimizer = torch.optim.AdamW(decay_groups(model), lr=1e-4, betas=(0.9, 0.95), fused=True)
        return Training(mode, model, encode, optimizer, batch, counts)

    def backward(self) -> Losses:
        """The losses, and their gradients in the model's parameters (averaged over processes)."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.mode.precision == "bf16"):
            encoded = self.encode(self.batch)
        result = losses(encoded, self.counts, self.mode.ranks)
        result.total().backward()
        return result

    def step(self) -> float:
        """A whole step; returns its loss (this process's view of it)."""
        result = self.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():
            for name in SCALES:
                getattr(self.model, name).clamp_(0, math.log(100))
        return float(result.total().detach())

    def barrier(self) -> None:
        """Waits for the other processes."""
        if self.mode.ranks > 1:
            dist.barrier()


def store_frozen_in_bf16(model: Alta) -> None:
    """Casts the frozen matrices once: autocast would cast them again at every use."""
    layers = [module for module in model.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    for layer in layers:
        for parameter in layer.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(torch.bfloat16)


def decay_groups(model: nn.Module) -> list[dict]:
    """AdamW's groups: no weight decay for biases and what has one dimension."""
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    is_plain = [parameter.dim() <= 1 or name.endswith(".bias") for name, parameter in trained]
    plain = [parameter for (_, parameter), plain in zip(trained, is_plain) if plain]
    decayed = [parameter for (_, parameter), plain in zip(trained, is_plain) if not plain]
    return [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": 0.05}]
