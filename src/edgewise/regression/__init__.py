"""Stated formulas fitted to tables: constants with standard errors, intervals, bands, and tests of residuals."""

from edgewise.regression._fit_formula import fit_formula as fit_formula
from edgewise.regression._loss import LossName as LossName
from edgewise.regression._outcome import FitOutcome as FitOutcome
from edgewise.regression._result import FormulaFit as FormulaFit
