"""Room to learn: more nodes and splines for functions change nothing at first, and then learn what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise.nn import perturb, to_splines, widen
from edgewise.symbolic import network_of


def rows(n_in: int, count: int = 300, lo: float = 1.0, hi: float = 3.0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return lo + (hi - lo) * torch.rand(count, n_in, dtype=torch.float64, generator=draw)


@pytest.mark.parametrize("nodes", [1, 4, (0, 1), (2, 2), (1, [2, 5]), (0, [3])], ids=str)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_wider_network_is_the_same_function(mixed_network: Callable[..., ew.KAN], nodes: Any, depth: int) -> None:
    model, x = mixed_network([3, (2, [2, 3]), (3, 1), (2, 1)]), rows(3, lo=-1, hi=1)
    before = model.state_dict()
    wide = widen(model, depth, nodes)
    assert (wide(x) - model(x)).abs().max() <= 1e-12 * model(x).abs().max()
    assert wide.nodes[depth].n_nodes == model.nodes[depth].n_nodes + ew.nn.Nodes.parse(nodes).n_nodes
    assert ew.nn.Layout(wide).size > ew.nn.Layout(model).size
    assert str(before) == str(model.state_dict())


@pytest.mark.parametrize("basis", ew.bases.BASES)
@pytest.mark.parametrize("base", [None, "silu"])
def test_every_basis_widens(basis: str, base: str | None, tmp_path: Any) -> None:
    model, x = ew.KAN([2, (1, 1), 1], basis=basis, base=base, grid=4), rows(2)
    wide = widen(model, 1, (2, 1), seed=1)
    assert torch.allclose(wide(x), model(x), rtol=1e-12, atol=1e-14)
    ew.save(wide, tmp_path / "wide.safetensors")
    assert torch.equal(ew.load(tmp_path / "wide.safetensors")(x), wide(x))


def test_new_nodes_carry_curves_that_a_gradient_can_pick_up() -> None:
    law, x = network_of("a*exp(-b)", layers=2), rows(2)
    wide = widen(law, 1, (2, 1))
    hidden = ew.nn.trace(wide, x).inputs[1]
    assert hidden.std(0).min() > 1e-3
    wide(x).square().sum().backward()
    assert wide.layers[1].coefficients.grad[0, 0].abs().max() > 0  # type: ignore[index]
    other = widen(law, 1, (2, 1), seed=1)
    assert not torch.equal(other.layers[0].coefficients, wide.layers[0].coefficients)


def test_widening_keeps_rules_and_frozen_constants() -> None:
    model = ew.nn.lock(network_of("sin(a)*b + cos(b)*a", layers=3), [(0, 0, 0)])
    wide = widen(model, 1, 2)
    place = [*range(model.nodes[1].n_sum), *range(model.nodes[1].n_sum + 2, wide.layers[0].n_out)]
    assert wide.layers[0].rules == {(place[0], 0): model.layers[0].rules[0, 0]}
    assert torch.equal(wide.layers[0].affine_free[place], model.layers[0].affine_free)
    assert torch.equal(wide.layers[0].affine[place], model.layers[0].affine)


def test_what_a_formula_misses_is_learned_by_the_new_nodes() -> None:
    x = rows(3)
    truth = x[:, 0] * torch.exp(-x[:, 1]) + 0.3 * torch.sin(2 * x[:, 2])
    law = network_of("a*exp(-b)", ["a", "b", "c"], layers=2)
    wrong = float((law(x)[:, 0] - truth).detach().std() / truth.std())
    wide = ew.nn.set_function(widen(law, 1, 1), 1, 0, 0, "x", (1.0, 0.0, 0.0, 0.0))
    fit = ew.fit(wide, x, truth, options=ew.Options(restarts=1))
    assert wrong > 0.3
    assert fit.validation_error < 1e-4 * truth.std()
    assert fit.model.layers[0].symbols.items() >= {(1, 0): "x", (2, 1): "exp"}.items()


def test_functions_become_splines_that_are_retrained() -> None:
    law, x = network_of("a*exp(-b)", layers=2), rows(2)
    soft = to_splines(law, x, [(0, 1, 1)], grid=10)
    assert (soft(x) - law(x)).abs().max() < 1e-5
    assert soft.layers[0].symbols == {(0, 0): "x"}
    truth = 1.1 * x[:, 0] * torch.exp(-(x[:, 1] ** 1.3))
    fit = ew.fit(soft, x, truth, grids=[10])
    assert fit.train_error < 1e-5


@pytest.mark.parametrize("basis", ["bspline", "chebyshev", "rbf"])
def test_all_functions_as_splines_are_nearly_the_same(basis: str) -> None:
    model, x = ew.KAN([2, 2, 1], basis=basis, base="silu", grid=12), rows(2)
    for j, name in enumerate(("exp", "log")):
        model = ew.nn.set_function(model, 0, j, 0, name, (0.5, 1.0, 2.0, 0.1))
    model = ew.nn.adapt_grid(model, x)
    soft = to_splines(model, x, grid=12)
    assert not soft.layers[0].symbols
    assert (soft(x) - model(x)).abs().max() < 1e-3 * model(x).std()


def test_noise_moves_what_is_free_and_training_takes_it_back() -> None:
    law, x = network_of("a*exp(-b)"), rows(2)
    noisy = perturb(law, 0.1)
    assert (noisy(x) - law(x)).abs().max() > 0.01
    assert torch.equal(
        noisy.layers[0].affine[~law.layers[0].affine_free], law.layers[0].affine[~law.layers[0].affine_free]
    )
    assert torch.equal(perturb(law, 0.0)(x), law(x))
    fit = ew.fit(noisy, x, law(x)[:, 0].detach())
    assert fit.train_error < 1e-10
    spline = ew.KAN([2, 1])
    assert not torch.equal(perturb(spline)(x), spline(x))
    assert torch.equal(perturb(ew.nn.lock(spline, [(0, 0, 0), (0, 0, 1)]))(x), spline(x))


@pytest.mark.parametrize("depth", [0, 2, -1, 1.0, True, "1", None], ids=str)
def test_depths_without_hidden_nodes_are_refused(depth: Any) -> None:
    with pytest.raises(ew.InputError, match="1 to 1"):
        widen(ew.KAN([2, 2, 1]), depth, 1)


def test_bad_requests_are_refused() -> None:
    x = rows(1, lo=-1.0)
    with pytest.raises(ew.InputError, match="layers=2"):
        widen(ew.KAN([2, 1]), 1, 1)
    with pytest.raises(ew.InputError, match="width"):
        widen(ew.KAN([2, 2, 1]), 1, 0)
    with pytest.raises(ew.InputError, match=r"\(0, 0, 0\) is no function"):
        to_splines(ew.KAN([1, 1]), x, [(0, 0, 0)])
    with pytest.raises(ew.InputError, match="Layer 0 has edges"):
        to_splines(network_of("exp(a)"), x, [(0, 0, 5)])
    with pytest.raises(ew.InputError, match="log, is not finite"):
        to_splines(network_of("log(a + 0.9) + 1"), x, [(0, 0, 0)])
    for scale in (-1, float("nan"), float("inf"), "0.1", True):
        with pytest.raises(ew.InputError, match="'scale' must be"):
            perturb(ew.KAN([1, 1]), scale)  # type: ignore[arg-type]
