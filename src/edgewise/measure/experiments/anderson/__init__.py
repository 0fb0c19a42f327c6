"""Anderson localisation: which states of a chain are localised, and the mobility edge as a formula."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise.experiments._experiment import MLP, OURS, Claim, Experiment, limit, number, told
from edgewise.experiments._localisation_data import MODELS, Model, States, accuracy, few
from edgewise.experiments._localisation_picture import draw
from edgewise.experiments._localisation_reading import PLANS, learned, read, zeros
from edgewise.experiments._localisation_steps import STEPS, steps
from edgewise.experiments._perceptron import size, started, trained
from edgewise.experiments._values import values
from edgewise.measure import Case, Cell, Row, Settings
from edgewise.nn import KAN, Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_BY_HAND = "modified, step by step"
_NETWORK, _FORMULA, _ROUNDED = "network", "formula", "formula, rounded"
_PUBLISHED = {("generalised", _NETWORK): 98.7, ("generalised", _FORMULA): 99.0, ("modified", _FORMULA): 97.1}
_HIDDEN, _PATIENCE, _ROWS = (20, 20), 0.8, 20_000
_OFF = 0.03
_NEAR = 0.05  # of the picture, from a curve to the next state


class Localisation(Experiment):
    """Which states are localised, from a chain's parameters and a state's energy; the mobility edge as a formula.

    Published: networks of [4, 2, 1, 1] and [4, 3, 1, 1] whose last edge is a sigmoid tell up to 98.7 % of the states of
    the generalised Aubry-Andre model and 98.4 % of the modified one; formulas 99.0 % and 97.7 %, with many terms. Chain
    lengths, ranges and numbers are not stated. Here: open chains of 610 sites, localised where the fractal dimension is
    below 1/2; 200 chains to learn from and 40 to test (mosaic: 40 and 20 for each kappa), uniform parameters and
    phases. alpha in [-0.9, 0.9] and lam in [0, 2]; p in [0.5, 3] and lam in [0, 5]; mosaic lam in [0, 2.5].

    Network: [3, 3, 1, 1] on cross-entropy, the best of four seeds on held-out states; mosaic [2, 1], one edge lam
    itself. Formula: the zero set of that network is fitted by f(first) second + h(first); which of ten
    functions f and h are, the zeros propose and the labels decide; that form is a person's guess. Its coefficients
    are those that tell the fewest states wrong, and are rounded to quarters where that costs no more than chance does.
    """

    name = "localisation"
    title = "Anderson localisation: mobility edges"
    source = "KAN, section 4.4, figures 4.5 and 4.6, table 5"
    file = "localisation.csv"
    extra = ("stage", "accuracy", "exact_accuracy", "published", "deviation", "formula", "states", "curve")
    note = "error: share of the states of other chains that are told wrong; the exact edge's accuracy is beside ours"

    def cases(self, settings: Settings) -> list[Case]:
        names = [name for name in MODELS if not settings.quick or name in ("generalised", "mosaic, kappa = 2")]
        ours = [*names, _BY_HAND] if OURS in settings.libraries else []
        found = [Case(f"{item}: {OURS}", {"item": item, "model": OURS}) for item in ours]
        theirs = names if MLP in settings.libraries else []
        return found + [Case(f"{item}: {MLP}", {"item": item, "model": MLP}) for item in theirs]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        item, quick = case.values["item"], settings.quick
        model = MODELS["modified" if item == _BY_HAND else item]
        states, test = model.states(test=False, quick=quick), model.states(test=True, quick=quick)
        exact = accuracy(model.edge(test.inputs), test)
        way = _perceptron if case.values["model"] == MLP else _steps if item == _BY_HAND else _ours
        began, rows = time.process_time(), []
        for found in way(model, states, test, quick):
            found |= {"error": 1 - found["accuracy"], "exact_accuracy": exact, "seconds": time.process_time() - began}
            rows.append(self.row(case, seed=0, **found))
        return rows

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["model", "step", "network", "published %", "accuracy %", "exact edge %", "formula = 0", "seconds"]
        lines = []
        for row in rows:
            if row["status"]:
                lines.append([Cell(str(row["item"])), Cell(str(row["model"])), *[Cell(str(row["status"]))] * 6])
                continue
            texts = [str(row["item"]), f"{row['model']}, {row['stage']}", str(row["shape"]), str(row["published"])]
            texts += [f"{100 * number(row, column):.1f}" for column in ("accuracy", "exact_accuracy")]
            text = str(row["formula"])
            texts += [text if len(text) < 60 else f"{text[:57]}...", told(number(row, "seconds"))]
            lines.append([Cell(text) for text in texts])
        return head, lines

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        read_back = [row for row in rows if row["model"] == OURS and not row["status"]]
        made = []
        for name in PLANS:
            own = [row for row in read_back if row["item"] == name and row["formula"]]
            off = [number(row, "deviation") for row in own] or [float("inf")]
            text = f"{off[0]:.2g} (rounded to quarters {off[-1]:.2g})"
            what = f"{name}: relative error of the formula's coefficients"
            made.append(limit(what, _OFF, "no such form", off[0], text))
        for name in MODELS:
            own = [row for row in read_back if row["item"] == name]
            behind = number(own[-1], "exact_accuracy") - number(own[-1], "accuracy") if own else float("inf")
            what = f"{name}: by how much the last step's accuracy is below the exact edge's"
            made.append(limit(what, 0.0, "", behind, f"{behind:.4f}"))
        return made

    def draw(self, rows: Sequence[Row]) -> Picture:
        return draw(rows)


def _ours(model: Model, states: States, test: States, quick: bool) -> Iterator[dict[str, Any]]:
    network = learned(model, states, quick)
    shown, dimension = model.shown()
    triples = np.column_stack([shown.inputs[:, 1], shown.inputs[:, 2], dimension])
    yield {
        "stage": _NETWORK, "shape": str(network.widths), "parameters": Layout(network).size,
        "accuracy": accuracy(values(network, test.inputs[:, model.columns]), test),
        "published": _PUBLISHED.get((model.name, _NETWORK), ""),
        "states": " ".join(f"{e:.3f},{lam:.3f},{d:.2f}" for e, lam, d in triples),
        "curve": _curve(model, network, shown),
    }  # fmt: skip
    if model.name not in PLANS:
        return
    for stage, found in zip((_FORMULA, _ROUNDED), read(model, network, states, test), strict=False):
        published = _PUBLISHED.get((model.name, stage), "")
        found_here = {"accuracy": accuracy(found.at, test), "deviation": found.deviation, "formula": found.text}
        yield {"stage": stage, "published": published, **found_here}


def _curve(model: Model, network: KAN, shown: States) -> str:
    """The network's edge in the picture: for energies, where along lam its sign changes once, as far as states are."""
    energies = np.linspace(shown.inputs[:, 1].min(), shown.inputs[:, 1].max(), 161)
    full = np.column_stack([np.full(161, model.fixed), energies, np.zeros(161)])[:, model.columns]
    lam, unique = zeros(network, full, full.shape[1] - 1, 0.0, model.most)
    size = np.array([np.ptp(energies), model.most])
    places, states = np.column_stack([energies, lam]) / size, shown.inputs[:, 1:3] / size
    near = np.linalg.norm(places[:, None] - states, axis=2).min(1) < _NEAR
    return " ".join(f"{e:.3f},{value:.3f}" for e, value in np.column_stack([energies, lam])[unique & near])


def _steps(model: Model, states: States, test: States, quick: bool) -> Iterator[dict[str, Any]]:
    for stage, found, count, formula in steps(model, states, test, quick):
        yield {"stage": stage, "accuracy": found, "parameters": count, "formula": formula, "published": STEPS[stage]}


def _perceptron(model: Model, states: States, test: States, quick: bool) -> Iterator[dict[str, Any]]:
    part, columns = few(states, 1000 if quick else _ROWS), model.columns
    middle, spread = part.inputs[:, columns].mean(0), part.inputs[:, columns].std(0)
    x = torch.from_numpy((part.inputs[:, columns] - middle) / spread)
    y = torch.from_numpy(part.localised.astype(float))[:, None]
    shape = [len(columns), *_HIDDEN, 1]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    run = trained(lambda: started(shape, 0), lambda module: loss(module(x), y), 0.1 if quick else _PATIENCE)
    found = accuracy(values(run.module, (test.inputs[:, columns] - middle) / spread), test)
    yield {"stage": f"{_NETWORK}, {run.solver}", "shape": str(shape), "parameters": size(run.module), "accuracy": found}
