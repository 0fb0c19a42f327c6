"""Stated formulas fitted to tables: constants with standard errors, intervals, bands, and tests of residuals."""

from edgewise.discovery.regression import *  # noqa: F403
