"""Gradients at a few rows, where functions are written out: those of the reference, and by that way where it serves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.kernels import _few_rows

BASES = ("bspline", "linear", "rbf", "chebyshev", "fourier")


def made(basis: Any, rows: int, **more: Any) -> tuple[ew.nn.KANLayer, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    layer = ew.nn.KANLayer(5, 3, basis=basis, dtype=torch.float64, generator=random, **more)
    x, g = (torch.rand(rows, n, dtype=torch.float64, generator=random) for n in (5, 3))
    return layer, 3 * x - 1.5, g


def gradients(layer: ew.nn.KANLayer, x: Tensor, g: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    out = layer(x)
    return [out, *torch.autograd.grad(out, [x, *layer.parameters()], g)]


@pytest.fixture(name="calls")
def _calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls, plain = [], _few_rows.FewRows.of

    def counted(*arguments: Any) -> Any:
        calls.append(len(arguments[0]))
        return plain(*arguments)

    monkeypatch.setattr(_few_rows.FewRows, "of", counted)
    return calls


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("rows", [1, 7, 64, 65])
def test_values_and_gradients_are_the_references(basis: str, rows: int, calls: list[int]) -> None:
    layer, x, g = made(basis, rows)
    found = gradients(layer, x, g)
    assert calls == ([rows] if rows <= 64 else [])
    with ew.kernels.forced(backend="reference"):
        expected = gradients(layer, x, g)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("basis", BASES)
def test_a_gradient_is_differentiated_again(basis: str, calls: list[int]) -> None:
    layer, x, _ = made(basis, 3)
    assert torch.autograd.gradgradcheck(layer, (x.clamp(-0.9, 0.9).requires_grad_(),))
    assert calls


def test_only_what_is_needed_is_computed(calls: list[int]) -> None:
    layer, x, g = made("bspline", 4)
    (by_c,) = torch.autograd.grad(layer(x), [layer.coefficients], g)
    assert torch.equal(by_c, gradients(layer, x, g)[2])
    layer.requires_grad_(False)
    leaf = x.clone().requires_grad_()
    assert torch.equal(torch.autograd.grad(layer(leaf), [leaf], g)[0], gradients(layer.requires_grad_(), x, g)[1])
    assert len(calls) == 4


def test_fine_grids_take_only_what_lives_at_a_point(calls: list[int]) -> None:
    layer, x, g = made("bspline", 4, grid=50)
    gradients(layer, x, g)
    assert not calls


def test_a_masked_edge_stays_off(calls: list[int]) -> None:
    layer, x, g = made("bspline", 4)
    layer.mask[1, 2] = False
    assert gradients(layer, x, g)[2][1, 2].abs().max() == 0
    assert calls
