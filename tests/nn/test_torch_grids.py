"""Grid tools for a training loop of one's own: single layers, and modules that contain them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import Found, on_ranks
from torch import Tensor

import edgewise as ew
from edgewise.bases import BasisName
from edgewise.nn import KANLayer

close = torch.testing.assert_close
BASES: list[BasisName] = list(ew.bases.BASES)


def layer(
    n_in: int = 2, n_out: int = 3, seed: int = 0, dtype: torch.dtype = torch.float64, **settings: Any
) -> KANLayer:
    return KANLayer(n_in, n_out, dtype=dtype, generator=torch.Generator().manual_seed(seed), **settings)


def rows(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Uniform on [-1, 1]."""
    return 2 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) - 1


def train(module: torch.nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, steps: int = 30) -> float:
    loss = torch.zeros(())
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (module(x) - y).square().mean()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


# one layer


@pytest.mark.parametrize("basis", BASES)
def test_an_update_follows_the_inputs_and_keeps_parameters_and_functions(basis: BasisName) -> None:
    one, x = layer(basis=basis, grid=16), 0.5 * rows(400, 2) + 0.2
    before, names = one(x).detach(), {name: id(value) for name, value in one.named_parameters()}
    assert one.update_grid(x, tails=0.0, margin=0.0) == {}
    assert {name: id(value) for name, value in one.named_parameters()} == names
    lo, hi = one.basis.ends(one.knots)
    close(torch.stack([lo, hi]), torch.stack([x.amin(0), x.amax(0)]))
    close(one(x), before, rtol=0, atol=0.02 * float(before.abs().max()))
    again = one(x).detach()
    assert one.update_grid(x, tails=0.0, margin=0.0) == {}
    assert torch.equal(one(x), again)  # knots that stay keep their functions bit for bit


def test_a_few_far_rows_do_not_widen_every_cell() -> None:
    one, x = layer(), torch.cat([rows(500, 2), torch.full((2, 2), 1e4, dtype=torch.float64)])
    one.update_grid(x)
    assert float(one.basis.ends(one.knots)[1].max()) < 1.2
    one.update_grid(x, tails=0.0)
    assert float(one.basis.ends(one.knots)[1].min()) > 1e4
    rare = torch.zeros(1000, 2, dtype=torch.float64)
    rare[0] = 1.0
    one.update_grid(rare, margin=0.0)  # quantiles that coincide say nothing of the range
    close(one.basis.ends(one.knots)[1], torch.ones(2).double())


def test_knots_follow_quantiles_where_asked() -> None:
    one, x = layer(grid=10), torch.exp(3 * rows(2000, 2))
    one.update_grid(x, quantiles=0.9)
    inner = one.basis.breakpoints(one.knots)
    assert bool((inner.diff() > 0).all())
    assert float(inner[:, 5].max()) < 0.5 * float(inner[:, -1].min()) / 2
    layer(basis="rbf").update_grid(x, quantiles=0.9)  # has none


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-4), (torch.bfloat16, 0.1)])
def test_a_finer_grid_has_the_same_functions(basis: BasisName, dtype: torch.dtype, tolerance: float) -> None:
    if basis == "rbf" and dtype is torch.float64:
        tolerance = 1e-4
    one, x = layer(basis=basis, grid=4, dtype=dtype), 1.2 * rows(200, 2, dtype=torch.float32).to(dtype)
    old, before, grid = one.coefficients, one(x).detach(), one.grid
    replaced = one.refine_grid(2)
    assert replaced == {old: one.coefficients} and one.grid == 2 * grid
    assert one.coefficients.dtype is one.knots.dtype is dtype
    close(one(x), before, rtol=0, atol=tolerance * float(before.abs().max()))


def test_a_frozen_layer_stays_frozen() -> None:
    one = layer().requires_grad_(False)
    one.refine_grid(2)
    one.update_grid(rows(50, 2), grid=4)
    assert not one.coefficients.requires_grad


def test_ranges_widen_where_inputs_leave_them_and_nowhere_else() -> None:
    one, x = layer(grid=12), rows(300, 2) * torch.tensor([0.9, 4.0]).double()
    old, knots, before = one.coefficients.detach().clone(), one.knots.clone(), one(x).detach()
    assert one.widen_grid(x) == {}
    assert torch.equal(one.knots[0], knots[0]) and torch.equal(one.coefficients[:, 0], old[:, 0])
    lo, hi = (end[1] for end in one.basis.ends(one.knots))
    assert lo < x[:, 1].min() and x[:, 1].max() < hi
    close(one(x), before, rtol=0, atol=0.05 * float(before.abs().max()))


