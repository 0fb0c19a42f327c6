"""B-splines of high degree: values and derivatives against exact arithmetic, and what is made of them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.bases import HIGHEST_DEGREE, BSpline, adapted_knots
from edgewise.kernels import contract, evaluate_basis, forced

GRID = 8


def rows(count: int, n_in: int = 1, seed: int = 0) -> Tensor:
    return 2 * torch.rand(count, n_in, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def exact(x: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
    """Derivatives (rows, K) of all functions of one input by the recurrence in whole fractions, rounded at the end."""
    t = [Fraction(float(knot)) for knot in knots[0]]
    count = len(t) - degree - 1
    out = torch.zeros(len(x), count, dtype=torch.float64)
    for row, point in enumerate(Fraction(float(value)) for value in x[:, 0]):
        cell = max(i for i in range(degree, count) if t[i] <= point)
        values = [Fraction(1)]
        for p in range(1, degree + 1):
            raised = [Fraction(0)] * (p + 1)
            for i, value in enumerate(values):
                left, right = t[cell + 1 - p + i], t[cell + 1 + i]
                rise, fall = (point - left, right - point) if p <= degree - order else (p, -p)
                raised[i] += value * fall / (right - left)
                raised[i + 1] += value * rise / (right - left)
            values = raised
        out[row, cell - degree : cell + 1] = torch.tensor([float(value) for value in values], dtype=torch.float64)
    return out


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 2e-13), (torch.float32, 3e-6)])
@pytest.mark.parametrize("quantiles", [0.0, 0.9])
@pytest.mark.parametrize("degree", [5, 7, HIGHEST_DEGREE])
def test_values_and_five_derivatives_are_exact_to_rounding(
    degree: int, quantiles: float, dtype: torch.dtype, tolerance: float
) -> None:
    """By the kernels for many and for a few rows, and by the reference, relative to the largest value.

    Cells of 2 % of the width of others cost a polynomial on a cell two digits.
    """
    knots = adapted_knots(rows(300).to(dtype) ** 3, GRID, degree, 0.02, quantiles)
    x, basis, count = rows(25, seed=1).to(dtype), BSpline(degree), GRID + degree
    every = torch.eye(count, dtype=dtype).unsqueeze(1)
    for order in range(6):
        expected = exact(x, knots, degree, order)
        found = [evaluate_basis(x, knots, basis, count, order)[:, 0], contract(x[:5], every, knots, basis, order)]
        with forced(backend="reference"):
            found.append(evaluate_basis(x, knots, basis, count, order)[:, 0])
        for values in found:
            error = (values.double() - expected[: len(values)]).abs().max()
            assert float(error) < tolerance * float(expected.abs().max())


@pytest.mark.slow
def test_errors_of_a_fit_fall_with_the_degree_down_to_rounding() -> None:
    """Columns of splines of degree 9 are nearly dependent (condition 1e9); second order is not held back by that."""
    x, more = rows(600), rows(2000, seed=1)
    errors = []
    for degree in (3, 6, HIGHEST_DEGREE):
        model = ew.fit(ew.KAN([1, 1], degree=degree), x, torch.sin(6 * x[:, 0]), grids=[10, 20]).model
        errors.append(float((model(more)[:, 0].detach() - torch.sin(6 * more[:, 0])).abs().max()))
    assert errors[0] < 1e-3 and errors[1] < 1e-6 and errors[2] < 2e-9


def test_a_network_of_degree_nine_freezes_exports_saves_and_refines(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model, x = ew.KAN([2, 3, 1], degree=HIGHEST_DEGREE, grid=4, seed=1), 1.2 * rows(50, 2)
    expected = model(x).detach()
    ew.save(model, tmp_path / "model.safetensors")
    same = [ew.load(tmp_path / "model.safetensors"), ew.nn.frozen(model), ew.KAN.from_config(model.get_config())]
    assert torch.equal(same[0](x), expected)
    assert same[2].layers[0].degree == HIGHEST_DEGREE
    close = [same[1](x[:3]), same[1](x), ew.nn.refine_grid(model, 3)(x)]
    for found in close:
        np.testing.assert_allclose(found.detach(), expected[: len(found)], rtol=0, atol=1e-13)
