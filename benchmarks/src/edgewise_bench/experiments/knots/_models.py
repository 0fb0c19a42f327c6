"""Knots as rows of numbers, and what predicts their signature: splines, MLPs, boosted trees, formulas."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from edgewise import interpret
from edgewise._typing import Array
from edgewise.nn import KAN, Layout
from edgewise.symbolic import snap
from edgewise.train import Options, fit
from edgewise.unsupervised import find_relations
from edgewise_bench.baselines import (
    adamw_steps,
    default_dtype,
    minibatches,
    parameter_count,
    pykan_parameters,
    seeded_mlp,
    silenced,
)
from edgewise_bench.datasets import knots
from edgewise_bench.experiments._dataset import predict

if TYPE_CHECKING:
    import pandas as pd

THREE = ("longitudinal_translation", "meridional_translation_real", "meridional_translation_imag")
SHORT = dict(zip(THREE, ("lambda", "Re mu", "Im mu"), strict=True))
NUMBERS = (
    *THREE, "volume", "cusp_volume", "chern_simons", "short_geodesic_real", "short_geodesic_imag",
    "injectivity_radius",
)  # fmt: skip
SYMMETRIES = ("0", "Z/2", "Z/2 + Z/2", "D3", "D4", "D6", "D8")
INPUTS = {"three invariants": THREE, "all invariants": (*NUMBERS, "geodesic known", *SYMMETRIES)}


class Rows(NamedTuple):
    """Standardized inputs (n, d), NaN where not known, and classes (n,): places in `signatures`."""

    x: Array
    y: Array


class Knots(NamedTuple):
    """The rows to train on, to choose by, and to test on; the names of the inputs, and the signatures that occur."""

    train: Rows
    held: Rows
    test: Rows
    names: tuple[str, ...]
    signatures: Array


def split(table: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split a table into 75 %, 12.5 % and 12.5 % of its rows."""
    train, held = 0.75, 0.125  # the rest is for testing, as in the article's baseline
    order = np.random.default_rng(seed).permutation(len(table))
    first, second = round(train * len(table)), round((train + held) * len(table))
    return table.iloc[order[:first]], table.iloc[order[first:second]], table.iloc[order[second:]]


