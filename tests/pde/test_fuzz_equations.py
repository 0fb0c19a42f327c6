"""`pde.solve` and `march` on odd but legal equations: a solution that can be used, or an error in one line."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from fuzzing import fuzz
from hypothesis import example, given
from odd_tables import SEEDS, checked

import edgewise as ew
from edgewise import pde

SCALES = [1.0, 1.0, 1.0, 1.0, 0.0, -1.0, 1e-8, 1e8, 1e30, 1e150, 1e300, 1e-300]


def scale(draw: random.Random) -> float:
    return draw.choice(SCALES) * draw.choice([1.0, 2.5, -0.7])


def term(draw: random.Random, derivatives: list[str], names: tuple[str, ...]) -> Any:
    """A function of an unknown and of a place: a product or a nonlinear function of what the equation may read."""
    a, name, other = scale(draw), draw.choice(derivatives), draw.choice([*derivatives, "value"])
    at, width = draw.choice(names), draw.choice([1.0, 0.1, 1e-3, 1e-9])
    plain: list[Any] = [lambda u, p: getattr(u, name)] * 6
    odd: list[Any] = [
        lambda u, p: getattr(u, name) * getattr(u, other), lambda u, p: torch.log(u.value),
        lambda u, p: torch.sqrt(u.value), lambda u, p: 1 / u.value, lambda u, p: 1 / getattr(p, at),
        lambda u, p: torch.exp(getattr(u, other)), lambda u, p: abs(getattr(u, name)), lambda u, p: u.value**3,
        lambda u, p: torch.exp(-(((getattr(p, at) - 0.4) / width) ** 2)), lambda u, p: (u.value > 0) * 1.0,
        lambda u, p: torch.where(getattr(p, at) < 0.5, getattr(u, name), -1.0), lambda u, p: torch.sin(1e4 * u.value),
        lambda u, p: u.value * math.nan, lambda u, p: u.value * 0, lambda u, p: torch.log(getattr(p, at)) * u.value,
        lambda u, p: getattr(p, at) * getattr(u, name),
    ]  # fmt: skip
    function = draw.choice([*plain, *odd])
    return lambda u, p: a * function(u, p)


def left(draw: random.Random, derivatives: list[str], names: tuple[str, ...], lead: str = "") -> Any:
    terms = [term(draw, derivatives, names) for _ in range(draw.choice([1, 2, 2, 3]))]
    return lambda u, p, *c: sum((part(u, p) for part in terms), start=getattr(u, lead) if lead else 0.0)


def ends(draw: random.Random) -> tuple[float, float]:
    low = draw.choice([0.0, 0.0, 0.0, -1.0, 1e6, -1e-9, 1e100])
    return low, low + draw.choice([1.0, 1.0, 1.0, 2 * math.pi, 1e-9, 1e3, 1e12, 1e150])


def domain(draw: random.Random) -> Any:
    shapes: list[Any] = [
        lambda: pde.Box(x=ends(draw)), lambda: pde.Box(x=ends(draw)), lambda: pde.Box(x=(0, 1), y=ends(draw)),
        lambda: pde.Disk(x=0, y=0, radius=draw.choice([1.0, 1e-6, 1e6])), lambda: pde.Box(x=(0, 1), y=(0, 1), z=(0, 1)),
        lambda: pde.Polygon(((0, 0), (1, 0), (0, draw.choice([1.0, 1e-6])))),
        lambda: pde.Box(x=(0, 1), y=(0, 1)) - pde.Disk(x=0.5, y=0.5, radius=draw.choice([0.2, 0.5, 3.0])),
    ]  # fmt: skip
    return draw.choice(shapes)()


def conditions(draw: random.Random, whole: Any, derivatives: list[str]) -> list[Any]:
    names, found = whole.names, []
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        value = scale(draw)
        read = draw.choice(["value", "value", "value", draw.choice(derivatives)])
        sides: list[Any] = [lambda: whole.boundary(), lambda: torch.full((2, len(names)), 0.5, dtype=torch.float64)]
        if isinstance(whole, pde.Box):
            place = draw.choice(names)
            sides += [lambda place=place: whole.face(**{place: whole.low[whole.names.index(place)]})] * 3
        where = draw.choice(sides)()
        if draw.random() < 0.15:
            found.append(pde.Condition(where, left(draw, derivatives, names)))
        elif draw.random() < 0.1:
            found.append(pde.Integral(whole, lambda u, p, *c: u.value, equals=value))
        else:
            found.append(pde.Condition(where, lambda u, p, *c, r=read, v=value: getattr(u, r) - v))
    if isinstance(whole, pde.Box) and draw.random() < 0.1:
        found.append(pde.periodic(whole, draw.choice(names)))
    return found


def ended(search: Callable[[], Any]) -> None:
    """Run a solver: it fails in one line, or returns a solution that can be used and claims nothing without numbers."""
    try:
        found = checked(search)
    except ew.EdgewiseError as error:
        assert "\n" not in str(error)
        return
    if found is None:
        return
    assert str(found)
    assert math.isfinite(found.error) or found.outcome is not pde.Outcome.CONVERGED
    with torch.no_grad():
        assert found(found.problem.domain.points(5, 0)).shape[0] == 5


@example(2)  # sizes that underflow
@example(8)  # a residual of another type, and one that reads nothing
@example(14)  # squares that overflow
@example(22)  # no derivative of size
@example(69)  # fewer rows than columns
@example(78)  # a constant beyond float32
@example(90)  # a singular value decomposition that does not converge
@fuzz(6)
@given(SEEDS)
def test_equations_are_solved_or_refused(seed: int) -> None:
    draw = random.Random(seed)
    whole = checked(lambda: domain(draw))
    if whole is None:
        return
    derivatives = ["value", *(a for a in whole.names), *(a + b for a in whole.names for b in whole.names if a <= b)]
    constants = {"k": scale(draw)} if draw.random() < 0.1 else {}
    second = draw.choice([a for a in derivatives if len(a) == 2])

    def search() -> Any:
        equation = left(draw, derivatives, whole.names, draw.choice(["", second, second]))
        ansatz = (lambda n, p: p.x * n) if draw.random() < 0.1 else None
        problem = pde.Problem(whole, equation, conditions(draw, whole, derivatives), ansatz=ansatz, constants=constants)
        options = ew.Options(restarts=1, progress=False, time_limit=draw.choice([1, 5]))
        grids: Any = draw.choice(["auto", [2], [2, 4]])
        start: Any = draw.choice([None, None, None, lambda p: 1 + p.x])
        return pde.solve(problem, grids=grids, points=40, boundary=20, steps=5, start=start, options=options)

    ended(search)


@example(45)  # slopes that are not finite
@example(82)  # initial values beyond 1e100
@example(149)  # conditions that overflow
@fuzz(6)
@given(SEEDS)
def test_equations_of_evolution_are_marched_or_refused(seed: int) -> None:
    draw = random.Random(seed)
    limits = {"t": ends(draw), "x": ends(draw)} | ({"y": (0, 1)} if draw.random() < 0.15 else {})
    names = tuple(limits)
    derivatives = ["value", "x", "xx", *draw.choice([[], [], ["xxx"], ["xxxx"], ["tx"], ["tt"]])]

    def search() -> Any:
        box: Any = pde.Box(**limits)
        equation = left(draw, derivatives, names, draw.choice(["t", "t", "t", "tt", ""]))
        begin, a = scale(draw), draw.choice([1.0, 1.0, 40.0, 1e4])
        starts: list[Any] = [
            lambda u, p: u.value - begin, lambda u, p: u.value - torch.sin(a * p.x), lambda u, p: u.value - 1 / p.x,
            lambda u, p: u.value - torch.tanh(a * (p.x - 0.5)), lambda u, p: u.t - begin,
            lambda u, p: u.value - (p.x > 0.5) * 1.0, lambda u, p: u.value**2 - begin,
        ]  # fmt: skip
        given: list[Any] = [pde.Condition(box.face(t=limits["t"][0]), draw.choice(starts)) for _ in range(1)]
        given += [pde.periodic(box, "x")] if draw.random() < 0.4 else conditions(draw, box, ["x", "xx"])
        given += [pde.periodic(box, "y")] if "y" in limits and draw.random() < 0.5 else []
        options = ew.Options(progress=False, time_limit=draw.choice([1, 5]))
        problem = pde.Problem(box, equation, given)
        return pde.march(problem, tolerance=draw.choice([1e-3, 1e-9]), effort=2e4, options=options)

    ended(search)
