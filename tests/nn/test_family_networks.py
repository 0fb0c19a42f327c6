"""The contract of every basis in layers and networks: surgery, files, training, derivatives, odd inputs."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
import torch
from families import each_pair
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

import edgewise as ew
from edgewise.bases import BASES, named
from edgewise.nn import adapt_grid, add_constant, refine_grid, trace

every_basis = pytest.mark.parametrize("basis", BASES)

#: how closely each basis follows a smooth function that it does not contain, on 16 cells or 16 functions
CLOSE = {"bspline": 1e-4, "linear": 2e-2, "chebyshev": 1e-9, "fourier": 1e-9}  # others 1e-6


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def size(values: Tensor) -> float:
    return float(values.detach().abs().max())


def network(basis: str, widths: list[object] | None = None, **arguments: object) -> ew.KAN:
    return ew.KAN(widths or [2, (2, 1), 1], basis=basis, **{"grid": 4, "seed": 1, **arguments})


def smooth(basis: str) -> ew.KAN:
    """One edge that follows sin 2x over [-1, 1] on a fine grid."""
    x = torch.linspace(-1, 1, 400, dtype=torch.float64).unsqueeze(1)
    return ew.fit(network(basis, [1, 1]), x, torch.sin(2 * x), grids=[16]).model


@every_basis
def test_the_grid_and_the_number_of_functions_tell_each_other(basis: str) -> None:
    kind = named(basis)
    counts = [kind.count(grid) for grid in range(1, 40)]
    assert counts == sorted(set(counts))
    assert [kind.grid(count) for count in counts] == list(range(1, 40))
    assert all(kind.grid(count) < 1 for count in range(counts[0]))
    points = kind.uniform_knots(torch.zeros(2), torch.ones(2), 5)
    assert points.shape == (2, kind.n_knots(kind.count(5)))
    assert [end.tolist() for end in kind.ends(points)] == [[0.0, 0.0], [1.0, 1.0]]


@every_basis
def test_layers_say_what_they_are(basis: str) -> None:
    layer = ew.nn.KANLayer(3, 2, basis=basis, grid=6)
    assert layer.grid == 6
    assert layer.coefficients.shape == (2, 3, named(basis).count(6))
    assert "basis=" + repr(basis) in repr(layer)


@every_basis
def test_a_fresh_network_has_curves_of_moderate_size(basis: str) -> None:
    model = network(basis, [3, 4, 1], grid=10)
    x = torch.linspace(-1, 1, 101, dtype=torch.float64).unsqueeze(1).expand(-1, 3)
    edges = model.layers[0].edges(x) * 3**0.5
    assert 0.5 < size(edges) < 1.1
    assert size(edges.diff(dim=0)) < 0.5


@every_basis
def test_the_constant_is_one_everywhere(basis: str) -> None:
    kind = named(basis)
    for grid in (1, 5, 20):
        count = kind.count(grid)
        points = kind.uniform_knots(torch.tensor([-3.0]).double(), torch.tensor([5.0]).double(), grid)
        x = torch.linspace(-4, 6, 101, dtype=torch.float64).unsqueeze(1)
        values = kind.evaluate(x, points, count)[:, 0] @ kind.constant(count)
        inside = (x[:, 0] >= -3) & (x[:, 0] <= 5)
        assert size(values[inside] - 1) < (1e-6 if basis == "rbf" else 1e-12)
        assert size(values - 1) < (1e-4 if basis == "rbf" else 1e-12)


@every_basis
def test_an_added_constant_shifts_the_output(basis: str) -> None:
    model = network(basis, [2, 1])
    x = torch.tanh(normal(50, 2))
    before = model(x)
    add_constant(model.layers[0], torch.tensor([2.5]))
    assert size(model(x) - before - 2.5) < (1e-5 if basis == "rbf" else 1e-12)


@every_basis
def test_refining_keeps_the_function(basis: str) -> None:
    model, x = network(basis), normal(200, 2)
    for factor in (1, 2, 3):
        finer = refine_grid(model, factor)
        assert [layer.grid for layer in finer.layers] == [4 * factor, 4 * factor]
        exact = basis != "rbf" or factor == 1
        assert size(finer(x) - model(x)) < (1e-11 if exact else 2e-2)


@every_basis
def test_adapting_keeps_a_function_to_what_the_basis_can_follow(basis: str) -> None:
    model = smooth(basis)
    x = torch.linspace(-0.8, 0.8, 101, dtype=torch.float64).unsqueeze(1)
    for grid in (None, 16, 20):
        moved = adapt_grid(model, x, grid)
        assert size(moved(x) - model(x)) < 2 * CLOSE.get(basis, 1e-6)
    again = adapt_grid(moved, x)
    assert size(again(x) - moved(x)) < 1e-11
    ends = torch.stack(moved.layers[0].basis.ends(moved.layers[0].knots)).flatten()
    torch.testing.assert_close(ends, torch.tensor([-0.832, 0.832]).double())


@every_basis
def test_a_saved_network_comes_back_to_the_last_bit(basis: str, tmp_path: Path) -> None:
    for dtype in (torch.float32, torch.float64):
        model = adapt_grid(network(basis, dtype=dtype), normal(50, 2), 7)
        ew.save(model, tmp_path / "m.safetensors")
        again = ew.load(tmp_path / "m.safetensors")
        x = 2 * normal(50, 2).to(dtype)
        assert torch.equal(again(x), model(x))
        assert [layer.basis for layer in again.layers] == [layer.basis for layer in model.layers]
        assert [layer.grid for layer in again.layers] == [7, 7]


def test_files_of_the_first_schema_hold_bsplines(tmp_path: Path) -> None:
    model, path = network("bspline", [2, 1], degree=2), tmp_path / "m.safetensors"
    ew.save(model, path)
    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["edgewise"])
    assert said["schema"] == 6
    assert (said.pop("basis"), len(said.pop("checksum"))) == ("bspline", 64)
    save_file(load_file(path), path, {"edgewise": json.dumps({**said, "schema": 1})})
    assert torch.equal(ew.load(path)(normal(9, 2)), model(normal(9, 2)))


@every_basis
def test_state_goes_to_a_layer_of_the_same_basis_only(basis: str) -> None:
    model, other = network(basis), network(basis, seed=2)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    other.load_state_dict(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
    assert torch.equal(other(normal(9, 2)), model(normal(9, 2)))
    pair = {"fourier": "chebyshev"}.get(basis, "fourier")
    wrong = ew.nn.KANLayer(1, 1, basis=pair, grid=4)
    with pytest.raises(ew.InputError, match=f"The saved layer has basis '{basis}', this one '{pair}'"):
        wrong.set_extra_state(ew.nn.KANLayer(1, 1, basis=basis).get_extra_state())


@every_basis
def test_layers_differentiate_in_both_modes_to_second_order(basis: str) -> None:
    layer = ew.nn.KANLayer(2, 2, basis=basis, grid=2, dtype=torch.float64)
    x = (0.9 * torch.tanh(normal(3, 2))).requires_grad_()
    parameters = [layer.coefficients.detach().clone().requires_grad_(), layer.base_weight.detach().requires_grad_()]

    def call(x: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"coefficients": c, "base_weight": w}, (x,))

    assert torch.autograd.gradcheck(call, (x, *parameters), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, (x, *parameters))


@every_basis
def test_transforms_agree_with_each_other(basis: str) -> None:
    model = network(basis)
    x = normal(5, 2)
    forward, reverse = (torch.func.vmap(mode(model))(x) for mode in (torch.func.jacfwd, torch.func.jacrev))
    torch.testing.assert_close(forward, reverse)
    torch.testing.assert_close(torch.func.vmap(model)(x), model(x))
    hessians = torch.func.vmap(torch.func.hessian(model))(x)
    crossed = torch.func.vmap(torch.func.jacrev(torch.func.jacfwd(model)))(x)
    torch.testing.assert_close(hessians, crossed)


@each_pair(
    basis=BASES,
    dtype=[torch.float32, torch.float64],
    given=[torch.bfloat16, torch.float16, torch.float32, torch.float64],
)
def test_inputs_of_any_type_are_converted(basis: str, dtype: torch.dtype, given: torch.dtype) -> None:
    model = network(basis, dtype=dtype)
    x = normal(9, 2).to(given)
    assert torch.equal(model(x), model(x.to(dtype)))
    assert model(x).dtype == dtype


@every_basis
def test_a_network_in_half_precision_computes(basis: str) -> None:
    model = network(basis)
    half = ew.nn.clone(model, torch.bfloat16)
    x = torch.tanh(normal(20, 2))
    found = half(x).double()
    assert found.isfinite().all()
    assert size(found - model(x)) < 0.3


@every_basis
def test_batches_of_any_shape(basis: str) -> None:
    model = network(basis)
    for shape in ((0,), (1,), (), (3, 0), (2, 3)):
        assert model(torch.zeros(*shape, 2)).shape == (*shape, 1)


@every_basis
def test_no_number_stays_no_number_and_in_its_row(basis: str) -> None:
    model = network(basis)
    x = normal(4, 2)
    x[2, 1] = torch.nan
    assert torch.isnan(model(x))[:, 0].tolist() == [False, False, True, False]


@every_basis
def test_far_beyond_the_range_values_grow_along_a_line(basis: str) -> None:
    layer = ew.nn.KANLayer(1, 1, basis=basis, base=None, dtype=torch.float64)
    far = torch.tensor([[10.0], [20.0], [30.0], [1e6]]).double()
    a, b, c, d = layer(far)[:, 0]
    torch.testing.assert_close(c - b, b - a)
    torch.testing.assert_close(d, a + (b - a) * (1e6 - 10) / 10)


#: what fit reaches on exp(sin(pi x) + y^2) with [2, 1, 1], in the target's units
REACHED = {"bspline": 3e-5, "linear": 1e-2, "chebyshev": 1e-13, "fourier": 3e-7}  # others 1e-6


@every_basis
def test_networks_train_by_second_order(basis: str) -> None:
    x, new = (
        2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(n), dtype=torch.float64) - 1 for n in (600, 300)
    )

    def target(x: Tensor) -> Tensor:
        return torch.exp(torch.sin(math.pi * x[:, 0]) + x[:, 1] ** 2)

    fit = ew.fit(network(basis, [2, 1, 1]), x, target(x), grids=[5, 10, 20])
    with torch.no_grad():
        error = (fit.model(new)[:, 0] - target(new)).square().mean().sqrt()
    assert float(error) < REACHED.get(basis, 1e-6)
    assert {layer.basis for layer in fit.model.layers} == {named(basis)}


@every_basis
def test_networks_train_by_first_order(basis: str) -> None:
    x = torch.linspace(-1, 1, 200, dtype=torch.float64).unsqueeze(1)
    for solver in (ew.optim.LBFGS(steps=60), ew.optim.Adam(epochs=300, rate=0.05)):
        fit = ew.fit(network(basis, [1, 1]), x, torch.sin(3 * x[:, 0]), solver=solver)
        assert fit.train_error < 0.1


@every_basis
def test_pruning_and_snapping_end_in_the_formula(basis: str) -> None:
    x = 2 * torch.rand(300, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64) - 1
    y = torch.sin(2 * x[:, 0])
    fit = ew.fit(network(basis, [2, 2, 1]), x, y, sparsity=1e-2)
    small = ew.prune(fit.model, x, y, threshold=3e-2)
    assert small.model.layers[0].mask[:, 1].any().item() is False
    straight = ew.fit(network(basis, [1, 1]), x[:, :1], y)
    snapped = ew.symbolic.snap(straight.model, x[:, :1])
    assert "sin(" in str(snapped.model.formula(["x"]))


@every_basis
def test_networks_are_drawn(basis: str) -> None:
    model = network(basis)
    x = normal(60, 2)
    curves = ew.interpret.edge_curves(model, x)
    assert all(0 <= curve.outside <= 1 and curve.knots == pytest.approx((-1, 1)) for curve in curves)
    assert ew.interpret.edge_curves(model)[0].outside == 0
    assert ew.plot.curves(model, x) is not None
    assert ew.plot.network(model, x) is not None


@every_basis
def test_compacting_and_merging_keep_the_output(basis: str) -> None:
    model = network(basis, [2, 3, 1], grid=8)
    x = torch.tanh(normal(300, 2))
    cut = ew.nn.remove_edges(model, [(0, 1, 0), (0, 1, 1)])
    slim = ew.nn.compact(cut, x)
    assert slim.widths == [2, 2, 1]
    assert size(slim(x) - cut(x)) < (1e-5 if basis == "rbf" else 1e-11)
    assert trace(slim, x).outputs.shape == (300, 1)


def test_an_unknown_basis_names_the_nearest_first() -> None:
    with pytest.raises(ew.InputError, match=r"Unknown basis 'chebychev'\. Known: chebyshev,"):
        ew.KAN([1, 1], basis="chebychev")
    with pytest.raises(ew.InputError, match="Unknown basis None"):
        ew.KAN([1, 1], basis=None)


def test_a_degree_belongs_to_bsplines() -> None:
    for basis in BASES.keys() - {"bspline"}:
        refused = f"'degree' parameter of KAN is that of basis 'bspline'; '{basis}' takes none"
        with pytest.raises(ew.InputError, match=refused):
            ew.KAN([1, 1], basis=basis, degree=2)
    assert ew.KAN([1, 1], basis="linear", degree=1).layers[0].degree == 1


def test_quantiles_are_for_knots() -> None:
    for basis in ("chebyshev", "rbf", "fourier"):
        with pytest.raises(ew.InputError, match=f"basis '{basis}' has none"):
            adapt_grid(network(basis), normal(50, 2), quantiles=0.5)


def test_layers_of_two_bases_compute_but_are_not_saved(tmp_path: Path) -> None:
    model = network("chebyshev", [2, 3, 1])
    model.layers[1] = network("rbf", [3, 1]).layers[0]
    assert model(torch.zeros(4, 2)).shape == (4, 1)
    with pytest.raises(ew.InputError, match="one basis"):
        ew.save(model, tmp_path / "m.safetensors")
