"""The contrastive losses of PyTorch and of this project in turn; run by `Cluster/compare loss`, whose help says all."""

from __future__ import annotations

import functools
import os
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from compare import compare_each, exit_code, say
from contestants import Arrangement
from loss_contestants import LossContestant, LossTurn, TorchLoss, WorkerLoss
from loss_options import LossOptions, parse
from ratios import Ratio, aligned, ratios_table

LEGEND = """seconds: the median over rounds of the median evaluation. MB: what the largest process grew by, beyond the embeddings.
of peak: the eight products of the local loss at the peak that the same process measured, over the time. Ratios are of seconds
within a round: how many times faster alta is."""

LossRound = dict[str, LossTurn]  # by contestant's name


@dataclass
class LossComparison:
    """Everyone at one size, and what came out."""

    options: LossOptions
    studies: int
    worker: Path
    folder: Path  # for what is gone afterwards
    contestants: list[LossContestant] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    rounds: list[LossRound] = field(default_factory=list)

    @property
    def one(self) -> Arrangement:
        return Arrangement(1, len(self.options.cores), self.options.cores)

    def run(self) -> None:
        """PyTorch's side first, then this project's; every second round backwards."""
        batch = self.folder / f"{self.studies}.safetensors"
        try:
            WorkerLoss(self.options, self.studies, "fp32", self.one, self.worker).write_batch(batch)
            for torch in self.torches():
                say(f"{self.studies} studies: starting {torch.name}, and holding it against the worker")
                self.contestants.append(torch)
                self.notes[torch.name] = torch.start(batch)
                say(f"{torch.name}: {self.notes[torch.name]}")
            self.contestants += self.workers()
            for index in range(self.options.rounds):
                self.take_round(index)
        finally:
            for contestant in self.contestants:
                contestant.close()

    def torches(self) -> list[TorchLoss]:
        found: list[TorchLoss] = []
        if "loop" in self.options.peers:
            found += [TorchLoss(self.options, precision, self.one) for precision in self.options.precisions]
        if "reference" in self.options.peers:
            found.append(TorchLoss(self.options, "fp32", self.one, self.options.reference.resolve()))
        return found

    def workers(self) -> list[LossContestant]:
        cores = self.options.cores
        arrangements = {"all": Arrangement(len(cores), 1, cores), "one": self.one, "single": Arrangement(1, 1, cores)}
        return [
            WorkerLoss(self.options, self.studies, precision, arrangements[name], self.worker)
            for precision in self.options.precisions
            for name in self.options.arrangements
        ]

    def take_round(self, index: int) -> None:
        """Everyone's turn."""
        load = os.getloadavg()[0]
        order = self.contestants if index % 2 == 0 else self.contestants[::-1]
        turns = {contestant.name: contestant.take_turn(self.options.steps) for contestant in order}
        self.rounds.append({contestant.name: turns[contestant.name] for contestant in self.contestants})
        told = ", ".join(f"{name} {turn.seconds:.3f} s" for name, turn in self.rounds[-1].items())
        say(f"{self.studies} studies, round {index + 1} of {self.options.rounds} (load before it {load:.1f}): {told}")

    def ratios(self) -> list[Ratio]:
        """Each of this project's over each of PyTorch's that may be held against it, and N ranks over one."""
        names = list(self.rounds[0])
        ours = [name for name in names if name.startswith("alta ")]
        # In bf16 runs PyTorch's losses are fp32 too, unless autocast reaches them.
        pairs = [
            (mine, theirs) for mine in ours for theirs in names
            if theirs not in ours and (" fp32 " in theirs or " bf16 " in mine)
        ]  # fmt: skip
        found = [
            Ratio(f"{mine} / {theirs}", [turns[theirs].seconds / turns[mine].seconds for turns in self.rounds])
            for mine, theirs in pairs
        ]
        ranks = len(self.options.cores)
        for precision in self.options.precisions:
            several, single = f"alta {precision} {ranks}x1", f"alta {precision} 1x1"
            if several in names and single in names:
                values = [turns[single].seconds / (ranks * turns[several].seconds) for turns in self.rounds]
                found.append(Ratio(f"{several} / ({ranks} x {single})", values))
        return found

    def report(self) -> str:
        """Both tables."""
        title = f"{self.studies} studies, {self.options.patches} patches, {self.options.mean_words} words on average"
        rows = [["", "seconds", "lowest", "highest", "MB", "of peak", ""]]
        for name in self.rounds[0]:
            turns = [found[name] for found in self.rounds]
            seconds = [turn.seconds for turn in turns]
            shares = [turn.peak_share for turn in turns if turn.peak_share is not None]
            rows.append([
                name, f"{statistics.median(seconds):.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}",
                f"{max(turn.peak_memory_bytes for turn in turns) / 1e6:.0f}",
                f"{100 * statistics.median(shares):.0f} %" if shares else "", self.notes.get(name, ""),
            ])  # fmt: skip
        return "\n\n".join([title, aligned(rows, words=(0, 6)), ratios_table(self.ratios())])

    def as_json(self) -> dict[str, object]:
        """All figures."""
        return {
            "studies": self.studies,
            "notes": self.notes,
            "rounds": [{name: asdict(turn) for name, turn in turns.items()} for turns in self.rounds],
            "ratios": [{"title": r.title, "median": r.median, "values": r.values} for r in self.ratios()],
        }


def compare(worker: Path) -> None:
    """Size by size."""
    options = parse(sys.argv[1:])
    compare_each(
        options, [functools.partial(LossComparison, options, studies, worker) for studies in options.studies], LEGEND
    )


if __name__ == "__main__":
    sys.exit(exit_code(compare))
