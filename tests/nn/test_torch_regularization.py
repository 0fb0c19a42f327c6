"""The penalty of the KAN paper in a loss of one's own, and which parameters decay."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.bases import BasisName
from edgewise.nn import KANLayer, parameter_groups, regularization

close = torch.testing.assert_close


def layer(n_in: int = 2, n_out: int = 3, **settings: Any) -> KANLayer:
    generator = torch.Generator().manual_seed(0)
    return KANLayer(n_in, n_out, **{"dtype": torch.float64, "generator": generator, **settings})


def rows(*shape: int) -> Tensor:
    return 2 * torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1


def by_hand(sizes: list[list[float]], l1: float, entropy: float) -> float:
    flat = [size for row in sizes for size in row]
    total = sum(flat)
    return l1 * total - entropy * sum(s / total * math.log(s / total) for s in flat if s > 0)


# the penalty


@pytest.mark.parametrize("basis", list(ew.bases.BASES))
def test_it_is_the_papers_formula_for_the_inputs_that_reach_each_layer(basis: BasisName) -> None:
    module = torch.nn.Sequential(layer(basis=basis), torch.nn.Tanh(), layer(3, 1, basis=basis, base=None))
    x = 2 * rows(40, 2)
    h = module[1](module[0](x))
    sizes = [module[0].edges(x).abs().mean(0).tolist(), module[2].edges(h).abs().mean(0).tolist()]
    found = regularization(module, x, l1=0.7, entropy=2.0)
    assert float(found.detach()) == pytest.approx(sum(by_hand(s, 0.7, 2.0) for s in sizes), rel=1e-9)


def test_coefficients_stand_for_functions_where_no_inputs_are_given() -> None:
    model = ew.nn.set_function(ew.KAN([2, 2], base="silu", seed=0), 0, 0, 1, "sin", (1.0, 0.0, -3.0, 0.0))
    model = ew.nn.remove_edges(model, [(0, 1, 1)])
    one = model.layers[0]
    size = (one.coefficients.abs().mean(-1) + one.base_weight.abs()).detach()
    sizes = [[float(size[0, 0]), 3.0], [float(size[1, 0]), 0.0]]
    assert float(regularization(model).detach()) == pytest.approx(by_hand(sizes, 1.0, 1.0))
    with_x = regularization(model, rows(30, 2))
    assert bool(with_x.isfinite()) and with_x.requires_grad


@pytest.mark.parametrize("x", [None, rows(9, 2)])
def test_its_gradients_are_right_and_finite(x: Tensor | None) -> None:
    one = layer(grid=3)

    def value(coefficients: Tensor, weights: Tensor) -> Tensor:
        state = {"coefficients": coefficients, "base_weight": weights}
        return torch.func.functional_call(Penalized(one, x), {f"one.{k}": v for k, v in state.items()}, ())

    class Penalized(torch.nn.Module):
        def __init__(self, one: KANLayer, x: Tensor | None) -> None:
            super().__init__()
            self.one, self.x = one, x

        def forward(self) -> Tensor:
            return regularization(self.one, self.x, smoothing=0.1)

    torch.autograd.gradcheck(value, (one.coefficients, one.base_weight))
    with torch.no_grad():
        one.coefficients.zero_()
        one.base_weight.zero_()
    regularization(one, x).backward()  # where nothing is left
    assert bool(one.coefficients.grad.isfinite().all())  # type: ignore[union-attr]


def test_smoothing_is_the_roughness_that_fit_penalizes() -> None:
    one = layer(base=None)
    c = one.coefficients.detach()
    found = regularization(one, l1=0.0, entropy=0.0, smoothing=2.0)
    close(found.detach(), 2 * c.diff(dim=-1).diff(dim=-1).square().sum())


def test_a_loss_with_it_leaves_irrelevant_inputs_out() -> None:
    x = rows(300, 4)
    noise = torch.randn(300, 1, generator=torch.Generator().manual_seed(1))
    y = torch.sin(3 * x[:, :1]) + x[:, 1:2] ** 2 - 1 / 3 + 0.1 * noise
    sizes = []
    for weight in (0.0, 3e-3):
        one = layer(4, 1)
        optimizer = torch.optim.Adam(one.parameters(), lr=0.02)
        for _ in range(250):
            optimizer.zero_grad()
            ((one(x) - y).square().mean() + weight * regularization(one, x)).backward()
            optimizer.step()
        sizes.append(one.edges(x).detach().abs().mean(0)[0])
    assert float(sizes[1][2:].max()) < 0.4 * float(sizes[0][2:].max())
    assert float(sizes[1][:2].min()) > 0.8 * float(sizes[0][:2].min())


def test_bad_weights_and_no_rows_are_refused() -> None:
    with pytest.raises(ew.InputError, match=r"'entropy' must be a number >= 0\. Got -1"):
        regularization(layer(), entropy=-1.0)
    with pytest.raises(ew.InputError, match="at least one row"):
        regularization(layer(), rows(0, 2))


# which parameters decay


class Model(torch.nn.Module):
    """Layers of torch and of edgewise side by side, with a shared weight and a frozen layer."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = torch.nn.Embedding(11, 16)
        self.encoder = ew.nn.replace_feed_forwards(torch.nn.TransformerEncoderLayer(16, 2, 64, batch_first=True))
        self.image = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.LayerNorm((2, 5)))
        self.rational, self.splines = ew.nn.RationalLayer(16, 8), KANLayer(8, 16)
        self.formula = ew.nn.set_function(ew.KAN([2, 1], base="silu", seed=0), 0, 0, 0, "exp")
        self.head = torch.nn.Linear(16, 11)
        self.head.weight = self.tokens.weight
        self.frozen = torch.nn.Linear(3, 3).requires_grad_(False)


