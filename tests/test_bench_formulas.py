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
from edgewise.benchmark import FIGURES, SEARCHERS, Cell, Plan, Settings, read, run
from edgewise.benchmark._form import deviation, refitted, with_free_constants
from edgewise.benchmark._judge import ROWS, judged
from edgewise.benchmark._laws import Box, Law, Runs
from edgewise.benchmark._patience import Late, within
from edgewise.benchmark._solution import solution
from edgewise.datasets import equations, strogatz
from edgewise.discovery._polish import evaluate

SUM = "I.18.4"  # (m1*r1+m2*r2)/(m1+m2)
ROOT = "I.10.7"  # m_0/sqrt(1-v**2/c**2)
WAVE = "I.6.2"  # exp(-(theta/sigma)**2/2)/(sqrt(2*pi)*sigma)
MASS = "I.13.4"  # m*(v**2+u**2+w**2)/2
PLAIN = "I.12.1"  # mu*Nn


def verdict_of(text: str, law: Law) -> Any:
    found = symbolic.parse(text, law.names)
    return judged(found, evaluate(found, law.names, law.fresh(ROWS, 0)), law, 0)


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
    verdict = verdict_of(text, Box(name))
    assert (verdict.solved, verdict.exact, verdict.form) == (solved, exact, form)
