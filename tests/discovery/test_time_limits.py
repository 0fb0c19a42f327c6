"""Time limits: work that never ends by itself is ended, wherever it is, and leaves nothing behind."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
import pytest
import sympy
import torch

import edgewise as ew
from edgewise import pde
from edgewise._deadline import Deadline, cut, whole
from edgewise.discovery import Outcome
from edgewise.optim import LM
from edgewise.train import Outcome as Ended
from edgewise.unsupervised import Outcome as Found

SOON = 0.05
BUSY = 10.0  # seconds that a busy machine may add to a limit


def endless(*_: Any, **__: Any) -> NoReturn:
    while True:
        pass


def swallowing() -> NoReturn:
    while True:
        try:
            endless()
        except Exception:  # noqa: BLE001 - as careless code does
            continue


def in_sympy() -> None:
    while True:
        x = sympy.symbols("x:6")
        sympy.factor(sympy.expand(sum(x) ** 7))


def without_gradients() -> None:
    with torch.no_grad(), np.errstate(all="raise"):
        endless()


def unevaluated() -> None:
    with sympy.evaluate(False):
        endless()


def dropping_weak_references() -> None:
    import weakref

    class Thing: ...

    while True:
        weakref.ref(Thing(), lambda _: sum(range(50)))


@pytest.mark.parametrize(
    "work", [endless, swallowing, in_sympy, without_gradients, unevaluated, dropping_weak_references]
)
def test_work_without_an_end_is_cut_and_leaves_nothing_behind(work: Callable[[], None]) -> None:
    threads, hook, errors = threading.active_count(), sys.unraisablehook, np.geterr()
    for _ in range(3):
        assert not cut(Deadline.after(SOON), work)
    x, y = sympy.symbols("x y")
    assert sympy.factor(x**2 - y**2) == (x - y) * (x + y)
    assert torch.is_grad_enabled() and np.geterr() == errors and x + x == 2 * x
    assert threading.active_count() <= threads and sys.unraisablehook is hook
    until = time.monotonic() + 0.3  # nothing comes later
    while time.monotonic() < until:
        pass


def test_work_in_another_thread_is_cut() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(cut(Deadline.after(SOON), endless)))
    thread.start()
    thread.join(BUSY)
    assert found == [False]


def test_of_two_deadlines_the_earlier_one_counts() -> None:
    inner: list[bool] = []
    assert cut(Deadline.after(BUSY), lambda: inner.append(cut(Deadline.after(SOON), endless)))
    assert inner == [False]
    assert not cut(Deadline.after(SOON), lambda: inner.append(cut(Deadline.after(BUSY), endless)))
    assert not cut(Deadline.after(SOON), lambda: inner.append(cut(Deadline.never(), endless)))
    assert inner == [False]


def test_what_is_marked_whole_is_waited_for() -> None:
    done: list[str] = []

    @whole
    def careful() -> None:
        for _ in range(30):
            time.sleep(0.01)
        done.append("all of it")

    def work() -> None:
        careful()
        endless()

    assert not cut(Deadline.after(SOON), work)
    assert done == ["all of it"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_work_raises_comes_through(error: type[BaseException]) -> None:
    def work() -> NoReturn:
        raise error

    with pytest.raises(error):
        cut(Deadline.after(BUSY), work)


def test_many_short_works_meet_their_deadline_or_their_end() -> None:
    """The deadline falls anywhere: before, within and after the work, and while its watch is taken down."""
    rng = np.random.default_rng(0)
    ended = []
    for seconds in rng.uniform(0, 2e-3, 300):
        count = [0]

        def work(count: list[int] = count) -> None:
            while count[0] < 3000:
                count[0] += 1

        ended.append(cut(Deadline.after(seconds), work) == (count[0] == 3000))
    assert np.mean(ended) > 0.9  # work may be cut right after its last line


def endless_generator(*_: Any, **__: Any) -> Iterator[NoReturn]:
    yield endless()


STAGES: dict[str, Callable[..., object]] = {
    "baselines": lambda judge, noise: iter([judge.judged(sympy.Float(1.0), noise), *endless_generator()]),
    "direct": endless_generator,
    "univariate": endless_generator,
    "expanded": endless,
    "smoothed": endless,
    "best_surrogate": endless,
    "reduced": endless,
    "guessed": endless,
    "algebraic": endless_generator,
    "linear_in": endless_generator,
    "regressions": endless_generator,
    "trees": endless_generator,
    "neighbor_correlation": endless,
    "read_formulas": endless,
    "additive": endless,
}


def hard(n: int = 60, m: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2, (n, m))
    return x, np.sin(5 * x[:, 0] * x[:, -1]) + x[:, 0] + 0.3 * rng.standard_normal(n)


PLACES = {
    "neighbor_correlation": "search._noise",
    "read_formulas": "search._approximation",
    "additive": "models._networks",
}


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_of_discovery_goes_on_for_ever(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if stage == "baselines":
        first = ew.discovery.generators.baselines
        monkeypatch.setattr(
            f"edgewise.discovery.search._walk.{stage}",
            lambda *a: (c for part in (first(*a), endless_generator()) for c in part),
        )
    else:
        monkeypatch.setattr(f"edgewise.discovery.{PLACES.get(stage, 'search._elimination')}.{stage}", STAGES[stage])
    found = ew.discover(*hard(), time_limit=0.6)
    assert found.best.error <= 1.01
    assert found.settings["seconds"] < 0.6 + BUSY


@pytest.mark.parametrize("stage", ["simplify", "round_constants", "wild"])
def test_no_stage_of_judging_goes_on_for_ever(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import edgewise.discovery.judging._judge as judge

    first = getattr(judge, stage)

    def stuck(expression: Any, *arguments: Any) -> Any:
        return endless() if expression.free_symbols else first(expression, *arguments)

    monkeypatch.setattr(judge, stage, stuck)
    found = ew.discover(*hard(), time_limit=0.6)
    assert found.best.error <= 1.01
    assert found.settings["seconds"] < 0.6 + BUSY


def test_small_networks_are_fitted_where_there_is_no_time_limit() -> None:
    from edgewise.discovery.generators import trees
    from edgewise.discovery.models import best_surrogate
    from edgewise.discovery.tables import Problem

    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    symbols = (sympy.Symbol("a"), sympy.Symbol("b"))
    problem = Problem(x, symbols, x[:, 0] + x[:, 1].square(), torch.ones(40, dtype=torch.float64))
    name, error, _ = next(trees(problem, 0.0, Deadline.never(), 0))
    assert name == "sum of functions" and error < 1e-6
    found = best_surrogate(problem, 0.01, False, Deadline.never(), 0)
    assert found is not None and found.error < 0.01


def test_work_that_is_cut_while_it_begins_or_ends_raises_nothing() -> None:
    """The clock may strike between any two lines of `cut` itself."""

    def slowly(frame: Any, *_: Any) -> Any:
        if frame.f_code is cut.__code__:
            time.sleep(0.02)
            return slowly
        return None

    before = sys.gettrace()
    for left in (-1.0, 0.01, 0.03, 0.05, 0.07, 0.09, 0.11):
        sys.settrace(slowly)
        try:
            assert cut(Deadline.after(left), list) in (False, True)
        finally:
            sys.settrace(before)


def test_a_search_that_is_cut_before_any_model_claims_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewise.discovery.search._elimination.direct", endless_generator)
    found = ew.discover(*hard(), time_limit=0.4)
    assert found.outcome is Outcome.TIME_LIMIT and found.noise == 0


@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (40, 150), (30, 500), (100, 2500)])
def test_tables_that_took_minutes_keep_their_limit(rows: int, columns: int) -> None:
    rng = np.random.default_rng(1)
    began = time.monotonic()
    found = ew.discover(rng.standard_normal((rows, columns)), rng.standard_normal(rows), time_limit=1.0)
    assert time.monotonic() - began < 1 + BUSY
    assert np.isfinite(found.best.error)


def test_relations_end_at_the_limit_while_they_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewise.discovery.unsupervised._search.Classifier", endless)
    found = ew.find_relations(np.random.default_rng(0).uniform(0, 1, (50, 3)), time_limit=0.3)
    assert found.outcome is Found.TIME_LIMIT


def test_relations_end_at_the_limit_while_they_look_for_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewise.discovery.unsupervised._formula._sides", endless_generator)
    x = np.random.default_rng(0).uniform(0, 1, (200, 2))
    x[:, 1] = x[:, 0] ** 2
    found = ew.find_relations(x, seeds=1, time_limit=4.0)
    assert found.outcome is Found.TIME_LIMIT and [r.equation for r in found] in ([], [None])


def test_a_fit_ends_within_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LM, "minimize", endless)
    x = torch.rand(50, 2, dtype=torch.float64)
    result = ew.fit(ew.KAN([2, 1, 1]), x, x[:, 0] * x[:, 1], options=ew.Options(time_limit=0.3, progress=False))
    assert result.outcome is Ended.TIME_LIMIT


@pytest.mark.parametrize("own", [True, False])
def test_solving_ends_within_a_step(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a network of one's own, and on lattices."""
    step = "edgewise.pde.solving._on_lattice.BandNewton.minimize"
    monkeypatch.setattr("edgewise.train.optim.LM.minimize" if own else step, endless)
    problem = pde.Problem(pde.Box(x=(0, 1)), lambda u, p: u.xx - 1, ansatz=lambda n, p: p.x * (1 - p.x) * n)
    model = ew.KAN([1, 1], degree=7, base=None) if own else None
    found = pde.solve(problem, model, options=ew.Options(time_limit=0.3, progress=False))
    assert found.outcome is pde.Outcome.TIME_LIMIT


