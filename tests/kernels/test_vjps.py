"""Both gradients of a narrow layer in one call: the same numbers as one after the other."""

from __future__ import annotations

import pytest
import torch
from families import each_pair
from torch import Tensor

from edgewise.kernels import BSplineFamily, contract, forced, vjp_coefficients, vjp_inputs
from edgewise.kernels.bspline.cpu import SparseCPU

double = pytest.mark.parametrize("dtype", [torch.float64, torch.float32])


def layer(rows: int, n_in: int, n_out: int, degree: int, dtype: torch.dtype, *, even: bool = True) -> list[Tensor]:
    """Points, some beyond the knots, coefficients, gradients of the outputs, and knots of seven cells."""
    generator = torch.Generator().manual_seed(rows + 10 * n_in + 100 * n_out)
    knots = torch.linspace(-1 - degree / 4, 1 + degree / 4, 8 + 2 * degree, dtype=torch.float64).repeat(n_in, 1)
    if not even:
        knots = knots + 0.1 * torch.rand(knots.shape, generator=generator, dtype=torch.float64).sort(1).values
    x = torch.rand(rows, n_in, generator=generator, dtype=torch.float64) * 3.4 - 1.7
    c = torch.randn(n_out, n_in, 7 + degree, generator=generator, dtype=torch.float64)
    g = torch.randn(rows, n_out, generator=generator, dtype=torch.float64)
    return [tensor.to(dtype) for tensor in (x, c, g, knots)]


def gradients(x: Tensor, c: Tensor, g: Tensor, knots: Tensor, degree: int) -> tuple[Tensor, ...]:
    x, c = x.clone().requires_grad_(), c.clone().requires_grad_()
    return torch.autograd.grad(contract(x, c, knots, BSplineFamily(degree)), (x, c), g)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each call of `vjps` did the work."""
    seen: list[bool] = []
    plain = SparseCPU.vjps

    def vjps(*arguments: object) -> tuple[Tensor, Tensor] | None:
        found = plain(*arguments)  # type: ignore[arg-type]
        seen.append(found is not None)
        return found

    monkeypatch.setattr(SparseCPU, "vjps", vjps)
    return seen


@each_pair(
    sizes=[(1, 1, 1), (37, 3, 2), (1000, 5, 1), (700, 16, 8), (3000, 2, 5)],
    degree=[1, 2, 3, 4, 5, 7, 9],
    dtype=[torch.float64, torch.float32],
    even=[True, False],
)
def test_narrow_layers_take_one_call_and_match_the_reference(
    sizes: tuple[int, int, int], degree: int, dtype: torch.dtype, even: bool, calls: list[bool]
) -> None:  # fmt: skip
    given = layer(*sizes, degree, dtype, even=even)
    with forced(route="sparse"):
        found = gradients(*given, degree)
    assert calls == [True]
    with forced(backend="reference"):
        expected = gradients(*given, degree)
    exact = dtype == torch.float64
    for one, other in zip(found, expected, strict=True):
        size = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=size * (1e-12 if exact else 2e-5))


@double
@pytest.mark.parametrize("sizes", [(50, 17, 1), (50, 3, 17), (200_000, 4, 4)])
def test_wider_or_longer_ones_take_two(sizes: tuple[int, int, int], dtype: torch.dtype, calls: list[bool]) -> None:
    x, c, g, knots = layer(*sizes, 3, dtype)
    with forced(route="sparse"):
        found = gradients(x, c, g, knots, 3)
        assert calls == [False]
        family = BSplineFamily(3)
        assert torch.equal(found[0], vjp_inputs(x, c, g, knots, family, 1))
        assert torch.equal(found[1], vjp_coefficients(x, g, None, knots, family, c.shape[2], 0))


def test_only_the_gradients_asked_for_are_made(calls: list[bool]) -> None:
    x, c, g, knots = layer(40, 3, 2, 3, torch.float64)
    with forced(route="sparse"):
        weights = c.clone().requires_grad_()
        torch.autograd.grad(contract(x, weights, knots, BSplineFamily(3)), weights, g)
    assert not calls


def test_a_tape_is_kept_where_it_is_asked_for(calls: list[bool]) -> None:
    x, c, g, knots = layer(40, 3, 2, 3, torch.float64)
    x = x.requires_grad_()
    with forced(route="sparse"):
        (slope,) = torch.autograd.grad(
            contract(x, c.requires_grad_(), knots, BSplineFamily(3)), x, g, create_graph=True
        )
    assert slope.requires_grad and not calls


def test_points_that_are_no_numbers_spoil_only_their_own(calls: list[bool]) -> None:
    x, c, g, knots = layer(40, 3, 2, 3, torch.float64)
    x[7, 1] = torch.nan
    with forced(route="sparse"):
        slopes, _ = gradients(x, c, g, knots, 3)
    assert calls == [True]
    assert torch.isnan(slopes).nonzero().tolist() == [[7, 1]]
