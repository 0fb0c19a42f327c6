"""Stated formulas fitted to tables: constants with standard errors, intervals, bands, and tests of residuals."""

from edgewise.discovery.likelihoods import Censored as Censored
from edgewise.discovery.regression._fit_form import fit_form as fit_form
from edgewise.discovery.regression._fit_formula import fit_formula as fit_formula
from edgewise.discovery.regression._loss import LossName as LossName
from edgewise.discovery.regression._result import FitOutcome as FitOutcome
from edgewise.discovery.regression._result import FormulaFit as FormulaFit