def test_a_search_of_many_columns_computes_no_longer_than_its_limit() -> None:
    """Its parts share the limit. Its own computing is measured, which other load does not lengthen."""
    rng = np.random.default_rng(1)
    x = rng.integers(-3, 9, (263, 500)).astype(float)
    y = (x[:, 0] > 2) + np.floor(x[:, 1] / 3)
    began = time.process_time()
    assert np.isfinite(ew.discover(x, y, time_limit=4.0).best.error)
    assert time.process_time() - began < 1.25 * 4


def test_formulas_whose_assessment_does_not_end_are_shown_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The constant was the answer where time was up before a formula was assessed on rows left out."""
    for way in ("consider", "consider_formula"):
        monkeypatch.setattr(f"edgewise.discovery.search._approximation.Approximation.{way}", endless)
    x = np.random.default_rng(0).uniform((-3, 1, 1, 0.5), (3, 10, 5, 2), (400, 4))
    y = 3 - 0.6 * x[:, 1] * x[:, 2] ** 2 * (0.32 * x[:, 0] + 4.9 * x[:, 2] ** 3 + x[:, 3]) ** 2
    found = ew.discover(x, y, time_limit=3)
    assert found.outcome is Outcome.TIME_LIMIT
    assert found.best.error < 0.2
    assert np.isnan(found.best.held_out)