def prepared(item: str, most: int | None = None) -> Knots:
    """Return the knots with the inputs of an item, at most that number in each part."""
    parts, names = [part.iloc[:most] for part in split(knots())], INPUTS[item]
    raw = [_numbers(part)[list(names)].to_numpy(float) for part in parts]
    mean, std = np.nanmean(raw[0], 0), np.nanstd(raw[0], 0)
    std[~(std > 0)] = 1.0
    signatures = np.unique(parts[0]["signature"])
    classes = [np.searchsorted(signatures, part["signature"]).clip(max=len(signatures) - 1) for part in parts]
    rows = [Rows((x - mean) / std, y) for x, y in zip(raw, classes, strict=True)]
    return Knots(rows[0], rows[1], rows[2], names, signatures)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Add symmetry groups as columns of zeros and ones, and whether the shortest geodesic is known."""
    added = {name: (table["symmetry_group"] == name).astype(float) for name in SYMMETRIES}
    known = table["short_geodesic_real"].notna().astype(float)
    return table.assign(**added, **{"geodesic known": known})


def slope(table: pd.DataFrame) -> Array:
    """Return the natural slope Re(lambda / mu) = lambda Re(mu) / |mu|^2."""
    length, real, imaginary = (table[name].to_numpy() for name in THREE)
    return length * real / (real**2 + imaginary**2)


def rounded(values: Array) -> Array:
    """Round to the nearest even numbers.

    >>> rounded(np.array([2.9, 3.1, -0.4])).tolist()
    [2.0, 4.0, 0.0]
    """
    return 2 * np.round(values / 2) + 0.0


_HIDDEN, _CELLS = (5, 10), 5
_BATCH, _RATE, _STEPS = 256, 3e-3, {"small": 12_000, "large": 3000}
_PRODUCT: list[Any] = [len(THREE), (0, [3])]  # one product of three sums
_FEW, _SPARSITY = 4000, 3e-3  # knots, and what the network of formulas is trained with
_SYMBOLS = ("lambda", "mu_re", "mu_im")


def splines(data: Knots, quick: bool) -> dict[str, Any]:
    """Train two networks with one hidden layer on cross-entropy, and keep the better one on validation rows."""
    x, y = _filled(data.train.x), data.train.y
    how = {"solver": "lm", "grids": [2]} if quick else {"solver": "adam", "grids": [_CELLS]}
    models = [
        fit(
            KAN([len(data.names), hidden, len(data.signatures)], seed=0), x, y, loss="cross_entropy",
            options=Options(restarts=1, test=0), **how,
        ).model
        for hidden in (_HIDDEN[:1] if quick else _HIDDEN)
    ]  # fmt: skip
    model = max(models, key=lambda model: accuracy(model, data.held))
    scores = interpret.input_scores(model, x[:2000])
    order = np.argsort(-np.asarray(scores))[:4]
    text = ", ".join(f"{SHORT.get(data.names[i], data.names[i])} {float(scores[i]):.2f}" for i in order)
    found = {"shape": str(model.widths), "parameters": Layout(model).size, "scores": text}
    return {**found, "error": 1 - accuracy(model, data.test)}


def mlps(data: Knots, kind: str, quick: bool) -> dict[str, Any]:
    """Train MLPs of about equal size, or large ones, by AdamW, and keep the best one on validation rows."""
    small, large = ((20,), (40,), (16, 16)), ((100, 100, 100), (300, 300, 300))
    x, y = torch.from_numpy(_filled(data.train.x)).float(), torch.from_numpy(data.train.y)
    trained = {}
    for hidden in (small if kind == "small" else large)[: 1 if quick else None]:
        sizes = [x.shape[1], *hidden, len(data.signatures)]
        trained[str(sizes)] = model = seeded_mlp(sizes, seed=0, activation="silu").float()
        for _ in adamw_steps(model, minibatches(x, y, _BATCH), 20 if quick else _STEPS[kind], _RATE):
            pass
    shape, model = max(trained.items(), key=lambda one: accuracy(one[1], data.held))
    return {"shape": shape, "parameters": parameter_count(model), "error": 1 - accuracy(model, data.test)}


def boosted(data: Knots, quick: bool) -> dict[str, Any]:
    """Train scikit-learn's histogram gradient boosting, the better of two settings on validation rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Boosting

    settings = ((0.1, 3),) if quick else ((0.1, 100), (0.05, 300))  # its own, and slower
    models = [
        Boosting(random_state=0, learning_rate=rate, max_iter=rounds).fit(data.train.x, data.train.y)
        for rate, rounds in settings
    ]
    model = max(models, key=lambda model: model.score(data.held.x, data.held.y))
    return {"error": 1 - float(model.score(data.test.x, data.test.y))}


def pykan(data: Knots, quick: bool) -> dict[str, Any]:
    """Train pykan's [d, 1, classes] as in its notebook on knots: grid 5, lamb 0.005, batches of 1024, 100 steps."""
    from kan import KAN as PyKAN  # pyright: ignore[reportMissingImports]

    widths = [len(data.names), 1, len(data.signatures)]
    x, y = torch.from_numpy(_filled(data.train.x)), torch.from_numpy(data.train.y)
    rows = {"train_input": x, "train_label": y, "test_input": x[:2000], "test_label": y[:2000]}
    with default_dtype(torch.float64), silenced():
        model = PyKAN(width=list(widths), grid=5, k=3, seed=42, auto_save=False)  # it writes into the list
        loss = torch.nn.CrossEntropyLoss()
        model.fit(rows, opt="LBFGS", steps=2 if quick else 100, lamb=0.005, batch=1024, loss_fn=loss)
        error = 1 - accuracy(model, data.test)
    return {"shape": str(widths), "error": error, "parameters": pykan_parameters(model)}


