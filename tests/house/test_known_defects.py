"""What is known to go wrong in other libraries of these networks, each in the same situation here.

The situations are from pykan 0.2.8 (files written, settings lost, formulas of products, its compiler, pickling, inputs
sliced silently), efficient-kan (a grid update that changes the function), fast-kan (width one) and KANLib (least
squares that failed, state that was lost).
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew

QUICK = ew.Options(restarts=1, progress=False)


def table(n: int = 200, d: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    x = 2 * torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1
    return x, torch.sin(2 * x[:, 0]) + x[:, -1] ** 2


def test_1_building_and_calling_write_no_files_and_keep_no_inputs(empty_folder: Path, quiet: None) -> None:
    x, _ = table()
    model = ew.KAN([2, 5, 1])
    model(x)
    assert not any(isinstance(value, torch.Tensor) and len(value) == len(x) for value in vars(model).values())
    assert all(len(x) not in tensor.shape for tensor in model.state_dict().values() if isinstance(tensor, torch.Tensor))


def test_2_fit_refine_prune_fit_needs_no_files(empty_folder: Path, quiet: None) -> None:
    x, y = table()
    first = ew.fit(ew.KAN([2, 2, 1], grid=3), x, y, grids=[3], options=QUICK)
    second = ew.fit(ew.nn.refine_grid(first.model, 2), x, y, grids=[6], options=QUICK)
    third = ew.fit(ew.prune(second.model, x, y).model, x, y, grids=[6], options=QUICK)
    assert third.train_error <= 2 * first.train_error


def test_3_pruning_keeps_every_setting() -> None:
    x, y = table()
    model = ew.KAN([2, 3, 1], basis="bspline", grid=7, degree=2, base="silu", dtype=torch.float32)
    model = ew.nn.remove_edges(model, [(1, 0, 2)])  # node 2 leads nowhere
    small = ew.prune(model, x, y, threshold=1e-9).model
    assert small.widths == [2, 2, 1]
    for layer in small.layers:
        assert (layer.basis.name, layer.grid, layer.degree, layer.base) == ("bspline", 7, 2, "silu")
        assert layer.dtype == torch.float32


def test_4_the_list_of_widths_stays_as_it_was() -> None:
    widths: list = [2, [3, [2, 3]], 1]
    given = copy.deepcopy(widths)
    assert ew.KAN(widths).widths == [2, (3, [2, 3]), 1]
    assert widths == given


@pytest.mark.parametrize("arity", [3, 4, 5])
def test_5_formulas_of_several_products_of_three_and_more_are_the_network(arity: int) -> None:
    model = ew.KAN([2, (1, [arity, arity, 2]), 1], seed=arity)
    random = np.random.default_rng(arity)
    for depth, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                name = ("sin", "exp", "tanh", "x^2")[(i + j) % 4]
                model = ew.nn.set_function(model, depth, j, i, name, random.uniform(0.3, 0.8, 4).tolist())
    x, _ = table()
    values = sympy.lambdify(["a", "b"], model.formula(["a", "b"]), "numpy")(*x.numpy().T)
    with torch.no_grad():
        forward = model(x)[:, 0].numpy()
    assert np.abs(values - forward).max() <= 1e-12 * np.abs(forward).max()


A, B = sympy.symbols("a b")


@pytest.mark.parametrize("formula", [sympy.sin(5 * A) + sympy.cos(3 * A), 2 * A + 3, A**B], ids=str)
def test_6_formulas_that_lost_terms_or_failed_compile_exactly(formula: sympy.Expr) -> None:
    x = table()[0] / 4 + 1
    truth = sympy.lambdify([A, B], formula, "numpy")(*x.numpy().T)
    with torch.no_grad():
        values = ew.symbolic.network_of(formula, ["a", "b"])(x)[:, 0].numpy()
    assert np.abs(values - truth).max() <= 1e-12 * np.abs(truth).max()


def test_7_networks_pickle_copy_after_a_backward_pass_and_take_any_shape() -> None:
    x, y = table()
    model = ew.nn.set_function(ew.KAN([2, 2, 1]), 0, 0, 0, "sin")
    (model(x)[:, 0] - y).square().mean().backward()
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(copied(x), model(x))
    assert torch.equal(model(x.reshape(4, 50, 2)), model(x).reshape(4, 50, 1))


def test_8_splines_from_too_few_points_are_solved_or_refused_never_undefined() -> None:
    x = torch.tensor([[0.1, 0.2], [0.3, -0.4], [0.3, 0.9]], dtype=torch.float64)  # 3 rows for 8 coefficients an edge
    model = ew.nn.adapt_grid(ew.KAN([2, 1], grid=5), x, grid=20)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    with pytest.raises(ew.InputError, match="at least one row"):
        ew.nn.adapt_grid(ew.KAN([2, 1]), torch.zeros(0, 2))


def test_9_losses_have_their_own_error_epochs_see_every_row_and_wide_inputs_are_refused() -> None:
    x, y = table(60)
    classes = (y > 0.5).long()
    fit = ew.fit(ew.KAN([2, 2]), x, classes, loss=ew.train.CrossEntropy(), grids=[3], options=QUICK)
    entropy = float(torch.nn.functional.cross_entropy(fit.model(x).detach(), classes))
    assert fit.train_error == pytest.approx(entropy, rel=1e-6)
    spikes = torch.zeros(60, dtype=torch.float64)
    spikes[::20] = 1.0  # steps on random subsets may never see these rows
    adam = ew.optim.Adam(epochs=60, batch=8, rate=0.1)
    found = ew.fit(ew.KAN([2, 1], grid=40), x, spikes, solver=adam, options=ew.Options(validation=0, progress=False))
    assert float((found.model(x)[:, 0] - spikes).abs().max().detach()) < 0.1
    with pytest.raises(ew.InputError, match=r"inputs of shape \(\.\.\., 2\)"):
        ew.KAN([2, 1])(torch.zeros(5, 3))


@pytest.mark.parametrize("base", [None, "silu"])
def test_10_moving_the_grid_of_a_trained_network_keeps_its_function(base: str | None) -> None:
    x, y = table(400)
    model = ew.fit(ew.KAN([2, 1], base=base), x, y, grids=[5], options=QUICK).model
    before = float((model(x)[:, 0] - y).square().mean().detach())
    for moved in (ew.nn.adapt_grid(model, x), ew.nn.adapt_grid(model, x, grid=10, quantiles=0.3)):
        after = float((moved(x)[:, 0] - y).square().mean().detach())
        assert after <= 2 * before + 1e-6
    fresh = ew.KAN([2, 2, 1], base=base)
    shift = (ew.nn.adapt_grid(fresh, x)(x) - fresh(x)).detach().std() / fresh(x).detach().std()
    assert float(shift) < 0.03


@pytest.mark.parametrize("basis", ew.bases.BASES)
@pytest.mark.parametrize("widths", [[1, 3, 1], [2, 1, 1], [1, 1]])
def test_11_layers_of_width_one_work_with_defaults(basis: str, widths: list[int]) -> None:
    x, y = table(100, widths[0])
    model = ew.KAN(widths, basis=basis)
    assert model(x).shape == (100, 1)
    grids = None if basis == "bspline" else [3]
    fit = ew.fit(model, x, y, grids=grids or [5], options=QUICK)
    assert np.isfinite(fit.train_error)


def test_12_the_range_of_the_splines_is_part_of_the_state() -> None:
    x, _ = table()
    model = ew.nn.adapt_grid(ew.KAN([2, 2, 1]), 5 * x)
    other = ew.KAN([2, 2, 1])
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(5 * x), model(5 * x))
    same = torch.full((50, 2), 0.7, dtype=torch.float64)  # a range of no width: least squares has no unique answer
    moved = ew.nn.adapt_grid(model, same)
    assert torch.allclose(moved(same), model(same), atol=1e-9)