def test_every_parameter_stands_in_one_group_by_the_rule() -> None:
    module = Model()
    names = {id(value): name for name, value in module.named_parameters()}
    decayed, kept = ([names[id(value)] for value in group["params"]] for group in parameter_groups(module, 0.3))
    assert [group["weight_decay"] for group in parameter_groups(module, 0.3)] == [0.3, 0.0]
    assert len({*decayed, *kept}) == len(decayed) + len(kept) == len(names) - 2
    for name in (
        "tokens.weight",
        "image.0.weight",
        "rational.linear.weight",
        "splines.coefficients",
        "splines.base_weight",
    ):
        assert name in decayed
    assert all(
        name.rpartition(".")[2] in ("weight", "in_proj_weight", "coefficients", "base_weight") for name in decayed
    )
    for name in ("rational.numerator", "rational.denominator", "rational.linear.bias", "formula.layers.0.affine"):
        assert name in kept
    assert {"image.1.weight", "image.2.weight", "image.2.bias", "encoder.norm1.weight", "head.bias"} <= set(kept)
    assert sum("numerator" in name or "denominator" in name for name in kept) >= 4


@pytest.mark.parametrize("make", [torch.optim.AdamW, torch.optim.SGD])
def test_denominators_and_constants_do_not_shrink(make: Any) -> None:
    module = Model()
    optimizer = make(parameter_groups(module, 0.5), lr=0.1)
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    for value in module.parameters():
        value.grad = torch.zeros_like(value) if value.requires_grad else None
    for _ in range(3):
        optimizer.step()
    for name, value in module.named_parameters():
        free = value.dim() < 2 or name.rpartition(".")[2] in ("numerator", "denominator", "affine")
        if free or name.startswith(("frozen", "image.2")):
            assert torch.equal(value, before[name]), name
        elif before[name].any():
            assert float(value.detach().norm()) < float(before[name].norm()), name


def test_groups_of_nothing_are_left_out_or_refused() -> None:
    (group,) = parameter_groups(torch.nn.LayerNorm((2, 3)))
    assert group["weight_decay"] == 0.0
    with pytest.raises(ew.InputError, match="has no parameters that train"):
        parameter_groups(torch.nn.Identity())
    with pytest.raises(ew.InputError, match="'weight_decay' must be a number >= 0"):
        parameter_groups(layer(), -0.1)
