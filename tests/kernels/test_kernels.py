"""The B-spline op: values, derivatives of every order, and every way that torch differentiates or maps it."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from torch import Tensor

from edgewise.bases import HIGHEST_DEGREE, uniform_knots
from edgewise.kernels import BSplineFamily, evaluate_basis
from edgewise.kernels.bspline._splines import basis as reference_basis

DEGREES = range(1, HIGHEST_DEGREE + 1)


def bspline_basis(x: Tensor, knots: Tensor, degree: int, order: int = 0) -> Tensor:
    return evaluate_basis(x, knots, BSplineFamily(degree), knots.shape[-1] - degree - 1, order)


def uneven_knots(n_in: int, grid: int, degree: int, seed: int = 0) -> Tensor:
    """Knots (n_in, grid + 2 degree + 1) with spacings between 0.2 and 1, each input's its own."""
    generator = torch.Generator().manual_seed(seed)
    steps = 0.2 + 0.8 * torch.rand(n_in, grid + 2 * degree + 1, generator=generator, dtype=torch.float64)
    return steps.cumsum(1) - 1


def ends(knots: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    return knots[:, degree], knots[:, knots.shape[1] - degree - 1]


def inside(knots: Tensor, degree: int, rows: int, seed: int = 1) -> Tensor:
    """Points (rows, n_in) within each input's interval."""
    lo, hi = ends(knots, degree)
    share = torch.rand(rows, len(knots), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return lo + (hi - lo) * share


def around(knots: Tensor, degree: int, rows: int) -> Tensor:
    """Points within the interval and on both sides of it, none at a knot."""
    lo, hi = ends(knots, degree)
    return (inside(knots, degree, rows) - (lo + hi) / 2) * 1.5 + (lo + hi) / 2


def scipy_basis(x: Tensor, knots: Tensor, degree: int, order: int) -> np.ndarray:
    """The same array by scipy, one basis function after the other."""
    out = np.zeros((*x.shape, knots.shape[1] - degree - 1))
    for i, t in enumerate(knots.numpy()):
        for m in range(out.shape[-1]):
            spline = BSpline(t, np.eye(out.shape[-1])[m], degree)
            out[..., i, m] = spline(x[..., i].numpy(), nu=order)
    return out


@pytest.mark.parametrize("degree", DEGREES)
def test_values_and_all_derivatives_are_scipys(degree: int) -> None:
    for grid, order in product((1, 2, 7), range(degree + 2)):
        knots = uneven_knots(3, grid, degree)
        x = inside(knots, degree, 50)
        expected = scipy_basis(x, knots, degree, order)
        np.testing.assert_allclose(
            bspline_basis(x, knots, degree, order), expected, rtol=0, atol=1e-12 * max(1, abs(expected).max())
        )


@pytest.mark.parametrize("degree", DEGREES)
def test_points_exactly_at_knots_and_at_both_ends(degree: int) -> None:
    knots = uneven_knots(1, 6, degree)
    x = knots[0, degree : degree + 7].unsqueeze(1)
    for order in range(degree):  # the derivative of order `degree` jumps there
        expected = scipy_basis(x, knots, degree, order)
        np.testing.assert_allclose(
            bspline_basis(x, knots, degree, order), expected, rtol=0, atol=1e-11 * max(1, abs(expected).max())
        )


def test_the_last_cell_is_closed_and_degree_one_knows_its_knots() -> None:
    knots = uniform_knots(torch.tensor([0.0]), torch.tensor([2.0]), grid=2, degree=1)
    values = bspline_basis(torch.tensor([[0.0], [1.0], [2.0]]), knots, 1)
    assert torch.equal(values[:, 0], torch.eye(3))


@given(
    degree=st.integers(1, HIGHEST_DEGREE),
    grid=st.integers(1, 30),
    seed=st.integers(0, 1000),
    scale=st.floats(1e-6, 1e6),
    shift=st.floats(-3, 3),
)
def test_functions_are_a_partition_of_unity_everywhere(
    degree: int, grid: int, seed: int, scale: float, shift: float
) -> None:
    """Inside and, since tangents of a constant are constant, outside as well; inside none is negative."""
    knots = scale * (uneven_knots(2, grid, degree, seed) + shift)
    x = around(knots, degree, 40)
    values = bspline_basis(x, knots, degree)
    torch.testing.assert_close(values.sum(-1), torch.ones_like(x), rtol=0, atol=1e-9)
    lo, hi = ends(knots, degree)
    within = (x >= lo) & (x <= hi)
    assert bool((values[within] >= -1e-14).all())
    assert bool(((values[within] != 0).sum(-1) <= degree + 1).all())
    assert float(bspline_basis(x, knots, degree, 1).sum(-1).abs().max()) * scale < 1e-9


@given(
    degree=st.integers(1, HIGHEST_DEGREE),
    seed=st.integers(0, 1000),
    far=st.floats(0, 1e6),
    side=st.sampled_from([-1, 1]),
)
def test_functions_continue_along_their_tangents(degree: int, seed: int, far: float, side: int) -> None:
    knots = uneven_knots(2, 4, degree, seed)
    end = ends(knots, degree)[side > 0].unsqueeze(0)
    value, slope = (bspline_basis(end, knots, degree, order) for order in (0, 1))
    outside = end + side * far
    step = (outside - end).unsqueeze(-1)
    torch.testing.assert_close(bspline_basis(outside, knots, degree), value + slope * step, rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(bspline_basis(outside, knots, degree, 1), slope, rtol=1e-13, atol=1e-13)
    if bool((outside != end).all()):
        for order in range(2, degree + 2):
            assert not bspline_basis(outside, knots, degree, order).any()


def test_values_and_slopes_are_continuous_at_the_ends() -> None:
    knots = uneven_knots(2, 4, 3)
    for end in ends(knots, 3):
        for order in (0, 1):
            left, right = (bspline_basis((end + eps).unsqueeze(0), knots, 3, order) for eps in (-1e-9, 1e-9))
            torch.testing.assert_close(left, right, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("degree", "order"), [(1, 0), (2, 1), (3, 0), (6, 0), (6, 1), (8, 0), (8, 1)])
def test_gradients_of_first_and_second_order_in_both_modes(degree: int, order: int) -> None:
    """on uneven knots; `test_family.py` has the other degrees."""
    knots = uneven_knots(2, 3, degree)
    x = around(knots, degree, 4).requires_grad_()
    op = partial(bspline_basis, knots=knots, degree=degree, order=order)
    assert torch.autograd.gradcheck(op, x, check_forward_ad=True)
    # Beyond the ends a second derivative is zero; finite differences agree as no point is near a knot.
    assert torch.autograd.gradgradcheck(op, x, check_fwd_over_rev=True, check_rev_over_rev=True)


def test_forward_mode_is_not_silently_zero() -> None:
    knots = uneven_knots(1, 5, 3)
    x = inside(knots, 3, 5)
    _, tangent = torch.func.jvp(lambda x: bspline_basis(x, knots, 3), (x,), (torch.ones_like(x),))
    assert tangent.abs().max() > 0.1
    assert torch.equal(tangent, bspline_basis(x, knots, 3, 1))


def test_maps_over_points_over_knots_and_over_both() -> None:
    knots = torch.stack([uneven_knots(3, 4, 3, seed) for seed in range(5)])
    x = inside(knots[0], 3, 7)
    each = torch.stack([bspline_basis(x, k, 3) for k in knots])
    op = partial(bspline_basis, degree=3)
    assert torch.equal(torch.func.vmap(op, (0, None))(x, knots[0]), bspline_basis(x, knots[0], 3))
    assert torch.equal(torch.func.vmap(op, (1, None), out_dims=1)(x.unsqueeze(1), knots[0])[:, 0], each[0])
    assert torch.equal(torch.func.vmap(op, (None, 0))(x, knots), each)
    assert torch.equal(torch.func.vmap(op, (None, 1))(x, knots.movedim(0, 1)), each)
    xs = torch.stack([inside(k, 3, 7, seed) for seed, k in enumerate(knots)])
    both = torch.stack([bspline_basis(a, k, 3) for a, k in zip(xs, knots, strict=True)])
    assert torch.equal(torch.func.vmap(op, (0, 0))(xs, knots), both)
    assert torch.equal(torch.func.vmap(op, (2, 0))(xs.movedim(0, 2), knots), both)


def test_maps_of_gradients_and_of_hessians() -> None:
    knots = uneven_knots(2, 4, 3)
    c = torch.linspace(0, 3, 14, dtype=torch.float64).sin().reshape(2, 7)
    x = around(knots, 3, 20)

    def surface(point: Tensor) -> Tensor:
        return (bspline_basis(point, knots, 3) * c).sum(-1).prod()

    value, slope, bend = ((bspline_basis(x, knots, 3, order) * c).sum(-1) for order in range(3))
    gradient = slope * value.flip(1)
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(surface))(x), gradient)
    cross = slope.prod(1)
    hessian = torch.stack([bend[:, 0] * value[:, 1], cross, cross, bend[:, 1] * value[:, 0]], 1).reshape(-1, 2, 2)
    torch.testing.assert_close(torch.func.vmap(torch.func.hessian(surface))(x), hessian)
    twice = torch.func.vmap(torch.func.jacrev(torch.func.jacfwd(surface)))(x)
    torch.testing.assert_close(twice, hessian)


def test_gradient_through_mapped_knots() -> None:
    knots = torch.stack([uneven_knots(1, 4, 2, seed) for seed in range(3)])
    x = inside(knots[0], 2, 6)
    grad = torch.func.grad(lambda x, k: bspline_basis(x, k, 2).square().sum())
    mapped = torch.func.vmap(grad, (None, 0))(x, knots)
    torch.testing.assert_close(mapped, torch.stack([grad(x, k) for k in knots]))


@pytest.mark.parametrize("order", [0, 1])
def test_the_compiled_op_equals_the_eager_one_in_values_and_gradients(order: int) -> None:
    knots = uneven_knots(2, 4, 3)
    c = torch.linspace(0, 3, 14, dtype=torch.float64).sin().reshape(2, 7)

    def total(x: Tensor) -> Tensor:
        return (bspline_basis(x, knots, 3, order) * c).sum()

    x = around(knots, 3, 9)
    eager, compiled = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = total(eager)
    found = torch.compile(total, fullgraph=True, backend="aot_eager")(compiled)
    torch.testing.assert_close(found, expected)
    expected.backward()
    found.backward()
    torch.testing.assert_close(compiled.grad, eager.grad)


def test_single_precision_follows_double() -> None:
    for degree in DEGREES:
        knots = uneven_knots(2, 8, degree)
        x = around(knots, degree, 100)
        single = bspline_basis(x.float(), knots.float(), degree)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), bspline_basis(x, knots, degree), rtol=1e-4, atol=1e-5)


def test_columns_that_are_not_contiguous_give_the_same_values() -> None:
    knots = uneven_knots(3, 4, 3)
    x = inside(knots, 3, 10)
    strided = x.T.contiguous().T
    assert not strided.is_contiguous()
    assert torch.equal(bspline_basis(strided, knots, 3), bspline_basis(x, knots, 3))


def test_the_op_is_its_reference() -> None:
    knots = uneven_knots(3, 4, 3)
    x = around(knots, 3, 20)
    for order in range(5):
        expected = reference_basis(x, knots, 3, order)
        torch.testing.assert_close(bspline_basis(x, knots, 3, order), expected, rtol=1e-12, atol=1e-12)


def test_no_number_in_gives_no_number_out() -> None:
    values = bspline_basis(torch.tensor([[torch.nan]], dtype=torch.float64), uneven_knots(1, 4, 3), 3)
    assert bool(values.isnan().any())
