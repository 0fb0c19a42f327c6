"""The feed-forward block, and the exchange of MLPs for it."""

from __future__ import annotations

import copy

import pytest
import torch

import edgewise as ew
from edgewise.nn import KANFeedForward, replace_feed_forwards


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


def test_mlps_are_exchanged_wherever_they_are() -> None:
    model = torch.nn.ModuleDict({"embed": torch.nn.Linear(5, 16), "blocks": torch.nn.ModuleList([_mlp(16), _mlp(16)])})
    before = copy.deepcopy(model.state_dict())
    new = replace_feed_forwards(model, kind="spline")
    kinds = [type(part).__name__ for part in new["blocks"]]
    assert kinds == ["KANFeedForward", "KANFeedForward"]
    assert new["blocks"][0].dropout.p == 0.1
    assert isinstance(new["embed"], torch.nn.Linear)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert isinstance(model["blocks"][0], torch.nn.Sequential)


def test_an_mlp_in_two_places_stays_one() -> None:
    new = replace_feed_forwards(torch.nn.ModuleList([_mlp(16)] * 2))
    assert new[0] is new[1]


@pytest.mark.parametrize("training", [True, False])
def test_torchs_transformer_layers_take_the_block(training: bool) -> None:
    layer = torch.nn.TransformerEncoderLayer(16, 2, 64, dropout=0.0, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    new = replace_feed_forwards(model).train(training)
    x = torch.randn(3, 5, 16)
    out = new(x)
    assert out.shape == x.shape
    out.square().mean().backward()
    blocks = [part for part in new.modules() if isinstance(part, KANFeedForward)]
    assert len(blocks) == 2
    assert all(p.grad is not None for p in blocks[0].first.parameters())


def test_a_model_that_is_an_mlp_itself_becomes_a_block_in_its_dtype() -> None:
    new = replace_feed_forwards(_mlp(8).double(), dropout=0.0)
    assert isinstance(new, KANFeedForward)
    assert new(torch.zeros(2, 8, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: KANFeedForward(8, kind="cubic"), "Unknown kind"),
        (lambda: KANFeedForward(0), "width"),
        (lambda: KANFeedForward(10), "groups"),
        (lambda: replace_feed_forwards(torch.nn.Linear(3, 3)), "No MLP"),
        (
            lambda: replace_feed_forwards(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 3))),
            "No MLP",
        ),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()
