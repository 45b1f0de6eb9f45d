"""PyTorch and this project in turn, on the same cores; run by Cluster/compare, whose help says all."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import machine
from contestants import LOGS, Arrangement, CompareError, Contestant, Project, PyTorch, Reference, Turn
from options import Options, parse
from ratios import Names, Ratio, Round, rates_table, ratios, ratios_table

if TYPE_CHECKING:
    from loss_compare import LossComparison
    from loss_options import LossOptions

BUSY_LOAD = 0.5  # processes that want to run, on average over a minute, where a machine counts as idle
LEGEND = """studies/s: the median over rounds of the median step. GB: peak memory of the largest process. of peak: products a second
over the peak of products that the same process measured. Ratios are of rates within a round."""
STARTED = time.monotonic()


def say(text: str) -> None:
    """As Cluster/common.sh does."""
    print(f"compare [{time.monotonic() - STARTED:.0f} s] {text}", flush=True)


@dataclass
class Comparison:
    """Everyone of one precision, and what came out."""

    options: Options
    precision: str
    worker: Path
    folder: Path  # for what is gone afterwards
    contestants: list[Contestant] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)

    @property
    def one(self) -> Arrangement:
        return Arrangement(1, len(self.options.cores), self.options.cores)

    @property
    def all(self) -> Arrangement:
        return Arrangement(len(self.options.cores), 1, self.options.cores)

    @property
    def single(self) -> Arrangement:
        return Arrangement(1, 1, self.options.cores)

    @property
    def names(self) -> Names:
        return Names(self.one.name, self.all.name)

    def run(self) -> None:
        """Chooses PyTorch's modes, then takes all rounds; those to be compared stand beside each other."""
        try:
            if "one" in self.options.arrangements:
                self.add_reference()
                self.add_pair(self.one)
            if "all" in self.options.arrangements:
                self.contestants.append(self.project(self.single))
                self.add_pair(self.all, is_ours_first=True)
            for index in range(self.options.pairs):
                self.take_round(index)
        finally:
            for contestant in self.contestants:
                contestant.close()

    def add_reference(self) -> None:
        if "reference" in self.options.peers:
            for mode in self.options.modes:
                name = self.names.reference(mode)
                self.contestants.append(Reference(name, self.options, self.precision, mode, self.one))

    def add_pair(self, arrangement: Arrangement, is_ours_first: bool = False) -> None:
        pair: list[Contestant] = [self.project(arrangement)]
        if "loop" in self.options.peers:
            pair.insert(1 if is_ours_first else 0, self.faster_torch(arrangement))
        self.contestants += pair

    def project(self, arrangement: Arrangement) -> Project:
        return Project(self.names.ours(arrangement.name), self.options, self.precision, arrangement, self.worker)

    def faster_torch(self, arrangement: Arrangement) -> PyTorch:
        """Of PyTorch's modes the one with the higher rate over two turns each, there and back; the other is ended."""
        with contextlib.ExitStack() as stack:
            candidates = [self.start_torch(arrangement, mode, stack) for mode in self.options.modes]
            best = candidates[0]
            if len(candidates) > 1:
                turns: dict[str, list[Turn]] = {candidate.mode: [] for candidate in candidates}
                for candidate in candidates + candidates[::-1]:
                    turns[candidate.mode].append(candidate.take_turn(self.options.steps))
                rates = {mode: statistics.mean(turn.rate for turn in found) for mode, found in turns.items()}
                best = max(candidates, key=lambda candidate: rates[candidate.mode])
                told = ", ".join(f"{mode} {rate:.3f}" for mode, rate in rates.items())
                say(f"{best.name}: {told} studies/s; {best.mode} takes part")
                self.notes[best.name] = f"{best.mode} (measured first: {told})"
            else:
                self.notes[best.name] = best.mode
            stack.pop_all()
        for candidate in candidates:
            if candidate is not best:
                candidate.close()
        return best

    def start_torch(self, arrangement: Arrangement, mode: str, stack: contextlib.ExitStack) -> PyTorch:
        name = self.names.torch(arrangement.name)
        say(f"starting {name}, {mode}, {self.precision}: checking it against the fixture, warming up")
        torch = PyTorch(name, self.options, self.precision, mode, arrangement)
        stack.callback(torch.close)
        torch.start(self.folder)
        say(f"{name}, {mode}: {torch.agreement}")
        return torch

    def take_round(self, index: int) -> None:
        """Everyone's turn; every second round goes backwards."""
        load = os.getloadavg()[0]
        order = self.contestants if index % 2 == 0 else self.contestants[::-1]
        turns = {contestant.name: contestant.take_turn(self.options.steps) for contestant in order}
        self.rounds.append({contestant.name: turns[contestant.name] for contestant in self.contestants})
        told = ", ".join(f"{name} {turn.rate:.3f}" for name, turn in self.rounds[-1].items())
        say(f"{self.precision} round {index + 1} of {self.options.pairs} (load before it {load:.1f}): {told}")

    def ratios(self) -> list[Ratio]:
        return ratios(self.rounds, self.names, len(self.options.cores))

    def report(self) -> str:
        """Both tables."""
        tables = [f"{self.precision}, {self.options.model}, {self.options.studies} studies a step"]
        tables += [rates_table(self.rounds, self.notes), ratios_table(self.ratios())]
        return "\n\n".join(tables)

    def as_json(self) -> dict[str, object]:
        """All figures."""
        return {
            "precision": self.precision,
            "notes": self.notes,
            "rounds": [{name: asdict(turn) for name, turn in turns.items()} for turns in self.rounds],
            "ratios": [{"title": r.title, "median": r.median, "values": r.values} for r in self.ratios()],
        }


def write(path: Path, value: object) -> None:
    """Appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def compare_each(
    options: Options | LossOptions, makers: list[Callable[[Path], Comparison | LossComparison]], legend: str
) -> None:
    """One comparison after the other, each in a folder that is then gone; the output is written after each."""
    LOGS.mkdir(parents=True, exist_ok=True)
    facts = machine.describe(options.cores)
    if os.getloadavg()[0] > BUSY_LOAD:
        say(f"the machine is not idle (load {os.getloadavg()[0]:.1f}): ratios will scatter")
    finished = []
    for make in makers:
        with tempfile.TemporaryDirectory() as folder:
            comparison = make(Path(folder))
            comparison.run()
        finished.append(comparison)
        if options.output:
            settings = {
                key: value if not isinstance(value, Path) else str(value) for key, value in asdict(options).items()
            }
            results = [each.as_json() for each in finished]
            write(options.output, {"machine": facts, "settings": settings, "comparisons": results})
    print(f"\n{machine.summary(facts)}")
    for comparison in finished:
        print(f"\n{comparison.report()}")
    print(f"\n{legend}")


def exit_code(compare: Callable[[Path], None]) -> int:
    """Compares with the worker that the environment names; what ends it is told in one line."""
    worker = Path(os.environ["ALTA_WORKER"])
    try:
        compare(worker)
    except (CompareError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    return 0


def compare(worker: Path) -> None:
    """Precision by precision."""
    options = parse(sys.argv[1:])
    makers = [functools.partial(Comparison, options, precision, worker) for precision in options.precisions]
    compare_each(options, makers, LEGEND)
    if options.dropout == 0:
        print("PyTorch's step has no dropout; alta's has BERT's 0.1 (--dropout 0.1 gives PyTorch the same).")


if __name__ == "__main__":
    sys.exit(exit_code(compare))
