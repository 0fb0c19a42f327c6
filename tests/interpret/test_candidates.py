"""Candidates of an edge, choices of a person, and what is refused: poles, forbidden and locked edges."""

from __future__ import annotations

import math
from functools import cache

import pytest
import sympy
import torch

import edgewise as ew
from edgewise.symbolic import hazard

X, Y = sympy.symbols("x y")
FEW = ["x", "x^2", "sin", "cos", "exp", "tanh"]
SHORT = ew.Options(restarts=1, progress=False)


def rows(n: int = 300, d: int = 1, lo: float = -1.0, hi: float = 1.0, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * (hi - lo) + lo


@cache
def one_edge(name: str, lo: float = -1.0, hi: float = 1.0) -> tuple[ew.KAN, torch.Tensor, torch.Tensor]:
    """A network of one spline edge fitted to f(3 x + 0.2), its rows, its target."""
    x = rows(lo=lo, hi=hi)
    y = ew.functions.get(name).torch(3 * x[:, 0] + 0.2)
    return ew.fit(ew.KAN([1, 1]), x, y, grids=[10, 20], options=SHORT).model, x, y


@cache
def two_edges() -> tuple[ew.KAN, torch.Tensor, torch.Tensor]:
    x = rows(d=2)
    y = torch.sin(3 * x[:, 0]) + torch.exp(x[:, 1])
    return ew.fit(ew.KAN([2, 1]), x, y, grids=[10], options=SHORT).model, x, y


def test_candidates_are_sorted_and_say_what_they_cost() -> None:
    model, x, y = one_edge("sin")
    before = [p.clone() for p in model.parameters()]
    found = ew.symbolic.candidates(model, x, y, (0, 0, 0))
    assert found[0].function == "sin"
    assert found[0].accepted
    assert found[0].affine == pytest.approx((3, 0.2, 1, 0), abs=1e-9)
    assert found[0].network_error < 1e-12
    accepted = [c.accepted for c in found]
    assert accepted == sorted(accepted, reverse=True)
    simple = [c.complexity for c in found if c.accepted]
    assert simple == sorted(simple)
    ranks = [c.complexity + 20 * math.log10(c.network_error) for c in found if not c.accepted]
    assert ranks == sorted(ranks)
    for c in found:
        rms = float((c.model(x)[:, 0] - y).square().mean().sqrt().detach())
        assert rms == pytest.approx(c.network_error, rel=1e-6, abs=1e-14)
        assert c.model.layers[0].symbols == {(0, 0): c.function}
        assert c.function in str(c)
        assert ("refused" in str(c)) != c.accepted
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_the_snap_takes_the_first_candidate_and_a_number_takes_that_one() -> None:
    model, x, y = two_edges()
    found = ew.symbolic.candidates(model, x, y, (0, 0, 0), functions=FEW)
    assert ew.symbolic.snap(model, x, y, functions=FEW).model.layers[0].symbols[0, 0] == found[0].function
    chosen = ew.symbolic.snap(model, x, y, functions=FEW, choose={(0, 0, 0): 1})
    assert chosen.model.layers[0].symbols[0, 0] == found[1].function
    assert chosen.snapped[0].function == found[1].function
    same = ew.symbolic.snap(model, x, y, functions=FEW, choose={(0, 0, 0): found[1]})
    assert same.model.formula(["x", "y"]) == chosen.model.formula(["x", "y"])


def test_a_name_and_none_decide_an_edge_whatever_it_costs() -> None:
    model, x, y = two_edges()
    named = ew.symbolic.snap(model, x, y, functions=FEW, choose={(0, 0, 0): "x^2"})
    assert named.model.layers[0].symbols[0, 0] == "x^2"
    assert named.error_after > 0.1
    kept = ew.symbolic.snap(model, x, y, functions=FEW, choose={(0, 0, 0): None})
    assert kept.kept == [(0, 0, 0)]
    assert kept.model.layers[0].symbols == {(0, 1): "exp"}


def test_forbidden_functions_are_not_used() -> None:
    model, x, y = one_edge("sin")
    result = ew.symbolic.snap(model, x, y, functions=FEW, forbid=["sin"])
    assert {s.function for s in result.snapped} == {"cos"}
    assert result.model.formula(["x"]).has(sympy.sin, sympy.cos)
    assert "sin" not in {c.function for c in ew.symbolic.candidates(model, x, y, (0, 0, 0), forbid=["sin"])}


def test_rules_and_locks_of_edges_hold() -> None:
    model, x, y = two_edges()
    ruled = ew.nn.require(model, 0, 0, 0, ["cos"])
    assert ew.symbolic.snap(ruled, x, y, functions=FEW).model.layers[0].symbols == {(0, 0): "cos", (0, 1): "exp"}
    locked = ew.nn.lock(model, [(0, 0, 0)])
    result = ew.symbolic.snap(locked, x, y, functions=FEW)
    assert result.kept == [(0, 0, 0)]
    assert torch.equal(result.model.layers[0].coefficients[0, 0], model.layers[0].coefficients[0, 0])
    with pytest.raises(ew.InputError, match="locked"):
        ew.symbolic.candidates(locked, x, y, (0, 0, 0))


def test_an_edge_that_nothing_is_left_for_is_refused_alone_and_kept_in_the_whole() -> None:
    model, x, y = two_edges()
    ruled = ew.nn.require(model, 0, 0, 0, ["cos", "sin"])
    for limits in ({"forbid": ["sin", "cos"]}, {"functions": ["exp", "x"]}):
        with pytest.raises(ew.InputError, match=r"\(0, 0, 0\) has to be one of cos, sin, and none of these is allowed"):
            ew.symbolic.candidates(ruled, x, y, (0, 0, 0), **limits)
        result = ew.symbolic.snap(ruled, x, y, **limits)
        assert (result.kept, result.model.layers[0].symbols) == ([(0, 0, 0)], {(0, 1): "exp"})


def test_locked_symbolic_edges_keep_their_constants() -> None:
    model = ew.KAN([1, 1, 1])
    model = ew.nn.set_function(model, 0, 0, 0, "sin", (2.0, 0.1, 3.0, 0.5))
    model = ew.nn.set_function(model, 1, 0, 0, "exp", (0.5, 0.3, 2.0, 0.0))
    locked = ew.nn.lock(model, [(0, 0, 0)])
    x = rows()
    result = ew.symbolic.snap(locked, x, model(x).detach()[:, 0], choose={(1, 0, 0): "exp"})
    assert torch.equal(result.model.layers[0].affine[0, 0], locked.layers[0].affine[0, 0])
    assert result.error_after < 1e-12


def test_the_simpler_of_two_equal_functions_wins_after_short_training() -> None:
    """Once a network of error 1e-3 made cos(pi x - 1.57) of sin(pi x)."""
    x = rows(200, d=2)
    y = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    rough = ew.fit(ew.KAN([2, 1, 1]), x, y, grids=[5], solver=ew.optim.LM(steps=12), options=SHORT)
    result = ew.symbolic.snap(rough.model, x, y, functions=FEW, rounding=False)
    assert {s.function for s in result.snapped} == {"sin", "x^2", "exp"}
    assert result.error_before > 1e-4


def test_phases_that_the_curve_does_not_show_are_no_reason_for_cos() -> None:
    x = rows()
    wave = torch.sin(3 * x[:, 0])
    noisy = wave + 1e-3 * torch.randn(len(x), dtype=x.dtype, generator=torch.Generator().manual_seed(3))
    model = ew.fit(ew.KAN([1, 1]), x, noisy, options=SHORT).model
    first, second = ew.symbolic.candidates(model, x, noisy, (0, 0, 0))[:2]
    assert (first.function, second.function) == ("sin", "cos")
    assert first.complexity < second.complexity


def test_a_pole_among_the_data_is_refused() -> None:
    """c / (x - p) with a tiny c fits any straight line between two rows."""
    z = torch.linspace(-1, 1, 101, dtype=torch.float64)
    reciprocal, log, sqrt = (ew.functions.get(name) for name in ("1/x", "log", "sqrt"))
    assert hazard(reciprocal, 1.0, -0.21, z).refused
    assert hazard(ew.functions.get("1/x^2"), -2.0, 0.5, z).text == "pole at 0.25, inside the data"
    assert hazard(log, 1.0, 0.5, z).refused
    assert "above" in hazard(log, -1.0, 1.02, z).text
    assert hazard(sqrt, 1.0, 1.0, z) == ("undefined below -1, 0.0% of the range from the data", False)
    assert hazard(ew.functions.get("tan"), 1.0, 0.0, z) == ("", False)
    assert hazard(ew.functions.get("tan"), 2.0, 0.0, z).refused
    assert "1.0%" in hazard(reciprocal, 1.0, 1.02, z).text
    assert hazard(reciprocal, 1.0, 5.0, z) == ("", False)


def test_a_pole_in_a_real_gap_of_the_data_is_mentioned_only() -> None:
    x = torch.cat([rows(lo=0.5, hi=2.0), rows(lo=-2.0, hi=-0.5)])
    y = 1 / x[:, 0]
    model = ew.fit(ew.KAN([1, 1]), x, y, grids=[20, 50], options=SHORT).model
    first = ew.symbolic.candidates(model, x, y, (0, 0, 0), limit=2)[0]
    assert (first.function, first.accepted) == ("1/x", True)
    assert "in a gap of the data" in first.hazard
    assert ew.symbolic.snap(model, x, y).model.formula(["x"]) == 1 / X


def test_candidates_near_the_end_of_their_domain_say_so() -> None:
    model, x, y = one_edge("sqrt", lo=-0.06, hi=1.0)
    (first,) = ew.symbolic.candidates(model, x, y, (0, 0, 0), functions=["sqrt"])
    assert "undefined below -0.06" in first.hazard


def test_several_outputs_are_read_together() -> None:
    x = rows()
    y = torch.stack([torch.sin(3 * x[:, 0]), 2 * torch.exp(x[:, 0]) + 1], 1)
    model = ew.fit(ew.KAN([1, 2]), x, y, grids=[10, 20], options=SHORT).model
    result = ew.symbolic.snap(model, x, y, functions=FEW)
    assert result.model.formula(["x"]) == [sympy.sin(3 * X), 2 * sympy.exp(X) + 1]


def test_float32_networks_give_float32_candidates() -> None:
    model, x, y = one_edge("sin")
    found = ew.symbolic.candidates(ew.nn.clone(model, torch.float32), x, y, (0, 0, 0), limit=1)
    assert found[0].model.dtype == torch.float32


def test_an_edge_that_became_a_function_can_be_read_again() -> None:
    model, x, y = one_edge("sin")
    wrong = ew.nn.set_function(model, 0, 0, 0, "sin", (3.1, 0.2, 1.0, 0.0))
    assert ew.symbolic.candidates(wrong, x, y, (0, 0, 0), limit=2)[0].function == "sin"


BAD = [
    ({"edge": (0, 0, 5)}, "has edges"),
    ({"edge": (3, 0, 0)}, "layers 0 to 0"),
    ({"edge": "first"}, "tuple"),
    ({"limit": 0}, "'limit'"),
    ({"functions": ["sinus"]}, "sinus"),
    ({"functions": "sin"}, "must list names"),
    ({"functions": ["sin"], "forbid": ["sin"]}, "No function is left"),
    ({"slack": 0.1}, "slack"),
    ({"x": rows(d=3)}, "takes 1 input"),
    ({"x": [[float("nan")]]}, "nan"),
    ({"y": rows(7)}, "rows"),
]


@pytest.mark.parametrize(("arguments", "match"), BAD, ids=str)
def test_what_cannot_be_read_is_refused(arguments: dict, match: str) -> None:
    model, x, y = one_edge("sin")
    call = {"x": x, "y": y, "edge": (0, 0, 0)} | arguments
    with pytest.raises(ew.InputError, match=match):
        ew.symbolic.candidates(model, **call)


def test_dead_and_removed_edges_are_named() -> None:
    model, x, y = two_edges()
    with pytest.raises(ew.InputError, match="was removed"):
        ew.symbolic.candidates(ew.nn.remove_edges(model, [(0, 0, 1)]), x, y, (0, 0, 1))
    flat = ew.nn.set_function(model, 0, 0, 1, "x", (1.0, 0.0, 0.0, 0.0))
    with pytest.raises(ew.InputError, match="Nothing depends on the edge"):
        ew.symbolic.candidates(flat, x, y, (0, 0, 1))


CHOICES = [({(0, 0, 0): 99}, "candidates, counted from 0"), ({(0, 0, 0): "sinus"}, "sinus"), ({(0, 0, 0): 1.5}, "name")]


@pytest.mark.parametrize(("choose", "match"), CHOICES, ids=str)
def test_choices_that_cannot_be_made_are_refused(choose: dict, match: str) -> None:
    model, x, y = two_edges()
    with pytest.raises(ew.InputError, match=match):
        ew.symbolic.snap(model, x, y, choose=choose)
