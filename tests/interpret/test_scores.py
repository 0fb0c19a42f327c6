"""Attribution scores: what they must be where the answer is known, and how their arguments compose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise.interpret import edge_scores, input_scores, node_scores

MIXED = [3, (2, [2, 3]), (1, 1)]


def rows(n: int = 400, d: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def formula(text: str, *names: str) -> ew.KAN:
    return ew.symbolic.network_of(sympy.sympify(text), list(names))


def test_scores_are_shares_of_the_output_spread() -> None:
    model = formula("3*a + 4*b + 7", "a", "b")
    x = rows(100_000)
    assert input_scores(model, x).tolist() == pytest.approx([0.6, 0.8], abs=0.01)


def test_scores_do_not_change_when_a_hidden_node_is_rescaled() -> None:
    model = ew.KAN([2, 2, 1], seed=3)
    x = rows()
    scaled = ew.nn.clone(model)
    with torch.no_grad():
        scaled.layers[0].coefficients[1] *= 10
        scaled.layers[1].knots[1] *= 10
    for signed in (False, True):
        before, after = (edge_scores(m, x, signed=signed) for m in (model, scaled))
        for a, b in zip(before, after, strict=True):
            assert torch.allclose(a, b, rtol=1e-6)


def test_scores_of_an_additive_function_decompose_its_variance() -> None:
    """Squares of the scores are the shares of sin(3a), b^2 and exp(c) in the variance (first-order Sobol indices)."""
    side = torch.linspace(-1, 1, 21, dtype=torch.float64)
    x = torch.cartesian_prod(side, side, side)  # independent to rounding
    model = formula("sin(3*a) + b**2 + exp(c)", "a", "b", "c")
    parts = torch.stack([torch.sin(3 * x[:, 0]), x[:, 1] ** 2, torch.exp(x[:, 2])]).var(1, correction=0)
    shares = input_scores(model, x).square()
    assert shares.tolist() == pytest.approx((parts / parts.sum()).tolist(), rel=1e-12)
    assert float(shares.sum()) == pytest.approx(1)


def test_signed_scores_of_straight_lines_are_the_scores_with_their_signs() -> None:
    x = rows(500, 3)
    model = formula("a - 2*b + 5*c", "a", "b", "c")
    scores, signed = (input_scores(model, x, signed=s) for s in (False, True))
    assert signed.tolist() == pytest.approx((scores * torch.tensor([1, -1, 1])).tolist(), rel=1e-12)


def test_signed_scores_follow_the_sign_through_layers_and_products(mixed_network: Any) -> None:
    """The signed score of an input is the mean gradient times its spread over the output's."""
    model, x = mixed_network(MIXED, base="silu"), rows(200, 3)
    points = x.clone().requires_grad_()
    outputs = model(points)
    for o in range(2):
        (gradient,) = torch.autograd.grad(outputs[:, o].sum(), points, retain_graph=True)
        expected = gradient.mean(0) * x.std(0, correction=0) / outputs[:, o].detach().std(correction=0)
        torch.testing.assert_close(input_scores(model, x, by="output", signed=True)[o], expected, rtol=1e-9, atol=1e-12)


def test_an_even_function_has_no_direction_and_each_half_has_one() -> None:
    x = torch.linspace(-1, 1, 200, dtype=torch.float64).unsqueeze(1)
    model = formula("Abs(a)", "a")
    assert float(input_scores(model, x)[0]) == pytest.approx(1)
    assert float(input_scores(model, x, signed=True)[0]) == pytest.approx(0, abs=1e-12)
    right = input_scores(model, x, rows=x[:, 0] > 0, signed=True)
    left = input_scores(model, x, rows=x[:, 0] < 0, signed=True)
    assert float(right) > 0.9 and float(left) == pytest.approx(-float(right))


def test_a_region_is_scored_in_units_of_the_whole() -> None:
    x = rows(1000)
    model = formula("a*b", "a", "b")
    quiet, loud = (input_scores(model, x, rows=chosen)[1] for chosen in (x[:, 0].abs() < 0.1, x[:, 0].abs() > 0.9))
    assert float(quiet) < 0.12 and float(loud) > 1.5


