"""What `Cluster/compare loss` is asked to do. Needs nothing but Python itself.

Run by itself it checks its arguments: exit code 0, or 2 and a line that begins with `error: `.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from options import CORE_COUNTS, PROJECT, Parser, core_list, listed, one_per_core, whole

FEWEST_ROUNDS = 5
HELP = """Times both contrastive losses and their gradients, of PyTorch and of this project in turn, on the same cores, on the same
batch, and prints the ratios.

PyTorch's side is the published loop (every report against all studies, one report after the other), in one process of N
threads: in fp32, as in training, and with bf16 by autocast. This project's is `alta-worker bench loss` in fp32 and in bf16,
each as N ranks of 1 thread under mpirun (Nx1), as 1 rank of N threads (1xN), and where asked as a single rank of 1 thread
(1x1), the other cores idle. Every process is pinned to the same cores.

The worker writes the batch (noise, report lengths spread evenly from half the mean to half as much again), its losses and its
gradients. PyTorch reads that batch and stops where its own losses or gradients are others. The worker holds itself against
plain loops before it is timed.

In a round everyone takes one turn, every second round in reverse order. A ratio is formed within a round: how many times
faster this project is. Memory is what a process grows by beyond the embeddings, on both sides."""
NOTES = """example: Cluster/compare loss --studies 32,64,128 --rounds 5 --output losses.json

Time grows with the square of the studies: some 15 minutes for the default on two cores; leave the machine alone meanwhile.
PyTorch takes about 2.6 GB at 128 studies, four times that at 256. Needs what Cluster/compare needs."""


@dataclass(frozen=True)
class LossOptions:
    """Checked."""

    studies: list[int]
    precisions: list[str]
    arrangements: list[str]
    peers: list[str]
    patches: int
    mean_words: int
    steps: int
    rounds: int
    seed: int
    cores: list[int]
    reference: Path
    output: Path | None


def wholes(text: str) -> list[int]:
    """A type for argparse: whole numbers from 2 on, separated by commas. The losses of one study are 0, and so are gradients."""
    return list(dict.fromkeys(whole(2)(part) for part in text.split(",")))


def make_parser() -> Parser:
    parser = Parser(
        prog="Cluster/compare loss",
        description=HELP,
        epilog=NOTES,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=120),
    )
    add = parser.add_argument
    add("--studies", type=wholes, default=[32, 64, 128], metavar="LIST", help="in a batch, one after the other (32,64,128)")
    add("--precision", type=listed(("fp32", "bf16")), default=["fp32", "bf16"], metavar="LIST", help="fp32,bf16 (both)")
    add("--arrangement", type=listed(("all", "one", "single")), default=["all", "one"], metavar="LIST",
        help="of this project: all: N ranks of 1 thread; one: 1 rank of N; single: 1 rank of 1 (all,one)")  # fmt: skip
    add("--peer", type=listed(("loop", "reference")), default=["loop"], metavar="LIST",
        help="loop: PyTorch's side; reference: the losses of alta_reference.py too, in fp32 (loop)")  # fmt: skip
    add("--reference", type=Path, default=PROJECT.parent / "shared/reference/alta_reference.py", metavar="FILE",
        help="where the peer reference is (../shared/reference/alta_reference.py)")  # fmt: skip
    add("--patches", type=whole(1), default=196, metavar="P", help="of a study (196)")
    add("--mean-words", type=whole(1), default=60, metavar="W", help="of a report, on average (60)")
    add("--steps", type=whole(1), default=2, metavar="S", help="evaluations timed in a turn (2)")
    add("--rounds", type=whole(FEWEST_ROUNDS), default=FEWEST_ROUNDS, metavar="R", help=f"({FEWEST_ROUNDS})")
    add("--seed", type=whole(0), default=1, metavar="S", help="of the batch (1)")
    add("--cores", type=core_list, default=None, metavar="LIST", help="to use, as 0,1 (the first two)")
    add("--output", type=Path, metavar="FILE", help="where all figures are written, as JSON")
    add("--quick", action="store_true", help="8 studies, 2 rounds of 1 step: shows that it works, and nothing else")
    return parser


def parse(arguments: list[str]) -> LossOptions:
    """Exits with 2 and a line on standard error where they are wrong."""
    parser = make_parser()
    given = parser.parse_args(arguments)
    cores = given.cores or one_per_core()
    if len(cores) not in CORE_COUNTS:
        parser.error(f"there are {len(cores)} cores to use; --cores takes {', '.join(map(str, CORE_COUNTS))} of them")
    if "reference" in given.peer and not given.reference.is_file():
        parser.error(f"there is no {given.reference} for the peer reference; name it with --reference")
    if given.output and not given.output.resolve().parent.is_dir():
        parser.error(f"there is no folder for {given.output}")
    return LossOptions(
        studies=[8] if given.quick else given.studies, precisions=given.precision, arrangements=given.arrangement,
        peers=given.peer, patches=given.patches, mean_words=given.mean_words,
        steps=1 if given.quick else given.steps, rounds=2 if given.quick else given.rounds,
        seed=given.seed, cores=cores, reference=given.reference, output=given.output,
    )  # fmt: skip


if __name__ == "__main__":
    parse(sys.argv[1:])
