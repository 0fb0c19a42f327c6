"""A fit as text, like a summary of R's nls, and as a table in LaTeX."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from edgewise.discovery.regression._estimates import Estimates
from edgewise.discovery.regression._outcome import FitOutcome
from edgewise.discovery.regression._rows import FEWEST_GROUPS
from edgewise.formulas.expressions import quoted, rounded_together

if TYPE_CHECKING:
    import pandas as pd

_HEAD = ("", "value", "std. error", "t", "p", "95 % interval")
_KINDS = {
    "heteroscedastic": "for errors of any sizes (HC3)",
    "autocorrelated": "for errors that are correlated along the rows",
    "clustered": "for errors that are correlated within groups",
}
_REMEDIES = (
    ("order", "autocorrelated", "neighboring rows"), ("groups", "clustered", "groups"),
    ("varies", "heteroscedastic", "sizes of residuals"),
)  # fmt: skip


def summary(fit: Estimates) -> str:
    """Return the formula, a table of its constants, what it leaves, and how the fit ended."""
    rows = [_HEAD, *_cells(fit.frame())]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = [f"{quoted(fit.rows.target)} = {fit.stated.strip()}", ""]
    for name, *cells in rows:
        own = [name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))]
        lines.append("  ".join(own).rstrip())
    lines += ["", _leaves(fit)]
    kind = fit.uncertainty.kind
    if kind in _KINDS:
        lines.append(f"Standard errors are {_KINDS[kind]}.")
    for name, bound in fit.held.items():
        lines.append(f"{name} stands at its bound {bound:g}: the errors of the others hold it there.")
    lines.append(f"{fit.outcome.name}: {fit.outcome.message}")
    lines += fit.notes
    return "\n".join(lines if fit.outcome is FitOutcome.EXACT else [*lines, *_findings(fit)])


def _leaves(fit: Estimates) -> str:
    what = "Residual standard error" if fit.loss == "squared" else f"Scale of the residuals ({fit.loss})"
    text = f"{what} {fit.residual_error:.4g} with {fit.freedom} degrees of freedom, {len(fit.rows.y)} rows"
    if fit.loss != "squared":
        return f"{text}."
    return f"{text}; R2 {fit.r2:.4f}, AIC {fit.aic:.1f}, BIC {fit.bic:.1f}."


def _findings(fit: Estimates) -> list[str]:
    """Return what residuals show, and which covariance takes it into account."""
    found, lines, groups = fit.findings, fit.findings.sentences(), fit.rows.groups
    for attribute, kind, what in () if found.misfit else _REMEDIES:
        if kind == "clustered" and (groups is None or len(np.unique(groups)) < FEWEST_GROUPS):
            continue
        if getattr(found, attribute) and fit.uncertainty.kind == "classical":
            lines.append(f"covariance={kind!r} gives standard errors that allow for it ({what}).")
    return lines


def _cells(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    found = []
    for name, (value, error, t, p, low, high) in zip(frame.index, frame.to_numpy(), strict=True):
        if not math.isfinite(error):
            found.append(
                (str(name), f"{value:.6g}", "at its bound" if math.isnan(error) else "undetermined", *3 * [""])
            )
            continue
        found.append((str(name), f"{value:.7g}", f"{error:.4g}", f"{t:.4g}", f"{p:.2g}", f"{low:.5g} to {high:.5g}"))
    return found


def tabular(frame: pd.DataFrame) -> str:
    """Return the constants in LaTeX, each rounded to two digits of its standard error."""
    lines = [r"\begin{tabular}{lrrrr}", r"constant & value & standard error & $t$ & $p$ \\", r"\hline"]
    for name, (value, error, t, p, *_) in zip(frame.index, frame.to_numpy(), strict=True):
        cells = (*rounded_together(value, error), *(f"{each:.3g}" if math.isfinite(each) else "" for each in (t, p)))
        lines.append(" & ".join([str(name).replace("_", r"\_"), *cells]) + r" \\")
    return "\n".join([*lines, r"\end{tabular}"])
