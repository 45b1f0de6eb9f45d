"""The guard: nothing is timed that computes wrongly. A fixture's losses and gradients must come out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors import safe_open
from torch import Tensor

from losses import Losses, count
from model import SCALES, Alta
from shapes import Shape
from studies import collate
from training import Mode, Training

# fp32: as `alta-worker verify` allows, with room for another order of sums.
LARGEST_LOSS_ERROR = {"fp32": 1e-4, "bf16": 4e-2}  # relative to the loss, or to 1 where it is smaller
LARGEST_GRADIENT_ERROR = 1e-3  # fp32: norm of the difference over the norm, of any parameter
SMALLEST_COSINE = 0.85  # bf16: of any parameter's gradient; random weights at full logit scales are harsh
SMALLEST_MEDIAN_COSINE = 0.985


class Disagreement(Exception):
    """The loop computes something else than the fixture holds."""


@dataclass(frozen=True)
class Fixture:
    """Weights, a batch, and what must come out of them."""

    path: Path
    shape: Shape
    tensors: dict[str, Tensor]

    @staticmethod
    def read(path: Path) -> Fixture:
        """Reads the whole file."""
        with safe_open(path, "pt") as file:
            shape = Shape.from_metadata(file.metadata()["config"])
            return Fixture(path, shape, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 no dictionary

    def group(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name/`, without it."""
        start = f"{name}/"
        return {key[len(start) :]: value for key, value in self.tensors.items() if key.startswith(start)}

    def check(self, mode: Mode) -> str:
        """Collective. Computes the fixture's losses and gradients as `mode` says; returns how far they are off.

        Raises `Disagreement` past the tolerance.
        """
        batch = collate(self.group("batch"), self.shape)
        if len(batch.ids) % mode.ranks != 0:
            raise Disagreement(f"{self.path} has {len(batch.ids)} studies, which {mode.ranks} processes cannot share")
        model = Alta(self.shape)
        model.load_state_dict(self.group("weights"), strict=True)
        share = batch.share(mode.rank, mode.ranks)
        training = Training.make(model, share, count(batch, self.shape), mode)
        found = mean_over_ranks(training.backward(), mode)
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        return "; ".join([self.judge_losses(found, mode), self.judge_gradients(gradients, mode)])

    def judge_losses(self, found: Losses, mode: Mode) -> str:
        """Each loss against the fixture's."""
        worst = 0.0
        for name, expected in self.group("losses").items():
            value = getattr(found, name).item()
            error = abs(value - expected.item()) / max(1.0, abs(expected.item()))
            if not error <= LARGEST_LOSS_ERROR[mode.precision]:
                raise Disagreement(f"{name} is {value}, in {self.path} it is {expected.item()}")
            worst = max(worst, error)
        return f"losses within {worst:.1e}"

    def judge_gradients(self, found: dict[str, Tensor], mode: Mode) -> str:
        """Each gradient against the fixture's, and none too many or too few."""
        expected = self.group("gradients")
        if found.keys() != expected.keys():
            raise Disagreement(f"other parameters train than in {self.path}: {sorted(found.keys() ^ expected.keys())}")
        pairs = {name: (found[name].double().flatten(), expected[name].double().flatten()) for name in expected}
        if mode.precision == "fp32":
            errors = {name: float((a - b).norm() / b.norm().clamp(min=1e-12)) for name, (a, b) in pairs.items()}
            name = max(errors, key=lambda key: errors[key])
            if not errors[name] <= LARGEST_GRADIENT_ERROR:
                raise Disagreement(f"the gradient of {name} is off by {errors[name]:.1e} of its norm from {self.path}")
            return f"gradients within {errors[name]:.1e}"
        # One number's cosine is its sign: the four scales' gradients are judged as one vector.
        scales = [pairs.pop(name) for name in SCALES]
        pairs["logit_scale*"] = (torch.cat([a for a, _ in scales]), torch.cat([b for _, b in scales]))
        cosines = {name: float(a @ b / (a.norm() * b.norm()).clamp(min=1e-30)) for name, (a, b) in pairs.items()}
        name = min(cosines, key=lambda key: cosines[key])
        median = float(torch.tensor(list(cosines.values())).median())
        if not (cosines[name] >= SMALLEST_COSINE and median >= SMALLEST_MEDIAN_COSINE):
            raise Disagreement(
                f"gradients point elsewhere than in {self.path}: {name} {cosines[name]}, median {median}"
            )
        return f"cosines of gradients from {cosines[name]:.4f}, median {median:.5f}"


def mean_over_ranks(own: Losses, mode: Mode) -> Losses:
    """Collective. The losses of the global batch."""
    values = torch.stack(own).detach()
    if mode.ranks > 1:
        dist.all_reduce(values)
        values /= mode.ranks
    return Losses(*values.unbind())
