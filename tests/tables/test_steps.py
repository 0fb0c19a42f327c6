"""Sums of steps: bins, trees as tables, what they find, and tables from which fewer columns' parts are taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tables.additive import Classes, Gamma, Gaussian, Huber, Poisson, Quantile, Request, additive
from edgewise.tables.steps import GIVEN, LEAFWISE, SYMMETRIC, Bins, Boosted, Manner, Rows, StepTable, added, purified

MANNERS = pytest.mark.parametrize("manner", [LEAFWISE, SYMMETRIC], ids=["leafwise", "symmetric"])


def drawn(n: int = 300, d: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(n, d))


def rows(x: np.ndarray, y: np.ndarray, **more: Any) -> Rows:
    n, d = x.shape
    given: dict[str, Any] = {"weights": np.ones(n), "levels": [False] * d, "used": np.ones(d, bool)} | more
    return Rows(x, y, **given)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=2, max_size=200))
def test_bins_keep_the_order_and_gaps_have_their_own(values: list[float]) -> None:
    x = np.array(values)
    bins = Bins.of(x, level=False)
    places, seen = bins.places(x), np.isfinite(x)
    assert (places[~seen] == 0).all() and (places[seen] >= 1).all() and places.max(initial=0) < bins.size
    order = np.argsort(x[seen], kind="stable")
    assert (np.diff(places[seen][order]) >= 0).all()
    assert (bins.places(bins.inside) == np.arange(bins.size)).all()


def test_each_value_has_a_bin_where_they_are_few_and_many_have_as_many_rows() -> None:
    few = np.repeat([1.0, 2.0, 5.0], [10, 1, 30])
    assert Bins.of(few, level=False).cuts == (1.5, 3.5)
    x = drawn(10_000, 1)[:, 0] ** 3
    counts = np.bincount(Bins.of(x, level=False).places(x))[1:]
    assert counts.max() < 1.2 * counts.min() and len(counts) > 50


def test_levels_not_seen_count_as_gaps() -> None:
    bins = Bins.of(np.array([0.0, 1.0, 2.0]), level=True)
    assert bins.places(np.array([0.0, 2.0, 3.0, -1.0, np.nan])).tolist() == [1, 3, 0, 0, 0]


@MANNERS
def test_a_jump_an_interaction_and_a_triple_are_found(manner: Manner) -> None:
    x = drawn(800)
    step = np.where(x[:, 0] > 0.5, 1.0, 0.0)
    pair = np.where((x[:, 0] > 0.5) ^ (x[:, 1] > 0.4), 1.0, 0.0)
    triple = pair * (x[:, 2] > 0.3)
    for y in (step, pair, triple):
        found = Boosted.of(rows(x, y), Gaussian(), manner)
        assert np.mean((found.held_out[:, 0] - y) ** 2) < 0.15 * y.var()
        fresh = drawn(800, seed=1)
        assert np.mean((found.model.eta(fresh)[:, 0] - found.model.eta(x)[:, 0].mean()) ** 2) > 0.5 * y.var()


@MANNERS
def test_noise_has_no_steps(manner: Manner) -> None:
    x, y = drawn(200), np.random.default_rng(5).normal(size=200)
    found = Boosted.of(rows(x, y), Gaussian(), manner)
    assert np.mean((found.held_out[:, 0] - y) ** 2) <= 1.001 * np.mean((y - y.mean()) ** 2)


@MANNERS
def test_columns_that_are_not_used_or_not_allowed_together_make_no_tables(manner: Manner) -> None:
    x = drawn()
    y = np.where((x[:, 0] > 0.5) ^ (x[:, 1] > 0.5), 1.0, 0.0) + x[:, 2] + x[:, 3]
    used = np.array([True, True, False, True])
    found = Boosted.of(rows(x, y, used=used, allowed=lambda pair: pair != (0, 1)), Gaussian(), manner)
    sets = {table.columns for table in found.model.tables}
    assert all(2 not in columns and not {0, 1} <= {*columns} for columns in sets)


@MANNERS
def test_order_bounds_the_columns_of_a_table(manner: Manner) -> None:
    x = drawn()
    y = x[:, 0] * x[:, 1] * x[:, 2]
    found = Boosted.of(rows(x, y), Gaussian(), replace(manner, order=2))
    assert max(len(table.columns) for table in found.model.tables) <= 2


@MANNERS
def test_the_same_seed_gives_the_same_steps_and_another_one_others(manner: Manner) -> None:
    x, noise = drawn(), np.random.default_rng(1).normal(size=300)
    y = np.where(x[:, 0] > 0.5, 1.0, 0.0) + 0.3 * noise
    first, second, other = (Boosted.of(rows(x, y, seed=seed), Gaussian(), manner).held_out for seed in (0, 0, 1))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


@MANNERS
def test_gaps_and_levels_take_part(manner: Manner) -> None:
    x = drawn(600, 3)
    x[:, 1] = np.floor(6 * x[:, 1])
    x[::4, 2] = np.nan
    y = np.array([0.0, 2.0, 0.0, 2.0, 0.0, 2.0])[x[:, 1].astype(int)] + np.isnan(x[:, 2])
    found = Boosted.of(rows(x, y, levels=[False, True, False]), Gaussian(), manner)
    assert np.mean((found.held_out[:, 0] - y) ** 2) < 0.05 * y.var()
    unknown = np.array([[0.5, 17.0, 0.5], [np.nan, np.nan, np.nan]])
    assert np.isfinite(found.model.eta(unknown)).all()


@dataclass(frozen=True)
class _Asked:
    """A family whose gradients are asked for, round by round."""

    family: Any
    gradients: int = GIVEN

    def __getattr__(self, name: str) -> Any:
        return getattr(self.family, name)


@MANNERS
@pytest.mark.parametrize("family", [Gaussian(), Classes(2), Classes(3)], ids=["squared", "two", "three"])
def test_compiled_gradients_are_those_of_the_family(manner: Manner, family: Any) -> None:
    x = drawn(150, 3)
    y = np.digitize(x[:, 0] + x[:, 1], [0.8] if family == Classes(2) else [0.7, 1.2]).astype(float)
    whole = np.flatnonzero(np.ones(150))
    one = Boosted.of(rows(x, y), family, replace(manner, share=1.0))
    asked: Any = _Asked(family)
    two = Boosted.of(rows(x, y), asked, replace(manner, share=1.0))
    start = family.start(y, np.ones(150))
    gain, same = (float(family.loss(each.held_out, y)[whole].mean()) for each in (one, two))
    assert abs(gain - same) < 0.15 * float(family.loss(np.tile(start, (150, 1)), y).mean())


@pytest.mark.parametrize("family", [Poisson(), Gamma(), Huber(), Quantile(0.5), Quantile(0.9)], ids=lambda f: str(f))
def test_every_loss_is_lowered(family: Any) -> None:
    x, generator = drawn(600, 2), np.random.default_rng(2)
    mean = np.where(x[:, 0] > 0.5, 8.0, 2.0)
    y = (
        generator.poisson(mean).astype(float)
        if isinstance(family, Poisson)
        else mean * generator.gamma(20, 1 / 20, 600)
    )
    y = (y - y.mean()) / y.std() if family.is_location else y
    start = np.tile(family.start(y, np.ones(600)), (600, 1))
    found = Boosted.of(rows(x, y), family, LEAFWISE)
    assert family.loss(found.held_out, y).mean() < 0.7 * family.loss(start, y).mean()


@MANNERS
def test_weights_count(manner: Manner) -> None:
    x = drawn(400, 1)
    y = np.where(x[:, 0] > 0.5, 1.0, 0.0) * np.where(np.arange(400) % 2, 1.0, -1.0)
    heavy = np.where(np.arange(400) % 2, 1.0, 1e-6)
    found = Boosted.of(rows(x, y, weights=heavy), Gaussian(), manner)
    assert np.abs(found.model.eta(x)[1::2, 0] - y[1::2]).mean() < 0.02


def test_a_pure_sum_is_the_same_sum_and_has_no_part_of_fewer_columns() -> None:
    x, generator = drawn(500), np.random.default_rng(3)
    y = x[:, 0] * x[:, 1] * x[:, 2] + np.where(x[:, 3] > 0.5, 1.0, 0.0) + 0.1 * generator.normal(size=500)
    whole = added([Boosted.of(rows(x, y), Gaussian(), manner).model.scaled(0.5) for manner in (LEAFWISE, SYMMETRIC)])
    weights = generator.uniform(0.5, 2, 500)
    pure = purified(whole, x, weights)
    fresh = drawn(500, seed=4)
    assert np.abs(pure.eta(fresh) - whole.eta(fresh)).max() < 1e-12
    for table in pure.tables:
        for axis, (bins, cells) in enumerate(zip(table.bins, table.cells(x), strict=True)):
            share = np.bincount(cells, weights, bins.size) / weights.sum()
            assert np.abs(np.tensordot(share, table.values, (0, axis))).max() < 1e-12
    assert len({table.columns for table in pure.tables}) == len(pure.tables)


def test_a_table_on_finer_bins_is_the_same() -> None:
    coarse = StepTable((0,), (Bins((0.5,)),), np.array([[9.0], [1.0], [2.0]]))
    fine = coarse.on((Bins((0.2, 0.5, 0.7)),))
    x = np.array([[0.1], [0.3], [0.6], [0.9], [np.nan]])
    assert fine.at(x)[:, 0].tolist() == coarse.at(x)[:, 0].tolist() == [1.0, 1.0, 2.0, 2.0, 9.0]


@pytest.mark.parametrize("seed", range(4))
def test_steps_are_left_out_unless_they_help_out_of_fold(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.uniform(-2, 2, (300, 2))
    smooth, noise = np.sin(2 * x[:, 0]) + x[:, 1], generator.standard_t(1.2, 300)
    jumps = np.where((x[:, 0] > 0.5) ^ (x[:, 1] > 0), 1.0, 0.0) + 0.1 * generator.normal(size=300)
    levels = [False, False]
    for y, family in ((smooth + 0.5 * noise, Huber()), (smooth, Gaussian()), (jumps, Gaussian())):
        found = additive(x, y, levels, family, Request(steps=True))
        assert found.model.steps is None or found.scores["selected"] < found.scores["smooth"]
    assert found.model.steps is not None and found.scores["selected"] < 0.8 * found.scores["smooth"]


def test_steps_of_known_levels_are_part_of_their_effects() -> None:
    generator = np.random.default_rng(0)
    x = np.column_stack([generator.uniform(size=400), generator.integers(0, 5, 400)])
    y = np.where(x[:, 0] > 0.5, 1.0, 0.0) + np.array([0.0, 2.0, -1.0, 0.0, 3.0])[x[:, 1].astype(int)]
    found = additive(x, y + 0.1 * generator.normal(size=400), [False, True], Gaussian(), Request(steps=True))
    assert found.model.steps is not None and (1,) not in {table.columns for table in found.model.steps.tables}
    ends = found.model.eta(np.column_stack([np.full(6, 0.9), [0, 1, 2, 3, 4, np.nan]]))[:, 0]
    assert np.argsort(ends[:5]).tolist()[-1] == 4 and ends[:5].min() < ends[5] < ends[:5].max()
