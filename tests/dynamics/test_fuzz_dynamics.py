"""`discover_ode` on odd but legal trajectories: equations that can be used, or an error in one line; nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
from fuzzing import fuzz
from hypothesis import example, given
from odd_tables import SEEDS, checked, column, numbers, table

import edgewise as ew


def times(draw: random.Random, n: int) -> Any:
    rng = np.random.default_rng(draw.randrange(2**32))
    steps = draw.choice([np.ones(n), rng.uniform(0.1, 1, n), 10 ** rng.uniform(-6, 2, n), np.full(n, 1e-9)])
    whole = draw.choice([0.0, 0.0, 1e6, -1e3]) + np.cumsum(steps) * 10.0 ** draw.choice([0, 0, 3, -6, 100])
    return draw.choice([whole, whole, whole, whole.tolist(), pd.Series(whole), whole[:, None], column(draw, n)])


def states(draw: random.Random, n: int) -> Any:
    rng = np.random.default_rng(draw.randrange(2**32))
    t, d = np.linspace(0, draw.choice([1, 10, 100]), n), draw.choice([1, 1, 2, 3])
    paths: list[Any] = [
        lambda: np.exp(-rng.uniform(0, 2) * t), lambda: np.sin(t + rng.uniform(0, 6)), lambda: rng.normal(size=n),
        lambda: np.cumsum(rng.normal(size=n)), lambda: (t > t.sum() / max(n, 1)) * 1.0, lambda: numbers(draw, n),
        lambda: np.zeros(n), lambda: 1 / (1 + np.exp(-t)), lambda: np.round(np.sin(t), 1), lambda: t**2,
    ]  # fmt: skip
    whole = np.column_stack([draw.choice(paths)() for _ in range(d)]) * 10.0 ** draw.choice([0, 0, 0, 8, -8, 150, -150])
    kind = draw.random()
    if kind < 0.2:
        return table(draw, n, d)
    if kind < 0.4:
        return pd.DataFrame(whole, columns=pd.Index(draw.sample(["a", "t", "x", "", "é", 0, "a b"], d)))
    return whole[:, 0] if kind < 0.5 else whole.tolist() if kind < 0.6 else whole


@example(40)  # states of 1e150
@example(444)  # a simulation without end
@fuzz(6)
@given(SEEDS)
def test_trajectories_end_in_equations_or_are_refused(seed: int) -> None:
    draw = random.Random(seed)
    lengths = [draw.choice([0, 1, 2, 7, 8, 9, 12, 20, 40]) for _ in range(draw.choice([1, 1, 1, 2]))]
    t: Any = [times(draw, n) for n in lengths]
    x: Any = [states(draw, n) for n in lengths]
    one = draw.random() < 0.9
    order: Any = draw.choice([1, 1, 2])

    def search() -> Any:
        found = ew.discover_ode(
            t[0] if one else t, x[0] if one else x, order=order, effort="quick", time_limit=draw.choice([2, 30])
        )
        assert str(found)
        assert found.written.text()
        assert all(np.isfinite(value) for value in found.error.values())
        return found

    try:
        found = checked(search)
    except ew.EdgewiseError as error:
        assert "time" in str(error)
        return
    if found is not None:
        d = len(found.names)
        assert found.rates(np.arange(3.0), np.ones((3, d))).shape == (3, d)
        checked(lambda: found.simulate(np.ones(d), np.linspace(0, 1, 4)))
        assert compile(found.to_python(), "equations", "exec")
        assert found.latex()
        assert len(found.frame()) == len(found.constants)
