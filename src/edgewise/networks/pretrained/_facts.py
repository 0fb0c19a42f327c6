"""What a model card knows of a network: its columns, its edges, its fit, and the rows that it is about."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.interpret import end_names, node_names
from edgewise.networks.pretrained._markdown import code
from edgewise.nn import KAN, Layout
from edgewise.tables.encoding import Inputs
from edgewise.tables.io import SavedModel
from edgewise.train import FitResult, as_inputs, as_matrix


@dataclass(frozen=True)
class Rows:
    """Inputs (n, n_in) and targets (n, n_out), or class numbers (n, 1), in float64."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, what: str, data: Any, model: KAN, inputs: Inputs | None, classes: bool) -> Rows:
        """Return the rows of a pair (x, y).

        Where `inputs` make numbers of a table, x is that table; a tensor holds the numbers already.

        Errors: InputError for what is no pair, and for rows or columns of other numbers.
        """
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise InputError(f"'{what}' must be a pair (x, y) of inputs and targets. Got {type(data).__name__}.")
        x = as_inputs(
            data[0] if inputs is None or isinstance(data[0], Tensor) else inputs.of(data[0]),
            model,
            f"The x of '{what}'",
        )
        y = as_matrix(data[1], f"The y of '{what}'")
        wanted = 1 if classes else model.n_out
        if len(x) != len(y):
            raise InputError(f"The x and y of '{what}' must have equally many rows. Got {len(x)} and {len(y)}.")
        if x.shape[1] != model.n_in or y.shape[1] != wanted:
            raise InputError(
                f"'{what}' must have {model.n_in} columns in x and {wanted} in y"
                f"{' (class numbers)' if classes else ''}. Got {x.shape[1]} and {y.shape[1]}."
            )
        if classes and not bool(((y == y.round()) & (y >= 0) & (y < max(model.n_out, 2))).all()):
            raise InputError(f"The y of '{what}' must hold class numbers from 0 to {max(model.n_out, 2) - 1}.")
        return cls(x.cpu(), y.cpu())

    def __len__(self) -> int:
        return len(self.x)

    @property
    def both(self) -> Tensor:
        return torch.cat([self.x, self.y], 1).contiguous()

    def digest(self) -> str:
        """The SHA-256 of the rows as little-endian doubles, row by row, inputs before targets."""
        return hashlib.sha256(self.both.numpy().astype("<f8").tobytes()).hexdigest()

    def common(self, other: Rows) -> int:
        """How many of these rows are also among the others."""
        known = {row.tobytes() for row in other.both.numpy()}
        return sum(row.tobytes() in known for row in self.both.numpy())


def metrics(model: KAN, rows: Rows, classes: bool) -> list[dict[str, float]]:
    """Return what a network's error over rows is, for each output; for classes in all.

    >>> import edgewise as ew, torch
    >>> model = ew.nn.set_function(ew.KAN([1, 1]), (0, 0, 0), "x")
    >>> x = torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
    >>> [(name, round(value, 3)) for name, value in metrics(model, Rows(x, x + 0.5), False)[0].items()]
    [('r2', 0.625), ('rmse', 0.5), ('mae', 0.5), ('largest', 0.5)]
    """
    with torch.no_grad():
        parts = [model(part.to(model.device, model.dtype)).double().cpu() for part in rows.x.split(16_384)]
    outputs = torch.cat(parts)
    if classes:
        logits = torch.cat([torch.zeros_like(outputs), outputs], 1) if outputs.shape[1] == 1 else outputs
        numbers = rows.y[:, 0].long()
        return [
            {
                "accuracy": float((logits.argmax(1) == numbers).double().mean()),
                "cross_entropy": float(torch.nn.functional.cross_entropy(logits, numbers)),
            }
        ]
    found = []
    for error, target in zip((outputs - rows.y).T, rows.y.T, strict=True):
        variance = float(target.var(correction=0))
        square = float(error.square().mean())
        found.append({
            "r2": 1 - square / variance if variance > 0 else math.nan,
            "rmse": square**0.5,
            "mae": float(error.abs().mean()),
            "largest": float(error.abs().max()),
        })  # fmt: skip
    return found


@dataclass(frozen=True)
class Facts:
    """A network with names for all of its inputs and outputs, and what is known of its training and its rows."""

    saved: SavedModel
    names: list[str]
    targets: list[str]
    result: FitResult | None
    rows: Rows | None
    held_out: Rows | None
    classes: bool

    @classmethod
    def of(
        cls, saved: SavedModel, result: FitResult | None, rows: Rows | None, held_out: Rows | None, classes: bool
    ) -> Facts:  # fmt: skip
        model, target = saved.model, saved.target
        if isinstance(target, str):
            target = [target] if model.n_out == 1 else [f"{target}_{k + 1}" for k in range(model.n_out)]
        labels = node_names(model, saved.names, target)
        return cls(saved, labels[0], labels[-1], result, rows, held_out, classes)

    @property
    def model(self) -> KAN:
        return self.saved.model

    @property
    def n_edges(self) -> int:
        return sum(int(layer.mask.sum()) for layer in self.model.layers)

    @property
    def n_splines(self) -> int:
        return len(self.model.spline_edges())

    @property
    def n_trained(self) -> int:
        """Numbers that training may change."""
        return Layout(self.model).size

    def unit(self, name: str) -> str:
        return (self.saved.units or {}).get(name, "")

    def label(self, name: str) -> str:
        """A name with its unit, as Markdown."""
        return f"{code(name)} in {code(self.unit(name))}" if self.unit(name) else code(name)

    def spline_names(self) -> list[str]:
        """The spline edges as Markdown: from which node to which."""
        labels = node_names(self.model, self.names, self.targets)
        ends = [end_names(self.model, labels, depth) for depth in range(len(self.model.layers))]
        return [f"{code(labels[depth][i])} → {code(ends[depth][j])}" for depth, j, i in self.model.spline_edges()]

    def summary(self) -> str:
        """Return one paragraph: what is predicted from what, and how large the network is."""
        what = "predicts the class" if self.classes else "predicts"
        kinds = (
            "every one a formula" if self.n_splines == 0
            else f"{self.n_splines} of them splines" if self.n_splines < self.n_edges else "every one a spline"
        )  # fmt: skip
        return (
            f"A Kolmogorov–Arnold network that {what} {_listed(self.targets)} from {_listed(self.names)}. "
            f"It has {self.n_edges} edges, {kinds}, and {self.n_trained} constants that training may change."
        )

    def held_out_metrics(self) -> list[tuple[str, dict[str, float]]]:
        """Errors on rows that neither trained nor selected the network, by output; the fit's where none are given."""
        if self.held_out is not None:
            found = metrics(self.model, self.held_out, self.classes)
            several = len(found) > 1
            return [(self.targets[k] if several else "", values) for k, values in enumerate(found)]
        if self.result is None or math.isnan(self.result.test_error):
            return []
        if self.classes:
            return [("", {"accuracy": self.result.test_accuracy})]
        return [("", {"r2": self.result.r2, "rmse": self.result.test_error})] if self.result.loss == "squared" else []


def _listed(names: list[str]) -> str:
    most = 6
    shown = [code(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