@pytest.mark.parametrize("kind", ["mask", "list", "numpy", "series", "numbers"])
def test_regions_are_masks_or_row_numbers_of_any_kind(kind: str) -> None:
    model, x = ew.KAN([2, 2, 1]), rows(50)
    mask = x[:, 0] > 0
    same = {
        "mask": mask,
        "list": mask.tolist(),
        "numpy": mask.numpy(),
        "series": pd.Series(mask.numpy()),
        "numbers": mask.nonzero().flatten().numpy(),
    }[kind]
    expected = node_scores(model, x, rows=mask)
    for a, b in zip(node_scores(model, x, rows=same), expected, strict=True):
        assert torch.equal(a, b)
    whole = node_scores(model, x, rows=np.arange(50))
    for a, b in zip(whole, node_scores(model, x), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.zeros(50, dtype=torch.bool), "chooses no row"),
        ([], "chooses no row|must be a mask"),
        (torch.ones(49, dtype=torch.bool), "mask of 50 booleans"),
        ([0, 50], "below 50"),
        (0.5, "mask"),
        ([0.5], "mask"),
        ("all", "mask"),
        ([[True]], "mask"),
    ],
)
def test_what_is_no_region_is_refused(given: object, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        edge_scores(ew.KAN([2, 1]), rows(50), rows=given)


def test_outputs_are_scored_by_themselves_in_their_own_units() -> None:
    model = ew.KAN([2, 2])
    for j, i, size in ((0, 0, 1.0), (0, 1, 0.0), (1, 0, 0.0), (1, 1, 1e6)):
        model = ew.nn.set_function(model, 0, j, i, "x", (1.0, 0.0, size, 0.0))
    x = rows()
    assert torch.allclose(input_scores(model, x, by="output"), torch.eye(2, dtype=torch.float64))
    assert input_scores(model, x).tolist() == pytest.approx([0, 1], abs=1e-5)
    assert [s.shape for s in edge_scores(ew.KAN(MIXED), rows(9, 3), by="output")] == [(2, 7, 3), (2, 3, 4)]
    assert [s.shape for s in node_scores(ew.KAN(MIXED), rows(9, 3), by="output")] == [(2, 3), (2, 4)]


def test_all_outputs_together_are_the_mean_square_of_each(mixed_network: Any) -> None:
    model, x = mixed_network(MIXED), rows(200, 3)
    spread = model(x).detach().var(0, correction=0)
    for all_, each in zip(edge_scores(model, x), edge_scores(model, x, by="output"), strict=True):
        own = (each.square() * spread.view(-1, 1, 1)).mean(0) / spread.mean()
        torch.testing.assert_close(all_.square(), own, rtol=1e-9, atol=1e-14)


def test_classes_are_told_apart_by_rows_and_output() -> None:
    """Class 0 is decided by a, class 1 by b; in its own rows too."""
    model = ew.KAN([2, 2])
    for j, i in ((0, 1), (1, 0)):
        model = ew.nn.remove_edges(model, [(0, j, i)])
    x = rows()
    labels = model(x).argmax(1)
    for c in (0, 1):
        found = input_scores(model, x, rows=labels == c, by="output")[c]
        assert int(found.argmax()) == c and float(found[1 - c]) == 0


@pytest.mark.parametrize("signed", [False, True])
def test_masked_edges_score_nothing_and_single_precision_stays(mixed_network: Any, signed: bool) -> None:
    model, x = mixed_network(MIXED, dtype=torch.float32), rows(100, 3)
    for layer, scores in zip(model.layers, edge_scores(model, x, signed=signed), strict=True):
        assert scores.dtype == torch.float32
        assert scores[~layer.mask].abs().sum() == 0
        assert torch.isfinite(scores).all()


def test_constant_networks_and_columns_score_zero_and_single_rows_too() -> None:
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "x", (1.0, 0.0, 0.0, 3.0))
    assert float(input_scores(model, rows(20, 1))) == 0
    fixed = rows(20)
    fixed[:, 1] = 4.0
    for signed in (False, True):
        assert float(input_scores(ew.KAN([2, 1]), fixed, signed=signed)[1]) == 0
        assert torch.isfinite(input_scores(ew.KAN([2, 2, 1]), rows(1), signed=signed)).all()


def test_what_is_no_grouping_and_wrong_columns_are_refused() -> None:
    with pytest.raises(ew.InputError, match="output"):
        edge_scores(ew.KAN([2, 1]), rows(), by="class")
    with pytest.raises(ew.InputError, match="2 input columns"):
        edge_scores(ew.KAN([2, 1]), rows(d=3))
    with pytest.raises(ew.InputError, match="nan"):
        edge_scores(ew.KAN([1, 1]), [[1.0], [float("nan")]])