def formulas(quick: bool) -> Iterator[dict[str, Any]]:
    """Yield half the slope, and the best formula of at most 15 operations on held-out knots, both rounded.

    The formulas are those of a network that is a product of three sums of curves, trained with sparsity and pruned.
    """
    most = 15  # operations of a formula
    slacks = (1.05, 1.1, 1.2, 1.5)  # of snapping: from accurate to simple
    import sympy

    train, held, test = split(knots())
    began = time.process_time()
    half = slope(test) / 2
    yield {"kind": "half of the slope", "formula": "Re(lambda / mu) / 2", **_rounded(half, test, half), "seconds": ""}
    few = train.iloc[: 500 if quick else _FEW]
    x, y = few[list(THREE)].to_numpy(float), few["signature"].to_numpy(float)
    wide = fit(KAN(_PRODUCT, seed=0), x, y, grids=[3, _CELLS], sparsity=_SPARSITY, options=Options(test=0)).model
    lean = interpret.prune(wide, x, y).model
    snapped = [snap(lean, x, y, slack=slack) for slack in slacks[-1 if quick else 0 :]]
    written = [(found.model, found.model.formula(_SYMBOLS)) for found in snapped if not found.kept]
    short = [(model, formula) for model, formula in written if sympy.count_ops(formula) <= most]
    if not short:
        yield {"kind": "formula", "shape": str(lean.widths), "status": f"no formula of at most {most} operations"}
        return
    chosen, formula = min(short, key=lambda one: _rounded(_predicted(one[0], held), held, slope(held) / 2)["error"])
    found = {
        "shape": str(lean.widths),
        "formula": str(sympy.N(formula, 4)),
        "parameters": int(sympy.count_ops(formula)),
    }
    found |= _rounded(_predicted(chosen, test), test, half)
    yield {"kind": "formula", **found, "seconds": time.process_time() - began}


def relations(quick: bool) -> Iterator[dict[str, Any]]:
    """Yield the relations among the numerical columns and the signature, found without naming a target."""
    began = time.process_time()
    table = knots().dropna()
    rows = table[["signature", *NUMBERS]].astype(float).sample(150 if quick else 1500, random_state=0)
    found = find_relations(rows, seeds=1 if quick else 3, formulas=not quick, time_limit=60.0 if quick else 300.0)
    spent = time.process_time() - began
    for relation in found:
        equation = relation.equation
        formula = "" if equation is None else f"{equation.left} = {equation.right}"
        error = 1.0 if equation is None else equation.error
        tied = " ".join(sorted(relation.columns))
        yield {"kind": "relation", "columns": tied, "formula": formula, "error": error, "seconds": spent}


def accuracy(model: torch.nn.Module, rows: Rows) -> float:
    """Return the fraction of rows that are classified correctly."""
    x = torch.from_numpy(_filled(rows.x))
    with torch.no_grad():
        return float((model(x.to(next(model.parameters()).dtype)).argmax(1).numpy() == rows.y).mean())


def _filled(x: Array) -> Array:
    """Replace unknown invariants by the mean of the known rows, which is zero."""
    return np.nan_to_num(x, nan=0.0)


def _predicted(model: KAN, table: Any) -> Array:
    return predict(model, table[list(THREE)].to_numpy(float, copy=True))


def _rounded(values: Array, table: Any, half: Array) -> dict[str, float]:
    """Return one minus the accuracy of the values as signatures, and their squared correlations."""
    signature = table["signature"].to_numpy(float)
    return {
        "error": 1 - float((rounded(values) == signature).mean()),
        "r2": _squared(values, signature),
        "r2_slope": _squared(values, half),
    }


def _squared(a: Sequence[float] | Array, b: Array) -> float:
    return float(np.corrcoef(a, b)[0, 1] ** 2) if np.std(a) > 0 else 0.0
