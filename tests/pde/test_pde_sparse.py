"""Jacobians of differential equations: the few splines that live at a point give what whole rows give."""

from __future__ import annotations

import pytest
import torch

import edgewise as ew
from edgewise import pde
from edgewise.nn import Layout, adapt_grid, lock

BOX = pde.Box(x=(-1, 1), y=(0, 1))
ORDERS = [(0, 0, 1), (1, 1)]


@pytest.mark.parametrize("widths", [[2, 1], [2, 3, 1], [2, (1, [2, 3]), 1], [2, 3, 3, 1]])
@pytest.mark.parametrize("degree", [3, 5])
def test_sparse_rows_are_the_dense_ones(widths, degree: int) -> None:
    model = ew.KAN(widths, degree=degree, base=None, seed=1)
    _check(adapt_grid(model, 0.7 * BOX.points(200), 7))  # some points lie beyond the knots


def test_inputs_with_grids_of_their_own() -> None:
    _check(ew.KAN([2, 3, 1], grid=[[12, 5], [4, 6, 3]], degree=5, base=None, seed=2))


def test_locked_edges_have_no_columns() -> None:
    _check(lock(ew.KAN([2, 3, 1], degree=5, base=None), [(0, 1, 0)]))


def _check(model: ew.KAN) -> None:
    layout, forward = Layout(model), pde.JetPass(model, BOX.points(150), ORDERS)
    generator = torch.Generator().manual_seed(0)
    by = {o: torch.randn(part.shape, generator=generator).double() for o, part in forward.outputs.items()}
    rows, dense = forward.sparse_jacobian(layout, by), forward.jacobian(layout, by)
    size = float(dense.abs().max())
    assert torch.allclose(rows.vjp(torch.eye(150).double(), layout.size).T, dense, rtol=1e-9, atol=1e-12 * size)
    matrix = torch.zeros(layout.size, layout.size).double()
    rows.add_gram(2.0, matrix)
    wanted = 2 * dense.T @ dense
    assert torch.allclose(matrix.tril(), wanted.tril(), rtol=1e-9, atol=1e-12 * float(wanted.abs().max()))
