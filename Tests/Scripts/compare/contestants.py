"""Who is timed, and how each takes its turn."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from options import PROJECT, Options

SCRIPTS = Path(__file__).resolve().parent
LOGS = PROJECT / ".build/cluster-logs"
TURN_TIMEOUT_SECONDS = 3600


class CompareError(Exception):
    """Something that ends the comparison: what, why and what to do."""


@dataclass(frozen=True)
class Turn:
    """What one turn gave."""

    studies_per_second: list[float]  # step by step
    peak_memory_bytes: int | None = None  # of the largest process
    peak_share: float | None = None  # of the measured peak of matrix products

    @property
    def rate(self) -> float:
        """Studies per second of the median step."""
        return statistics.median(self.studies_per_second)


@dataclass(frozen=True)
class Arrangement:
    """Processes and their cores."""

    ranks: int
    threads: int
    cores: list[int]

    @property
    def name(self) -> str:
        """Such as 1x2."""
        return f"{self.ranks}x{self.threads}"

    def pinned(self, rank: int) -> list[str]:
        """The beginning of a rank's command line."""
        own = self.cores[rank * self.threads : (rank + 1) * self.threads]
        return ["taskset", "-c", ",".join(map(str, own))]

    def job(self, command: list[str]) -> list[str]:
        """The ranks' command line: each is pinned by taskset, like PyTorch's, and mpirun binds none."""
        if self.ranks == 1:
            return self.pinned(0) + command
        job = ["mpirun", "--bind-to", "none"]
        for rank in range(self.ranks):
            job += [":"] if rank > 0 else []
            job += ["-n", "1"] + self.pinned(rank) + command
        return job


class Contestant(Protocol):
    """One of those who take turns."""

    name: str

    def take_turn(self, steps: int) -> Turn:
        """`steps` timed steps, after others that warm up."""

    def close(self) -> None:
        """Ends its processes."""


def environment(arrangement: Arrangement) -> dict[str, str]:
    """This process's without what others said about threads; one thread a process is said, as torchrun does."""
    clean = {k: v for k, v in os.environ.items() if not re.match("OMP_|MKL_|KMP_|GOMP_|ALTA_THREADS|PYTHONPATH", k)}
    if arrangement.ranks > 1:
        clean["OMP_NUM_THREADS"] = str(arrangement.threads)
    return clean


def tail(log: Path) -> str:
    """The end of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def run_worker(name: str, command: list[str], arrangement: Arrangement, log: Path) -> tuple[int, list[dict]]:
    """The exit code and the lines of JSON of a job of `alta-worker bench`; what it says goes into the log."""
    env = environment(Arrangement(1, arrangement.threads, arrangement.cores))
    if os.geteuid() == 0:
        env |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    try:
        with open(log, "w") as errors:
            job = subprocess.run(
                command, check=False, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True, timeout=TURN_TIMEOUT_SECONDS,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CompareError(
            f"{name} took more than {TURN_TIMEOUT_SECONDS} s; lower --studies or --steps\n{tail(log)}"
        ) from None
    return job.returncode, [json.loads(line) for line in job.stdout.splitlines() if line.startswith("{")]


@dataclass
class Project:
    """`alta-worker bench step`, a new job each turn."""

    name: str
    options: Options
    precision: str
    arrangement: Arrangement
    worker: Path

    def command(self, steps: int) -> list[str]:
        """The ranks' command line."""
        return self.arrangement.job([
            str(self.worker), "bench", "step", "--model", self.options.model, "--precision", self.precision,
            "--studies", str(self.options.studies), "--mean-tokens", str(self.options.mean_tokens),
            "--steps", str(steps), "--threads", str(self.arrangement.threads),
        ])  # fmt: skip

    def take_turn(self, steps: int) -> Turn:
        log = LOGS / f"compare-{self.name}-{self.precision}.log"
        code, lines = run_worker(self.name, self.command(steps), self.arrangement, log)
        if code != 0 or len(lines) != steps:
            raise CompareError(f"{self.name} ended with exit code {code} after {len(lines)} steps\n{tail(log)}")
        return Turn(
            [line["studies_per_second"] for line in lines],
            max(line["peak_memory_bytes"] for line in lines),
            statistics.median(line["gflops"] / line["gemm_peak_gflops"] for line in lines),
        )

    def close(self) -> None:
        pass


