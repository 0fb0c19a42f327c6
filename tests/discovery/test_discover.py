"""Discovery: problems and their elimination, symmetries from gradients, noise, and the public face."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise import datasets
from edgewise.discovery import Outcome
from edgewise.discovery.judging._candidate import Candidate, front
from edgewise.discovery.models._surrogate import neighbor_correlation
from edgewise.discovery.reductions._symmetries import find_symmetries
from edgewise.discovery.tables._table import Problem
from edgewise.expressions import evaluate


def table(n: int, d: int, lo: float, hi: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(lo, hi, (n, d))


def problem(x: np.ndarray, y: np.ndarray) -> Problem:
    columns, target = torch.from_numpy(x), torch.from_numpy(y)
    symbols = tuple(sympy.Symbol(f"x{i}") for i in range(x.shape[1]))
    return Problem(columns, symbols, target, torch.ones_like(target) / target.std())


def _without_last(p: Problem) -> Problem:
    return p.less(3 * p.columns[:, 0], 3 * p.expressions[0])


ELIMINATIONS = {
    "divided": lambda p: p.divided(0, Fraction(-3, 2)),
    "less": lambda p: p.less(0.7 * p.columns[:, 1], sympy.Float(0.7) * p.expressions[1]),
    "over": lambda p: p.over(torch.exp(p.columns[:, 2]), sympy.exp(p.expressions[2])),
    "multiplied": lambda p: p.multiplied(1, 0, Fraction(2)),
    "shifted": lambda p: p.shifted(2, 0, -1.0),
    "summed": lambda p: p.summed(0, Fraction(2), 1, Fraction(-1), 0.5),
    "chain": lambda p: _without_last(p.divided(0, Fraction(1)).multiplied(1, 0, Fraction(-1)).without(0)),
}


@pytest.mark.parametrize("name", ELIMINATIONS)
def test_lifting_a_formula_of_the_reduced_columns_gives_the_original_target(name: str) -> None:
    x = table(50, 3, 0.5, 2.0)
    start = problem(x, x[:, 0] * x[:, 1] + x[:, 2])
    reduced = ELIMINATIONS[name](start)
    formula = sum((k + 1) * sympy.Symbol(n) for k, n in enumerate(reduced.names)) + sympy.Symbol("z0") ** 2
    inner = evaluate(formula, reduced.names, reduced.columns.numpy())
    lifted = evaluate(reduced.lift(formula), ["x0", "x1", "x2"], x)
    error = reduced.error(torch.from_numpy(inner))
    assert start.error(torch.from_numpy(lifted)) == pytest.approx(error, rel=1e-9)


def symmetries_of(f: str, x: np.ndarray, error: float = 1e-6, rounding: float = 0.0, seed: int = 0) -> list[str]:
    """Relations found from values and gradients that are exact but for a relative `rounding`."""
    columns = torch.from_numpy(x).requires_grad_()
    target = FUNCTIONS[f](*columns.unbind(1))
    (slope,) = torch.autograd.grad(target.sum(), columns)
    p = problem(x, target.detach().numpy())
    noise = torch.randn(slope.shape, dtype=slope.dtype, generator=torch.Generator().manual_seed(seed))
    found = find_symmetries(p, target.detach(), slope * (1 + rounding * noise), error)
    return [r.text for r in found if r.residual < 1e-9]


FUNCTIONS = {
    "monomial": lambda a, b, c: a**2 * b / c + 0 * a,
    "scaled": lambda a, b, c: a * b**2 * torch.exp(-c),
    "ratio": lambda a, b, c: torch.sin(a / b) + c**2,
    "difference": lambda a, b, c: torch.exp(-((a - b) ** 2)) * c,
    "norm": lambda a, b, c: torch.sqrt(a**2 + b**2) + c,
    "irrelevant": lambda a, b, c: torch.sin(a) * torch.exp(b) + 0 * c,
    "none": lambda a, b, c: torch.sin(a * b + c**3) + a * torch.exp(c * b),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("monomial", "scaling of x0 by powers 2"),
        ("ratio", "scaling of x"),
        ("difference", "translation of x0, x1"),
        ("norm", "x0 to the 2 and x1 to the 2 add"),
        ("irrelevant", "x2 is irrelevant"),
    ],
)
def test_each_kind_of_symmetry_is_read_from_gradients(name: str, expected: str) -> None:
    assert any(expected in text for text in symmetries_of(name, table(400, 3, 0.5, 2.0)))


@pytest.mark.parametrize("name", ["monomial", "scaled", "difference"])
def test_rounding_does_not_choose_among_symmetries(name: str) -> None:
    """Another processor rounds otherwise, and gives the same stages."""
    x = table(400, 3, 0.5, 2.0)
    exact = symmetries_of(name, x, 1e-15)
    assert exact
    for seed in range(20):
        assert symmetries_of(name, x, 1e-15, rounding=1e-15, seed=seed) == exact


def test_a_function_without_structure_has_no_symmetry() -> None:
    assert symmetries_of("none", table(400, 3, 0.5, 2.0)) == []


def test_a_column_with_zeros_has_no_powers_and_the_others_theirs() -> None:
    x = table(400, 3, 0.5, 2.0)
    x[:3, 2] = 0.0
    assert any("x0 to the 2 and x1 to the 2 add" in text for text in symmetries_of("norm", x))


def test_residual_correlation_tells_structure_from_noise() -> None:
    x = torch.from_numpy(table(1000, 2, -1, 1))
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal(1000))
    assert abs(neighbor_correlation(x, noise)) < 0.12
    assert neighbor_correlation(x, torch.sin(4 * x[:, 0]) * x[:, 1]) > 0.8


def test_the_front_holds_only_improvements() -> None:
    rows = [(1, 1.0), (3, 0.5), (3, 0.4), (5, 0.45), (9, 1e-12), (12, 1e-13)]
    kept = front(Candidate(sympy.Integer(k), ("x",), e, c) for k, (c, e) in enumerate(rows))
    assert [(c.complexity, c.error) for c in kept] == [(1, 1.0), (3, 0.4), (9, 1e-12), (12, 1e-13)]


def test_a_table_with_names_gives_a_front_a_formula_and_predictions(tmp_path: Path) -> None:
    x = pd.DataFrame(table(300, 3, 0.5, 2.0), columns=["mass", "speed", "spare"])
    y = x["mass"] * x["speed"] ** 2 / 2
    found = ew.discover(x, y, target="energy")
    mass, speed = sympy.symbols("mass speed")
    assert found.best.sympy() == mass * speed**2 / 2
    assert found.outcome is Outcome.EXACT
    assert found.best.latex() == r"\frac{\mathit{mass} \, \mathit{speed}^{2}}{2}"
    assert found.best.predict([[2.0, 3.0, 0.0]]) == pytest.approx([9.0])
    assert found[len(found) - 1] is found.best
    assert list(found.equations["complexity"]) == sorted(found.equations["complexity"])
    assert found.equations["best"].sum() == 1
    assert [c.error for c in found] == sorted((c.error for c in found), reverse=True)
    report = found.report(tmp_path / "r.html").read_text()
    assert "energy = mass*speed**2/2" in report
    assert list(tmp_path.iterdir()) == [tmp_path / "r.html"]


def test_the_orbits_give_kepler_s_third_law() -> None:
    orbits = pd.read_csv(datasets.path("orbits"))
    found = ew.discover(orbits[["primary_mass_kg", "semi_major_axis_km"]], orbits["period_days"])
    mass, axis = sympy.symbols("primary_mass_kg semi_major_axis_km", positive=True)
    positive = {sympy.Symbol(s.name): s for s in (mass, axis)}
    constant = found.best.expression.xreplace(positive) / (axis ** sympy.Rational(3, 2) / sympy.sqrt(mass))
    assert constant.is_number
    theory = 2 * np.pi / np.sqrt(6.6743e-11) * 1e3**1.5 / 86400
    assert float(constant) == pytest.approx(theory, rel=0.01)
    assert found.outcome is Outcome.NOISE
    assert found.relative


def test_scales_of_thirty_decades_are_undone_exactly() -> None:
    x = table(300, 2, 1.0, 2.0) * [1e15, 1e-15]
    found = ew.discover(x, 3 * x[:, 0] ** 2 * x[:, 1], names=["a", "b"])
    assert sympy.simplify(found.best.expression - 3 * sympy.Symbol("a") ** 2 * sympy.Symbol("b")) == 0


def test_noise_is_estimated_and_the_search_stops_there() -> None:
    x = table(400, 2, 0.5, 2.0)
    y = x[:, 0] * x[:, 1]
    noisy = y + 0.05 * y.std() * np.random.default_rng(3).standard_normal(len(y))
    found = ew.discover(x, noisy, names=["a", "b"])
    assert found.outcome is Outcome.NOISE
    assert found.noise == pytest.approx(0.05, rel=0.3)
    assert found.best.expression == sympy.Symbol("a") * sympy.Symbol("b")


def test_a_function_of_one_variable_is_read_from_exact_data() -> None:
    z = table(200, 1, 0.5, 4.0)
    found = ew.discover(z, z[:, 0] / (np.exp(z[:, 0]) - 1), names=["z"])
    z0 = sympy.Symbol("z")
    assert sympy.simplify(found.best.expression - z0 / (sympy.exp(z0) - 1)) == 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_formulas() -> None:
    x = table(60, 2, 0.5, 2.0)
    y = np.exp(-x[:, 0]) * x[:, 1] + 0.02 * np.random.default_rng(0).standard_normal(60)
    first, second = (ew.discover(x, y, seed=4) for _ in range(2))
    assert [str(c.expression) for c in first] == [str(c.expression) for c in second]


def test_progress_is_reported_and_ends_at_one() -> None:
    seen: list[tuple[str, float, str | None]] = []
    x = table(100, 2, 0.5, 2.0)
    ew.discover(x, x[:, 0] + x[:, 1], progress=lambda *row: seen.append(row))
    assert seen[-1] == ("done", 1.0, "x1 + x2")
    assert [row[1] for row in seen] == sorted(row[1] for row in seen)


def test_every_stage_keeps_the_time_limit() -> None:
    """Many columns and no law: polynomials, processes and networks each would take longer than all may."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2, (1000, 11))
    y = np.sin(5 * x[:, 0] * x[:, 1]) * np.exp(x[:, 2] * x[:, 3]) + np.sqrt(x[:, 4] * x[:, 5] + x[:, 6])
    found = ew.discover(x, y * np.cos(3 * x[:, 7] + x[:, 0]), time_limit=3.0)
    assert found.outcome is Outcome.TIME_LIMIT
    assert found.settings["seconds"] < 9  # 27 where a stage forgets the clock; the rest is for a busy machine


