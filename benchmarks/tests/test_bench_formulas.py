"""The judge of formulas, and the benchmark of known equations."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from edgewise import symbolic
from edgewise.expressions import evaluate
from edgewise_bench import Cell, Plan, Settings, read, run
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.judging import (
    ROWS,
    TimeLimitReached,
    cpu_limit,
    deviation,
    judge,
    refitted,
    solution,
    with_free_constants,
)
from edgewise_bench.benchmarks.laws import Law, TrajectoryLaw, UniformLaw
from edgewise_bench.benchmarks.searchers import SEARCHERS
from edgewise_bench.datasets import equations, strogatz

SUM = "I.18.4"  # (m1*r1+m2*r2)/(m1+m2)
ROOT = "I.10.7"  # m_0/sqrt(1-v**2/c**2)
WAVE = "I.6.2"  # exp(-(theta/sigma)**2/2)/(sqrt(2*pi)*sigma)
MASS = "I.13.4"  # m*(v**2+u**2+w**2)/2
PLAIN = "I.12.1"  # mu*Nn


def verdict_of(text: str, law: Law) -> Any:
    found = symbolic.parse(text, law.names)
    return judge(found, evaluate(found, law.names, law.fresh(ROWS, 0)), law, 0)


@pytest.mark.parametrize(
    ("name", "text", "solved", "exact", "form"),
    [
        (PLAIN, "mu*Nn", True, True, True),
        (PLAIN, "1.02*mu*Nn", True, False, True),  # up to a factor
        (PLAIN, "mu*Nn + 0.03", True, False, True),  # up to a shift
        (PLAIN, "1.02*mu*Nn + 0.03", False, False, True),
        (PLAIN, "mu*Nn + 0.03*Nn", False, False, False),  # contains the truth
        (PLAIN, "mu*Nn + 0.003*sin(Nn)", False, False, False),
        (PLAIN, "(mu + 0.003)*Nn", False, False, False),
        (PLAIN, "mu*Nn**1.004", False, False, False),  # a power that the truth has not
        (PLAIN, "mu*Nn*cos(0.01*mu)", False, False, False),
        (PLAIN, "mu + Nn", False, False, False),
        (ROOT, "m_0*c/sqrt((c-v)*(c+v))", True, True, True),  # written otherwise
        (ROOT, "1.003*m_0/sqrt(1.002-v**2/c**2)", False, False, True),
        (ROOT, "m_0*(1+0.5*v**2/c**2)", False, False, False),  # a series of it
        (WAVE, "0.39894228*exp(-0.5*theta**2/sigma**2)/sigma", True, True, True),
        (WAVE, "0.4*exp(-0.49*theta**2/sigma**2)/sigma", False, False, True),
        (WAVE, "0.4*exp(-0.49*(theta/sigma)**1.98)/sigma", False, False, True),
        (WAVE, "0.4*exp(-0.49*theta**2/sigma**2)/sigma + 0.001*theta", False, False, False),
        (MASS, "m*(0.501*v**2 + 0.499*u**2 + 0.5*w**2)", False, False, True),
        (MASS, "m*(0.501*v**2 + 0.499*u**2)", False, False, False),
        (MASS, "m*(v**2 + u**2 + w**2)/2 + 1e-5*m*v", True, False, False),  # SRBench's rounding drops the term
    ],
)  # fmt: skip
def test_the_judge_on_formulas_made_by_hand(name: str, text: str, solved: bool, exact: bool, form: bool) -> None:
    verdict = verdict_of(text, UniformLaw(name))
    assert (verdict.solved, verdict.exact, verdict.form) == (solved, exact, form)


def test_what_decides_is_told() -> None:
    law = UniformLaw(PLAIN)
    x = law.fresh(50, 0)
    for text, decided in [
        ("mu*Nn + 1", (True, "sympy")),
        ("1.00000001*mu*Nn", (True, "sympy")),
        ("exp(log(mu) + log(Nn))", (True, "sympy")),
        ("mu*(1.0002*Nn)", (True, "sympy")),
        ("mu*Nn + 0.00001*Nn", (True, "rounded")),
        ("mu + Nn", (False, "numbers")),
        ("0*mu + 3", (False, "numbers")),  # its ratio to the truth is no constant
    ]:
        assert solution(symbolic.parse(text, law.names), law.truth, law.symbols(), x) == decided, text


def test_a_shift_within_the_formula_is_no_shift_of_the_whole() -> None:
    assert not verdict_of("m_0/sqrt(1-v**2/c**2 + 0.00002*v)", UniformLaw(ROOT)).form
    assert verdict_of("m_0/sqrt(1-v**2/c**2) - 0.001", UniformLaw(ROOT)).form


def test_a_formula_that_holds_the_truth_in_a_long_writing_has_not_its_form() -> None:
    law = UniformLaw(PLAIN)
    long = "mu*Nn*(sin(mu)**2 + cos(mu)**2)*(sin(Nn)**2 + cos(Nn)**2)*exp(mu)/exp(mu)"
    x = law.fresh(ROWS, 0)
    found = sympy.sin(sympy.Symbol("mu")) ** 2 + sympy.cos(sympy.Symbol("mu")) ** 2
    assert verdict_of(long, law).exact
    form = refitted(1.01 * law.truth * found**3 / found**2, law.truth, law.names, x, law.values(x))
    assert form.error < 1e-8
    assert not form.bounded and not form.right


def test_irrelevant_inputs_are_no_part_of_the_form() -> None:
    law = UniformLaw(PLAIN, extra=5)
    assert law.names == ["mu", "Nn", *(f"extra{k}" for k in range(1, 6))]
    assert not verdict_of("mu*Nn*(1.01 + 0*extra1) + 0.001*extra2", law).form
    assert not verdict_of("1.01*mu*Nn*(sin(0.3*extra1)**2 + cos(0.3*extra1)**2)", law).form


@pytest.mark.parametrize("text", ["log(mu - 2)*Nn", "sqrt(Nn - 3) + mu*Nn", "1/(mu - mu)"])
def test_what_is_undefined_is_neither_exact_nor_of_the_form(text: str) -> None:
    law = UniformLaw(PLAIN)
    found = sympy.nan if "mu - mu" in text else symbolic.parse(text, law.names)
    verdict = judge(found, np.full(ROWS, np.nan), law, 0)
    assert (verdict.exact, verdict.form, verdict.solved, verdict.accurate) == (False,) * 4
    assert verdict.r2 == -math.inf


def test_deviation_is_relative_but_near_zero() -> None:
    truth = np.array([1.0, -1.0, 0.0])
    assert deviation(truth + np.array([0, 0.5, 0]), truth) == 0.5
    assert deviation(truth + np.array([0, 0, 1e-3 * truth.std()]), truth) == pytest.approx(1)
    assert deviation(np.array([1.0, np.nan, 0.0]), truth) == math.inf


def test_free_constants_are_all_numbers_but_signs_and_integer_powers() -> None:
    a, b = sympy.symbols("a b")
    constants = with_free_constants(3 - a**2 * b**1.5 / sympy.pi)
    assert sorted(constants.free.values) == pytest.approx([-1 / math.pi, 1.5, 3])
    assert len(constants.exponents) == 1
    assert constants.free.values[constants.free.symbols.index(constants.shift)] == 3
    assert with_free_constants(2 * a).shift is None


def test_patience_counts_computing_and_gives_the_clock_back() -> None:
    with pytest.raises(TimeLimitReached), cpu_limit(0.05):
        while True:
            math.sin(1.0)
    with cpu_limit(0.05):
        time.sleep(0.1)
    began = time.process_time()
    while time.process_time() - began < 0.06:
        math.sin(1.0)


@pytest.mark.parametrize(
    "law",
    [UniformLaw("I.6.2b"), UniformLaw("I.12.1", extra=2), TrajectoryLaw("lv.x"), TrajectoryLaw("vdp.y")],
    ids=lambda law: law.name,
)
def test_rows_are_fixed_by_their_seed_and_fresh_ones_are_others(law: Law) -> None:
    x, clean = law.table(100, 0.0, 1)
    same, noisy = law.table(100, 0.1, 1)
    assert np.array_equal(x, same)
    assert (noisy - clean).std() == pytest.approx(0.1 * clean.std(), rel=0.2)
    assert not np.isin(law.fresh(100, 1), x[4:]).any()
    assert np.array_equal(law.fresh(100, 1), law.fresh(100, 1))
    assert not np.array_equal(law.fresh(100, 1), law.fresh(100, 2))
    assert np.isfinite(clean).all()


def test_runs_follow_the_differential_equation() -> None:
    law = TrajectoryLaw("lv.x")
    x = law.training(0, 0)
    assert x.shape == (400, 2)
    assert np.allclose(x[::100], strogatz()[6].starts, rtol=1e-12)
    step = 10 / 99
    slope = (x[2:100, 0] - x[:98, 0]) / (2 * step)
    assert np.abs(slope - law.values(x[1:99]))[20:].max() < 0.02
    assert TrajectoryLaw("lv.y").formula == "2*y - x*y - y**2"


def test_every_law_gives_finite_rows_and_is_its_own_solution() -> None:
    for equation in equations()[::10]:
        law = UniformLaw(equation.name)
        assert np.isfinite(law.table(100, 0.0, 0)[1]).all()
        verdict = judge(law.truth, law.values(law.fresh(ROWS, 0)), law, 0)
        assert verdict.exact and verdict.form and verdict.solved and verdict.within and verdict.accurate, equation.name


def test_every_law_with_its_constants_off_is_of_its_form_and_with_one_more_term_is_not() -> None:
    rng = np.random.default_rng(0)
    extra = sympy.Symbol("extra1")
    for equation in equations()[3::8]:
        law = UniformLaw(equation.name, extra=1)
        free = with_free_constants(law.truth).free
        near = {
            s: sympy.Float(v * (1 + 0.01 * rng.standard_normal()))
            for s, v in zip(free.symbols, free.values, strict=True)
        }
        found = 1.01 * free.template.xreplace(near)
        x = law.fresh(ROWS, 0)
        y = law.values(x)
        assert refitted(found, law.truth, law.names, x, y).right, equation.name
        assert not refitted(found + 0.001 * extra, law.truth, law.names, x, y).right, equation.name


def test_a_constant_that_is_no_real_number_is_of_no_form() -> None:
    law = UniformLaw(PLAIN)
    x = law.fresh(ROWS, 0)
    assert refitted(sympy.asin(2) * law.truth, law.truth, law.names, x, law.values(x)).error == math.inf


def labels(name: str, **settings: Any) -> list[str]:
    return [case.label for case in BENCHMARKS[name].cases(Settings(**settings))]


def test_the_cases_are_those_of_the_protocol() -> None:
    assert len(labels("feynman")) == 120 * 4 * 3
    assert len(labels("irrelevant")) == 20 * 3
    assert len(labels("strogatz")) == 14 * 4 * 3
    all_four = labels("feynman", searchers=tuple(SEARCHERS))
    counts = {name: sum(label.endswith(f": {name}") for label in all_four) for name in SEARCHERS}
    assert counts == {"edgewise": 1440, "pyoperon": 480, "gplearn": 480, "pykan": 10}
    assert len(set(all_four)) == len(all_four)
    assert sum("noise 0, seed 0: edgewise" in label for label in all_four) == 120
    assert len(labels("feynman", quick=True)) == 2


def test_a_baseline_gets_the_seconds_that_edgewise_took_or_the_budget() -> None:
    benchmark = BENCHMARKS["feynman"]
    both = ("edgewise", "gplearn")
    by_name = {case.label: case for case in benchmark.cases(Settings(searchers=both))}
    ours, theirs = (by_name[f"I.12.1, noise 0.01, seed 0: {name}"] for name in both)
    row = {**ours.values, "seconds": "33.25"}
    assert benchmark.prepare(ours, []).values["limit"] == benchmark.prepare(theirs, []).values["limit"] == 60
    assert benchmark.prepare(theirs, [row]).values["limit"] == 33.25
    assert benchmark.prepare(theirs, [row | {"seconds": "0.2"}]).values["limit"] == 10
    assert benchmark.prepare(theirs, [row | {"seconds": ""}]).values["limit"] == 60
    assert benchmark.prepare(theirs, [row | {"noise": "0"}]).values["limit"] == 60
    assert benchmark.prepare(ours, [row]).values["limit"] == 60
    given = benchmark.cases(Settings(searchers=both, budget=60.0))[-1]
    assert given.values["limit"] == 60
    assert benchmark.prepare(given, [given.values | {"library": "edgewise", "seconds": 9}]) == given


def row_of(library: str, noise: float, equation: str, good: bool, seconds: float, seed: int = 0) -> dict[str, Any]:
    judged = dict.fromkeys(("solved", "exact", "form", "accurate", "within"), str(good))
    shared = {
        "case": f"{equation} {noise} {seed} {library}",
        "equation": equation,
        "noise": str(noise),
        "seed": str(seed),
    }
    return {
        **shared,
        **judged,
        "library": library,
        "seconds": str(seconds),
        "size": "4",
        "r2": "0.9",
        "outcome": "noise",
    }


def test_the_table_holds_edgewise_to_its_limits_and_shows_it_kept_each_baseline() -> None:
    names = [equation.name for equation in equations()]
    ours = [row_of("edgewise", 0.0, name, k % 10 > 0, 1.0 + (k > 70)) for k, name in enumerate(names)]
    theirs = [row_of("gplearn", 0.0, name, k == 0, 10.0) for k, name in enumerate(names[:20])]
    head, (first, second) = BENCHMARKS["feynman"].table([*ours, *theirs])
    cells = dict(zip(head, first, strict=True))
    assert (cells["exact"], cells["median s"]) == (Cell("90.0", False), Cell("1", True))
    assert (cells["cases"], cells["size"]) == (Cell("120"), Cell("100.0", True))
    assert [cell.text for cell in second] == [
        "gplearn", "0", "20", "5.0", "5.0", "5.0", "5.0", "100.0", "4", "10", "10", "90.0",
    ]  # fmt: skip
    _, (few,) = BENCHMARKS["feynman"].table(ours[:5])
    assert all(cell.passed is None for cell in few)
    case = BENCHMARKS["feynman"].cases(Settings())[0]
    failed = BENCHMARKS["feynman"].failed(case, Settings(), "failed: out of memory")
    assert failed[0]["outcome"] == "failed: out of memory"
    assert BENCHMARKS["feynman"].table(failed)[1][0][3].text == "0.0"


def silent(stage: str, fraction: float) -> None:
    assert stage and 0 <= fraction <= 1


@pytest.mark.slow
def test_quick_rows_are_stored_by_processes_side_by_side(tmp_path: Path) -> None:
    (wanted,) = [label for label in labels("feynman", quick=True) if label.startswith("I.12.1")]
    plan = Plan(tmp_path, only="I.12.1", jobs=2)
    (row,) = run([BENCHMARKS["feynman"]], Settings(quick=True), plan, silent)["feynman"]
    assert (row["case"], row["exact"], row["outcome"]) == (wanted, True, "exact")
    (stored,) = read(tmp_path / "feynman.csv")
    assert (stored["formula"], stored["truth"], stored["exact"]) == ("Nn*mu", "mu*Nn", "True")
    assert float(stored["seconds"]) < 10
    assert run([BENCHMARKS["feynman"]], Settings(quick=True), Plan(tmp_path, only="I.12.1", resume=True), silent) == {
        "feynman": [stored]
    }


def test_a_baseline_that_is_not_installed_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import edgewise_bench
    from edgewise.cli import main

    asked: list[Any] = []
    monkeypatch.setattr(edgewise_bench, "run", lambda *given: asked.append(given) or {})
    monkeypatch.setattr(type(SEARCHERS["gplearn"]), "installed", classmethod(lambda _: False))
    monkeypatch.setattr(type(SEARCHERS["pyoperon"]), "installed", classmethod(lambda _: True))
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "feynman", "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "gplearn is not installed here and is left out: pip install gplearn" in printed
    assert "jaxkan" not in printed
    assert "pyoperon" in asked[0][1].searchers and "gplearn" not in asked[0][1].searchers
    assert asked[0][2].jobs == 2
    assert main(["bench", "--no-baselines"]) == 0
    assert not {"feynman", "strogatz", "irrelevant"} & set(asked[1][0])
    assert asked[1][1].searchers == ("edgewise",)


def test_the_page_shows_rates_and_every_miss_with_its_reason(tmp_path: Path) -> None:
    from draw import draw_searches

    (ours, *_), named = BENCHMARKS["feynman"].cases(Settings()), ["I.6.2", "I.12.1", "I.10.7"]
    blank = BENCHMARKS["feynman"].failed(ours, Settings(), "failed: no memory")[0]
    rows = []
    for noise in (0.0, 0.01):
        for library in ("edgewise", "gplearn"):
            for k, name in enumerate(named):
                row = blank | row_of(library, noise, name, k > 1, 2.0 + k) | {"formula": f"x|{k}", "truth": "a*b"}
                rows.append(row if k else row | {"r2": "", "outcome": "failed: no memory"})
    from edgewise_bench import append

    append(tmp_path / "feynman.csv", [{"cores": 1, "threads": 1, "versions": "numpy 2", **row} for row in rows])
    assert list(draw_searches(tmp_path, tmp_path, tmp_path / "page.md")) == [
        tmp_path / "feynman.svg",
        tmp_path / "page.md",
    ]
    page = (tmp_path / "page.md").read_text()
    assert "### Missed, no noise: not exact" in page and "### Missed, noise 0.01: another form" in page
    assert "| I.12.1 | `a*b` | 1 of 1 | `x\\|1` | R2 0.9: noise |" in page
    assert "failed: no memory" in page and "| gplearn | 0.01 | 3 | 33.3 |" in page
    assert list(draw_searches(tmp_path / "none", tmp_path, tmp_path / "page.md")) == []


@pytest.mark.parametrize(
    "name", [name for name, searcher in SEARCHERS.items() if searcher.installed() and searcher.timed]
)
def test_a_library_finds_a_product_in_its_time(name: str) -> None:
    from edgewise_bench.benchmarks.searchers import Table

    x = np.random.default_rng(0).uniform(1, 3, (60, 2))
    began = time.perf_counter()
    found = SEARCHERS[name].find(Table(x, x[:, 0] * x[:, 1], ["m", "lambda"], 0, 1.0))
    assert time.perf_counter() - began < 20
    assert {symbol.name for symbol in found.formula.free_symbols} <= {"m", "lambda"}
    assert found.predict(x).shape == (60,)
