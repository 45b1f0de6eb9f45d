"""What Cluster/compare is asked to do. Needs nothing but Python itself: arguments are checked before anything is installed.

Run by itself it checks its arguments: exit code 0, or 2 and a line that begins with `error: `.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).resolve().parents[3]
MODELS = ("alta-base", "alta-small", "alta-tiny")
PEERS = ("loop", "reference")
CORE_COUNTS = (2, 3, 4, 6)  # the fixtures have 4 and 6 studies, which the ranks share
FEWEST_PAIRS = 5
HELP = """Times training steps of PyTorch and of this project in turn, on the same cores, in the same minutes, and prints the ratios.

Two arrangements, for N cores: 1 process of N threads (1xN), and N processes of 1 thread (Nx1; here ranks under mpirun, there
DDP over gloo). Both sides take the same step on studies of the same shapes: all four losses, forward, backward, AdamW;
only adapters, norms, tokens and heads train. Every process of both sides is pinned to the same cores, the Nx1 ones to one
core each.

PyTorch's side is Tests/Scripts/compare/model.py, the faster of eager and torch.compile (both are measured first), with
bf16 by autocast, frozen matrices cast once, fused attention and AdamW, masked patches and unmasked words spared, and the
threads it chooses by itself. It computes no dropout unless told to, though this project's step does. Each process first
recomputes a fixture, and stops where losses or gradients are wrong. It is compiled and warmed up once, then sleeps
while others are timed. This project's worker is started anew for each turn; it checks itself and warms up too.

In a round everyone takes one turn, every second round in reverse order. A ratio is formed within a round.

`Cluster/compare loss` times the contrastive losses alone instead (Cluster/compare loss --help)."""
NOTES = """example: Cluster/compare --precision bf16 --pairs 7 --output compare.json

Takes about half an hour a precision for alta-base on two cores, longer where torch.compile has compiled nothing yet (its
cache is .build/compare-inductor), and about 16 GB of memory with both arrangements at once; leave the machine alone
meanwhile. Needs python3 with venv and a network for torch, once (in .build/compare-venv).
TORCH_VERSION chooses another version than the default. Where ALTA_WORKER names a program, that is timed and none is built."""


@dataclass(frozen=True)
class Options:
    """Checked."""

    model: str
    precisions: list[str]
    arrangements: list[str]  # one, all: 1 process of N threads, N processes of 1 thread
    peers: list[str]
    modes: list[str]
    studies: int
    mean_tokens: int
    steps: int
    pairs: int
    dropout: float
    cores: list[int]
    reference: Path
    output: Path | None


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as all of this project's programs do."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def one_per_core() -> list[int]:
    """The first two cores that this process may use; of hardware threads that share a core, one."""
    chosen: list[int] = []
    taken: set[str] = set()
    for cpu in sorted(os.sched_getaffinity(0)):
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings = path.read_text() if path.exists() else str(cpu)
        if siblings not in taken:
            chosen.append(cpu)
            taken.add(siblings)
    return chosen[:2]


def listed(allowed: tuple[str, ...]):
    """A type for argparse: names from `allowed`, separated by commas."""

    def parse(text: str) -> list[str]:
        names = list(dict.fromkeys(text.split(",")))
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(allowed)}")
        return names

    return parse


def whole(least: int):
    """A type for argparse: whole numbers from `least` on."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return int(text)

    return parse


def share(text: str) -> float:
    """A type for argparse: at least 0 and below 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not at least 0 and below 1")
    return value


def core_list(text: str) -> list[int]:
    """A type for argparse: numbers of cores that this process may use, separated by commas."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} are no numbers of cores, as in 0,1")
    cores = [int(part) for part in parts]
    missing = sorted(set(cores) - os.sched_getaffinity(0))
    if missing or len(set(cores)) != len(cores):
        raise argparse.ArgumentTypeError(f"{text!r} names cores twice, or such as this process may not use")
    return cores


def make_parser() -> Parser:
    parser = Parser(
        prog="Cluster/compare",
        description=HELP,
        epilog=NOTES,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=120),
    )
    add = parser.add_argument
    add("--precision", type=listed(("bf16", "fp32")), default=["bf16", "fp32"], metavar="LIST", help="bf16,fp32 (both)")
    add("--arrangement", type=listed(("one", "all")), default=["one", "all"], metavar="LIST",
        help="one: 1 process of N threads; all: N processes of 1 thread (both)")  # fmt: skip
    add("--peer", type=listed(PEERS), default=["loop"], metavar="LIST",
        help="loop: the PyTorch side; reference: alta_reference.py too, in one process (loop)")  # fmt: skip
    add("--reference", type=Path, default=PROJECT.parent / "shared/reference/alta_reference.py", metavar="FILE",
        help="where the peer reference is (../shared/reference/alta_reference.py)")  # fmt: skip
    add("--modes", type=listed(("eager", "compiled")), default=["eager", "compiled"], metavar="LIST",
        help="of PyTorch, of which the faster is taken (eager,compiled)")  # fmt: skip
    add("--model", choices=MODELS, default="alta-base", metavar="NAME", help=f"{', '.join(MODELS)} (alta-base)")
    add("--studies", type=whole(1), default=8, metavar="B", help="in a step, over all processes (8)")
    add("--mean-tokens", type=whole(3), default=84, metavar="T", help="of a report, on average (84)")
    add("--steps", type=whole(1), default=4, metavar="S", help="timed in a turn, after others that warm up (4)")
    add("--pairs", type=whole(FEWEST_PAIRS), default=FEWEST_PAIRS, metavar="P", help=f"rounds ({FEWEST_PAIRS})")
    add("--dropout", type=share, default=0.0, metavar="R", help="of PyTorch's BERT (0; this project's step has 0.1)")
    add("--cores", type=core_list, default=None, metavar="LIST", help="to use, as 0,1 (the first two)")
    add("--output", type=Path, metavar="FILE", help="where all figures are written, as JSON")
    add("--quick", action="store_true", help="alta-tiny, 2 rounds of 2 steps: shows that it works, and nothing else")
    return parser


def parse(arguments: list[str]) -> Options:
    """Exits with 2 and a line on standard error where they are wrong."""
    parser = make_parser()
    given = parser.parse_args(arguments)
    cores = given.cores or one_per_core()
    if len(cores) not in CORE_COUNTS:
        parser.error(f"there are {len(cores)} cores to use; --cores takes {', '.join(map(str, CORE_COUNTS))} of them")
    if given.studies % len(cores) != 0:
        parser.error(f"{given.studies} studies cannot be shared equally by {len(cores)} processes")
    if "reference" in given.peer and not given.reference.is_file():
        parser.error(f"there is no {given.reference} for the peer reference; name it with --reference")
    if "reference" in given.peer and (given.quick or given.model != "alta-base"):
        parser.error("the peer reference has only alta-base")
    if given.output and not given.output.resolve().parent.is_dir():
        parser.error(f"there is no folder for {given.output}")
    return Options(
        model="alta-tiny" if given.quick else given.model,
        precisions=given.precision, arrangements=given.arrangement, peers=given.peer, modes=given.modes,
        studies=given.studies, mean_tokens=given.mean_tokens,
        steps=2 if given.quick else given.steps, pairs=2 if given.quick else given.pairs,
        dropout=given.dropout, cores=cores, reference=given.reference, output=given.output,
    )  # fmt: skip


if __name__ == "__main__":
    parse(sys.argv[1:])
