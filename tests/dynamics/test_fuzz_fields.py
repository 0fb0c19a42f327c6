"""`discover_pde` on odd but legal fields: equations that can be used, or an error in one line; nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from fuzzing import fuzz
from hypothesis import given
from odd_tables import SEEDS, checked

import edgewise as ew


def axis(draw: random.Random, n: int) -> Any:
    rng = np.random.default_rng(draw.randrange(2**32))
    steps = draw.choice([np.ones(n), np.ones(n), rng.uniform(0.1, 1, n), 10 ** rng.uniform(-3, 1, n), np.zeros(n)])
    whole = draw.choice([0.0, 0.0, 1e6, -1e3]) + np.cumsum(steps) * 10.0 ** draw.choice([0, 0, 3, -6, 100])
    return draw.choice([whole, whole, whole.tolist(), whole[::-1], whole[:, None]])


def values(draw: random.Random, t: Any, x: Any, n: int) -> Any:
    rng = np.random.default_rng(draw.randrange(2**32))
    s, z = np.meshgrid(np.linspace(0, 1, len(t)), np.linspace(0, 1, len(x)), indexing="ij")
    if draw.random() < 0.2:
        s, z = rng.uniform(size=(2, n))
    shapes: list[Any] = [
        lambda: np.sin(6 * (z - s)), lambda: rng.normal(size=s.shape), lambda: np.exp(-s) * np.cos(3 * z) + z**2,
        lambda: (z > s) * 1.0, lambda: np.zeros(s.shape), lambda: s + 0 * z, lambda: np.round(np.sin(5 * z + s), 1),
        lambda: 1j * np.sin(4 * z) + s, lambda: np.where(rng.uniform(size=s.shape) < 0.1, np.nan, np.sin(3 * z + s)),
        lambda: np.where(s > 2, 0.0, np.inf),
    ]  # fmt: skip
    found = [draw.choice(shapes)() * 10.0 ** draw.choice([0, 0, 0, 8, -8, 150]) for _ in range(draw.choice([1, 1, 2]))]
    return found[0] if len(found) == 1 else draw.choice([found, {"a": found[0], "b": found[1]}])


@fuzz(6)
@given(SEEDS)
def test_fields_end_in_equations_or_are_refused(seed: int) -> None:
    draw = random.Random(seed)
    n, m = draw.choice([(0, 5), (11, 14), (12, 12), (16, 20), (14, 30), (1, 90)])
    t, x = axis(draw, n), axis(draw, m)
    u = values(draw, t, x, n)
    order: Any = draw.choice([1, 1, 2])

    def search() -> Any:
        found = ew.discover_pde(t, x, u, order=order, effort="quick", time_limit=draw.choice([2, 20]))
        assert str(found) and found.latex() and found.to_python()
        assert all(np.isfinite(value) for value in found.error.values())
        return found

    try:
        checked(search)
    except ew.EdgewiseError as error:
        assert "rows" in str(error) or "time" in str(error)
