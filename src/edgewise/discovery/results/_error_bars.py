"""Formulas of a front with the standard errors of their constants."""

from __future__ import annotations

from edgewise.discovery.judging import Candidate
from edgewise.discovery.results._front import Front
from edgewise.discovery.tables import EXACT
from edgewise.interpret.export import text_with_error_bars

_DIGITS = 6


def has_error_bars(candidate: Candidate) -> bool:
    """Return whether a formula has fitted constants and leaves more than rounding errors."""
    return bool(candidate.fitted) and candidate.error >= EXACT and candidate.by_group is None


def with_error_bars(found: Front, candidate: Candidate) -> str:
    """Return a formula as text, each fitted constant with its standard error, terms in the order of the front."""
    if not has_error_bars(candidate):
        return candidate.text(_DIGITS)
    return text_with_error_bars(found.uncertainty(candidate))
