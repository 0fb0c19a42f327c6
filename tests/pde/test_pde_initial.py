"""Initial values of ordinary equations, against scipy and exact solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from edgewise import pde


def _solved(end: float, left: Callable[..., Any], start: Callable[..., Any], unknowns: int = 1) -> pde.Solution:
    box = pde.Box(t=(0, end))
    return pde.solve(pde.Problem(box, left, [pde.Condition(box.face(t=0), start)], unknowns=unknowns))


def _compared(found: pde.Solution, end: float, slope: Callable[..., Any], start: list[float], method: str) -> Any:
    t = np.linspace(0, end, 401)
    true = solve_ivp(slope, (0, end), start, method, t_eval=t, rtol=1e-12, atol=1e-14, max_step=end / 200).y.T
    values = found(torch.from_numpy(t)[:, None]).reshape(len(t), -1).numpy()
    true = true[:, : values.shape[1]]
    return np.linalg.norm(values - true, axis=0) / np.linalg.norm(true, axis=0)


def test_a_stiff_oscillator() -> None:
    """Van der Pol's with mu = 1000, whose jumps take a thousandth of its period."""
    found = _solved(2000, lambda u, p: u.tt - 1000 * (1 - u.value**2) * u.t + u.value, lambda u, p: (u.value - 2, u.t))
    slope = lambda t, y: [y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]]  # noqa: E731
    error = _compared(found, 2000, slope, [2.0, 0.0], "Radau")
    assert found.outcome is pde.Outcome.CONVERGED and error.max() < 1e-8


def test_a_load_that_is_switched_off() -> None:
    """Slabs become narrower than rounding next to the jump, which no spline's cells may be."""
    off = torch.pi
    found = _solved(10, lambda u, p: u.tt + u.value - (p.t < off).double(), lambda u, p: (u.value, u.t))
    loaded = lambda p: torch.where(p.t < off, 1.0, torch.cos(p.t - off)) - torch.cos(p.t)  # noqa: E731
    assert found.outcome is pde.Outcome.CONVERGED and found.errors(loaded).relative < 1e-8


def test_stiff_kinetics() -> None:
    """Robertson's reactions; the second species is 1e-5 of the others."""

    def left(u: Any, p: Any) -> Any:
        a, b, c = u
        made, lost = 0.04 * a.value - 1e4 * b.value * c.value, 3e7 * b.value**2
        return a.t + made, b.t - made + lost, c.t - lost

    found = _solved(1e4, left, lambda u, p: (u[0].value - 1, u[1].value, u[2].value), 3)
    slope = lambda t, y: [  # noqa: E731
        1e4 * y[1] * y[2] - 0.04 * y[0], 0.04 * y[0] - 1e4 * y[1] * y[2] - 3e7 * y[1] ** 2, 3e7 * y[1] ** 2
    ]  # fmt: skip
    error = _compared(found, 1e4, slope, [1.0, 0.0, 0.0], "Radau")
    assert found.outcome is pde.Outcome.CONVERGED and error.max() < 1e-8


def test_chaos() -> None:
    def left(u: Any, p: Any) -> Any:
        x, y, z = u
        return (
            x.t - 10 * (y.value - x.value), y.t - x.value * (28 - z.value) + y.value,
            z.t - x.value * y.value + 8 / 3 * z.value,
        )  # fmt: skip

    found = _solved(5, left, lambda u, p: tuple(each.value - 1 for each in u), 3)
    slope = lambda t, y: [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]]  # noqa: E731
    error = _compared(found, 5, slope, [1.0, 1.0, 1.0], "DOP853")
    assert error.max() < 1e-8 and 0.2 < found.error / error.max() < 5


def test_more_than_rounding_allows_is_not_claimed() -> None:
    box = pde.Box(t=(0, 3))
    begin = pde.Condition(box.face(t=0), lambda u, p: u.value - 0.1)
    found = pde.solve(pde.Problem(box, lambda u, p: u.t - u.value * (1 - u.value), [begin]), tolerance=1e-17)
    true = found.errors(lambda p: 1 / (1 + 9 * torch.exp(-1 * p.t))).relative
    assert found.outcome is not pde.Outcome.CONVERGED and true < 1e-11 and found.error > 0.2 * true


def test_an_unknown_without_a_derivative() -> None:
    """x' = -x y with y = x, that is x = 1 / (1 + t)."""
    found = _solved(3, lambda u, p: (u[0].t + u[0].value * u[1].value, u[1].value - u[0].value),
                    lambda u, p: u[0].value - 1, 2)  # fmt: skip
    assert found.outcome is pde.Outcome.CONVERGED
    for output in (0, 1):
        assert found.errors(lambda p: 1 / (1 + p.t), output=output).relative < 1e-8


def test_what_ends_before_its_time_is_not_said_to_converge() -> None:
    """x' = x^2 from 1 is 1 / (1 - t), which is infinite at 1."""
    found = _solved(1.2, lambda u, p: u.t - u.value**2, lambda u, p: u.value - 1)
    assert found.outcome is pde.Outcome.UNRESOLVED and "beyond t = 1," in found.advice


def test_an_orbit_that_closes() -> None:
    """Arenstorf's around earth and moon, of a known period; it magnifies errors ten thousand times."""
    moon, end = 0.012277471, 17.0652165601579625

    def left(u: Any, p: Any) -> tuple[Any, ...]:
        x, y = u[0].value, u[1].value
        one, two = ((x + moon) ** 2 + y**2) ** 1.5, ((x - 1 + moon) ** 2 + y**2) ** 1.5
        pulls = (1 - moon) / one, moon / two
        return (
            u[0].tt - x - 2 * u[1].t + pulls[0] * (x + moon) + pulls[1] * (x - 1 + moon),
            u[1].tt - y + 2 * u[0].t + (pulls[0] + pulls[1]) * y,
        )

    start = lambda u, p: (u[0].value - 0.994, u[0].t, u[1].value, u[1].t + 2.00158510637908252)  # noqa: E731
    found = _solved(end, left, start, 2)
    last = found([[end]])[0]
    assert found.outcome is pde.Outcome.CONVERGED and abs(last[0] - 0.994) < 1e-8 and abs(last[1]) < 1e-8


def test_a_linear_oscillation_of_fifty_periods() -> None:
    found = _solved(100 * np.pi, lambda u, p: u.tt + u.value, lambda u, p: (u.value - 1, u.t))
    errors = found.errors(lambda p: torch.cos(p.t))
    assert found.outcome is pde.Outcome.CONVERGED and errors.relative < 1e-9 and 0.2 < found.error / errors.relative < 5


def test_a_singular_start_is_examined_as_before() -> None:
    """t u' = u from 0 has the solutions c t, and so is not said to have one."""
    found = _solved(1, lambda u, p: p.t * u.t - u.value, lambda u, p: u.value)
    assert found.outcome is pde.Outcome.UNDETERMINED


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_the_solution(order: int) -> None:
    found = _solved(2, lambda u, p: u.t - u.value * (1 - u.value), lambda u, p: u.value - 0.1)
    t = torch.linspace(0, 2, 21, dtype=torch.float64)[:, None]
    jet, exact = found.at(t, order=2), 1 / (1 + 9 * torch.exp(-t[:, 0]))
    slopes = (exact * (1 - exact), exact * (1 - exact) * (1 - 2 * exact))
    assert torch.allclose((jet.t, jet.tt)[order - 1], slopes[order - 1], atol=1e-4)
