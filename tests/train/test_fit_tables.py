"""Training on tables of every kind, unit and size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import edgewise as ew
from edgewise.optim import LBFGS, Adam
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


OFFSETS = [3e3, 3e4, 1e6, 1e9]
CURVES = torch.sin(3 * X[:, 0]) + X[:, 1] ** 2
CURVES -= CURVES.mean()


def relative(model: ew.KAN, offset: float, **arguments: Any) -> float:
    """The training error over the standard deviation, of a target shifted by `offset` standard deviations."""
    spread = float(CURVES.std())
    result = ew.fit(model, X, CURVES + offset * spread, **{"grids": [4], **arguments})
    assert result.train_error == pytest.approx(rms(result.model, X, CURVES + offset * spread), rel=1e-3)
    return result.train_error / spread


@pytest.mark.parametrize("basis", ["bspline", "linear", "chebyshev", "fourier", "identity", "silu", "locked"])
def test_the_targets_offset_does_not_matter(basis: str) -> None:
    """Whatever the edges combine; 1e9 standard deviations leave seven digits to the rows."""
    base = basis if basis in ("identity", "silu") else None
    model = ew.KAN([2, 1], base=base, basis=basis if basis in ("linear", "chebyshev", "fourier") else "bspline")
    if basis == "locked":
        model = ew.nn.lock(model, [(0, 0, 0)])
    near = relative(model, 0.0)
    for offset in OFFSETS:
        assert relative(model, offset) == pytest.approx(near, rel=0.1, abs=1e-6 if offset > 1e6 else 1e-9)


@pytest.mark.parametrize(
    ("solver", "loss"),
    [
        ("lm", "huber"),
        ("lm", "cauchy"),
        ("cg", "squared"),
        (LBFGS(steps=40), "squared"),
        (Adam(epochs=20, rate=0.03), "squared"),
    ],
    ids=str,
)
def test_the_targets_offset_does_not_matter_to_a_solver(solver: Any, loss: str) -> None:
    fits = [
        ew.fit(ew.KAN([2, 1]), X, CURVES + offset, grids=[4], solver=solver, loss=loss, options=once())
        for offset in (0.0, 1e6)
    ]
    with torch.no_grad():
        near, far = (fit.model(X) - offset for fit, offset in zip(fits, (0.0, 1e6), strict=True))
    assert float((near - far).abs().max()) < (1e-4 if loss == "squared" else 1e-2)  # a robust loss is re-tuned
    assert fits[0].train_error == pytest.approx(fits[1].train_error, rel=1e-3)


def test_outputs_of_other_offsets_are_learned_alike() -> None:
    y = torch.stack([CURVES, CURVES.flip(0) * 0.5 + 1e6, X[:, 0]], dim=1)
    shift = torch.tensor([0.0, 1e6, -3e4], dtype=torch.float64)
    plain, moved = (ew.fit(ew.KAN([2, 3]), X, y + by, grids=[4]) for by in (0 * shift, shift))
    assert moved.train_error == pytest.approx(plain.train_error, rel=0.1)


def test_a_constant_that_nothing_may_change_stays() -> None:
    """Frozen and locked constants, and products: the offset is not written into them."""
    frozen = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (3.0, 0.0, 1.0, 0.5))
    frozen.layers[0].affine_free[0, 0, 3] = False
    locked = ew.nn.lock(ew.KAN([1, 1]), [(0, 0, 0)])
    for model in (frozen, locked):
        result = ew.fit(model, X[:, :1], CURVES + 1e6, grids=[5])
        assert result.model.layers[0].affine[0, 0, 3].item() == model.layers[0].affine[0, 0, 3].item()
    assert torch.equal(result.model(X[:, :1]), locked(X[:, :1]))
    target = (X[:, 0] + 30) * (X[:, 1] + 40)
    product = ew.fit(ew.KAN([2, (0, 1)]), X, target, grids=[3])
    assert product.train_error < 1e-4 * target.std().item()


def test_a_trained_network_goes_on_far_from_zero() -> None:
    first = ew.fit(ew.KAN([2, 1]), X, CURVES + 1e6, grids=[3])
    second = ew.fit(first.model, X, CURVES + 1e6)
    assert any(note.startswith("The network was trained already") for note in second.notes)
    assert second.train_error < first.train_error / 10


def test_a_stream_far_from_zero_is_learned_as_in_memory() -> None:
    rows = DataLoader(TensorDataset(X, CURVES + 1e6), batch_size=40)
    options = ew.Options(validation=0)
    streamed, whole = (
        ew.fit(ew.KAN([2, 1]), *data, grids=[4], options=options) for data in ((rows,), (X, CURVES + 1e6))
    )
    assert streamed.train_error == pytest.approx(whole.train_error, rel=1e-3)


@pytest.mark.parametrize("offset", [2.4e6, 5e6, 1.7e9])
def test_inputs_far_from_zero_are_learned_to_the_same_digits(offset: float) -> None:
    """Julian days, map coordinates, seconds since 1970, each over a range of a hundred."""
    x = 50 * X + offset  # rounded: the target is of what is left
    y = torch.sin((x[:, 0] - offset) / 20) + ((x[:, 1] - offset) / 50) ** 2
    near, far = (ew.fit(ew.KAN([2, 1]), inputs, y, grids=[5, 10, 20]).train_error for inputs in (x - offset, x))
    assert far == pytest.approx(near, rel=1e-3, abs=1e-8)


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
