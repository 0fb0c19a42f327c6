"""Which inputs act together: exact second derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch

import edgewise as ew
from edgewise.interpret import hessians, interactions

MIXED = [3, (2, [2, 3]), (1, 1)]


def rows(n: int = 200, d: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def formula(text: str, *names: str) -> ew.KAN:
    return ew.symbolic.network_of(sympy.sympify(text), list(names))


@pytest.mark.parametrize("basis", ["bspline", "chebyshev", "rbf", "fourier"])
@pytest.mark.parametrize("widths", [MIXED, [3, 2, (1, [4]), 2], [3, (0, [3, 2])]], ids=str)
def test_hessians_are_those_of_automatic_differentiation(mixed_network: Any, basis: str, widths: Any) -> None:
    model, x = mixed_network(widths, basis=basis, base="identity"), 1.3 * rows(8)
    found = hessians(model, x)
    for n, point in enumerate(x):
        for o in range(model.n_out):
            expected = torch.autograd.functional.hessian(lambda v, o=o: model(v[None])[0, o], point)
            torch.testing.assert_close(found[n, o].detach(), expected, rtol=1e-8, atol=1e-9)


def test_only_the_two_that_multiply_interact() -> None:
    model, x = formula("a + 2*b + c*d", "a", "b", "c", "d"), rows(d=4)
    found = interactions(model, x)
    sizes = x.std(0, correction=0)
    expected = float(sizes[2] * sizes[3] / model(x).detach().std(correction=0))
    assert float(found[2, 3]) == pytest.approx(expected, rel=1e-9)
    assert torch.equal(found, found.T)
    found[2, 3] = found[3, 2] = 0
    assert float(found.abs().max()) < 1e-12


def test_the_diagonal_is_the_bending() -> None:
    x = rows(d=2)
    found = interactions(formula("3*a**2 + b", "a", "b"), x)
    model = formula("3*a**2 + b", "a", "b")
    assert float(found[0, 0]) == pytest.approx(
        6 * float(x[:, 0].var(correction=0) / model(x).detach().std(correction=0))
    )
    assert float(found[1, 1]) == pytest.approx(0, abs=1e-12)


def test_signs_tell_strengthening_from_weakening_and_regions_differ() -> None:
    x = rows(400, 2)
    model = formula("Abs(a)*b", "a", "b")
    right, left = (interactions(model, x, rows=x[:, 0] * side > 0, signed=True)[0, 1] for side in (1, -1))
    assert float(right) > 0 > float(left)
    assert abs(float(interactions(model, x, signed=True)[0, 1])) < 0.1 * float(interactions(model, x)[0, 1])


def test_units_do_not_matter_and_outputs_are_told_apart() -> None:
    x = rows(300, 2)
    model = ew.KAN([2, 2, 2], seed=1)
    by = interactions(model, x, by="output")
    assert by.shape == (2, 2, 2)
    scaled = interactions(ew.nn.scale_outputs(model, torch.tensor([1e3, 1.0])), x, by="output")
    torch.testing.assert_close(by, scaled, rtol=1e-9, atol=1e-12)
    spread = model(x).detach().std(0, correction=0)
    pooled = (by * spread.view(-1, 1, 1)).mean(0) / spread.square().mean().sqrt()
    torch.testing.assert_close(interactions(model, x), pooled, rtol=1e-9, atol=1e-12)


def test_pieces_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = ew.KAN(MIXED, seed=2), rows(101)
    whole = interactions(model, x)
    monkeypatch.setattr("edgewise.interpret._scores._NUMBERS", 100)
    torch.testing.assert_close(interactions(model, x), whole)


def test_single_precision_networks_are_read_in_double() -> None:
    model = ew.nn.clone(formula("a + b", "a", "b"), torch.float32)
    found = interactions(model, rows(50, 2))
    assert found.dtype == torch.float64 and float(found.abs().max()) < 1e-12


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ew.InputError, match="3 input columns"):
        interactions(ew.KAN([3, 1]), rows(d=2))
    with pytest.raises(ew.InputError, match="output"):
        interactions(ew.KAN([3, 1]), rows(), by="class")
    with pytest.raises(ew.InputError, match="chooses no row"):
        interactions(ew.KAN([3, 1]), rows(), rows=rows()[:, 0] > 2)
