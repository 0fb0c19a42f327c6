"""The feed-forward block."""

from __future__ import annotations

import pytest
import torch

import edgewise as ew
from edgewise.nn import KANFeedForward


def _size(module: torch.nn.Module) -> int:
    """How many numbers outputs depend on: not those of symbolic edges or base functions where there are none."""
    parameters = list(module.parameters())
    found = torch.autograd.grad(module(torch.randn(50, 64)).sum(), parameters, allow_unused=True)
    return sum(p.numel() for p, slope in zip(parameters, found, strict=True) if slope is not None)


def _mlp(width: int) -> torch.nn.Sequential:
    return torch.nn.Sequential(
        torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(4 * width, width)
    )


@pytest.mark.parametrize("kind", ["rational", "spline"])
def test_it_has_the_shape_and_the_parameters_of_an_mlp(kind: str) -> None:
    block = KANFeedForward(64, kind=kind)
    assert block(torch.randn(3, 7, 64)).shape == (3, 7, 64)
    assert _size(block) == pytest.approx(_size(_mlp(64)), rel=0.05)


def test_the_rational_kind_starts_as_an_mlp() -> None:
    block = KANFeedForward(16, kind="rational")
    x = torch.randn(50, 16)
    first, second = block.first, block.second
    with torch.no_grad():
        plain = torch.nn.functional.linear(x, first.weight, first.bias)
        plain = torch.nn.functional.linear(torch.nn.functional.silu(plain), second.weight, second.bias)
        assert float((block(x) - plain).std() / plain.std()) < 0.01


@pytest.mark.parametrize(("grid", "degree"), [(2, 2), (3, 1), (5, 3)])
def test_the_spline_kind_starts_with_outputs_of_the_size_of_its_inputs(grid: int, degree: int) -> None:
    generator = torch.Generator().manual_seed(0)
    block = KANFeedForward(64, kind="spline", grid=grid, degree=degree, generator=generator)
    x = torch.randn(500, 64, generator=generator)
    assert block.first.base is None
    assert 0.5 < float(block(x).detach().std()) < 2


@pytest.mark.parametrize("kind", ["rational", "spline"])
def test_it_learns(kind: str) -> None:
    torch.manual_seed(0)
    block = KANFeedForward(8, 16, kind=kind, generator=torch.Generator().manual_seed(0))
    x = torch.randn(256, 8)
    y = torch.sin(2 * x) * x.roll(1, dims=1)
    solver = torch.optim.Adam(block.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = (block(x) - y).square().mean()
        solver.zero_grad()
        loss.backward()
        solver.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("kind", ["rational", "spline"])
def test_every_parameter_counts_at_the_width_of_real_models(kind: str) -> None:
    block, mlp = KANFeedForward(256, kind=kind), _mlp(256)
    count, plain = (sum(p.numel() for p in module.parameters()) for module in (block, mlp))
    assert count == pytest.approx(plain, rel=0.01)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: KANFeedForward(8, kind="cubic"), "Unknown kind"),
        (lambda: KANFeedForward(0), "width"),
        (lambda: KANFeedForward(10, groups=8), "groups"),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()
