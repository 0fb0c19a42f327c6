"""The assembled Gauss-Newton matrix and its factors against the dense Jacobian: the definition."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import edgewise as ew
from edgewise.bases import HIGHEST_DEGREE
from edgewise.nn import GaussNewtonMatrix, Layout, Pass, symmetrize

CASES: list[tuple[list[Any], str | None, int]] = [
    ([1, 1], None, 3),
    ([2, 5, 1], None, 3),
    ([2, 3, 2], "silu", 3),
    ([2, (2, 1), 1], "silu", 2),
    ([2, (1, [3]), (1, 1)], "identity", 1),
    ([3, 2, (1, [2]), 2], None, 5),
    ([2, 2, 2, 3], None, 4),
    ([2, 2, 2], "silu", 9),
]


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.6 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.3


def curvature(n: int, m: int) -> Tensor:
    """A positive semidefinite matrix for each row."""
    root = torch.randn(n, m, m, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return root @ root.mT


def dense(model: ew.KAN, layout: Layout, x: Tensor, weight: Tensor) -> Tensor:
    jacobian = Pass(model, x).jacobian(layout)
    return torch.einsum("nop,nor,nrq->pq", jacobian, weight, jacobian)


@pytest.mark.parametrize(("widths", "base", "degree"), CASES)
@pytest.mark.parametrize("symbolic", [0.0, 0.4])
def test_the_assembled_matrix_is_the_dense_one(widths, base, degree, symbolic, mixed_network) -> None:
    model = mixed_network(widths, base=base, degree=degree, symbolic=symbolic, seed=degree)
    layout, x = Layout(model), rows(57, model.n_in)
    weight = curvature(57, model.n_out)
    with torch.no_grad():
        found = torch.zeros(layout.size, layout.size, dtype=torch.float64)
        for part in (slice(0, 20), slice(20, 57)):
            GaussNewtonMatrix(model, layout).add(Pass(model, x[part]), lambda v, part=part: weight[part] @ v, found)
        torch.testing.assert_close(symmetrize(found), dense(model, layout, x, weight), rtol=1e-10, atol=1e-10)


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 30), st.integers(1, 40))
def test_any_network_of_two_layers(mixed_network, seed: int, n_out: int, grid: int, count: int) -> None:
    model = mixed_network([2, (2, 1), n_out], seed=seed, grid=grid, symbolic=0.1 * (seed % 3))
    layout, x = Layout(model), rows(count, 2, seed)
    weight = curvature(count, n_out)
    with torch.no_grad():
        found = torch.zeros(layout.size, layout.size, dtype=torch.float64)
        GaussNewtonMatrix(model, layout).add(Pass(model, x), lambda v: weight @ v, found)
        torch.testing.assert_close(symmetrize(found), dense(model, layout, x, weight), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("degree", range(1, HIGHEST_DEGREE + 1))
@pytest.mark.parametrize("base", [None, "silu"])
@pytest.mark.parametrize(
    ("widths", "grid", "route"), [([2, 3, 2], 9, "sparse"), ([2, 3, 1], 2, "square"), ([2, (1, 1), 2], 2, "grouped")]
)
def test_each_route_is_the_dense_matrix(degree, base, widths, grid, route) -> None:
    """Of one row and of so many that cells share them; with knots unevenly spread, and rows on the ends and beyond."""
    model = ew.nn.remove_edges(ew.KAN(widths, base=base, degree=degree, grid=grid), [(0, 1, 1)])
    model = ew.nn.adapt_grid(model, rows(200, 2) ** 3, quantiles=0.9)
    layout = Layout(model)
    gram = GaussNewtonMatrix(model, layout)
    if route != "sparse":
        gram.edges = None  # as where another basis or device leaves no choice
    assert gram.route == route
    for count in (1, 500):
        x, weight = rows(count, 2, seed=count), curvature(count, model.n_out)
        x[0] = model.layers[0].knots[:, degree]
        weight[2:4] = 0
        with torch.no_grad():
            found = torch.zeros(layout.size, layout.size, dtype=torch.float64)
            gram.add(Pass(model, x), lambda v, weight=weight: weight @ v, found)
            expected = dense(model, layout, x, weight)
        torch.testing.assert_close(symmetrize(found), expected, rtol=1e-11, atol=1e-11 * float(expected.abs().max()))


def test_few_wide_edges_take_the_sparse_route_and_many_narrow_ones_blas() -> None:
    routes = [
        GaussNewtonMatrix(model, Layout(model)).route
        for model in (ew.KAN([2, 5, 1], grid=20), ew.KAN([2, 8, 8, 1], grid=3))
    ]
    assert routes == ["sparse", "square"]


def test_layers_of_other_grids_take_the_sparse_route_too() -> None:
    """Each edge has its own number of cells: with one for all, the kernel would write beyond the matrix."""
    model = ew.KAN([2, 3, 1], grid=[20, 5])
    layout, x = Layout(model), rows(2000, 2)
    gram = GaussNewtonMatrix(model, layout)
    assert gram.route == "sparse"
    with torch.no_grad():
        found = torch.zeros(layout.size, layout.size, dtype=torch.float64)
        gram.add(Pass(model, x), lambda v: v, found)
        expected = dense(model, layout, x, torch.ones(2000, 1, 1, dtype=torch.float64))
    torch.testing.assert_close(symmetrize(found), expected, rtol=1e-9, atol=1e-9)


class Largest(TorchDispatchMode):
    """The most numbers in any tensor that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None) -> Any:
        out = function(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.numbers = max(self.numbers, out.untyped_storage().nbytes() // 8)
        return out


@pytest.mark.parametrize(("widths", "grid"), [([1, 60, 2], 2), ([1, 60, 2], 20), ([1, 60, 1], 2)])
def test_memory_is_the_matrix_and_one_chunk(widths: list[int], grid: int) -> None:
    """Of a wide network: no pair of subnodes has numbers for each row, nor does the Jacobian have several outputs."""
    model = ew.KAN(widths, grid=grid)
    layout, count = Layout(model), 300
    found = torch.zeros(layout.size, layout.size, dtype=torch.float64)
    with torch.no_grad():
        forward = Pass(model, rows(count, 1))
        with Largest() as largest:
            GaussNewtonMatrix(model, layout).add(forward, lambda v: 2 * v, found)
    assert 0 < largest.numbers <= max(count * layout.size, layout.size**2)


@pytest.mark.parametrize(("widths", "base", "degree"), CASES)
def test_products_with_the_jacobian_are_those_of_the_dense_one(widths, base, degree, mixed_network) -> None:
    model = mixed_network(widths, base=base, degree=degree)
    layout, x = Layout(model), rows(31, model.n_in)
    weight = curvature(31, model.n_out)
    vector, cotangent = rows(layout.size, 1)[:, 0], rows(31, model.n_out, 3)
    with torch.no_grad():
        forward = Pass(model, x)
        jacobian = forward.jacobian(layout)
        pulled = torch.einsum("nop,no->p", jacobian, cotangent)
        for _ in range(2):  # from the features, and from the kernels that do without
            torch.testing.assert_close(forward.push(layout, vector), jacobian @ vector)
            torch.testing.assert_close(forward.pull(layout, cotangent), pulled, rtol=1e-10, atol=1e-10)
            forward = Pass(model, x)
        expected = dense(model, layout, x, weight).diagonal()
        torch.testing.assert_close(forward.diagonal(layout, lambda v: weight @ v), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("degree", "grid"), [(1, 3), (2, 30), (3, 5), (4, 9), (5, 20)])
@pytest.mark.parametrize("base", [False, True])
def test_the_kernel_is_the_sum_it_says(degree: int, grid: int, base: bool) -> None:
    """With many rows for a cell and with few, inside the knots and beyond."""
    from edgewise.bases import uniform_knots
    from edgewise.kernels import BSplineFamily, evaluate_basis
    from edgewise.kernels.gauss_newton import Edges, Local, add_splines

    n, inputs, subnodes, outputs = 70, 2, 2, 2
    x = rows(n, inputs)
    ends = torch.ones(inputs, dtype=torch.float64)
    knots = uniform_knots(-ends, ends, grid, degree)
    features = evaluate_basis(x, knots, BSplineFamily(degree), knots.shape[1] - degree - 1)
    extra = x.cos().T.contiguous() if base else None
    features = features if extra is None else torch.cat([features, extra.T.unsqueeze(-1)], dim=-1)
    width = features.shape[-1]
    pairs = [(j, i) for j in range(subnodes) for i in range(inputs)]
    table = [(j, i, k * width, (k + 1) * width - 1 if base else -1) for k, (j, i) in enumerate(pairs)]
    edges = Edges(torch.tensor(table, dtype=torch.int32), grid)
    weights = rows(subnodes * outputs * n, 1).reshape(subnodes, outputs, n)
    found = torch.zeros(len(table) * width, len(table) * width, dtype=torch.float64)
    add_splines(edges, Local.of([x], [knots], degree), extra, weights, weights, degree, found)
    owners, places = (edges.table[:, column].long() for column in (0, 1))
    coupling = torch.einsum("aon,bon->nab", weights[owners], weights[owners])
    values = features[:, places]
    expected = torch.einsum("nab,nap,nbq->apbq", coupling, values, values).flatten(2).flatten(0, 1)
    torch.testing.assert_close(symmetrize(found), expected)
