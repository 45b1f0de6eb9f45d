"""A PyTorch process that is timed: checks itself against the fixture, makes the model, then takes steps when told to.

Run by compare.py, one process a rank. It prints a line of JSON when it is ready; then for each line `N` on standard input
it takes a step that is not counted and N that are, and prints a line of JSON. In between it waits for input and computes
nothing. It ends with its input.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from fixture import Fixture
from losses import count
from model import Alta
from shapes import PRESETS
from studies import synthetic
from training import Mode, Training

WARM_UP_STEPS = 2


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=PRESETS, required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    parser.add_argument("--mode", choices=["eager", "compiled"], required=True)
    parser.add_argument("--studies", type=int, required=True)
    parser.add_argument("--mean-tokens", type=int, required=True)
    parser.add_argument("--dropout", type=float, required=True)
    parser.add_argument("--fixture", type=Path, required=True)
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--rendezvous", type=Path, help="a file that does not exist yet; ranks meet there")
    return parser.parse_args()


def make_training(options: argparse.Namespace, mode: Mode) -> Training:
    """The model at its full size with random weights, and this rank's studies."""
    shape = PRESETS[options.model]
    torch.manual_seed(1)
    model = Alta(shape, options.dropout)
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
    batch = synthetic(shape, options.studies, options.mean_tokens)
    return Training.make(model, batch.share(mode.rank, mode.ranks), count(batch, shape), mode)


def timed_step(training: Training) -> float:
    """Seconds of a step that all ranks begin together."""
    training.barrier()
    start = time.perf_counter()
    loss = training.step()
    seconds = time.perf_counter() - start
    if not math.isfinite(loss):
        raise ArithmeticError(f"the loss is {loss}")
    return seconds


def tell(**values: object) -> None:
    """A line of JSON."""
    print(json.dumps(values), flush=True)


def main() -> None:
    options = parse_arguments()
    mode = Mode(options.precision, options.mode == "compiled", options.ranks, options.rank)
    if mode.ranks > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{options.rendezvous}", world_size=mode.ranks, rank=mode.rank
        )
    agreement = Fixture.read(options.fixture).check(mode)
    torch.compiler.reset()
    training = make_training(options, mode)
    for _ in range(WARM_UP_STEPS):
        timed_step(training)
    tell(agreement=agreement, threads=torch.get_num_threads(), torch=torch.__version__)
    for line in sys.stdin:
        timed_step(training)
        seconds = [timed_step(training) for _ in range(int(line))]
        peak_memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tell(seconds=seconds, peak_memory_bytes=peak_memory)
    if mode.ranks > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
