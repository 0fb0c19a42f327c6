"""Knots made from ranges, samples and other knots, and functions carried from one set to another."""

from __future__ import annotations

import pytest
import torch
from families import each_pair
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import edgewise as ew
from edgewise.bases import (
    BASE_FUNCTIONS,
    HIGHEST_DEGREE,
    BSpline,
    adapted_knots,
    base_function,
    fit_curves,
    refined_knots,
    spline_range,
    transfer,
    uniform_knots,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def curve(x: Tensor, knots: Tensor, coefficients: Tensor, degree: int) -> Tensor:
    return torch.einsum("nik,oik->noi", BSpline(degree).evaluate(x, knots, coefficients.shape[-1]), coefficients)


def probes(knots: Tensor, degree: int, rows: int = 101) -> Tensor:
    lo, hi = spline_range(knots, degree)
    share = torch.linspace(0, 1, rows, dtype=knots.dtype).unsqueeze(1)
    return lo + (hi - lo) * share


def test_uniform_knots_are_equally_spaced_with_exact_ends() -> None:
    lo, hi = torch.tensor([0.1, -1e6]).double(), torch.tensor([0.7, 3e6]).double()
    for degree in range(1, HIGHEST_DEGREE + 1):
        knots = uniform_knots(lo, hi, 7, degree)
        assert knots.shape == (2, 7 + 2 * degree + 1)
        assert torch.equal(torch.stack(spline_range(knots, degree)), torch.stack([lo, hi]))
        step = ((hi - lo) / 7).unsqueeze(1)
        torch.testing.assert_close(knots.diff(dim=1), step.expand(-1, knots.shape[1] - 1))


@given(
    degree=st.integers(1, HIGHEST_DEGREE),
    grid=st.integers(1, 20),
    factor=st.integers(1, 5),
    quantiles=st.sampled_from([0.0, 0.5, 0.95]),
    seed=st.integers(0, 100),
)
def test_refined_splines_contain_the_old_ones(degree: int, grid: int, factor: int, quantiles: float, seed: int) -> None:
    x = normal(60, 2, seed=seed).exp()
    old = adapted_knots(x, grid, degree, 0.02, quantiles)
    new = refined_knots(old, degree, factor)
    assert new.shape == (2, factor * grid + 2 * degree + 1)
    assert torch.equal(torch.stack(spline_range(new, degree)), torch.stack(spline_range(old, degree)))
    inner = new[:, degree : degree + factor * grid + 1 : factor]
    assert torch.equal(inner, old[:, degree : degree + grid + 1])
    coefficients = normal(3, 2, grid + degree, seed=seed)
    carried = transfer(coefficients, BSpline(degree), old, new, factor * grid + degree)
    sites = probes(old, degree)
    error = curve(sites, new, carried, degree) - curve(sites, old, coefficients, degree)
    assert float(error.abs().max()) < 1e-12 * max(1.0, float(coefficients.abs().max()))


@pytest.mark.parametrize("degree", range(1, HIGHEST_DEGREE + 1))
def test_transfer_to_other_knots_errs_as_splines_do(degree: int) -> None:
    """A smooth function on fine knots, carried to 40 other cells: the error of a spline of that degree."""
    lo, hi = torch.tensor([-1.0]).double(), torch.tensor([1.0]).double()
    fine = uniform_knots(lo, hi, 400, degree)
    coefficients = fit_curves(lambda x: torch.sin(3 * x).unsqueeze(1), BSpline(degree), fine[0], 400 + degree)
    other = uniform_knots(lo, hi, 41, degree)
    carried = transfer(coefficients.unsqueeze(1), BSpline(degree), fine, other, 41 + degree)
    sites = probes(other, degree)
    error = (curve(sites, other, carried, degree)[:, 0] - torch.sin(3 * sites)).abs().max()
    assert error < 2 * (3 / 41) ** (degree + 1)


def test_transfer_to_a_wider_range_follows_the_tangents() -> None:
    old = uniform_knots(torch.zeros(1).double(), torch.ones(1).double(), 5, 3)
    new = uniform_knots(torch.tensor([-1.0]).double(), torch.tensor([2.0]).double(), 15, 3)
    coefficients = normal(1, 1, 8)
    carried = transfer(coefficients, BSpline(3), old, new, 18)
    sites = probes(new, 3)
    exact = curve(sites, old, coefficients, 3)
    assert (curve(sites, new, carried, 3) - exact).abs().max() < 0.1 * exact.abs().max()


def test_transfer_gives_the_same_bits_whatever_was_in_memory() -> None:
    old = uniform_knots(torch.zeros(2).double(), torch.ones(2).double(), 6, 3)
    new = uniform_knots(torch.zeros(2).double() - 0.1, torch.ones(2).double(), 11, 3)
    coefficients = normal(3, 2, 9)
    first = transfer(coefficients, BSpline(3), old, new, 14)
    for size in range(1, 30):
        dirty = torch.randint(1, 9, (size,), generator=generator(size), dtype=torch.int32)
        del dirty  # its memory is likely to be used next
        assert torch.equal(transfer(coefficients, BSpline(3), old, new, 14), first)


def test_transfer_keeps_the_type_and_the_arguments() -> None:
    old = uniform_knots(torch.zeros(2), torch.ones(2), 5, 3)
    coefficients = normal(1, 2, 8).float()
    before = old.clone(), coefficients.clone()
    carried = transfer(coefficients, BSpline(3), old, refined_knots(old, 3, 2), 13)
    assert carried.dtype == torch.float32
    assert torch.equal(old, before[0])
    assert torch.equal(coefficients, before[1])


def test_a_fitted_curve_goes_through_its_sites() -> None:
    knots = uniform_knots(torch.zeros(1).double(), torch.ones(1).double(), 6, 3)
    found = fit_curves(lambda x: torch.stack([x**3 - x, torch.ones_like(x)], 1), BSpline(3), knots[0], 9)
    assert found.shape == (2, 9)
    sites = probes(knots, 3)
    values = curve(sites, knots, found.unsqueeze(1), 3)
    torch.testing.assert_close(values[:, 0], sites**3 - sites)
    torch.testing.assert_close(values[:, 1], torch.ones_like(sites))


def assert_sound(knots: Tensor, grid: int, degree: int) -> None:
    assert knots.shape[1] == grid + 2 * degree + 1
    assert bool(torch.isfinite(knots).all())
    assert bool((knots.diff(dim=1) > 0).all())


COLUMNS = {
    "constant": torch.full((30,), 3.7),
    "zero": torch.zeros(30),
    "negative constant": torch.full((30,), -2e5),
    "tiny constant": torch.full((30,), 1e-30),
    "two values": torch.arange(30) % 2,
    "mostly one value": (torch.arange(30) == 0) * 1.0,
    "duplicates": torch.arange(30) // 10,
    "huge offset": 1e9 + torch.arange(30) / 30,
    "huge offset, hardly any range": 1e9 + 1e-6 * torch.arange(30),
    "tiny": 1e-12 * torch.arange(30),
    "heavy tail": torch.arange(30).double().exp(),
    "huge": 1e100 * torch.arange(30).double(),
}


@each_pair(column=COLUMNS, quantiles=[0.0, 0.5, 0.95], degree=[1, 3, 5, 9], grid=[1, 5, 50])
def test_adapted_knots_ascend_over_the_samples(column: Tensor, quantiles: float, degree: int, grid: int) -> None:
    x = column.double().unsqueeze(1)
    knots = adapted_knots(x, grid, degree, 0.02, quantiles)
    assert_sound(knots, grid, degree)
    lo, hi = spline_range(knots, degree)
    assert float(lo) <= float(x.min())
    assert float(x.max()) <= float(hi)
    assert_sound(refined_knots(knots, degree, 2), 2 * grid, degree)


def test_one_row_gives_a_range_around_it() -> None:
    knots = adapted_knots(torch.tensor([[2.0, 0.0]]).double(), 4, 3, 0.05)
    assert_sound(knots, 4, 3)
    assert torch.stack(spline_range(knots, 3)).T.tolist() == [[1.0, 3.0], [-0.5, 0.5]]


def test_the_margin_is_a_share_of_the_range() -> None:
    knots = adapted_knots(torch.tensor([[0.0], [10.0]]).double(), 4, 3, 0.05)
    assert [float(end) for end in spline_range(knots, 3)] == [-0.5, 10.5]


def test_quantiles_put_knots_where_the_samples_are() -> None:
    x = torch.cat([torch.linspace(0, 1, 90), torch.linspace(1, 100, 10)]).double().unsqueeze(1)
    for share, below in ((0.0, 0), (0.95, 5)):
        knots = adapted_knots(x, 10, 3, 0.0, share)
        assert int((knots[0, 4:13] < 10).sum()) >= below
    assert int((adapted_knots(x, 10, 3, 0.0)[0, 4:13] < 10).sum()) == 0


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 50),
    grid=st.integers(1, 40),
    degree=st.integers(1, HIGHEST_DEGREE),
    quantiles=st.floats(0, 0.95),
    power=st.integers(-30, 30),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_adapted_knots_ascend_for_any_samples(
    seed: int, rows: int, grid: int, degree: int, quantiles: float, power: int, offset: float
) -> None:
    x = 10.0**power * (normal(rows, 3, seed=seed) + offset)
    before = x.clone()
    assert_sound(adapted_knots(x, grid, degree, 0.02, quantiles), grid, degree)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", BASE_FUNCTIONS)
def test_base_functions_have_the_slopes_they_say(name: str) -> None:
    value, slope = base_function(name)
    x = torch.linspace(-30, 30, 61, dtype=torch.float64).requires_grad_()
    (expected,) = torch.autograd.grad(value(x).sum(), x)
    torch.testing.assert_close(slope(x.detach()), expected)


def test_an_unknown_base_function_lists_the_known() -> None:
    with pytest.raises(ew.InputError, match=r"Unknown base function 'softsign'.*silu"):
        base_function("softsign")