def test_a_short_time_limit_gives_the_best_so_far() -> None:
    x = table(500, 4, -1, 1)
    y = np.sin(3 * x[:, 0] * x[:, 1] + x[:, 2]) * np.exp(x[:, 3] * x[:, 0])
    found = ew.discover(x, y + np.sign(x[:, 1]), time_limit=1.0)
    assert found.outcome is Outcome.TIME_LIMIT
    assert found.best.error <= 1.01


def test_the_caller_s_data_and_global_seeds_stay() -> None:
    x, y = table(100, 2, 0.5, 2.0), np.ones(100)
    y = x[:, 0] * x[:, 1]
    copies = x.copy(), y.copy()
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    np.random.seed(5)  # noqa: NPY002  the global state is what is under test
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002
    ew.discover(x, y)
    assert np.array_equal(x, copies[0]) and np.array_equal(y, copies[1])
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    assert np.array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": np.ones(20)}, "constant"),
        ({"y": np.ones(19)}, "equally many rows"),
        ({"x": np.full((20, 2), np.nan)}, "no values"),
        ({"x": np.array([["a", "b"]] * 20)}, "numbers"),
        ({"names": ["a"]}, "2 different names"),
        ({"names": ["a", "a"]}, "2 different names"),
        ({"noise": "loud"}, "'noise'"),
        ({"noise": -0.1}, "'noise'"),
        ({"time_limit": 0}, "time_limit"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], match: str) -> None:
    rng = np.random.default_rng(0)
    arguments: dict[str, object] = {"x": rng.random((20, 2)), "y": rng.random(20), **change}
    with pytest.raises(ew.InputError, match=match):
        ew.discover(**arguments)


