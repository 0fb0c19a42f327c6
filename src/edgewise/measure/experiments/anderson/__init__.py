"""Anderson localization: which states of a chain are localized, and the mobility edge as a formula."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise.measure import MLP, OURS, Case, Cell, Criterion, Experiment, Row, Settings
from edgewise.measure import Model as Run
from edgewise.measure.baselines import parameter_count, seeded_mlp, train_mlp
from edgewise.measure.experiments._dataset import predict
from edgewise.measure.experiments.anderson._data import MODELS, Model, States, accuracy, subsample
from edgewise.measure.experiments.anderson._picture import draw
from edgewise.measure.experiments.anderson._reading import PLANS, learned, read, zeros
from edgewise.measure.experiments.anderson._steps import STEPS, steps
from edgewise.measure.tables import format_number, number
from edgewise.nn import KAN, Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BY_HAND = "modified, step by step"
_NETWORK, _FORMULA, _ROUNDED = "network", "formula", "formula, rounded"
_PUBLISHED = {("generalized", _NETWORK): 98.7, ("generalized", _FORMULA): 99.0, ("modified", _FORMULA): 97.1}
_HIDDEN, _PATIENCE, _ROWS = (20, 20), 0.8, 20_000
_OFF = 0.03
_NEAR = 0.05  # of the picture, from a curve to the next state


class Anderson(Experiment):
    """Which states are localized, from a chain's parameters and a state's energy; the mobility edge as a formula.

    Published: networks of [4, 2, 1, 1] and [4, 3, 1, 1] whose last edge is a sigmoid classify up to 98.7 % of the
    states of the generalized Aubry-Andre model and 98.4 % of the modified one correctly; formulas 99.0 % and 97.7 %,
    with many terms. Chain lengths, ranges and numbers are not stated. Here: open chains of 610 sites, localized where
    the fractal dimension is below 1/2; 200 chains to train on and 40 to test (mosaic: 40 and 20 for each kappa),
    uniform parameters and phases. alpha in [-0.9, 0.9] and lam in [0, 2]; p in [0.5, 3] and lam in [0, 5]; mosaic lam
    in [0, 2.5].

    Network: [3, 3, 1, 1] on cross-entropy, the best of four seeds on held-out states; mosaic [2, 1], one edge lam
    itself. Formula: the zero set of that network is fitted by f(first) second + h(first); which of ten functions f and
    h are, the zeros propose and the labels decide; that form is a person's guess. Its coefficients are those that
    misclassify the fewest states, and are rounded to quarters if that costs no more than chance does.
    """

    name = "anderson"
    title = "Anderson localization: mobility edges"
    source = "KAN, section 4.4, figures 4.5 and 4.6, table 5"
    file = "anderson.csv"
    extra = ("stage", "accuracy", "exact_accuracy", "published", "deviation", "formula", "states", "curve")
    note = (
        "error: fraction of the states of other chains that are misclassified; the exact edge's accuracy is given too"
    )
    test_informed = (
        "the form f(first) second + h(first) is a person's guess, and coefficients are rounded to quarters, both with "
        "the exact edges known, whose coefficients are 1/2 and 1"
    )

    def cases(self, settings: Settings) -> list[Case]:
        names = [name for name in MODELS if not settings.quick or name in ("generalized", "mosaic, kappa = 2")]
        ours = [*names, _BY_HAND] if OURS in settings.libraries else []
        found = [Case(f"{item}: {OURS}", {"item": item, "model": OURS}) for item in ours]
        theirs = names if MLP in settings.libraries else []
        return found + [Case(f"{item}: {MLP}", {"item": item, "model": MLP}) for item in theirs]

    def models(self) -> Mapping[str, Run]:
        return dict.fromkeys((OURS, MLP), _run)

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
            texts += [text if len(text) < 60 else f"{text[:57]}...", format_number(number(row, "seconds"))]
            lines.append([Cell(text) for text in texts])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        read_back = [row for row in rows if row["model"] == OURS and not row["status"]]
        made = []
        for name in PLANS:
            own = [row for row in read_back if row["item"] == name and row["formula"]]
            off = [number(row, "deviation") for row in own] or [float("inf")]
            text = f"{off[0]:.2g} (rounded to quarters {off[-1]:.2g})"
            what = f"{name}: relative error of the formula's coefficients"
            made.append(Criterion.at_most(what, _OFF, "no such form", off[0], text))
        for name in MODELS:
            own = [row for row in read_back if row["item"] == name]
            behind = number(own[-1], "exact_accuracy") - number(own[-1], "accuracy") if own else float("inf")
            what = f"{name}: by how much the last step's accuracy is below the exact edge's"
            made.append(Criterion.at_most(what, 0.0, "", behind, f"{behind:.4f}"))
        return made

    def draw(self, rows: Sequence[Row]) -> Figure:
        return draw(rows)


def _run(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    item, quick = case.values["item"], settings.quick
    model = MODELS["modified" if item == _BY_HAND else item]
    states, test = model.states(test=False, quick=quick), model.states(test=True, quick=quick)
    exact, began = accuracy(model.edge(test.inputs), test), time.process_time()
    train = _mlp if case.values["model"] == MLP else _steps if item == _BY_HAND else _edgewise
    for found in train(model, states, test, quick):
        found |= {"error": 1 - found["accuracy"], "exact_accuracy": exact}
        yield {**found, "seconds": time.process_time() - began}


def _edgewise(model: Model, states: States, test: States, quick: bool) -> Iterator[dict[str, Any]]:
    network = learned(model, states, quick)
    shown, dimension = model.shown()
    triples = np.column_stack([shown.inputs[:, 1], shown.inputs[:, 2], dimension])
    yield {
        "stage": _NETWORK, "shape": str(network.widths), "parameters": Layout(network).size,
        "accuracy": accuracy(predict(network, test.inputs[:, model.columns]), test),
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
    """Return the network's edge: for energies, the lam where its sign changes once, as far as there are states."""
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


def _mlp(model: Model, states: States, test: States, quick: bool) -> Iterator[dict[str, Any]]:
    part, columns = subsample(states, 1000 if quick else _ROWS), model.columns
    mean, std = part.inputs[:, columns].mean(0), part.inputs[:, columns].std(0)
    x = torch.from_numpy((part.inputs[:, columns] - mean) / std)
    y = torch.from_numpy(part.localized.astype(float))[:, None]
    shape = [len(columns), *_HIDDEN, 1]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    run = train_mlp(lambda: seeded_mlp(shape, 0), lambda module: loss(module(x), y), 0.1 if quick else _PATIENCE)
    found = {"stage": f"{_NETWORK}, {run.solver}", "shape": str(shape), "parameters": parameter_count(run.module)}
    predicted = predict(run.module, (test.inputs[:, columns] - mean) / std)
    yield {**found, "accuracy": accuracy(predicted, test)}