@dataclass
class PyTorch:
    """timed.py, one process a rank, started once; between its turns it waits for input."""

    name: str
    options: Options
    precision: str
    mode: str
    arrangement: Arrangement
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    agreement: str = ""

    def start(self, folder: Path) -> None:
        """Returns when every process has checked itself, compiled and warmed up."""
        rendezvous = folder / f"{self.name}-{self.mode}-{self.precision}"
        for rank in range(self.arrangement.ranks):
            log = LOGS / f"compare-{self.name}-{self.mode}-{self.precision}-{rank}.log"
            self.logs.append(log)
            self.processes.append(self.launch(rank, rendezvous, log))
        ready = self.read()
        threads = [line["threads"] for line in ready]
        if threads != [self.arrangement.threads] * self.arrangement.ranks:
            raise CompareError(f"PyTorch chose {threads} threads by itself, not {self.arrangement.threads} a process")
        self.agreement = ready[0]["agreement"]

    def launch(self, rank: int, rendezvous: Path, log: Path) -> subprocess.Popen[str]:
        # The first holds 4 studies, the second 6.
        name = "tiny.safetensors" if 4 % self.arrangement.ranks == 0 else "wide.safetensors"
        fixture = PROJECT / "Tests/Fixtures" / name
        command = self.arrangement.pinned(rank) + [
            sys.executable, str(SCRIPTS / "timed.py"), "--model", self.options.model, "--precision", self.precision,
            "--mode", self.mode, "--studies", str(self.options.studies),
            "--mean-tokens", str(self.options.mean_tokens), "--dropout", str(self.options.dropout),
            "--fixture", str(fixture), "--ranks", str(self.arrangement.ranks), "--rank", str(rank),
            "--rendezvous", str(rendezvous),
        ]  # fmt: skip
        env = environment(self.arrangement) | {"TORCHINDUCTOR_CACHE_DIR": str(PROJECT / ".build/compare-inductor")}
        if self.arrangement.ranks > 1:
            env["GLOO_SOCKET_IFNAME"] = "lo"
        with open(log, "w") as errors:
            return subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def read(self) -> list[dict]:
        """A line of each process."""
        return [json.loads(self.line(rank)) for rank in range(self.arrangement.ranks)]

    def line(self, rank: int) -> str:
        text = stream(self.processes[rank].stdout).readline()
        if not text:
            status = self.processes[rank].wait()
            name = f"PyTorch ({self.mode}, {self.precision}, {self.arrangement.name}, process {rank})"
            raise CompareError(f"{name} ended with exit code {status}\n{tail(self.logs[rank])}")
        return text

    def take_turn(self, steps: int) -> Turn:
        for process in self.processes:
            stream(process.stdin).write(f"{steps}\n")
            stream(process.stdin).flush()
        lines = self.read()
        slowest = [max(seconds) for seconds in zip(*(line["seconds"] for line in lines))]
        return Turn(
            [self.options.studies / seconds for seconds in slowest], max(line["peak_memory_bytes"] for line in lines)
        )

    def close(self) -> None:
        for process in self.processes:
            stream(process.stdin).close()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def stream(pipe: IO[str] | None) -> IO[str]:
    """A pipe that was asked for when the process was started."""
    assert pipe is not None
    return pipe


@dataclass
class Reference:
    """The specification's own timing of its steps, a new process each turn; its first steps warm up."""

    name: str
    options: Options
    precision: str
    mode: str
    arrangement: Arrangement
    warm_up_steps: int = 2

    def take_turn(self, steps: int) -> Turn:
        command = self.arrangement.pinned(0) + [
            sys.executable, str(self.options.reference), "time", "--studies", str(self.options.studies),
            "--steps", str(self.warm_up_steps + steps), "--threads", str(self.arrangement.threads),
            "--mean-length", str(self.options.mean_tokens),
        ]  # fmt: skip
        command += ["--bf16"] if self.precision == "bf16" else []
        command += ["--compile"] if self.mode == "compiled" else []
        env = environment(self.arrangement) | {"TORCHINDUCTOR_CACHE_DIR": str(PROJECT / ".build/compare-inductor")}
        log = LOGS / f"compare-{self.name}-{self.precision}.log"
        with open(log, "w") as errors:
            job = subprocess.run(
                command, check=False, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True, timeout=TURN_TIMEOUT_SECONDS,
            )  # fmt: skip
        rates = [float(found) for found in re.findall(r"([0-9.]+) studies/s", job.stdout)][self.warm_up_steps :]
        if job.returncode != 0 or len(rates) != steps:
            raise CompareError(f"the reference ended with exit code {job.returncode}\n{tail(log)}")
        return Turn(rates)

    def close(self) -> None:
        pass
