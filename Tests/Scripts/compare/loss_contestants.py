"""Who computes the losses in `Cluster/compare loss`, and how each takes its turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from contestants import LOGS, SCRIPTS, Arrangement, CompareError, environment, run_worker, stream, tail
from loss_options import LossOptions


@dataclass(frozen=True)
class LossTurn:
    """What one turn gave."""

    step_seconds: list[float]
    peak_memory_bytes: int  # beyond the embeddings, of the largest process
    peak_share: float | None = None  # of the measured peak of matrix products

    @property
    def seconds(self) -> float:
        """Of the median step."""
        return statistics.median(self.step_seconds)


class LossContestant(Protocol):
    """One of those who take turns."""

    name: str

    def take_turn(self, steps: int) -> LossTurn:
        """`steps` timed evaluations."""

    def close(self) -> None:
        """Ends its processes."""


@dataclass
class WorkerLoss:
    """`alta-worker bench loss`, a new job each turn."""

    options: LossOptions
    studies: int
    precision: str
    arrangement: Arrangement
    worker: Path

    @property
    def name(self) -> str:
        return f"alta {self.precision} {self.arrangement.name}"

    def command(self, steps: int, dump: Path | None = None) -> list[str]:
        """The ranks' command line."""
        bench = [
            str(self.worker), "bench", "loss", "--studies", str(self.studies), "--patches", str(self.options.patches),
            "--mean-words", str(self.options.mean_words), "--precision", self.precision, "--steps", str(steps),
            "--threads", str(self.arrangement.threads), "--seed", str(self.options.seed),
        ]  # fmt: skip
        return self.arrangement.job(bench + (["--dump", str(dump)] if dump else []))

    def take_turn(self, steps: int) -> LossTurn:
        lines = self.run(self.command(steps))
        if len(lines) != steps or lines[0]["precision"] != self.precision:
            found = [line["precision"] for line in lines]
            raise CompareError(f"{self.name} computed {found}, not {steps} steps in {self.precision}; see --precision")
        return LossTurn(
            [line["seconds"] for line in lines],
            max(line["peak_memory_bytes"] for line in lines),
            statistics.median(line["peak_share"] for line in lines),
        )

    def write_batch(self, path: Path) -> None:
        """Evaluates once and writes what PyTorch is held against."""
        self.run(self.command(1, dump=path))

    def run(self, command: list[str]) -> list[dict]:
        """The job's lines."""
        log = LOGS / f"compare-loss-{self.name.replace(' ', '-')}.log"
        code, lines = run_worker(self.name, command, self.arrangement, log)
        if code != 0:
            raise CompareError(f"{self.name} ended with exit code {code}\n{tail(log)}")
        return lines

    def close(self) -> None:
        pass


@dataclass
class TorchLoss:
    """loss_timed.py, started once; between its turns it waits for input."""

    options: LossOptions
    precision: str
    arrangement: Arrangement
    reference: Path | None = None  # alta_reference.py, where its losses are computed
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{'reference' if self.reference else 'torch'} {self.precision} {self.arrangement.name}"

    @property
    def log(self) -> Path:
        return LOGS / f"compare-loss-{self.name.replace(' ', '-')}.log"

    def start(self, batch: Path) -> str:
        """Returns when it has evaluated the batch once and found the worker's results; says how far they are off."""
        command = self.arrangement.pinned(0) + [
            sys.executable, str(SCRIPTS / "loss_timed.py"), "--batch", str(batch), "--precision", self.precision,
        ]  # fmt: skip
        command += ["--reference", str(self.reference)] if self.reference else []
        with open(self.log, "w") as errors:
            self.processes.append(subprocess.Popen(
                command, env=environment(self.arrangement), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True,
            ))  # fmt: skip
        ready = self.line()
        if ready["threads"] != self.arrangement.threads:
            raise CompareError(
                f"PyTorch chose {ready['threads']} threads by itself, not {self.arrangement.threads}; see --cores"
            )
        return ready["agreement"]

    def line(self) -> dict:
        text = stream(self.processes[0].stdout).readline()
        if not text:
            status = self.processes[0].wait()
            raise CompareError(f"{self.name} ended with exit code {status}\n{tail(self.log)}")
        return json.loads(text)

    def take_turn(self, steps: int) -> LossTurn:
        stream(self.processes[0].stdin).write(f"{steps}\n")
        stream(self.processes[0].stdin).flush()
        line = self.line()
        return LossTurn(line["seconds"], line["peak_memory_bytes"])

    def close(self) -> None:
        for process in self.processes:
            stream(process.stdin).close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
