"""Fitters: what `fit` does, for many programs on rows that are prepared once."""

from __future__ import annotations

import numpy as np
import pytest

import edgewise as ew
from edgewise.formulas.programs import Fitter, Program, apply, combine, constant, fit, variable

R = np.random.default_rng(0)
X = np.column_stack([R.uniform(0.5, 2, 200), R.uniform(-1e5, 1e5, 200), R.uniform(1e-7, 1e-6, 200)])
Y = 1e4 * (np.exp(-X[:, 0]) + np.sin(3e-5 * X[:, 1]) + 0.1 * np.log(X[:, 2])) + 100 * R.normal(size=200)
WEIGHTS = R.uniform(0, 2, 200)

WAVE = combine("add", apply("exp", variable(0, -0.9)), apply("sin", variable(1, 2.8e-5)))
PROGRAMS = {
    "line": Program.of(variable(1)),
    "exp": Program.of(apply("exp", variable(0, -0.8))),
    "waves": Program.of(WAVE),
    "long": Program.of(combine("add", WAVE, apply("log", variable(2), 0.1))),
    "power": Program.of(apply("power", variable(2), 0.3)),
    "constant": Program.of(constant(2.0)),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_a_fitter_does_what_fit_does(weights: np.ndarray | None) -> None:
    fitter = Fitter(X, Y, weights, tolerance=1e-9)
    for program in [*PROGRAMS.values(), *PROGRAMS.values()]:  # one does not disturb the next
        found, expected = fitter.fit(program, 12), fit(program, X, Y, weights, 12)
        assert found.error == pytest.approx(expected.error, rel=1e-9)
        assert np.allclose(found.program.predict(X), expected.program.predict(X), rtol=1e-7, atol=1e-7 * np.std(Y))
        assert (found.program.complexity, found.program.waves) == (expected.program.complexity, expected.program.waves)
        assert (found.program.free == expected.program.free).all()


def test_an_undefined_program_comes_back_unchanged() -> None:
    program = Program.of(apply("log", variable(1)))
    found = Fitter(X, Y).fit(program)
    assert found.program == program and found.error == float("inf")


def test_refusals() -> None:
    with pytest.raises(ew.InputError, match="column 3"):
        Fitter(X, Y).fit(Program.of(variable(3)))
    with pytest.raises(ew.InputError, match="finite"):
        Fitter(np.where(X > 1, np.nan, X), Y)
