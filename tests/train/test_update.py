"""Training that goes on with further rows while the rest of a network's function stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.nn import layer_of

CENTRES = torch.tensor([-0.8, -0.4, 0.0, 0.4, 0.8], dtype=torch.float64)


def peaks(x: Tensor) -> Tensor:
    return torch.exp(-300 * (x - CENTRES).square()).sum(1)


def part(k: int, rows: int = 100) -> Tensor:
    return CENTRES[k] + torch.linspace(-0.2, 0.2, rows, dtype=torch.float64).unsqueeze(1)


def error(model: ew.KAN, x: Tensor, target: Callable[[Tensor], Tensor]) -> float:
    with torch.no_grad():
        return float((model(x)[:, 0] - target(x)).square().mean().sqrt())


def test_earlier_peaks_are_kept() -> None:
    model = ew.KAN([1, 1], grid=200)
    for k in range(5):
        model = ew.update(model, part(k), peaks(part(k))).model
    assert max(error(model, part(k, 333), peaks) for k in range(5)) < 1e-5


def test_coefficients_out_of_reach_are_the_same_bit_for_bit() -> None:
    before = ew.KAN([1, 1], grid=200)
    result = ew.update(before, part(2), peaks(part(2)))
    old, new = (layer_of(m, 0).coefficients[0, 0] for m in (before, result.model))
    moved = (old != new).nonzero()[:, 0]
    assert moved.min() >= 80 and moved.max() <= 80 + 43  # the cells of the rows, and the degree
    assert torch.equal(layer_of(before, 0).knots, layer_of(result.model, 0).knots)
    assert torch.equal(old, layer_of(ew.KAN([1, 1], grid=200), 0).coefficients[0, 0])


def test_noise_is_not_learned_at_the_cost_of_what_was_known() -> None:
    """Rows reach coefficients that they hardly hold: what those do beside the rows is known already."""
    left, right = (torch.linspace(a, a + 1, 200, dtype=torch.float64).unsqueeze(1) for a in (-1, 0))
    noise = 0.05 * torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    known = ew.update(ew.KAN([1, 1], grid=60), left, torch.sin(3 * left)).model
    found = [
        error(
            ew.update(known, right, torch.sin(3 * right[:, 0]) + noise, keep=keep).model,
            left,
            lambda x: torch.sin(3 * x[:, 0]),
        )
        for keep in (10.0, 0.0)
    ]
    assert found[0] < 2e-2 and found[0] < found[1] / 3


def test_a_deep_network_keeps_what_its_anchors_say() -> None:
    generator = torch.Generator().manual_seed(0)

    def target(x: Tensor) -> Tensor:
        return torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1].square())

    left, right = (
        torch.rand(300, 2, dtype=torch.float64, generator=generator) * torch.tensor([1.0, 2.0]) - shift
        for shift in (torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]))
    )
    known = ew.update(ew.KAN([2, 5, 1], grid=10), left, target(left)).model
    both = ew.update(known, right, target(right), anchors=left)
    forgot = ew.update(known, right, target(right), keep=0).model
    assert both.train_error < 2e-2
    assert error(both.model, left, target) < 2e-2 < error(forgot, left, target)
    assert "Away from the rows, at" in both.notes[0]


def test_the_same_arguments_give_the_same_network() -> None:
    model = ew.KAN([2, 3, 1], seed=4)
    x = torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    runs = [ew.update(model, x, x[:, 0] * x[:, 1]).model.state_dict() for _ in range(2)]
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0] if isinstance(runs[0][name], Tensor))


def test_rows_weigh_what_they_are_given_and_dtypes_stay() -> None:
    x = torch.linspace(-1, 1, 50, dtype=torch.float64).unsqueeze(1)
    y = torch.where(torch.arange(50) % 2 == 0, 1.0, 3.0).double()
    result = ew.update(ew.KAN([1, 1], dtype=torch.float32), x, y, weights=(y == 1.0).double())
    assert result.model.dtype == torch.float32 and error(result.model, x, lambda x: torch.ones(len(x))) < 1e-4


def test_locked_edges_stay_and_formulas_go_on() -> None:
    model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "sqrt")  # undefined on half of the box
    model = ew.nn.lock(model, [(0, 0, 1)])
    x = torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        y = 2 * x[:, :1].sqrt() + layer_of(model, 0).edges(x)[:, 0, 1:]
    result = ew.update(model, x, y, keep=0.0)
    assert result.train_error < 1e-6
    assert torch.equal(layer_of(result.model, 0).coefficients[0, 1], layer_of(model, 0).coefficients[0, 1])
    assert ew.update(model, x, y).train_error < float("inf")


def test_rows_beyond_the_knots_are_told_of() -> None:
    x = torch.linspace(0, 2, 50, dtype=torch.float64).unsqueeze(1)
    assert "beyond the knots" in ew.update(ew.KAN([1, 1]), x, x).notes[-1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": 3}, "must be an edgewise.KAN"),
        ({"x": torch.zeros(5, 3)}, "takes 2 input columns"),
        ({"x": torch.zeros(4, 2)}, "equally many rows"),
        ({"y": torch.full((5,), torch.nan)}, "Drop or fill"),
        ({"weights": torch.ones(3)}, "one number for each"),
        ({"keep": -1.0}, "'keep'"),
        ({"keep": "much"}, "'keep'"),
        ({"steps": 0}, "'steps'"),
        ({"anchors": torch.zeros(5, 1)}, "anchors has 1"),
        ({"anchors": "all"}, "anchors must be numbers"),
    ],
)
def test_bad_input_is_refused(given: dict[str, Any], message: str) -> None:
    arguments = {"model": ew.KAN([2, 1]), "x": torch.rand(5, 2), "y": torch.rand(5), **given}
    with pytest.raises(ew.InputError, match=message):
        ew.update(**arguments)