def test_locked_edges_stay_what_they_are() -> None:
    model = ew.nn.lock(ew.KAN([2, 2], grid=5, seed=0), [(0, 0, 0)])
    one, x = model.layers[0], rows(200, 2)
    before = one.edges(x)[:, 0, 0].detach()
    one.update_grid(x / 2, grid=12)  # the largest multiple of 5 up to it
    assert one.grid == 10
    one.widen_grid(9 * x)
    one.refine_grid(3)
    close(one.edges(x)[:, 0, 0], before, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: one.update_grid(torch.zeros(4, 3)), r"inputs of shape \(..., 2\)"),
        (lambda one: one.update_grid(torch.zeros(0, 2)), "at least one row"),
        (lambda one: one.update_grid(torch.tensor([[0.0, float("nan")]])), "finite numbers only"),
        (lambda one: one.update_grid(torch.zeros(4, 2), grid=0), "'grid' must be an int >= 1. Got 0"),
        (lambda one: one.update_grid(torch.zeros(4, 2), quantiles=1.0), r"'quantiles' must be a number in \[0, 0.95\]"),
        (lambda one: one.update_grid(torch.zeros(4, 2), tails=0.5), r"'tails' must be a number in \[0, 0.4\]"),
        (lambda one: one.widen_grid(torch.zeros(4, 2), margin=-1.0), "'margin' must be a number"),
        (lambda one: one.refine_grid(0), "'factor' must be an int >= 1. Got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: Callable[[KANLayer], object], words: str) -> None:
    one = layer()
    state = copy.deepcopy(one.state_dict())
    with pytest.raises(ew.InputError, match=words):
        change(one)
    assert all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


def test_knots_that_would_coincide_are_refused() -> None:
    one = layer(dtype=torch.float16, grid=5)
    with pytest.raises(ew.InputError, match="some of the knots coincide"):
        one.update_grid(1000 + rows(100, 2), tails=0.0)
    with pytest.raises(ew.InputError, match="parametrized"):
        torch.nn.utils.parametrize.register_parametrization(one, "coefficients", torch.nn.Identity())
        one.update_grid(rows(100, 2))


# modules


class Twice(torch.nn.Module):
    """One layer run two times, beside another that nothing reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.idle = layer(3, 3), layer(3, 3)

    def forward(self, x: Tensor, *, scale: float = 1.0) -> Tensor:
        return self.shared(10 * self.shared(scale * x))


def test_a_module_is_run_once_and_all_inputs_of_a_layer_count() -> None:
    module, x = Twice(), rows(100, 3)
    idle = module.idle.knots.clone()
    inputs = torch.cat([2 * x, 10 * module.shared(2 * x).detach()])
    found = ew.nn.coverage(module, {"x": x, "scale": 2.0})
    assert list(found) == ["shared"]
    close(found["shared"].outside, (inputs.abs() > 1).double().mean(0))
    close(found["shared"].beyond, (inputs.abs().amax(0) - 1) / 2)
    assert ew.nn.widen_grids(module, {"x": x, "scale": 2.0}) == {}
    assert torch.equal(module.idle.knots, idle)
    lo, hi = module.shared.basis.ends(module.shared.knots)
    assert bool((lo <= inputs.amin(0)).all()) and bool((hi >= inputs.amax(0)).all())
    assert not module.shared._forward_pre_hooks


def test_hooks_are_removed_when_the_module_fails() -> None:
    module = torch.nn.Sequential(layer(3, 2), torch.nn.Linear(7, 1).double())
    with pytest.raises(RuntimeError):
        ew.nn.update_grids(module, rows(5, 3))
    assert not module[0]._forward_pre_hooks


def test_what_has_no_kan_layer_is_refused() -> None:
    for call in (ew.nn.update_grids, ew.nn.coverage, ew.nn.regularization):
        with pytest.raises(ew.InputError, match="There is no KANLayer in Linear"):
            call(torch.nn.Linear(2, 1), torch.zeros(1, 2))
    with pytest.raises(ew.InputError, match=r"must be a torch module\. Got int"):
        ew.nn.refine_grids(3)  # type: ignore[arg-type]


def test_a_transformer_with_spline_blocks_trains_on_after_each_change() -> None:
    torch.manual_seed(0)
    encoder = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    settings: Any = {"kind": "spline", "hidden": 6}
    module = ew.nn.replace_feed_forwards(encoder, **settings)
    x = 3 * torch.randn(4, 5, 8)
    y = torch.sin(x)
    optimizer = torch.optim.AdamW(ew.nn.parameter_groups(module), lr=1e-2)
    first = train(module, optimizer, x, y)
    assert len(ew.nn.coverage(module, (x,))) == 2
    before = module(x).detach()
    ew.nn.replace_parameters(optimizer, ew.nn.refine_grids(module, 2))
    close(module(x), before, rtol=0, atol=2e-4)
    assert ew.nn.update_grids(module, x) == {}
    known = {id(value) for group in optimizer.param_groups for value in group["params"]}
    assert known == {id(value) for value in module.parameters()}
    assert train(module, optimizer, x, y, 60) < first
    assert max(float(part.outside.max()) for part in ew.nn.coverage(module, x).values()) < 0.2


def test_a_compiled_module_is_looked_into() -> None:
    torch.compiler.reset()
    module = torch.nn.Sequential(layer(2, 3), layer(3, 1))
    compiled, x = torch.compile(module, backend="eager"), 5 * rows(50, 2)
    compiled(x)
    found = ew.nn.coverage(compiled, x)
    assert len(found) == 2 and all(bool(part.outside.max() > 0.1) for part in found.values())
    ew.nn.update_grids(compiled, x)
    close(compiled(x), module(x))


def data_parallel_update() -> Found:
    module = torch.nn.parallel.DistributedDataParallel(torch.nn.Sequential(layer(2, 3), layer(3, 1)))
    optimizer, x = torch.optim.Adam(module.parameters(), lr=1e-2), 3 * rows(60, 2)
    before = train(module, optimizer, x, x[:, :1])
    assert ew.nn.update_grids(module, x) == {}
    return {"losses": torch.tensor([before, train(module, optimizer, x, x[:, :1])])}


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")
def test_data_parallel_training_goes_on_after_an_update(tmp_path: Path) -> None:
    (found,) = on_ranks(data_parallel_update, 1, tmp_path)
    assert found["losses"][1] < found["losses"][0]


@pytest.mark.parametrize("make", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop])
def test_an_optimizer_takes_new_parameters_and_keeps_what_it_knows_of_the_others(make: Any) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3).double(), layer(3, 1))
    optimizer = make(module.parameters(), lr=1e-3, **({"momentum": 0.9} if make is torch.optim.SGD else {}))
    x = rows(60, 2)
    y = torch.sin(3 * x[:, :1])
    before = train(module, optimizer, x, y)
    linear = copy.deepcopy(optimizer.state[module[0].weight])
    replaced = ew.nn.refine_grids(module, 3)
    ew.nn.replace_parameters(optimizer, replaced)
    assert optimizer.state[module[0].weight].keys() == linear.keys()
    assert not set(replaced) & set(optimizer.state)
    assert train(module, optimizer, x, y) < before
    assert module[1].coefficients in optimizer.state


def test_inputs_that_are_not_finite_are_outside_by_infinity() -> None:
    x = torch.tensor([[0.0, 0.0], [float("nan"), 0.5], [2.0, float("inf")], [0.1, -1.0]]).double()
    found = ew.nn.coverage(layer(), x)[""]
    assert found.outside.tolist() == [0.5, 0.25] and found.beyond.tolist() == [float("inf")] * 2


# one network


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_single_layer_is_scored_pruned_drawn_saved_and_loaded(dtype: torch.dtype, tmp_path: Any) -> None:
    one, x = layer(3, 1, dtype=dtype), rows(200, 3, dtype=dtype)
    y = torch.sin(2 * x[:, :1]) + x[:, 1:2] ** 2
    train(one, torch.optim.Adam(one.parameters(), lr=0.05), x, y, 200)
    network = ew.nn.stack(one)
    scores = ew.interpret.input_scores(network, x)
    assert float(scores[2]) < 0.1 * float(scores[:2].min())
    small = ew.prune(network, x, y)
    assert small.model.layers[0].mask.tolist() == [[True, True, False]]
    assert "sin" in str(ew.symbolic.snap(small.model, x, y).model.formula())
    assert ew.plot.diagram(network, ["a", "b", "c"]).nodes and ew.plot.network(network, x).figure is not None
    ew.save(network, tmp_path / "one.safetensors")
    (again,) = ew.load(tmp_path / "one.safetensors").layers
    assert torch.equal(again(x), one(x)) and again.dtype is dtype
