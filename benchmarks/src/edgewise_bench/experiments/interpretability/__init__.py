"""Toy targets from the KAN papers, recovered automatically."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy
import torch

from edgewise import KAN, Options, discover, find_relations, fit, symbolic
from edgewise._typing import Array
from edgewise.nn import layer_of
from edgewise_bench import OURS, PYKAN, Case, Cell, Criterion, Experiment, Row, Settings
from edgewise_bench.baselines import pykan_formula
from edgewise_bench.drawing import Figure
from edgewise_bench.experiments.dataset import rmse
from edgewise_bench.experiments.interpretability import targets
from edgewise_bench.tables import format_number, grouped, number

_SEEDS = (0, 1, 2)
_ROWS, _FRESH = 1000, 10_000
_PYKAN_ITEMS = ("x y", "x / y")
_BITS = {bits.name: bits for bits in targets.BITS}
_ITEMS = (
    *list(targets.TARGETS)[:2],
    targets.DIGITS.name,
    targets.BESSEL.name,
    *list(targets.TARGETS)[2:],
    targets.SIX,
    *_BITS,
)  # in the articles' order
_QUICK = (*_PYKAN_ITEMS, targets.DIGITS.name, targets.BESSEL.name, targets.SIX, targets.BITS[0].name)
_PUBLISHED = {
    item.name: item.published for item in (*targets.TARGETS.values(), targets.BESSEL, targets.DIGITS, *targets.BITS)
} | {targets.SIX: targets.SIX_PUBLISHED}
_DRAWN = 201  # points of a curve that is stored
_PATIENCE = 600.0  # seconds of a search: no limit on any machine
FORMULA, STRUCTURE, NO = "formula", "structure", "no"


class Interpretability(Experiment):
    """The target examples of the articles' sections on interpretability, three tables of 1000 rows each.

    Four targets go through `discover`. exp(J0(20 x) + y^2) has a curve that no library function is: the smallest of
    four shapes that explains held-out rows is trained and snapped; the structure is right if the outer function is exp,
    the exponent's dependence on y is y^2 (to 1e-4) and one spline of x remains, whose error against J0 is reported. A
    digit is right if each of ten curves, fitted to the one-hot digits by least squares, is above one half on its own
    tenth and below elsewhere, except for points within 0.01 of a border. The six columns go through `find_relations`,
    and what is solved through `discover`; right is both relations and no other. A formula counts as exact if it
    deviates by less than 1e-9 at fresh points, beyond the data's range too, and contains no decimal number. Majorities
    and parities of bits (all rows there are) train the shapes of KAN 2.0 with sparsity and prune them in turn; right is
    a network that answers every row and whose first nodes read one group of bits each. It is arranged afterward; KAN
    2.0 swaps neurons while it trains.

    MLPs have no formula, so there are no rows of them. pykan follows its notebook (sparse training, pruning, a finer
    grid, automatic functions) on two targets.
    """

    name = "interpretability"
    title = "Toy targets read as formulas"
    source = "KAN, sections 4.1 and 4.2 and figure 4.1; modules of bits: KAN 2.0"
    extra = ("formula", "right", "curves")
    text_columns = 4
    test_informed = "sparsity and pruning limit of the modules of bits chosen on the seeds that are shown"
    note = (
        "largest relative deviation of a formula at fresh points; RMSE of the curve against J0; fraction of wrong "
        "digits and of wrong answers; relations that were missed or made up"
    )

    def cases(self, settings: Settings) -> list[Case]:
        items, seeds = (_QUICK, _SEEDS[:1]) if settings.quick else (_ITEMS, _SEEDS)
        wanted = [(item, OURS, seed) for item in items for seed in seeds if OURS in settings.libraries]
        wanted += [(item, PYKAN, 0) for item in _PYKAN_ITEMS if PYKAN in settings.libraries]
        return [
            Case(f"{item}, seed {seed}: {model}", {"item": item, "model": model, "seed": seed})
            for item, model, seed in wanted
        ]

    def edgewise(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        item = case.values["item"]
        yield _SPECIAL.get(item, _formula)(item, case.values["seed"], settings.quick)

    def pykan(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        item, steps = case.values["item"], 2 if settings.quick else 50
        target = targets.TARGETS[item]
        yield _judged(item, pykan_formula(*target.table(_ROWS, case.values["seed"]), target.names, steps))

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["target", "published", "model", "found, first seed", "right", "worst error", "seconds"]
        lines = []
        for (item, model), own in grouped(rows, "item", "model").items():
            there = [row for row in own if row["error"] != ""]
            cells = [item, _PUBLISHED[item] if model == OURS else "", model]
            if not there:
                lines.append([Cell(text) for text in (*cells, str(own[0]["status"]), "", "", "")])
                continue
            right = sum(row["right"] != NO for row in own)
            kind = STRUCTURE if item in (targets.BESSEL.name, targets.DIGITS.name, *_BITS) else FORMULA
            worst, seconds = (max(number(row, column) for row in there) for column in ("error", "seconds"))
            cells += [str(there[0]["formula"]), f"{kind}: {right} of {len(own)}", format_number(worst)]
            lines.append([Cell(text) for text in (*cells, format_number(seconds))])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        bessel, digits = targets.BESSEL, targets.DIGITS
        ours = [row for row in rows if row["model"] == OURS]
        errors = {name: [number(row) for row in ours if row["item"] == name] for name in (bessel.name, digits.name)}
        curve, wrong = (max(found, default=np.inf) for found in errors.values())
        return [
            *(_counted(f"{item}: exact formula", _PUBLISHED[item], ours, item) for item in targets.TARGETS),
            _counted(f"{bessel.name}: exp of a spline of x and y^2", bessel.published, ours, bessel.name),
            Criterion.at_most("its spline against J0(20 x), RMSE, worst seed", 1e-3, "r2 0.9986", curve),
            _counted(f"{digits.name}: each output a spike on its own tenth", digits.published, ours, digits.name),
            Criterion.at_most("fraction of wrong digits, worst seed", 0.02, "not stated", wrong),
            _counted("six columns: both relations and no other", targets.SIX_PUBLISHED, ours, targets.SIX),
            *(_counted(f"{name}: a node for each", bits.published, ours, name) for name, bits in _BITS.items()),
        ]

    def draw(self, rows: Sequence[Row]) -> Figure:
        ours = [row for row in rows if row["model"] == OURS and row["error"] != ""]
        first = {item: next(row for row in ours if row["item"] == item) for (item,) in grouped(ours, "item")}
        return targets.draw([first[item] for item in _ITEMS if item in first])


def _counted(what: str, published: str, rows: Sequence[Row], item: str) -> Criterion:
    own = [row for row in rows if row["item"] == item and row["right"] != ""]
    right = sum(row["right"] != NO for row in own)
    found = Cell(f"{right} of {len(own)}", right == len(own)) if own else Cell("not measured")
    return Criterion(what, "every seed", published, found)


def _formula(item: str, seed: int, quick: bool) -> dict[str, Any]:
    target = targets.TARGETS[item]
    found = discover(*target.table(_ROWS, seed), names=target.names, noise="exact", seed=seed, time_limit=_PATIENCE)
    return _judged(item, found.best.expression)


def _judged(item: str, formula: Any) -> dict[str, Any]:
    error = targets.TARGETS[item].error(formula)
    return {"formula": str(formula), "right": FORMULA if targets.exact(formula, error) else NO, "error": error}


def _bessel(item: str, seed: int, quick: bool) -> dict[str, Any]:
    """Train and snap the smallest shape that explains the target."""
    enough = 0.01  # of the target's standard deviation: the first shape with a lower validation error is taken
    grids = (20, 50, 100)
    shapes = ([2, 1], [2, 1, 1], [2, 2, 1], [2, 5, 1])
    x, y = targets.BESSEL.table(_ROWS, seed)
    model = KAN(shapes[0])
    for shape in shapes:
        trained = fit(KAN(shape, seed=seed), x, y, grids=grids, options=Options(seed=seed, restarts=4, test=0))
        model = trained.model
        if trained.validation_error < enough * y.std():
            break
    snapped = symbolic.snap(model, x, y)
    fresh = np.sort(targets.BESSEL.table(_FRESH, 100 + seed)[0], axis=0)
    curve, square = (_exponent(snapped.model, fresh * along) for along in np.eye(2))
    off = float(np.abs(square - _exponent(snapped.model, np.zeros((1, 2))) - fresh[:, 1] ** 2).max())
    outer = layer_of(snapped.model, len(snapped.model.layers) - 1).symbols
    right = snapped.model.widths == [2, 1, 1] and snapped.kept == [(0, 0, 0)] and off < 1e-4
    right = right and outer.get((0, 0)) == "exp"
    error = rmse(curve, targets.inner_bessel(fresh[:, 0]))
    shown = _exponent(snapped.model, np.column_stack([np.linspace(-1, 1, _DRAWN), np.zeros(_DRAWN)]))
    text = "exp(spline(x_1) + x_2**2)" if right else str(snapped.model.formula(targets.BESSEL.names, splines="symbols"))
    return {"formula": text, "right": STRUCTURE if right else NO, "error": error, "curves": _stored(shown[None], seed),
            "shape": str(snapped.model.widths)}  # fmt: skip


def _exponent(model: KAN, x: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.log(_values(model, x)[:, 0])


def _values(model: KAN, x: Array) -> Array:
    with torch.no_grad():
        return model(torch.from_numpy(x)).numpy()


def _digits(item: str, seed: int, quick: bool) -> dict[str, Any]:
    border = 0.01  # that curves may take to rise at the border of two digits
    cells = 100  # of a digit's curve
    x, digit = targets.DIGITS.table(_ROWS, seed)
    model = fit(KAN([1, 10], seed=seed), x, np.eye(10)[digit.astype(int)], grids=[cells],
                options=Options(seed=seed, test=0)).model  # fmt: skip
    fresh, truth = targets.DIGITS.table(_FRESH, 100 + seed)
    curves = _values(model, fresh)
    inside = np.abs(fresh[:, 0] - np.round(fresh[:, 0], 1)) > border
    spikes = (curves > 0.5) == np.eye(10, dtype=bool)[truth.astype(int)]
    wrong = float(np.mean(curves.argmax(axis=1) != truth))
    shown = _values(model, np.linspace(0, 1, _DRAWN)[:, None]).T
    return {"formula": "curve j > 1/2 on [j/10, (j + 1)/10)", "right": STRUCTURE if spikes[inside].all() else NO,
            "error": wrong, "curves": _stored(shown, seed), "shape": "[1, 10]"}  # fmt: skip


def _stored(curves: Array, seed: int) -> str:
    """Return curves as text, those of the first seed alone, which is drawn."""
    return ";".join(" ".join(f"{value:.4f}" for value in curve) for curve in curves) if seed == _SEEDS[0] else ""


def _six(item: str, seed: int, quick: bool) -> dict[str, Any]:
    x, fresh = targets.six(300 if quick else _ROWS, seed), targets.six(_FRESH, 100 + seed)
    names = [f"x_{number}" for number in range(1, 7)]
    found = find_relations(x, names, seeds=1, seed=seed, formulas=False, time_limit=_PATIENCE)
    texts, right = [], 0
    for relation in found:
        if relation.solved is None:
            texts.append(relation.text)
            continue
        solved, others = names.index(relation.solved), [c for c in relation.columns if c != relation.solved]
        places = [names.index(name) for name in others]
        law = discover(x[:, places], x[:, solved], names=others, seed=seed, noise="exact",
                       time_limit=2.0 if quick else _PATIENCE).best  # fmt: skip
        off = np.abs(law.predict(fresh[:, places]) - fresh[:, solved])
        right += targets.exact(sympy.sympify(law.expression), float(off.max()))
        texts.append(f"{relation.solved} = {law.expression}")
    error = max(2, len(texts)) - right
    return {"formula": "; ".join(texts), "right": FORMULA if error == 0 else NO, "error": error}


def _modules(item: str, seed: int, quick: bool) -> dict[str, Any]:
    found, right = targets.modules(_BITS[item], seed, quick)
    shown = found["curves"] if seed == _SEEDS[0] else ""
    return {**found, "right": STRUCTURE if right else NO, "curves": shown}


_SPECIAL = {
    targets.BESSEL.name: _bessel,
    targets.DIGITS.name: _digits,
    targets.SIX: _six,
    **dict.fromkeys(_BITS, _modules),
}
