"""Data that are computed: special functions against identities, chains against their exact mobility edges."""

from __future__ import annotations

import numpy as np
import pytest

import edgewise as ew
from edgewise_bench.datasets import chain, special

NAMES = [row.name for row in special()]


def test_there_are_fifteen() -> None:
    assert len(NAMES) == len(set(NAMES)) == 15


@pytest.mark.parametrize("name", NAMES)
def test_values_are_finite_and_vary_on_the_whole_rectangle(name: str) -> None:
    (function,) = special(name)
    x, y = function.table(2000, seed=1)
    assert np.isfinite(y).all() and y.std() > 0.01
    assert (x.min(axis=0) >= function.low).all() and (x.max(axis=0) <= function.high).all()
    corners = np.array(
        [[a, b] for a in (function.low[0], function.high[0]) for b in (function.low[1], function.high[1])]
    )
    assert np.isfinite(function.values(corners[:, 0], corners[:, 1])).all()


@pytest.mark.parametrize(
    ("name", "x", "identity"),
    [
        ("ellipj", None, lambda x, y: np.where(y == 0, np.sin(x), np.nan)),
        ("jv", 0.5, lambda x, y: np.sqrt(2 / (np.pi * y)) * np.sin(y)),
        ("iv", 0.5, lambda x, y: np.sqrt(2 / (np.pi * y)) * np.sinh(y)),
        ("kv", 0.5, lambda x, y: np.sqrt(np.pi / (2 * y)) * np.exp(-y)),
        ("yv", 0.5, lambda x, y: -np.sqrt(2 / (np.pi * y)) * np.cos(y)),
        ("lpmv0", 2.0, lambda x, y: (3 * y**2 - 1) / 2),
        ("lpmv1", 1.0, lambda x, y: -np.sqrt(1 - y**2)),
        ("lpmv2", 2.0, lambda x, y: 3 * (1 - y**2)),
        ("sph01", None, lambda x, y: np.sqrt(3 / (4 * np.pi)) * np.cos(y)),
        ("sph11", None, lambda x, y: -np.sqrt(3 / (8 * np.pi)) * np.sin(y) * np.cos(x)),
        ("sph22", None, lambda x, y: np.sqrt(15 / (32 * np.pi)) * np.sin(y) ** 2 * np.cos(2 * x)),
    ],
)
def test_values_are_those_of_elementary_cases(name: str, x: float | None, identity) -> None:
    (function,) = special(name)
    points, _ = function.table(200, seed=0)
    a, b = points.T
    a = a if x is None else np.full_like(a, x)
    b = np.zeros_like(b) if name == "ellipj" else b
    np.testing.assert_allclose(function.values(a, b), identity(a, b), rtol=1e-9, atol=1e-12)


def _share(model: str, values: list[dict], sites: int = 377) -> float:
    """The share of states on the side of the exact edge that their spread says."""
    right = []
    for number, one in enumerate(values):
        found = chain(model).states(sites=sites, phase=0.7 * number, **one)
        extended = chain(model).edge(found.energy, **one) < 0
        right.append(np.mean(extended == (found.dimension > 0.5)))
    return float(np.mean(right))


@pytest.mark.parametrize(
    ("model", "values", "least"),
    [
        ("mosaic", [{"lam": lam, "kappa": 2} for lam in (0.3, 0.8, 1.5, 3.0)], 0.95),
        ("aubry-andre generalized", [{"lam": a, "alpha": b} for a in (0.4, 0.8, 1.2) for b in (-0.5, 0.3)], 0.95),
        ("aubry-andre modified", [{"lam": a, "p": b} for a in (1.0, 2.0, 4.0) for b in (1.0, 2.0)], 0.95),
    ],
)
def test_states_extend_on_the_side_of_the_edge_where_they_should(model: str, values: list[dict], least: float) -> None:
    assert _share(model, values) > least


def test_without_alpha_all_states_change_at_once() -> None:
    model = chain("aubry-andre generalized")
    assert model.states(sites=233, lam=0.5, alpha=0.0).dimension.mean() > 0.8
    assert model.states(sites=233, lam=2.0, alpha=0.0).dimension.mean() < 0.3


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: special("bessel"), "Unknown special function"),
        (lambda: special("jv")[0].table(0, seed=0), "rows"),
        (lambda: chain("anderson"), "Unknown chain"),
        (lambda: chain("mosaic").states(lam=1.0), "takes lam, kappa"),
        (lambda: chain("mosaic").states(sites=3, lam=1.0, kappa=2), "sites"),
    ],
)
def test_what_cannot_be_is_refused(act, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()
