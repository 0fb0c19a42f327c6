"""Attribution scores of edges into products: bounded, and what the output loses if a factor is held."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch

import edgewise as ew
from edgewise.interpret import Cut, edge_scores

KEPLER = "sqrt(a**3/m)"


def orbits() -> torch.Tensor:
    """Axes in km and masses in kg, of planets and of moons: over five and ten decades."""
    table = ew.io.read_table(ew.datasets.path("orbits"))
    return torch.tensor(table.inputs(["semi_major_axis_km", "primary_mass_kg"]))


def formula(text: str, *names: str) -> ew.KAN:
    return ew.symbolic.network_of(sympy.sympify(text), list(names))


def rescaled(model: ew.KAN, factor: float) -> ew.KAN:
    """The same function: one factor larger, the other smaller."""
    model = ew.nn.clone(model)
    with torch.no_grad():
        model.layers[0].affine[0, :, 2:] *= factor
        model.layers[0].affine[1, :, 2:] /= factor
    return model


def test_factors_of_very_different_size_score_as_much_as_the_output_feels() -> None:
    x = orbits()
    model = formula(KEPLER, "a", "m")
    factors, root = edge_scores(model, x)
    assert float(root[0, 0]) == pytest.approx(1)
    y = model(x).detach()
    most = float(y.square().mean().sqrt() / y.std(correction=0)) / 2  # |A phi| is half of the output
    found = factors[model.layers[0].mask]
    assert (found > 0).all() and (found <= most * (1 + 1e-9)).all() and float(factors[:, 0].max()) > 0.5


def test_scores_do_not_change_when_a_factor_is_rescaled_and_the_other_takes_it_back() -> None:
    model, x = formula(KEPLER, "a", "m"), orbits()
    for size in (1e-6, 1e9):
        for by in (None, "output"):
            before, after = (edge_scores(one, x, by=by) for one in (model, rescaled(model, size)))
            for a, b in zip(before, after, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-8, atol=0)


def test_independent_factors_score_as_sums_do() -> None:
    """Where the sizes of the other factors do not depend on a factor, the formula of sums and this one agree."""
    side = torch.linspace(1, 2, 30, dtype=torch.float64)
    x = torch.cartesian_prod(side, side)
    model = formula("a*b", "a", "b")
    expected = side.square().mean().sqrt() * side.std(correction=0) / (x[:, 0] * x[:, 1]).std(correction=0)
    assert [float(edge_scores(model, x)[0][j, j]) for j in (0, 1)] == pytest.approx([float(expected)] * 2)


def test_the_score_is_what_the_output_loses_at_the_best_constant(mixed_network: Any) -> None:
    model = mixed_network([2, (1, 1)])
    x = torch.rand(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one, other = (ew.nn.trace(model, x).subnodes[0][:, j] for j in (1, 2))
        edge = ew.nn.trace(model, x).edges[0][:, 1, 0]
        y = one * other
        design = torch.stack([edge - constant for constant in torch.linspace(-3, 3, 6001, dtype=torch.float64)])
        least = (design * other).square().mean(1).sqrt().min() / y.std(correction=0)
    assert float(edge_scores(model, x, by="output")[0][1, 1, 0]) == pytest.approx(float(least), rel=1e-4)


def test_a_factor_that_hardly_matters_is_pruned_at_little_cost() -> None:
    """In the periods of planets the masses of their stars are one constant; a plain mean has the moons' too."""
    x = orbits()
    model = formula(KEPLER, "a", "m")
    y = model(x).detach()
    result = ew.prune(model, x, y, cuts=Cut("inputs", keep=1))
    assert result.removed[0].where == "x2"
    assert result.error_after < 0.01 * float(y.std())
    assert not ew.prune(formula("a*b", "a", "b"), torch.rand(99, 2) + 1).removed


def test_constant_factors_and_factors_of_nothing_score_zero() -> None:
    x = torch.rand(50, 2, dtype=torch.float64)
    x[:, 1] = 0.0
    scores = edge_scores(formula("a*b + a", "a", "b"), x)[0]
    assert torch.isfinite(scores).all() and int((scores > 0).sum()) == 1
