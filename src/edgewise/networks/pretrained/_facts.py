"""What a model card knows of a network: its columns, its edges, its rows and its fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgewise.interpret import end_names, node_names
from edgewise.networks.pretrained._markdown import code
from edgewise.networks.pretrained._rows import Rows, metrics
from edgewise.nn import KAN, Layout
from edgewise.tables.io import SavedModel
from edgewise.train import FitResult

_SHOWN = 6  # names in a sentence


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
    shown = [code(name) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        return f"{', '.join(shown)} and {len(names) - _SHOWN} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