def test_the_log_says_what_each_stage_took_and_gave() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 3, (60, 2))
    noisy = x[:, 0] * x[:, 1] ** 2 + x[:, 0] + 0.05 * rng.standard_normal(60)
    found = ew.discover(x, noisy, effort=1000, time_limit=300)
    hunted = next(row for row in found.log if row.stage == "exact formulas by evolution")
    assert (hunted.share, hunted.evaluations) == (0.2, 200)
    assert [row.before for row in found.log[1:]] == [row.after for row in found.log[:-1]]
    assert found.log[0].before > 0.9 and found.log[-1].after < 0.02
    assert str(hunted).startswith("exact formulas by evolution: 200 evaluations, least error 0.0")


def test_exact_formulas_wait_where_a_direct_formula_leaves_noise() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 3, (60, 2))
    y, seen = x[:, 0] * x[:, 1] ** 2, list[tuple[str, str | None]]()
    found = ew.discover(x, y + 0.05 * rng.standard_normal(60), effort=1000, progress=lambda *now: seen.append(now[::2]))
    assert found.outcome is Outcome.NOISE and found.best.expression == sympy.sympify("x1*x2**2")
    stages = [row.stage for row in found.log]
    assert "noise left by a direct formula" in stages and not any("evolution" in stage for stage in stages)
    assert seen[1][1] is not None, "the first formulas come before anything that takes long"
    wavy = ew.discover(x, y * (1 + 0.02 * np.sin(5 * x[:, 0])), effort=1000)  # what is left depends on an input
    assert "all small formulas" in [row.stage for row in wavy.log]


def test_other_rows_are_another_walk_through_the_stages() -> None:
    x = np.random.default_rng(0).uniform(1, 3, (60, 2))
    y = x[:, 0] * np.sqrt(x[:, 1])
    x[7, 0] = -999.0
    found = ew.discover(x, y, effort=1000, time_limit=300)
    stages = [row.stage for row in found.log]
    again = stages.index("rows of isolated cells")
    assert found.outcome is Outcome.EXACT and found.noise_model.outliers == (7,)
    assert stages[again + 1 : again + 3] == stages[:2] and stages.count("rows of isolated cells") == 1
