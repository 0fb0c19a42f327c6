"""Anderson localization: which states of a chain are localized, and the mobility edge as a formula."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.nn import KAN, Layout
from edgewise_bench import MLP, OURS, Case, Cell, Criterion, Experiment, Row, Settings
from edgewise_bench import Model as Run
from edgewise_bench.baselines import parameter_count, seeded_mlp, train_mlp
from edgewise_bench.drawing import COLORS, INK, Figure
from edgewise_bench.experiments.anderson import reading
from edgewise_bench.experiments.dataset import predict
from edgewise_bench.tables import format_number, number

_BY_HAND = "modified, step by step"
_NETWORK, _FORMULA, _ROUNDED = "network", "formula", "formula, rounded"
_PUBLISHED = {("generalized", _NETWORK): 98.7, ("generalized", _FORMULA): 99.0, ("modified", _FORMULA): 97.1}


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
    extra = ("stage", "accuracy", "exact_accuracy", "published", "deviation", "formula", "states", "curve")
    note = (
        "error: fraction of the states of other chains that are misclassified; the exact edge's accuracy is given too"
    )
    test_informed = (
        "the form f(first) second + h(first) is a person's guess, and coefficients are rounded to quarters, both with "
        "the exact edges known, whose coefficients are 1/2 and 1"
    )

    def cases(self, settings: Settings) -> list[Case]:
        names = [name for name in reading.MODELS if not settings.quick or name in ("generalized", "mosaic, kappa = 2")]
        return self.product([*names, _BY_HAND], (OURS,), settings) + self.product(names, (MLP,), settings)

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
        most_off = 0.03
        read_back = [row for row in rows if row["model"] == OURS and not row["status"]]
        made = []
        for name in reading.PLANS:
            own = [row for row in read_back if row["item"] == name and row["formula"]]
            off = [number(row, "deviation") for row in own] or [float("inf")]
            text = f"{off[0]:.2g} (rounded to quarters {off[-1]:.2g})"
            what = f"{name}: relative error of the formula's coefficients"
            made.append(Criterion.at_most(what, most_off, "no such form", off[0], text))
        for name in reading.MODELS:
            own = [row for row in read_back if row["item"] == name]
            behind = number(own[-1], "exact_accuracy") - number(own[-1], "accuracy") if own else float("inf")
            what = f"{name}: by how much the last step's accuracy is below the exact edge's"
            made.append(Criterion.at_most(what, 0.0, "", behind, f"{behind:.4f}"))
        return made

    def draw(self, rows: Sequence[Row]) -> Figure:
        """Draw a panel for each model, with the exact edge and that of the network over the states."""
        most_across, line_count = 3, 201  # panels in a row of the picture, and lines of its exact edge
        from matplotlib.figure import Figure

        own = {str(row["item"]): row for row in rows if row["model"] == OURS and row["states"]}
        columns, lines = min(len(own), most_across) or 1, -(-len(own) // most_across) or 1
        figure = Figure(figsize=(3.3 * columns + 0.9, 3.0 * lines + 0.4), dpi=200, layout="constrained")
        axes = list(figure.subplots(lines, columns, squeeze=False).flat)
        for ax in axes[len(own) :]:
            ax.remove()
        shown = None
        for ax, (name, row) in zip(axes, own.items(), strict=False):
            model, states, curve = reading.MODELS[name], _numbers(row["states"]), _numbers(row["curve"])
            shown = ax.scatter(states[:, 0], states[:, 1], c=states[:, 2], s=5, cmap="viridis", vmin=0, vmax=1, lw=0,
                               rasterized=True)  # fmt: skip
            energies = np.linspace(states[:, 0].min(), states[:, 0].max(), line_count)
            lam = np.linspace(0.0, model.most, line_count)
            ax.contour(energies, lam, _exact(model, energies, lam), levels=[0], colors=[INK], linewidths=1.2)
            ax.plot(curve[:, 0], curve[:, 1], ".", ms=3, color=COLORS[OURS])
            fixed = "" if model.second == "kappa" else f", {model.second} = {model.fixed:g}"
            ax.set(
                title=f"{name}{fixed}", xlabel="E", ylim=(0, model.most), xlim=(energies[0] - 0.1, energies[-1] + 0.1)
            )
        for ax in axes[: len(own) : most_across]:
            ax.set_ylabel("lam")
        if shown is not None:
            used = axes[: len(own)]
            used[0].plot([], [], color=INK, lw=1.2, label="exact edge")
            used[0].plot([], [], ".", color=COLORS[OURS], label="edgewise's network")
            figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
            bar = figure.colorbar(shown, ax=used, shrink=0.7, aspect=30, pad=0.02)
            bar.set_label("fractal dimension D: 0 localized, 1 extended", fontsize=8)
        return figure


def _exact(model: reading.Model, energies: Array, lam: Array) -> Array:
    grid = np.meshgrid(energies, lam)
    columns = [np.full(grid[0].size, model.fixed), grid[0].ravel(), grid[1].ravel(), np.zeros(grid[0].size)]
    return model.edge(np.stack(columns, axis=1)).reshape(grid[0].shape)


def _numbers(text: object) -> Array:
    """Return numbers (places, columns) from text like "0.1,2 0.3,4"."""
    return np.array([place.split(",") for place in str(text).split()] or np.empty((0, 2)), dtype=float)


def _run(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    item, quick = case.values["item"], settings.quick
    model = reading.MODELS["modified" if item == _BY_HAND else item]
    states, test = model.states(test=False, quick=quick), model.states(test=True, quick=quick)
    exact, began = reading.accuracy(model.edge(test.inputs), test), time.process_time()
    train = _mlp if case.values["model"] == MLP else reading.steps if item == _BY_HAND else _edgewise
    for found in train(model, states, test, quick):
        found |= {"error": 1 - found["accuracy"], "exact_accuracy": exact}
        yield {**found, "seconds": time.process_time() - began}


def _edgewise(
    model: reading.Model, states: reading.States, test: reading.States, quick: bool
) -> Iterator[dict[str, Any]]:
    network = reading.learned(model, states, quick)
    shown, dimension = model.shown()
    triples = np.column_stack([shown.inputs[:, 1], shown.inputs[:, 2], dimension])
    yield {
        "stage": _NETWORK, "shape": str(network.widths), "parameters": Layout(network).size,
        "accuracy": reading.accuracy(predict(network, test.inputs[:, model.columns]), test),
        "published": _PUBLISHED.get((model.name, _NETWORK), ""),
        "states": " ".join(f"{e:.3f},{lam:.3f},{d:.2f}" for e, lam, d in triples),
        "curve": _curve(model, network, shown),
    }  # fmt: skip
    if model.name not in reading.PLANS:
        return
    for stage, found in zip((_FORMULA, _ROUNDED), reading.read(model, network, states, test), strict=False):
        published = _PUBLISHED.get((model.name, stage), "")
        found_here = {"accuracy": reading.accuracy(found.at, test), "deviation": found.deviation, "formula": found.text}
        yield {"stage": stage, "published": published, **found_here}


def _curve(model: reading.Model, network: KAN, shown: reading.States) -> str:
    """Return the network's edge: for energies, the lam where its sign changes once, as far as there are states."""
    near_enough = 0.05  # of the picture, from a curve to the next state
    energies = np.linspace(shown.inputs[:, 1].min(), shown.inputs[:, 1].max(), 161)
    full = np.column_stack([np.full(161, model.fixed), energies, np.zeros(161)])[:, model.columns]
    lam, unique = reading.zeros(network, full, full.shape[1] - 1, 0.0, model.most)
    size = np.array([np.ptp(energies), model.most])
    places, states = np.column_stack([energies, lam]) / size, shown.inputs[:, 1:3] / size
    near = np.linalg.norm(places[:, None] - states, axis=2).min(1) < near_enough
    return " ".join(f"{e:.3f},{value:.3f}" for e, value in np.column_stack([energies, lam])[unique & near])


def _mlp(model: reading.Model, states: reading.States, test: reading.States, quick: bool) -> Iterator[dict[str, Any]]:
    hidden, patience, rows = (20, 20), 0.8, 20_000
    part, columns = reading.subsample(states, 1000 if quick else rows), model.columns
    mean, std = part.inputs[:, columns].mean(0), part.inputs[:, columns].std(0)
    x = torch.from_numpy((part.inputs[:, columns] - mean) / std)
    y = torch.from_numpy(part.localized.astype(float))[:, None]
    shape = [len(columns), *hidden, 1]
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    run = train_mlp(lambda: seeded_mlp(shape, 0), lambda module: loss(module(x), y), 0.1 if quick else patience)
    found = {"stage": f"{_NETWORK}, {run.solver}", "shape": str(shape), "parameters": parameter_count(run.module)}
    predicted = predict(run.module, (test.inputs[:, columns] - mean) / std)
    yield {**found, "accuracy": reading.accuracy(predicted, test)}
