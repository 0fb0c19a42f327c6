"""The benchmark of differential equations: references that have converged, short problems, baselines, and the table."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgewise.pde import Box, Jet
from edgewise_bench import Row, Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.pde import JAXKAN, POOR, TASKS
from edgewise_bench.benchmarks.pde.asked_lines import warm_wall
from edgewise_bench.benchmarks.pde.extended import trusted
from edgewise_bench.benchmarks.pde.networks import TanhNetwork
from edgewise_bench.benchmarks.pde.references import (
    Fourier,
    Reference,
    allen_cahn,
    burgers,
    cavity,
    exact,
    ghia,
    korteweg,
    kuramoto,
    lshape,
    lshape_bound,
    schroedinger,
)
from edgewise_bench.benchmarks.pde.systems import SYSTEMS
from edgewise_bench.benchmarks.pde.textbook import ASKED
from edgewise_bench.datasets import burgers_at

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
LONGEST = 25  # lines of a problem


def apart(coarse: Reference, fine: Reference) -> float:
    assert torch.equal(coarse.points, fine.points)
    return fine.error(coarse.values)


def test_a_start_with_a_kink_has_exact_coefficients() -> None:
    line = Fourier(64, 1.0)
    found = np.real(line.coefficients(lambda x: x**2 * np.cos(np.pi * x), jump=4.0)) / 64
    whole = np.arange(200_001) / 100_000 - 1
    for k in (0, 1, 2, 5, 31):  # the integral by many points; counted from the left end
        wave = np.cos(np.pi * k * (whole + 1))
        assert abs(found[k] - np.trapezoid(whole**2 * np.cos(np.pi * whole) * wave, whole) / 2) < 1e-8


@pytest.mark.parametrize(
    ("coarse", "fine", "largest"),
    [
        (lambda: allen_cahn(modes=1024, steps=1000), lambda: allen_cahn(steps=1000), 5e-7),
        (lambda: allen_cahn(steps=500), lambda: allen_cahn(steps=1000), 2e-9),
        (lambda: korteweg(steps=2000), lambda: korteweg(steps=4000), 2e-7),
        (lambda: korteweg(modes=256, steps=2000), lambda: korteweg(modes=768, steps=2000), 2e-6),
        (lambda: kuramoto(0.5, steps=1000), lambda: kuramoto(0.5, steps=2000), 2e-5),
        (lambda: kuramoto(0.5, modes=256, steps=1000), lambda: kuramoto(0.5, steps=1000), 1e-6),
        (lambda: schroedinger(modes=1024, steps=1000), lambda: schroedinger(modes=2048, steps=1000), 2e-6),
        (lambda: schroedinger(modes=512, steps=1000), lambda: schroedinger(modes=512, steps=2000), 2e-6),
    ],
)
def test_fourier_references_agree_with_finer_ones(coarse, fine, largest: float) -> None:
    """With a quarter of the steps or less: the benchmark's own ones are 100 times as accurate, or more."""
    assert apart(coarse(), fine()) < largest


def test_the_step_of_fourier_references_is_of_fourth_order() -> None:
    finest = korteweg(modes=256, steps=6000)
    errors = [apart(korteweg(modes=256, steps=n), finest) for n in (800, 1600)]
    assert 12 < errors[0] / errors[1] < 28


@pytest.mark.parametrize("viscosity", [0.01, 0.01 / math.pi, 0.001 / math.pi])
def test_cole_and_hopf_reach_every_shock(viscosity: float) -> None:
    points = Box(t=(0, 1), x=(-1, 1)).points(50, seed=1).numpy()
    assert (burgers_at(points, viscosity) - burgers_at(points, viscosity, nodes=4000)).abs()[:, 0].max() < 1e-12


def test_burgers_is_known_on_a_lattice() -> None:
    found = burgers(0.01)
    assert found.points.shape == (101 * 257, 2) and 0.99 < found.values.abs().max() <= 1
    assert found.values[:257].allclose(-torch.sin(math.pi * found.points[:257, 1]))


def test_the_series_of_the_l_shape_vanishes_on_its_boundary() -> None:
    assert lshape_bound() < 1e-10
    assert lshape_bound(20, 10) < 1e-5
    found = lshape()
    assert apart(lshape(30, 20), found) < 1e-8
    assert ((found.points[:, 0] < 0) | (found.points[:, 1] > 0)).all() and found.values.min() > 0


def test_differences_of_the_cavity_converge_to_what_others_found() -> None:
    found, coarse = cavity((32, 64)), cavity((16, 32))
    assert found.error(coarse.values) < 6e-3
    middle = found.values[8]  # at (0.5, 0.5)
    assert abs(middle + 0.20915) < 3e-4  # Marchi, Suero and Araki (2009): -0.209149
    assert 4e-3 < found.error(ghia().values) < 6e-3  # the table is off by more than the limit


