"""`discover_pde`: equations of fields made by Fourier's method, from clean and noisy rows, on grids and scattered."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import edgewise as ew
from edgewise import pde
from edgewise.dynamics import FieldEquations, Outcome

Array = np.ndarray


def simulated(rate: Callable[[Callable[[int], Array]], Array], start: Array, length: float, t: Array) -> Array:
    """A periodic field by the classical method of Runge and Kutta; `rate` gets a function: k -> its k-th derivative."""
    waves = 2j * np.pi * np.fft.fftfreq(len(start), length / len(start))

    def slope(u: Array) -> Array:
        return rate(lambda k: np.fft.ifft(waves**k * np.fft.fft(u)).real if k else u)

    found, u = [start], start
    for low, high in pairwise(t.tolist()):
        steps = int(np.ceil((high - low) / 4e-3))
        h = (high - low) / steps
        for _ in range(steps):
            a = slope(u)
            b = slope(u + h / 2 * a)
            c = slope(u + h / 2 * b)
            u = u + h / 6 * (a + 2 * b + 2 * c + slope(u + h * c))
        found.append(u)
    return np.array(found)


def noisy(u: Array, part: float, seed: int = 0) -> Array:
    return u + part * u.std() * np.random.default_rng(seed).standard_normal(u.shape)


def terms(found: FieldEquations, name: str = "u") -> set[str]:
    return {str(term.as_coeff_Mul()[1]) for term in sympy.Add.make_args(found.equations[name])}


T, X = np.linspace(0, 4, 51), np.arange(64) * 16 / 64
START = np.exp(-((X - 6) ** 2))
BURGERS = simulated(lambda d: -d(0) * d(1) + 0.1 * d(2), START, 16, T)


def test_burgers_equation_from_noisy_rows() -> None:
    found = ew.discover_pde(T, X, noisy(BURGERS, 0.05))
    assert found.outcome is Outcome.NOISE and terms(found) == {"u_xx", "u*u_x"}
    for constant, true in zip(found.constants.values(), (0.1, -1.0), strict=True):
        assert abs(constant.value - true) < 3.5 * constant.error < 0.05 * abs(true)
    assert found.error["u"] == pytest.approx(0.05, rel=0.1)
    assert (
        np.abs(found.field(*(own.ravel() for own in np.meshgrid(T, X, indexing="ij"))) - BURGERS.ravel()).max() < 0.05
    )
    assert str(found).startswith("u_t = ") and "u_{xx}" in found.latex()
    assert len(found.frame()) == 2
    assert isinstance(found.plot(), matplotlib.figure.Figure)
    scope: dict[str, Any] = {}
    exec(compile(found.to_python(), "exported", "exec"), scope)  # noqa: S102 (a text that edgewise wrote)
    assert scope["rates"](u=1.0, u_x=0.0, u_xx=1.0) == pytest.approx(found.constants["c1"].value)


def test_an_equation_that_was_found_is_solved_from_another_start() -> None:
    found = ew.discover_pde(T, X, BURGERS)
    assert found.outcome in (Outcome.EXACT, Outcome.FLOOR)
    for constant, true in zip(found.constants.values(), (0.1, -1.0), strict=True):
        assert constant.interval[0] < true < constant.interval[1] and constant.error < 1e-4 * abs(true)
    box = pde.Box(t=(0, 1), x=(0, 16))
    start = pde.Condition(box.face(t=0), lambda u, p: u.value - torch.exp(-((p.x - 8) ** 2)))
    ahead = pde.march(found.problem(box, [start, pde.periodic(box, "x")]), tolerance=1e-6)
    true = simulated(lambda d: -d(0) * d(1) + 0.1 * d(2), np.exp(-((X - 8) ** 2)), 16, np.array([0.0, 1.0]))[-1]
    at = torch.from_numpy(np.column_stack([np.ones(64), X]))
    assert np.abs(ahead.at(at).value.numpy() - true).max() < 1e-4


def test_rows_in_any_order_are_a_grid_and_some_of_them_scattered_rows() -> None:
    t, x = (own.ravel() for own in np.meshgrid(T, X, indexing="ij"))
    table = pd.DataFrame({"t": t, "x": x, "u": noisy(BURGERS, 0.02).ravel()}).sample(frac=1, random_state=1)
    whole = ew.discover_pde(table["t"], table["x"], table["u"])
    assert whole.data.axes is not None and terms(whole) == {"u_xx", "u*u_x"}
    part = table.iloc[:600]
    some = ew.discover_pde(part["t"], part["x"], part["u"])
    assert some.data.axes is None and terms(some) == {"u_xx", "u*u_x"}
    assert some.outcome in (Outcome.NOISE, Outcome.AMBIGUOUS)


def test_values_may_be_a_nested_list() -> None:
    u = noisy(BURGERS, 0.05)
    one, two = (ew.discover_pde(T, X, own, effort="quick") for own in (u, u.tolist()))
    assert one.written.text() == two.written.text()


def test_progress_says_where_the_search_is_and_what_is_best() -> None:
    seen: list[tuple[str, float, str | None]] = []
    ew.discover_pde(T, X, noisy(BURGERS, 0.05), progress=lambda *own: seen.append(own))
    assert all(stage.startswith("field of ") and 0 <= part < 1 for stage, part, _ in seen)
    assert seen[0][2] is None and seen[-1][2] == "u_xx + u*u_x"


def test_a_gap_is_no_value() -> None:
    u = noisy(BURGERS, 0.02)
    u[20:24, 10:14] = np.nan
    found = ew.discover_pde(T, X, u)
    assert terms(found) == {"u_xx", "u*u_x"} and len(found.data.values) == u.size - 16


def test_waves_by_their_second_derivative() -> None:
    t, x = np.linspace(0, 6, 61), np.arange(48) * 10 / 48
    waves = 2 * np.pi * np.fft.fftfreq(48, 10 / 48)
    start = np.fft.fft(np.exp(-((x - 4) ** 2)))
    u = np.array([np.fft.ifft(start * np.cos(1.2 * waves * s)).real for s in t])
    found = ew.discover_pde(t, {"z": x}, {"w": noisy(u, 0.02)}, order=2)
    assert str(found).startswith("w_tt = (1.4") and terms(found, "w") == {"w_zz"}


def test_two_coordinates_of_space() -> None:
    t, x, y = np.linspace(0, 1, 14), np.linspace(0, 4, 17), np.linspace(0, 4, 16)
    s, p, q = np.meshgrid(t, x, y, indexing="ij")

    def spot(a: float, b: float, width: float) -> Array:
        spread = width + 0.2 * s
        return np.exp(-((p - a - s) ** 2 + (q - b) ** 2) / (4 * spread)) / spread

    u = spot(1, 1, 0.2) + 0.7 * spot(2, 3, 0.4)  # u_t = -u_x + 0.2 (u_xx + u_yy)
    found = ew.discover_pde(t, [x, y], noisy(u, 0.02))
    assert terms(found) == {"u_x", "u_xx", "u_yy"}
    assert found.error["u"] == pytest.approx(0.02, rel=0.1)  # though the field has more parameters than there are rows
    assert isinstance(found.plot(), matplotlib.figure.Figure)


def test_a_complex_field_is_two_components() -> None:
    """A wave packet: i u_t = -u_xx / 2."""
    t, x = np.linspace(0, 1.5, 41), np.linspace(-5, 7, 64)
    spread = 1 + 1j * t[:, None]
    u = np.exp(-((x - 1j * 0.8) ** 2) / (2 * spread)) / np.sqrt(spread)
    found = ew.discover_pde(t, x, noisy(u.real, 0.02) + 1j * noisy(u.imag, 0.02, 1))
    assert found.names == ("ur", "ui")
    assert terms(found, "ur") == {"ui_xx"} and terms(found, "ui") == {"ur_xx"}


def test_a_reaction_that_rows_do_not_tell_from_another_is_not_claimed() -> None:
    """Of values below 0.4, u - u^3 / 6 and sin(u) are the same."""
    start = 0.1 + 0.05 * np.sin(2 * np.pi * X / 16) + 0.04 * np.cos(4 * np.pi * X / 16)
    u = simulated(lambda d: np.sin(d(0)) + 0.2 * d(2), start, 16, np.linspace(0, 1.2, 41))
    found = ew.discover_pde(np.linspace(0, 1.2, 41), X, noisy(u, 0.02))
    claims = (Outcome.EXACT, Outcome.NOISE, Outcome.FLOOR)
    assert found.outcome not in claims or terms(found) == {"sin(u)", "u_xx"}


def test_the_same_call_gives_the_same_result() -> None:
    one, two = (ew.discover_pde(T, X, noisy(BURGERS, 0.1), effort="quick") for _ in range(2))
    assert str(one) == str(two)


def test_a_search_that_is_cut_gives_what_it_has_or_says_that_it_has_nothing() -> None:
    try:
        found = ew.discover_pde(T, X, noisy(BURGERS, 0.01), time_limit=0.3)
    except ew.EdgewiseError as error:
        assert "'time_limit'" in str(error)
    else:
        assert found.outcome is Outcome.TIME_LIMIT or found.outcome is Outcome.NOISE


GRID = np.zeros((51, 64))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ew.discover_pde(T, X, BURGERS.T), "the shape of the grid of t and x, 51 x 64"),
        (lambda: ew.discover_pde(T, X, GRID), "'u' never changes"),
        (lambda: ew.discover_pde(T, X, BURGERS * 1e60), "change its unit"),
        (lambda: ew.discover_pde(T, X, np.where(GRID == 0, np.inf, 0)), "infinity among them"),
        (lambda: ew.discover_pde(T[:6], X, BURGERS[:6]), "at least 12 values of t. Got 6"),
        (lambda: ew.discover_pde(T[:20], X[:20], BURGERS[0, :20]), "60 or more. Got 20"),
        (lambda: ew.discover_pde(T, X, BURGERS, order=3), "'order' must be 1 or 2"),  # type: ignore[arg-type]
        (lambda: ew.discover_pde(T, X, BURGERS, ["a", "b"]), "'names' must be 1 names"),
        (lambda: ew.discover_pde(T, {"t": X}, BURGERS), "Names must differ"),
        (lambda: ew.discover_pde(T, {"xi": X}, BURGERS), "single letters"),
        (lambda: ew.discover_pde(T, X, {"u_1": BURGERS}), "without '_'"),
        (lambda: ew.discover_pde(T, X, "u"), "must be numbers"),
        (lambda: ew.discover_pde(T, [X, X, X], BURGERS), "3 parts"),
        (lambda: ew.discover_pde(T, X, BURGERS, time_limit=0), "'time_limit'"),
        (lambda: ew.discover_pde(T, X, BURGERS, effort="much"), "'effort' must be"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_searched_is_refused(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ew.InputError, match=said):
        call()


def test_points_outside_of_the_field_are_refused() -> None:
    found = ew.discover_pde(T, X, noisy(BURGERS, 0.1), effort="quick")
    with pytest.raises(ew.InputError, match="Got points outside"):
        found.field([0.0], [17.0])
    with pytest.raises(ew.InputError, match="A point has t and x"):
        found.field([0.0])
    with pytest.raises(ew.InputError, match="a box of t, x"):
        found.problem(pde.Box(t=(0, 1), y=(0, 1)), [])
