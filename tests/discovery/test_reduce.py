"""The gradient of basis functions by their points, in one kernel: values, and where it stands aside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edgewise.bases import BASES, BSpline
from edgewise.kernels import forced

CASES = {**BASES, "degree 2": BSpline(2)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_in", [1, 3, 16, 37])  # whole vectors and parts
@pytest.mark.parametrize("name", CASES)
def test_the_kernel_is_the_reference(name: str, n_in: int, dtype: torch.dtype) -> None:
    basis, generator = CASES[name], torch.Generator().manual_seed(n_in)
    x = (3 * torch.rand(7, 29, n_in, generator=generator, dtype=torch.float64) - 1.5).to(dtype)
    lo, hi = torch.full((n_in,), -1.0, dtype=dtype), torch.linspace(0.5, 1.5, n_in, dtype=dtype)
    knots = basis.uniform_knots(lo, hi, 6)
    if name == "bspline":
        knots = knots + 0.05 * torch.sin(torch.arange(knots.shape[1]).to(dtype))  # uneven
    weights = torch.randn(7, 29, basis.count(6), n_in, generator=generator, dtype=torch.float64)
    weights = weights.to(dtype).movedim(-2, -1)

    def gradient() -> Tensor:
        points = x.clone().requires_grad_()
        return torch.autograd.grad(basis.evaluate(points, knots, basis.count(6)), points, weights)[0]

    found = gradient()
    with forced(backend="reference"):
        expected = gradient()
    assert found.shape == x.shape and found.dtype is dtype
    tolerance = 2e-4 if dtype is torch.float32 else 1e-12
    assert float((found - expected).abs().max()) <= tolerance * float(expected.abs().max())


@pytest.mark.parametrize("name", ["bspline", "rbf"])
def test_what_is_differentiated_again_is_written_out(name: str) -> None:
    basis, x = BASES[name], torch.linspace(-1.4, 1.3, 6, dtype=torch.float64).unsqueeze(1).requires_grad_()
    knots = basis.uniform_knots(*(torch.tensor([end], dtype=torch.float64) for end in (-1.0, 1.0)), 4)

    def run(x: Tensor) -> Tensor:
        return basis.evaluate(x, knots, basis.count(4))

    assert torch.autograd.gradcheck(run, x, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(run, x)
    with forced(backend="numba"):
        assert torch.autograd.grad(run(x[:0]).sum(), x)[0].eq(0).all()