@pytest.mark.parametrize("name", TASKS)
def test_each_problem_is_short_and_its_reference_solves_it(name: str) -> None:
    task = TASKS[name]
    function = getattr(task.problem, "func", task.problem)
    assert len(inspect.getsource(function).splitlines()) <= LONGEST
    assert task.problem().orders


@pytest.mark.parametrize("name", ["wave", "heat", "advection", "helmholtz", "poisson", "poisson-5d", "disk"])
def test_exact_references_solve_their_equations(name: str) -> None:
    task, step = TASKS[name], 1e-3
    problem = task.problem()
    box = problem.domain
    reference, at = task.reference(), box.points(50, seed=3)
    inner = 0.5 * at + 0.25 * (at.amin(0) + at.amax(0))

    def jet(points: torch.Tensor) -> Jet:
        def value(x: torch.Tensor) -> torch.Tensor:
            return TRUE[name](dict(zip(box.names, x.T, strict=True)))

        d = points.shape[1]
        parts: dict[tuple[int, ...], torch.Tensor] = {(): value(points)}
        ways = step * torch.eye(d, dtype=torch.float64)
        for k in range(d):
            up, down = value(points + ways[k]), value(points - ways[k])
            parts[k,], parts[k, k] = (up - down) / (2 * step), (up - 2 * parts[()] + down) / step**2
        return Jet(parts, box.names)

    (left,) = problem.left(problem.residual, [jet(inner)], inner, {})
    assert left.abs().max() < 2e-2 * max(1.0, float(jet(inner).parts[0, 0].abs().max()))
    assert reference.error(TRUE[name](dict(zip(box.names, reference.points.T, strict=True)))) < 1e-12


PI = math.pi
TRUE = {
    "wave": lambda p: (
        torch.sin(PI * p["x"]) * torch.cos(2 * PI * p["t"])
        + torch.sin(4 * PI * p["x"]) * torch.cos(8 * PI * p["t"]) / 2
    ),
    "heat": lambda p: (
        torch.exp(-0.1 * PI**2 * p["t"]) * torch.sin(PI * p["x"])
        + torch.exp(-0.9 * PI**2 * p["t"]) * torch.sin(3 * PI * p["x"]) / 2
    ),
    "advection": lambda p: torch.sin(p["x"] - 30 * p["t"]),
    "helmholtz": lambda p: torch.sin(PI * p["x"]) * torch.sin(4 * PI * p["y"]),
    "poisson": lambda p: torch.sin(PI * p["x"]) * torch.sin(PI * p["y"] ** 2),
    "disk": lambda p: torch.sin(3 * p["x"]) * torch.exp(p["y"]),
    "poisson-5d": lambda p: torch.stack([torch.sin(PI * p[x]) for x in "abcde"]).prod(0),
}


def test_the_error_is_relative() -> None:
    square = Box(x=(0, 1), y=(0, 1))
    reference = exact(square, lambda p: 1 + 0 * p.x)
    assert math.isclose(reference.error(1.1 * reference.values), 0.1)


def test_references_of_other_domains_are_at_points_inside() -> None:
    for name in ("disk", "lshape", "cavity"):
        problem, reference = TASKS[name].problem(), TASKS[name].reference()
        assert (problem.domain.signed_distance(reference.points) > -1e-12).all()


@pytest.mark.parametrize("name", ["kdv", "kuramoto", "schroedinger"])
def test_derivatives_of_the_mlp_are_those_of_torch(name: str) -> None:
    problem = TASKS[name].problem()
    network = TanhNetwork(problem, seed=1)
    x = problem.box.points(5, seed=2).requires_grad_()
    jets, order = network.jets(x, problem.orders), max(problem.orders, key=len)
    expected = network.jets(x, [()])[()][:, 0]
    for k in order:
        expected = torch.autograd.grad(expected.sum(), x, create_graph=True)[0][:, k]
    assert torch.allclose(jets[order][:, 0], expected, rtol=1e-8, atol=1e-10)
    ends = torch.tensor([[0.1, problem.box.low[1]], [0.1, problem.box.high[1]]], dtype=torch.float64)
    first, last = network.jets(ends, problem.orders)[1,]
    assert torch.allclose(first, last)  # periodic by its inputs


def test_an_mlp_is_trained() -> None:
    task = TASKS["heat"]
    network = TanhNetwork(task.problem(), seed=0)
    before = task.reference().error(network.at(task.reference().points).value)
    assert 0.4 < network.train_for(0.5, seed=0) < 5
    assert task.reference().error(network.at(task.reference().points).value) < 0.8 * before


