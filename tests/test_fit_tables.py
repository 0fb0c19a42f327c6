"""Training on tables of every kind, unit and size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.train import FitResult, Outcome


def points(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1


def rms(model: ew.KAN, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((model(x) - (y if y.dim() == 2 else y.unsqueeze(1))).square().mean().sqrt())


def once(**arguments: Any) -> ew.Options:
    return ew.Options(restarts=1, **arguments)


X = points(200, 2)
Y = X[:, 0] * X[:, 1]


def test_a_single_precision_network_stays_one() -> None:
    result = ew.fit(ew.KAN([2, (0, 1)], dtype=torch.float32), X.float(), Y.float(), grids=[3])
    assert result.model.dtype == torch.float32
    assert {p.dtype for p in result.model.parameters()} == {torch.float32}
    assert rms(result.model, X, Y) < 1e-5


@pytest.mark.parametrize("kind", ["numpy", "float32", "list", "frame", "integers", "read-only", "column", "sparse"])
def test_tables_of_every_kind(kind: str) -> None:
    x, y = X.numpy(), Y.numpy()
    arrays: dict[str, tuple[Any, Any]] = {
        "numpy": (x, y),
        "float32": (x.astype(np.float32), y.astype(np.float32)),
        "list": (x.tolist(), y.tolist()),
        "frame": (pd.DataFrame(x, columns=["a", "b"]), pd.Series(y)),
        "integers": ((9 * x).astype(int), (9 * y).astype(int)),
        "read-only": (np.broadcast_to(x[:1], x.shape).copy() + x, y),
        "column": (x, y[:, None]),
        "sparse": (X.to_sparse(), Y),
    }
    given = arrays[kind]
    if kind == "read-only":
        for array in given:
            array.flags.writeable = False
    result = ew.fit(ew.KAN([2, 1]), *given, grids=[3], options=once())
    assert isinstance(result, FitResult)
    if kind in ("numpy", "list", "frame", "column", "sparse"):
        assert torch.equal(result.model(X), ew.fit(ew.KAN([2, 1]), X, Y, grids=[3], options=once()).model(X))


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e9, 1e30])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_the_targets_unit_does_not_matter(scale: float, offset: float) -> None:
    y = scale * (Y + offset)
    result = ew.fit(ew.KAN([2, 2, 1]), X, y, grids=[3])
    assert rms(result.model, X, y) < 1e-2 * scale
    assert result.train_error == pytest.approx(rms(result.model, X, y), rel=0.5, abs=1e-14 * scale)


@pytest.mark.parametrize("widths", [[2, 1], [2, 2, 1]], ids=str)
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_targets_far_from_zero_are_learned_from_one_start(widths: list[int], offset: float) -> None:
    y = torch.sin(2 * X[:, 0]) + X[:, 1] ** 2 + offset
    result = ew.fit(ew.KAN(widths), X, y, grids=[3], options=once())
    assert rms(result.model, X, y) < 1e-2


@pytest.mark.parametrize("power", [-100, -30, 30, 100])
def test_a_target_in_units_of_a_power_of_two_gives_the_same_digits(power: int) -> None:
    plain, scaled = (ew.fit(ew.KAN([2, 2, 1]), X, unit * Y, grids=[3]).model for unit in (1.0, 2.0**power))
    assert torch.equal(scaled(X), 2.0**power * plain(X))


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_the_inputs_units_do_not_matter(scale: float, offset: float) -> None:
    x = scale * (X + offset)
    result = ew.fit(ew.KAN([2, 2, 1]), x, Y, grids=[3])
    assert rms(result.model, x, Y) < 1e-2


@pytest.mark.parametrize("value", [0.0, 2.5, -1e9, 1e-12])
def test_a_constant_target_is_a_constant_network(value: float) -> None:
    y = torch.full((200,), value, dtype=torch.float64)
    result = ew.fit(ew.KAN([2, 2, 1]), X, y)
    assert rms(result.model, X, y) <= 1e-6 * abs(value)
    assert result.outcome is not Outcome.POOR


def test_a_constant_column_does_no_harm() -> None:
    x = torch.cat([X, torch.full((200, 1), 7.0, dtype=torch.float64)], dim=1)
    assert ew.fit(ew.KAN([3, 2, 1]), x, Y, grids=[3]).train_error < 1e-2


@pytest.mark.parametrize("rows", [3, 4, 10, 19, 20])
def test_a_handful_of_rows_is_fitted(rows: int) -> None:
    result = ew.fit(ew.KAN([2, 1]), X[:rows], X[:rows, 0] + X[:rows, 1])
    assert math.isnan(result.validation_error) == (rows < 20)
    assert result.train_error < 0.1
    assert bool(torch.isfinite(result.model(X)).all())
