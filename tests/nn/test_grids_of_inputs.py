"""Layers whose inputs have different numbers of cells: each is what it would be alone, everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import edgewise as ew
from edgewise.bases import BSpline, adapted_knots, joined_rows
from edgewise.kernels import contract, evaluate_basis, forced, vjp_coefficients, vjp_inputs
from edgewise.nn import GaussNewtonMatrix, Layout, Pass, adapt_grid, refine_grid, symmetrize


def rows(count: int, n_in: int, seed: int = 0, size: float = 1.0) -> Tensor:
    return size * (2 * torch.rand(count, n_in, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1)


def network(**changes: Any) -> ew.KAN:
    return ew.KAN([2, 3, 1], **{"grid": [[12, 4], [6, 1, 3]], "seed": 1, **changes})


@given(
    cells=st.lists(st.integers(1, 9), min_size=1, max_size=18),
    degree=st.sampled_from([1, 2, 3, 5]),
    quantiles=st.sampled_from([0.0, 0.6]),
    order=st.integers(0, 2),
    seed=st.integers(0, 1000),
)
def test_each_input_is_what_it_is_alone(cells: list[int], degree: int, quantiles: float, order: int, seed: int) -> None:
    """Within its range and beyond it, in every operation, by the kernels and by the reference."""
    n_in, basis = len(cells), BSpline(degree)
    samples, x = rows(200, n_in, seed) ** 3, rows(20, n_in, seed + 1, size=1.5)
    knots = joined_rows(cells, lambda count: adapted_knots(samples, count, degree, 0.02, quantiles))
    count = max(cells) + degree
    generator = torch.Generator().manual_seed(seed)
    c, g = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((4, n_in, count), (20, 4)))
    alone = torch.zeros(20, n_in, count, dtype=torch.float64)
    for i, own in enumerate(cells):
        mine = knots[i : i + 1, : own + 2 * degree + 1]
        alone[:, i : i + 1, : own + degree] = evaluate_basis(x[:, i : i + 1], mine, basis, own + degree, order)
    expected = (
        alone, torch.einsum("nik,jik->nj", alone, c), torch.einsum("nik,jik,nj->ni", alone, c, g),
        torch.einsum("nik,nj->jik", alone, g),
    )  # fmt: skip
    for backend in ("numba", "reference"):
        with forced(backend=backend):  # type: ignore[arg-type]
            found = (
                evaluate_basis(x, knots, basis, count, order), contract(x, c, knots, basis, order),
                vjp_inputs(x, c, g, knots, basis, order), vjp_coefficients(x, g, None, knots, basis, count, order),
            )  # fmt: skip
            few = contract(x[:3], c, knots, basis, order)
        for one, other in (*zip(found, expected, strict=True), (few, expected[1][:3])):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-11 * max(1.0, float(other.abs().max())))


def test_what_lies_beyond_the_coefficients_of_an_input_changes_nothing() -> None:
    model, x = network(), rows(50, 2, size=1.5)
    before = model(x), model(x[:2]), Layout(model).read(model)
    with torch.no_grad():
        model.layers[0].coefficients[:, 1, 7:] = 1e6
    assert model.layers[0].grids == [12, 4]
    assert torch.equal(model(x), before[0]) and torch.equal(model(x[:2]), before[1])
    assert torch.equal(Layout(model).read(model), before[2])


def test_the_layout_counts_the_coefficients_that_there_are() -> None:
    layer, other = ew.nn.KANLayer(2, 3, grid=[12, 4]), ew.nn.KANLayer(3, 1, grid=[6, 1, 3], base=None)
    assert Layout(ew.nn.stack(layer)).size == 3 * (12 + 3 + 4 + 3 + 2)  # with a base weight each
    assert Layout(ew.nn.stack(other)).size == (6 + 3) + (1 + 3) + (3 + 3)
    assert Layout(ew.nn.lock(network(), [(0, 0, 1)])).size == 3 * 15 + 2 * 7 + 19


@pytest.mark.parametrize("base", [None, "silu"])
@pytest.mark.parametrize("degree", [2, 9])
@pytest.mark.parametrize("n_out", [1, 2])
def test_derivatives_by_parameters_and_the_gauss_newton_matrix(degree: int, base: Any, n_out: int) -> None:
    model = ew.nn.remove_edges(ew.KAN([2, 3, n_out], grid=[[12, 4], [6, 1, 3]], degree=degree, base=base), [(0, 1, 0)])
    layout, x = Layout(model), rows(700, 2)
    forward, theta = Pass(model, x), layout.read(model)
    with torch.no_grad():
        jacobian = forward.jacobian(layout)
        for p in range(0, layout.size, 5):
            ends = []
            for sign in (1, -1):
                moved = ew.nn.clone(model)
                layout.write(moved, theta + 1e-6 * sign * torch.eye(layout.size, dtype=theta.dtype)[p])
                ends.append(moved(x))
            torch.testing.assert_close(jacobian[:, :, p], (ends[0] - ends[1]) / 2e-6, rtol=0, atol=1e-7)
        expected = torch.einsum("nop,noq->pq", jacobian, jacobian)
        for sparse in (True, False):
            matrix = GaussNewtonMatrix(model, layout)
            matrix.edges = matrix.edges if sparse else None
            for part in (slice(0, 4), slice(0, 700)):  # few rows go straight into the matrix
                found = torch.zeros_like(expected)
                some = jacobian[part]
                matrix.add(Pass(model, x[part]), lambda v: v, found)
                wanted = torch.einsum("nop,noq->pq", some, some)
                torch.testing.assert_close(symmetrize(found), wanted, rtol=1e-10, atol=1e-10)
        direction, cotangent = theta.sin(), forward.outputs.cos()
        torch.testing.assert_close(forward.push(layout, direction), jacobian @ direction)
        torch.testing.assert_close(forward.pull(layout, cotangent), torch.einsum("nop,no->p", jacobian, cotangent))
        torch.testing.assert_close(forward.diagonal(layout, lambda v: v), expected.diagonal())


def test_grids_move_refine_and_keep_their_proportions() -> None:
    model, x = network(), rows(300, 2)
    fine = refine_grid(model, 3)
    assert [layer.grids for layer in fine.layers] == [[36, 12], [18, 3, 9]]
    torch.testing.assert_close(fine(2 * x), model(2 * x), rtol=0, atol=1e-12)
    same = adapt_grid(model, x, margins=(0.0, 0.0))
    assert [layer.grids for layer in same.layers] == [[12, 4], [6, 1, 3]]
    assert [layer.grids for layer in adapt_grid(model, x, 24).layers] == [[24, 8], [24, 4, 12]]
    assert [layer.grids for layer in adapt_grid(model, x, [[3, 30], 6]).layers] == [[3, 30], [6, 1, 3]]
    layer = ew.nn.KANLayer(2, 3, grid=[6, 3], dtype=torch.float64)
    layer.widen_grid(5 * x)
    layer.refine_grid(2)
    layer.update_grid(x, 8)
    assert layer.grids == [8, 4]
    layer.update_grid(x, [4, 9])
    assert layer.grids == [4, 9]


def test_cells_under_a_locked_spline_are_split() -> None:
    model, x = ew.nn.lock(network(), [(0, 0, 1)]), rows(300, 2, size=1.4)
    moved = adapt_grid(model, 2 * x, [[20, 11], 6])
    assert moved.layers[0].grids == [20, 8]
    before, after = (m.layers[0].edges(x)[:, 0, 1] for m in (model, moved))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-11)


def test_fit_trains_them_and_has_fewer_parameters() -> None:
    x = rows(300, 2)
    y = torch.sin(9 * x[:, 0]) + x[:, 1] ** 2
    model = ew.KAN([2, 1], grid=[[40, 2]])
    own = ew.fit(model, x, y, grids=None)
    assert own.model.layers[0].grids == [40, 2]
    assert own.history[-1].parameters == 40 + 3 + 2 + 3
    assert own.test_error is not None and own.test_error < 1e-4
    grown = ew.fit(model, x, y, grids=[20, 40], options=ew.Options(validation=0.0))
    assert grown.model.layers[0].grids == [40, 2]
    for settings in ({"sparsity": 1e-3}, {"solver": "cg"}, {"solver": "lbfgs"}):
        found = ew.fit(model, x, y, grids=None, **settings)  # type: ignore[arg-type]
        assert found.model.layers[0].grids == [40, 2] and found.train_error < 0.3


def test_files_configurations_frozen_networks_and_exports_carry_them(tmp_path: Any) -> None:
    model, x = network(), rows(20, 2, size=1.4)
    expected = model(x).detach()
    ew.save(model, tmp_path / "model.safetensors")
    loaded = ew.load(tmp_path / "model.safetensors")
    assert torch.equal(loaded(x), expected) and loaded.layers[0].grids == [12, 4]
    model.save_pretrained(tmp_path / "folder")
    assert torch.equal(ew.KAN.from_pretrained(tmp_path / "folder")(x), expected)
    config = model.get_config()
    assert config["grid"] == [[12, 4], [6, 1, 3]]
    again = ew.KAN.from_config(config)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x), expected)
    frozen = ew.nn.frozen(model)
    for few in (x[:3], x):
        torch.testing.assert_close(frozen(few), expected[: len(few)], rtol=0, atol=1e-13)
    compiled = torch.compile(model, backend="aot_eager")
    torch.testing.assert_close(compiled(x), expected, rtol=0, atol=1e-13)
    program = torch.export.export(model, (x,))
    torch.testing.assert_close(program.module()(x), expected, rtol=0, atol=1e-12)
    curve = str(ew.export.text(model, "numpy"))
    assert "inf" not in curve.replace("info", "")


def test_the_session_of_a_formula_keeps_working_on_them() -> None:
    """Pruning, merging and snapping read curves of single edges, which know only their own cells."""
    x = rows(200, 2)
    y = torch.exp(x[:, 0]) + x[:, 1] ** 2
    model = ew.fit(ew.KAN([2, 1], grid=[[10, 3]]), x, y, grids=None).model
    found = ew.symbolic.snap(ew.prune(model, x, y).model, x, y).model
    np.testing.assert_allclose(found(x).detach()[:, 0], y, rtol=0, atol=1e-3)
    assert len(ew.interpret.edge_curves(model, x)) == 2


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ([[5, 5, 5], 3], "one for each of the 2 inputs"), ([5], "each of the 2 layers"), ([[5, 0], 3], "int >= 1"),
        ([5, "3"], "int >= 1"), ([[[5], 5], 3], "int >= 1"),
    ],
)  # fmt: skip
def test_what_is_no_grid_is_refused(grid: Any, said: str) -> None:
    for make in (lambda: ew.KAN([2, 2, 1], grid=grid), lambda: adapt_grid(ew.KAN([2, 2, 1]), rows(9, 2), grid)):
        with pytest.raises(ew.InputError, match=said):
            make()


def test_other_bases_have_one_grid() -> None:
    with pytest.raises(ew.InputError, match="have one grid"):
        ew.KAN([2, 1], basis="chebyshev", grid=[[5, 4]])
    assert ew.KAN([2, 1], basis="chebyshev", grid=[[5, 5]]).layers[0].grids == [5, 5]
