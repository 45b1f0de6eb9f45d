"""A PyTorch process that computes both contrastive losses and their gradients, and is timed.

Run by loss_compare.py. It reads the batch that this project's worker wrote, holds its losses and gradients against the
worker's, and prints a line of JSON; then for each line `N` on standard input it computes them once uncounted and N times
timed, and prints a line of JSON. In between it waits for input. It ends with its input.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from loss_loop import Embeddings, loss_functions

# Both are held to plain loops or fixtures elsewhere; here two fp32 programs meet, with other orders of sums.
LARGEST_LOSS_ERROR = {"fp32": 1e-4, "bf16": 4e-2}  # of the loss, or of 1 where it is smaller
LARGEST_GRADIENT_ERROR = 1e-3  # fp32: norm of the difference over the norm, of each
SMALLEST_COSINE = 0.85  # bf16: autocast rounds affinities, which moves softmaxes


class Disagreement(Exception):
    """The two programs compute different things."""


def status(field: str) -> int:
    """A size in /proc/self/status, bytes."""
    found = re.search(rf"^{field}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return 1024 * int(found.group(1))


def begin_peak() -> int:
    """Makes the kernel forget the peak so far; returns what is resident now. As the worker does."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5\n")
    return status("VmRSS")


class Losses:
    """The evaluation that is timed."""

    def __init__(self, options: argparse.Namespace, embeddings: Embeddings) -> None:
        self.is_half = options.precision == "bf16"
        self.precision: str = options.precision
        self.embeddings = embeddings
        self.global_loss, self.local_loss = loss_functions(options.reference)

    def evaluate(self) -> Tensor:
        """Both losses `[2]`, and their gradients in the embeddings."""
        e = self.embeddings
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.is_half):
            scale, t1, t2, t3 = e.scales.exp().unbind()
            both = torch.stack([
                self.global_loss(e.image_global, e.text_global, scale).float(),
                self.local_loss(e.image_local, e.text_local, e.counts, t1, t2, t3).float(),
            ])  # fmt: skip
        both.sum().backward()
        return both.detach()

    def forget(self) -> None:
        """Frees the gradients."""
        for leaf in self.embeddings.leaves().values():
            leaf.grad = None

    def check(self) -> str:
        """Evaluates once; how far losses and gradients are from the worker's. Raises `Disagreement` past the tolerance."""
        expected = self.embeddings.expected
        found, losses = self.evaluate(), expected["losses"]
        loss_error = float(((found - losses).abs() / losses.abs().clamp(min=1)).max())
        if not loss_error <= LARGEST_LOSS_ERROR[self.precision]:
            raise Disagreement(f"losses are {found.tolist()}, the worker's {losses.tolist()}")
        pairs = {
            name: (gradient(leaf).double().flatten(), expected[f"gradients/{name}"].double().flatten())
            for name, leaf in self.embeddings.leaves().items()
        }
        if self.is_half:
            cosines = {name: float(a @ b / (a.norm() * b.norm())) for name, (a, b) in pairs.items()}
            name = min(cosines, key=lambda key: cosines[key])
            if not cosines[name] >= SMALLEST_COSINE:
                raise Disagreement(f"the gradient of {name} points elsewhere than the worker's: cosine {cosines[name]}")
            return f"losses within {loss_error:.1e}, cosines of gradients from {cosines[name]:.5f} ({name})"
        errors = {name: float((a - b).norm() / b.norm()) for name, (a, b) in pairs.items()}
        name = max(errors, key=lambda key: errors[key])
        if not errors[name] <= LARGEST_GRADIENT_ERROR:
            raise Disagreement(f"the gradient of {name} is off by {errors[name]:.1e} of its norm")
        return f"losses within {loss_error:.1e}, gradients within {errors[name]:.1e} ({name})"

    def timed(self) -> float:
        """Seconds of one evaluation."""
        self.forget()
        start = time.perf_counter()
        self.evaluate()
        return time.perf_counter() - start


def gradient(leaf: Tensor) -> Tensor:
    """What a backward pass left."""
    assert leaf.grad is not None
    return leaf.grad


def tell(**values: object) -> None:
    """A line of JSON."""
    print(json.dumps(values), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=Path, required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    parser.add_argument("--reference", type=Path)
    options = parser.parse_args()
    losses = Losses(options, Embeddings.read(options.batch))
    start_bytes = begin_peak()
    agreement = losses.check()
    tell(agreement=agreement, threads=torch.get_num_threads(), torch=torch.__version__)
    for line in sys.stdin:
        losses.timed()
        seconds = [losses.timed() for _ in range(int(line))]
        tell(seconds=seconds, peak_memory_bytes=status("VmHWM") - start_bytes)


if __name__ == "__main__":
    main()
