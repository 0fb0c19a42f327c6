"""Evolution of programs: laws found, the same results for a seed, states, refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import edgewise as ew
from edgewise.expressions import parse
from edgewise.formulas.programs import FUNCTIONS, Evolution, Program, prepare

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 3.0, (200, 3))
NOISE = 0.1 * RNG.normal(size=200)
NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module", autouse=True)
def compiled_programs() -> None:
    """Compile the kernels before anything else, since compiling is told on stderr."""
    prepare()


def values(text: str) -> np.ndarray:
    found = Program.from_expression(parse(text), NAMES)
    assert found is not None
    return found.predict(X)


def key(search: Evolution) -> list[object]:
    return [(entry.program, entry.error) for entry in search.front(16)]


@cache
def noisy(seed: int = 0) -> Evolution:
    return Evolution(X, np.sin(2 * X[:, 0]) * X[:, 1] + NOISE, seed=seed, max_complexity=15)


@pytest.mark.parametrize(
    "text",
    [
        "2 + 3*a*exp(-b)",
        "exp(-a^2/2) + b*c",
        "a*tanh(b) - c",
        "a*b/c^2",
        "sin(2*a)*b + 3",
        "1/(1 + exp(4 - 2*a))",
        "log(a + 2*b)*c",
    ],
)
def test_laws_are_found(text: str) -> None:
    y = values(text)
    search, limit = Evolution(X, y, max_complexity=15), 1e-20 * np.var(y)
    while search.lowest_error > limit and search.evaluations < 50_000:
        search.run(500)
    exact = [entry for entry in search.front() if entry.error <= limit]
    assert exact
    fresh = RNG.uniform(0.6, 2.9, (50, 3))
    found = Program.from_expression(parse(text), NAMES)
    assert found is not None
    np.testing.assert_allclose(exact[0].program.predict(fresh), found.predict(fresh), rtol=1e-5, atol=1e-6)


def test_a_front_has_the_errors_of_its_programs() -> None:
    search = Evolution(X, np.sin(2 * X[:, 0]) * X[:, 1] + NOISE, max_complexity=20)
    search.run(3000)
    front, y = search.front(3), np.sin(2 * X[:, 0]) * X[:, 1] + NOISE
    counts = [entry.program.complexity for entry in front]
    assert counts == sorted(counts) and max(counts) <= 20 and max(map(counts.count, counts)) <= 3
    for entry in front:
        found = entry.program.predict(X)
        assert np.isfinite(found).all() and np.isfinite(entry.program.constants).all()
        assert np.mean((found - y) ** 2) == pytest.approx(entry.error, rel=1e-6, abs=1e-12)
    assert min(entry.error for entry in front) == search.lowest_error


def test_one_seed_gives_one_front() -> None:
    y = np.sin(2 * X[:, 0]) * X[:, 1] + NOISE
    one, two, three = (Evolution(X, y, seed=seed, max_complexity=15) for seed in (0, 0, 1))
    one.run(1000)
    for _ in range(2):  # searches take turns
        two.run(500)
        three.run(500)
    assert one.evaluations == two.evaluations == 1000
    assert key(one) == key(two) != key(three)


def test_a_search_goes_on_from_its_state() -> None:
    y = np.sin(2 * X[:, 0]) * X[:, 1] + NOISE
    one, two = (Evolution(X, y, max_complexity=15) for _ in range(2))
    one.run(333)
    state = one.state()
    one.run(700)
    two.run(50)
    two.restore(state)
    assert two.evaluations == 333
    two.run(700)
    assert key(one) == key(two)
    with pytest.raises(ew.InputError, match="does not fit"):
        Evolution(X, y, max_complexity=10).restore(state)


def test_time_cuts_between_batches() -> None:
    class Soon:
        left = 3

        def passed(self) -> bool:
            self.left -= 1
            return self.left < 0

    search = Evolution(X, X[:, 0] * NOISE, max_complexity=10)
    done = search.run(10_000, deadline=Soon())
    assert 0 < done <= 200 and search.evaluations == done
    whole = Evolution(X, X[:, 0] * NOISE, max_complexity=10)
    search.run(1000 - done)
    whole.run(1000)
    assert key(search) == key(whole)


def test_the_global_random_state_stays(quiet: None) -> None:
    Evolution(X, NOISE, max_complexity=8).run(100)


def test_only_allowed_functions_are_used() -> None:
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    for functions in ([], ["exp"], ["square", "log"]):
        search = Evolution(X, y, max_complexity=15, functions=functions)
        search.run(1000)
        used = {node.operation for entry in search.front(16) for node in entry.program.nodes}
        assert used & set(FUNCTIONS) <= set(functions)
        assert len(search.front()) > 5


def test_programs_are_added() -> None:
    y = values("sin(3*a + b^2)*exp(-c/2) + 2*a")
    seed = Program.from_expression(parse("sin(2.9*a + b^2)*exp(-c/1.9) + 2*a"), NAMES)
    assert seed is not None
    search = Evolution(X, y, seeds=[seed])
    assert search.lowest_error < 1e-12 and search.evaluations == 0
    search.add(Program.from_expression(parse("log(a - 1)"), NAMES) or seed)
    assert all(np.isfinite(entry.error) for entry in search.front(16))
    with pytest.raises(ew.InputError, match="reads column 5"):
        search.add(Program((1,), (5,), (1.0,)))


def test_weights_decide() -> None:
    y = np.where(X[:, 2] > 1.5, X[:, 0] ** 2, X[:, 1])
    search = Evolution(X, y, weights=(X[:, 2] > 1.5).astype(float), max_complexity=8)
    search.run(300)
    assert search.lowest_error < 1e-20


def test_waves_have_their_length() -> None:
    y = np.sin(9 * X[:, 0]) + 0.1 * NOISE
    plain, counted = (Evolution(X, y, max_complexity=12, waves=waves) for waves in (False, True))
    for search in (plain, counted):
        search.run(2000)
        assert max(entry.program.complexity for entry in search.front(16)) <= 12
    assert min(entry.program.complexity for entry in plain.front() if entry.error < 0.3 * np.var(y)) < 6
    assert all(entry.program.complexity >= 6 for entry in counted.front() if entry.error < 0.3 * np.var(y))


def test_odd_tables() -> None:
    for x, y in (
        (X[:, :1], np.full(200, 3.0)),
        (np.ones((50, 2)), NOISE[:50]),
        (X[:3], NOISE[:3]),
        (X[:1], NOISE[:1]),
        (X * 1e12, NOISE * 1e-9),
        (-X, NOISE),
        (RNG.normal(size=(30, 40)), NOISE[:30]),
    ):
        search = Evolution(x, y, max_complexity=8)
        search.run(200)
        assert all(np.isfinite(entry.program.predict(x)).all() for entry in search.front(16))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"seed": -1}, "'seed'"),
        ({"max_complexity": 0}, "'max_complexity'"),
        ({"max_complexity": 100}, "'max_complexity'"),
        ({"functions": ["sine"]}, "Unknown function"),
        ({"functions": "exp"}, "must list names"),
        ({"weights": np.full(200, -1.0)}, "negative"),
        ({"y": NOISE[:3]}, "'X' must be"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], what: str) -> None:
    with pytest.raises(ew.InputError, match=what):
        Evolution(**{"x": X, "y": NOISE, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [lambda s: s.run(-1), lambda s: s.run(True), lambda s: s.front(0)])
def test_bad_numbers_are_refused(call: Callable[[Evolution], object]) -> None:
    with pytest.raises(ew.InputError, match="whole number"):
        call(noisy())