def test_a_problem_is_measured_and_its_poor_settings_are_cases() -> None:
    benchmark = BENCHMARKS["pde"]
    quick = benchmark.cases(Settings(quick=True, libraries=("edgewise", "mlp", JAXKAN)))
    assert [case.label for case in quick] == [
        "heat: edgewise, seed 0, default", "heat: mlp, seed 0, 2 s", "heat: jaxkan, seed 0, 2 s",
    ]  # fmt: skip
    (row,) = benchmark.measure(quick[0], Settings(quick=True))
    assert row["relative"] < 1e-9 and row["outcome"] == "CONVERGED" and row["wrong"] is False
    assert row["estimate"] > row["relative"] / 5 and row["valid"] == 1 and row["parameters"] > 100
    every = benchmark.cases(Settings())
    assert len([case for case in every if case.values["setting"] == "default"]) == 2 * len(TASKS)
    assert {case.values["setting"] for case in every} >= {*POOR, "120 s"}
    assert not [case for case in every if case.values["problem"] == "heat" and case.values["setting"] in POOR]


def row(problem: str, relative: float, **given: object) -> Row:
    made = {"problem": problem, "library": "edgewise", "seed": 0, "setting": "default", "relative": str(relative),
            "estimate": "1e-9", "outcome": "CONVERGED", "wrong": "False", "tolerance": "2.5e-9", "parameters": "600",
            "seconds": "3", "valid": "1", "status": ""}  # fmt: skip
    return {**made, **given}


def test_the_table_marks_what_misses_its_limit() -> None:
    rows = [row("burgers", 2e-9), row("burgers", 4e-9, seed=1), row("wave", 3e-5), row("heat", 1e-9, seconds="150")]
    rows += [row("burgers", 1e-2, setting="short", wrong="True", outcome="CONVERGED")]
    rows += [row("burgers", 0.3, library="mlp", setting="120 s", estimate="", outcome="")]
    head, lines = BENCHMARKS["pde"].table(rows)
    by = {line[0].text: dict(zip(head, line, strict=True)) for line in lines}
    first = by["Burgers, 0.01 / pi"]
    assert (first["error"].text, first["error"].passed, first["ratio"].text) == ("4e-09", True, "0.25")
    assert first["MLP"].text == "0.3 in 120 s" and first["jaxKAN"].text == ""
    assert by["wave, two modes"]["error"].passed is False
    assert by["heat"]["error"].passed is None and by["heat"]["s"].passed is False
    close, wrong = lines[-2], lines[-1]
    assert (close[2].text, close[2].passed) == ("1 of 2", None)
    assert (wrong[2].text, wrong[2].passed) == ("1 of 4", False)


def test_a_reference_in_extended_precision_is_that_of_the_logistic_curve() -> None:
    (system,) = (own.system for own in SYSTEMS if own.name == "logistic")
    times = np.linspace(0, system.end, 21)
    t, (start,) = times.astype(np.longdouble), system.start
    grown = start * np.exp(t)
    assert np.abs(trusted(system, times, 1e-17)[:, 0] - grown / (1 - start + grown)).max() < 1e-15


def test_a_problem_of_a_textbook_is_judged_by_its_answer_and_by_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark, settings = BENCHMARKS["textbook"], Settings()
    cases = {case.label: case for case in benchmark.cases(settings)}
    assert len(cases) == 66
    (wall,) = benchmark.measure(cases["warm_wall"], settings)
    assert wall["right"] and not wall["wrong"] and wall["relative"] < 1e-9
    (rod,) = benchmark.measure(cases["no_heat_balance"], settings)
    assert rod["right"] and rod["outcome"] == "NO_SOLUTION" and rod["relative"] == ""
    monkeypatch.setitem(ASKED, "warm_wall", lambda: replace(warm_wall(), exact=(lambda p: p.x,)))
    (other,) = benchmark.measure(cases["warm_wall"], settings)
    assert not other["right"] and other["wrong"]
    monkeypatch.setitem(ASKED, "warm_wall", lambda: replace(warm_wall(), none="NO_SOLUTION"))
    (solved,) = benchmark.measure(cases["warm_wall"], settings)
    assert not solved["right"] and solved["wrong"]
    _, lines = benchmark.table([wall, rod, other, solved])
    assert [cell.text for cell in lines[-1]] == ["4 problems", "", "2 wrong CONVERGED", "", "2 right"]


def test_a_system_is_measured_beside_scipy() -> None:
    benchmark = BENCHMARKS["systems"]
    (case,) = benchmark.cases(Settings(quick=True))
    assert len(benchmark.cases(Settings())) == 40
    ours, other = benchmark.measure(case, Settings(quick=True))
    assert ours["relative"] < 1e-13 and ours["outcome"] == "CONVERGED" and other["relative"] < 1e-11
    made = {"solver": "edgewise", "problem": "slow", "relative": "1e-12", "estimate": "1e-10", "outcome": "CONVERGED",
            "seconds": "3"}  # fmt: skip
    rows = [made, {**made, "solver": "scipy", "seconds": ".1", "relative": "1e-13"}]
    _, ((name, error, ratio, _, seconds, *_),) = benchmark.table(rows)
    assert name.text == "slow" and not (error.passed or ratio.passed or seconds.passed)
