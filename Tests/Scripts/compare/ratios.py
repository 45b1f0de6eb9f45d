"""Ratios within rounds, their medians, and the tables that show them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from contestants import Turn

Round = dict[str, Turn]  # by contestant's name


@dataclass(frozen=True)
class Ratio:
    """One side's rate over the other's, round by round."""

    title: str
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Names:
    """What contestants are called; `one` and `all` are arrangements such as 1x2 and 2x1."""

    one: str
    all: str

    def ours(self, arrangement: str) -> str:
        return f"alta {arrangement}"

    def torch(self, arrangement: str) -> str:
        return f"torch {arrangement}"

    @property
    def ours_single(self) -> str:
        """One rank of one thread, the others' cores idle: what a rank's rate is held against."""
        return "alta 1x1"

    def reference(self, mode: str) -> str:
        return f"reference {mode} {self.one}"


def ratios(rounds: list[Round], names: Names, ranks: int) -> list[Ratio]:
    """All that those who took part allow."""
    found = [
        quotient(rounds, f"alta {names.one} / PyTorch {names.one}", names.ours(names.one), names.torch(names.one)),
        quotient(rounds, f"alta {names.all} / PyTorch {names.all}", names.ours(names.all), names.torch(names.all)),
        best_over_best(rounds, names),
        quotient(
            rounds, f"alta {names.all} / ({ranks} x alta 1x1)", names.ours(names.all), names.ours_single, ranks
        ),
    ]  # fmt: skip
    for mode in ("eager", "compiled"):
        peer = names.reference(mode)
        found.append(quotient(rounds, f"alta {names.one} / {peer}", names.ours(names.one), peer))
    return [ratio for ratio in found if ratio is not None]


def quotient(rounds: list[Round], title: str, above: str, below: str, times: float = 1) -> Ratio | None:
    """None where one of them took no part."""
    if not all(above in turns and below in turns for turns in rounds):
        return None
    return Ratio(title, [turns[above].rate / (times * turns[below].rate) for turns in rounds])


def best_over_best(rounds: list[Round], names: Names) -> Ratio | None:
    """Each side in the arrangement whose median over the rounds is higher."""
    arrangements = (names.one, names.all)
    sides = [[side(a) for a in arrangements] for side in (names.ours, names.torch)]
    if not all(name in turns for turns in rounds for side in sides for name in side):
        return None
    above, below = (max(side, key=lambda name: median_rate(rounds, name)) for side in sides)
    title = f"better of alta ({above.split()[-1]}) / better of PyTorch ({below.split()[-1]})"
    return quotient(rounds, title, above, below)


def median_rate(rounds: list[Round], name: str) -> float:
    """Over rounds, of the median step of each."""
    return statistics.median(turns[name].rate for turns in rounds)


def rates_table(rounds: list[Round], notes: dict[str, str]) -> str:
    """A row for each who took part."""
    rows = [["", "studies/s", "lowest", "highest", "GB", "of peak", ""]]
    for name in sorted(rounds[0], key=list(rounds[0]).index):
        turns = [found[name] for found in rounds]
        rates = [turn.rate for turn in turns]
        memory = max((turn.peak_memory_bytes or 0 for turn in turns), default=0)
        shares = [turn.peak_share for turn in turns if turn.peak_share is not None]
        rows.append([
            name, f"{statistics.median(rates):.3f}", f"{min(rates):.3f}", f"{max(rates):.3f}",
            f"{memory / 1e9:.2f}" if memory else "", f"{100 * statistics.median(shares):.0f} %" if shares else "",
            notes.get(name, ""),
        ])  # fmt: skip
    return aligned(rows)


def ratios_table(found: list[Ratio]) -> str:
    """A row for each ratio: its median, and every round's."""
    rounds = len(found[0].values) if found else 0
    rows = [["", "median"] + [f"round {index + 1}" for index in range(rounds)]]
    rows += [[ratio.title, f"{ratio.median:.3f}"] + [f"{value:.3f}" for value in ratio.values] for ratio in found]
    return aligned(rows)


def aligned(rows: list[list[str]]) -> str:
    """The first column to the left, the others to the right but for words at the end."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        if row[-1] and not row[-1][0].isdigit() and len(row) == 7:
            cells[-1] = row[-1]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
