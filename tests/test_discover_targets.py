"""Discovery of the laws that the benchmarks are measured on, and the judge of what was found."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from discovery import RIGHT_FORMS, SECONDS, found_in
from recovery import is_exact, refitted, with_free_constants
from targets import BESSEL, DEEP, FIRST, FITS, LAWS, PRODUCT, Target

from edgewise.discovery import Outcome

QUICK = ["product", "quotient", "distance", "sum of velocities", "growth", "two products"]
BY_NAME = {target.name: target for target in LAWS}


def names(target: Target) -> str:
    return target.name.replace(" ", "-")


def assert_found_exactly(target: Target, seed: int) -> None:
    found = found_in(target, seed, noise=0.0)
    assert found.outcome is Outcome.EXACT
    assert is_exact(found.best.sympy(), target), str(found.best)
    assert found.settings["seconds"] < SECONDS


@pytest.mark.parametrize("name", QUICK)
def test_laws_that_a_table_shows_at_once_are_found_exactly(name: str) -> None:
    assert_found_exactly(BY_NAME[name], seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("target", LAWS, ids=names)
def test_every_law_is_found_exactly_from_exact_rows(target: Target) -> None:
    assert_found_exactly(target, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(8 * 70)
def test_most_laws_keep_their_form_under_one_percent_of_noise() -> None:
    found = {target.name: found_in(target, 0, noise=0.01).best.sympy() for target in LAWS}
    right = [target.name for target in LAWS if refitted(found[target.name], target).right]
    assert len(right) >= RIGHT_FORMS, {name: str(found[name]) for name in found if name not in right}


@pytest.mark.parametrize("target", [FIRST, PRODUCT, BESSEL, DEEP, *LAWS], ids=names)
def test_values_follow_the_formula(target: Target) -> None:
    rows, values = target.sample(5, np.random.default_rng(0))
    for row, value in zip(rows, values, strict=True):
        expected = target.formula.evalf(20, subs=dict(zip(target.inputs, map(float, row), strict=True)))
        assert value == pytest.approx(float(expected), rel=1e-12, abs=1e-14)


def test_noise_is_a_share_of_the_spread() -> None:
    (x, clean), (same, noisy) = (PRODUCT.sample(20_000, np.random.default_rng(0), noise) for noise in (0.0, 0.05))
    assert np.array_equal(x, same)
    assert (noisy - clean).std() == pytest.approx(0.05 * clean.std(), rel=0.05)


def test_every_fit_s_network_takes_its_target_s_inputs() -> None:
    assert [fit.widths[0] for fit in FITS] == [len(fit.target.inputs) for fit in FITS]


x, y, s = sympy.symbols("x y s")


@pytest.mark.parametrize(
    ("found", "target", "exact"),
    [
        (x * y, "product", True),
        (((x + y) ** 2 - (x - y) ** 2) / 4, "product", True),
        (sympy.Float(1.0000001) * x * y, "product", False),
        (x * y + sympy.Rational(1, 10**9), "product", False),
        (sympy.exp(-((x / s) ** 2) / 2) / (sympy.sqrt(2 * sympy.pi) * s), "normal density", True),
        (x / y, "quotient", True),
        (x * sympy.zoo, "product", False),
    ],
)
def test_exact_means_equal_in_sympy(found: sympy.Expr, target: str, exact: bool) -> None:
    assert is_exact(found, BY_NAME[target]) is exact


@pytest.mark.parametrize(
    ("found", "target", "right", "vanished"),
    [
        (1.03 * x * y, "product", True, 0),
        (1.03 * x * y + 0.01 * x, "product", False, 1),
        (1.03 * x * y + 0.01 * sympy.sin(y), "product", False, 1),
        (sympy.exp(1.1 * sympy.sin(3.1 * x) + 0.98 * y**2), "exp of sine plus square", True, 0),
        ((1.02 * x + y) / (0.97 + x * y), "sum of velocities", True, 0),
        ((x**2 + 1.01 * y**2) ** 0.49, "distance", True, 0),
        (x + y, "product", False, 0),
        (x * y, "product", True, 0),
    ],
)
def test_a_form_is_right_when_its_constants_refit_and_none_is_spare(
    found: sympy.Expr, target: str, right: bool, vanished: int
) -> None:
    form = refitted(found, BY_NAME[target])
    assert form.right is right
    assert form.vanished == vanished


def test_every_number_but_integer_exponents_and_signs_becomes_a_constant() -> None:
    formula, constants = with_free_constants(sympy.sqrt(2) * x**2 / (2 * sympy.sqrt(sympy.pi)) - x**1.5 + 3)
    assert sorted(constants.values()) == pytest.approx(sorted([2**0.5 / (2 * np.pi**0.5), 1.5, 3.0]))
    assert formula.subs(constants).subs(x, 2.0) == pytest.approx(2.0**2 * 2**0.5 / (2 * np.pi**0.5) - 2**1.5 + 3)
