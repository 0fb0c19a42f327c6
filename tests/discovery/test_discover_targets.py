"""Discovery of the laws that `edgewise bench discovery` measures, as the benchmark judges them."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise_bench import Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.laws import TARGET_LAWS, TargetLaw

QUICK = ["product", "quotient", "distance", "sum of velocities", "growth", "two products"]
BENCH = BENCHMARKS["discovery"]


def measured(name: str, seed: int, noise: float) -> dict[str, object]:
    (case,) = [
        case
        for case in BENCH.cases(Settings())
        if (case.values["equation"], case.values["seed"], case.values["noise"]) == (name, seed, noise)
    ]
    (row,) = BENCH.measure(BENCH.prepare(case, []), Settings())
    return row


@pytest.mark.parametrize(
    ("name", "seed"),
    [*((name, 0) for name in QUICK), *(pytest.param(name, 1, marks=pytest.mark.slow) for name in TARGET_LAWS)],
)
def test_laws_that_a_table_shows_are_found_exactly(name: str, seed: int) -> None:
    row = measured(name, seed, 0.0)
    assert row["outcome"] == "exact" and row["exact"] and row["decided"] == "sympy", row["formula"]
    assert float(str(row["seconds"])) < 60


@pytest.mark.slow
@pytest.mark.timeout(8 * 70)
def test_most_laws_keep_their_form_under_one_percent_of_noise() -> None:
    rows = [measured(name, 0, 0.01) for name in TARGET_LAWS]
    assert sum(bool(row["form"]) for row in rows) >= 6, [row["formula"] for row in rows if not row["form"]]


def test_noise_is_a_share_of_the_standard_deviation() -> None:
    (x, clean), (same, noisy) = (TargetLaw("product").table(20_000, noise, 0) for noise in (0.0, 0.05))
    assert np.array_equal(x, same)
    assert (noisy - clean).std() == pytest.approx(0.05 * clean.std(), rel=0.05)
