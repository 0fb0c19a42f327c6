"""`fit_formula` against numbers of others: NIST's certified regressions, R's nls and drc, statsmodels' robust fits.

`r_examples.json` holds examples of R's documentation (R 4.5.0, `nls` run to convergence) and one of drc's, as printed.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewise as ew
from edgewise_bench.datasets import CertifiedFit, nist

EXAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[1] / "r_examples.json").read_text())
PROBLEMS = {problem.name: problem for problem in nist()}


def agree(found: list[tuple[float, float]], problem: CertifiedFit, errors: bool) -> bool:
    """Whether constants, and their standard errors, have six certified digits; terms may change places."""
    certified = sorted(zip(problem.parameters, problem.errors, strict=True))
    relative = np.abs(np.array(sorted(found)) / np.array(certified) - 1)
    return bool((relative[:, : 1 + errors] < 1e-6).all())


@pytest.mark.parametrize("name", PROBLEMS)
def test_certified_constants_and_errors_come_from_every_start(name: str) -> None:
    problem = PROBLEMS[name]
    names = [f"b{k + 1}" for k in range(len(problem.parameters))]
    for start in (*problem.starts, None):
        given = None if start is None else dict(zip(names, start, strict=True))
        fit = ew.fit_formula(problem.formula, problem.x, problem.y, names=problem.names, start=given)
        assert fit.outcome is ew.regression.FitOutcome.CONVERGED
        # Lanczos1 leaves 1e-13, less than doubles hold of y: its standard errors need more digits
        errors = name != "Lanczos1"
        assert agree([(c.value, c.error) for c in fit.constants.values()], problem, errors), (start, fit)


def as_printed(text: str, value: float) -> bool:
    """Whether a number rounds to what was printed, but for the last bit of the rounding."""
    printed = Decimal(text)
    unit = Decimal(1).scaleb(printed.as_tuple().exponent)  # type: ignore[arg-type]
    return abs(Decimal(float(value)) - printed) <= unit * Decimal("0.505")


def example(name: str) -> ew.regression.FormulaFit:
    given = EXAMPLES[name]
    table = given["table"] if isinstance(given["table"], dict) else EXAMPLES[given["table"]]["table"]
    return ew.fit_formula(given["formula"], table, given["target"], **given["options"])


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "ryegrass"])
def test_what_nls_prints_is_found(name: str) -> None:
    fit, printed = example(name), EXAMPLES[name]
    for constant, (value, error) in printed["constants"].items():
        assert as_printed(value, fit.constants[constant].value), (constant, value, fit)
        assert as_printed(error, fit.constants[constant].error), (constant, error, fit)
    assert as_printed(printed["size"], fit.residual_error) and fit.freedom == printed["freedom"]
    for text, value in zip(printed["likelihood"], (fit.log_likelihood, fit.aic, fit.bic), strict=True):
        assert as_printed(text, value), (text, value)


@pytest.mark.parametrize("name", ["Puromycin", "PuromycinBoth", "PuromycinW", "DNase", "wtloss"])
def test_profile_intervals_are_those_of_confint(name: str) -> None:
    """R interpolates its profiles, which shows where they are bent much (BOD, Orange)."""
    fit = example(name)
    for constant, ends in EXAMPLES[name]["profiles"].items():
        assert fit.interval(constant) == pytest.approx([float(end) for end in ends], rel=3e-4)


def test_drc_is_met_but_for_its_kind_of_standard_errors() -> None:
    """drc's come from second derivatives of the sum of squares, those of nls and edgewise from first derivatives."""
    fit, printed = example("ryegrass"), EXAMPLES["ryegrass"]
    for constant, (value, error) in printed["constants"].items():
        assert fit.constants[constant].value == pytest.approx(float(value), rel=1e-5)
        assert fit.constants[constant].error == pytest.approx(float(error), rel=0.02)
    assert as_printed(printed["size"], fit.residual_error) and fit.freedom == printed["freedom"]


@pytest.mark.parametrize(
    ("loss", "constants", "errors", "scale"),
    [
        ("huber", [1.0394807555472096, 0.4990332406046462], [0.1000, 0.005922], 0.3189979298246407),
        ("tukey", [1.0238539994420208, 0.49907146287459314], [0.08795, 0.005208], 0.3193662745690695),
    ],
)
def test_robust_losses_are_those_of_statsmodels(
    loss: Any, constants: list[float], errors: list[float], scale: float
) -> None:
    """A line with three of 30 rows far off; RLM of statsmodels 0.15.0 with HuberT and TukeyBiweight.

    Its standard errors count rows far off in the matrix of the inputs; ours count them as much as the loss does.
    """
    x = np.arange(30.0)
    y = 1 + 0.5 * x + np.sin(7 * x) * 0.3
    y[[3, 17, 28]] += [6.0, -8.0, 9.0]
    fit = ew.fit_formula("a + b*x", {"x": x}, y, loss=loss)
    assert [*fit.values.values()] == pytest.approx(constants, rel=1e-6)
    assert [c.error for c in fit.constants.values()] == pytest.approx(errors, rel=0.08)
    assert fit.residual_error == pytest.approx(scale, rel=1e-6)
    (note,) = fit.notes
    assert all(row in note for row in ("3", "17", "28"))
    assert sorted(np.argsort(fit.row_weights)[:3]) == [3, 17, 28]
