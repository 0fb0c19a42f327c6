"""The front as text, as HTML for notebooks, and as LaTeX for papers; formulas with error bars."""

from __future__ import annotations

import math

import sympy
from markupsafe import escape

from edgewise._printable import printable
from edgewise.discovery.judging import Candidate, Outcome
from edgewise.discovery.results._front import Front
from edgewise.discovery.results._weights import absent
from edgewise.discovery.tables import EXACT
from edgewise.export import latex, latex_names
from edgewise.expressions import Uncertainty, quoted, rounded_together, write

_DIGITS = 6
_LONGEST = 100  # characters of a formula of the front in a printout
_MOST_PLACES = 8
_WEIGHTED = {
    "relative": "by 1/{}^2", "mixed": "by 1/variance", "counts": "by 1/{}", "given": "as given",
}  # fmt: skip
_LEFT = ' style="text-align:left"'


def r2_text(held_out: float) -> str:
    """Return a coefficient of determination from an error on held-out rows: as many places as tell it from 1.

    >>> r2_text(0.42), r2_text(0.01), r2_text(0.0), r2_text(float("nan"))
    ('0.824', '0.99990', '1', '')
    """
    if math.isnan(held_out):
        return ""
    if not math.isfinite(held_out):
        return "undefined"
    missing = held_out**2
    if missing < 0.5 * 10**-_MOST_PLACES:
        return "1"
    return f"{1 - missing:.{max(1 - math.floor(math.log10(missing)), 3)}f}"


def weight_text(weight: float) -> str:
    """Return a weight of evidence with two places.

    >>> weight_text(0.978), weight_text(0.001), weight_text(1.0)
    ('0.98', '<0.01', '1.00')
    """
    return "<0.01" if weight < 0.005 else f"{weight:.2f}"


def has_error_bars(candidate: Candidate) -> bool:
    """Return whether a formula has fitted constants and leaves more than rounding errors."""
    return bool(candidate.fitted) and candidate.error >= EXACT


def with_error_bars(found: Front, candidate: Candidate) -> str:
    """Return a formula as text, each fitted constant with its standard error."""
    expression = found.uncertainty(candidate).expression() if has_error_bars(candidate) else candidate.expression
    names = {s: sympy.Symbol(quoted(s.name)) for s in expression.atoms(sympy.Symbol) if s.name in found.names}
    if has_error_bars(candidate):
        return sympy.sstr(expression.xreplace(names), full_prec=False)
    return write(expression, _DIGITS)


def latex_with_error_bars(uncertainty: Uncertainty) -> str:
    r"""Return a formula in LaTeX, each fitted constant as \left(281428 \pm 60\right)."""
    names = [*uncertainty.data.names]
    places = [f"(±{k})" for k in range(len(uncertainty.constants))]
    text = latex(uncertainty.with_constants(places), [*names, *places])
    for place, constant in zip(places, uncertainty.constants, strict=True):
        value, error = rounded_together(abs(constant.value), constant.error)
        shown = rf"\left({_power_of_ten(value)} \pm {_power_of_ten(error)}\right)"
        name = latex_names([place])[place]
        text = text.replace(rf"{name} \, ", f"{shown} ").replace(name, shown)
    return text


def _power_of_ten(number: str) -> str:
    if number == "undetermined":
        return r"\infty"
    mantissa, _, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else number


def front_cells(found: Front, digits: int | None = _DIGITS) -> tuple[list[str], list[list[str]]]:
    """Return the front as a table of text: the head, and a line for each formula with its mark and number.

    `digits` of the numbers in formulas, or None for all.
    """
    head = ["", "#", "complexity", "error", "held-out R2", "weight", "formula"]
    return head, [
        [">" if c is found.best else "", str(k), f"{c.complexity:g}", f"{c.error:.2g}", r2_text(c.held_out),
         weight_text(float(w)), printable(write(c.expression, digits))]
        for k, (c, w) in enumerate(zip(found.candidates, found.weights, strict=True))
    ]  # fmt: skip


def front_text(found: Front) -> str:
    """Return the front as a table, the best formula with error bars below, and what the ceiling reaches."""
    head, rows = front_cells(found)
    lines = [head, *([*cells, cut(formula)] for *cells, formula in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head) - 1)]
    table = ["  ".join([*(c.rjust(w) for c, w in zip(line, widths, strict=False)), line[-1]]) for line in lines]
    return "\n".join([title(found), *table, "", *conclusion(found)])


def cut(formula: str, longest: int = _LONGEST) -> str:
    """Return the beginning of a formula, if it is long."""
    return formula if len(formula) <= longest else formula[: longest - 4] + " ..."


def title(found: Front) -> str:
    """Return what was searched and how it ended."""
    return printable(f"Discovery of {found.target}: {found.outcome.message}")


def conclusion(found: Front) -> list[str]:
    """Return the best formula with error bars, its errors, and what the best flexible model reaches."""
    best = found.best
    lines = [f"{quoted(found.target)} = {with_error_bars(found, best)}"]
    if has_error_bars(best):
        lines.append("A constant stands with its standard error (±).")
    r2 = r2_text(best.held_out)
    lines.append(f"Error: {best.error:.2g} ({error_means(found)})" + (f"; R2 on held-out rows: {r2}." if r2 else "."))
    lines += noise_lines(found)
    if found.ceiling is not None:
        own = r2_text(found.ceiling.held_out)
        lines.append(f"R2 of the best flexible model, an additive network, on held-out rows: {own}.")
    if len(found) > 1 and found.outcome not in (Outcome.EXACT, Outcome.NOISE):
        lines.append(f"Weight of forms that are not on this front, as no law is claimed: {absent(found.outcome):.2f}.")
    first = int(found.weights.argmax())
    if found.candidates[first] is not best:
        lines.append(f"Formula {first} has the largest weight of evidence: {weight_text(float(found.weights[first]))}.")
    return [printable(line) for line in lines]


def noise_lines(found: Front) -> list[str]:
    """Return the noise where it is not additive, the rows set aside, and chi-squared where it is known."""
    noise = found.noise_model
    plain = noise.kind == "additive" and noise.loss == "squares" and not noise.outliers
    lines = [] if plain or (found.outcome is Outcome.EXACT and not noise.outliers) else [f"Noise: {noise.text()}."]
    if found.chi2 is not None:
        lines.append(f"Chi-squared per degree of freedom, by the standard errors given: {found.chi2:.3g}.")
    return lines


def error_means(found: Front) -> str:
    """Return what every error of a discovery is."""
    kind = found.noise_model.kind
    varies = kind if kind in ("mixed", "counts", "given") else "relative" if found.relative else ""
    weighted = f", rows weighted {_WEIGHTED[varies].format(found.target)}" if varies else ""
    return f"rms residual / standard deviation of {found.target}{weighted}"


def front_html(found: Front) -> str:
    """Return the front as an HTML table for notebooks, the best formula in bold, everything escaped."""
    names, rows = front_cells(found)
    body = ""
    for mark, number, *cells, formula in rows:
        numbers = "".join(f"<td>{escape(text)}</td>" for text in (f"★ {number}" if mark else number, *cells))
        bold = ' style="font-weight:bold"' if mark else ""
        body += f"<tr{bold}>{numbers}<td{_LEFT}><code>{escape(formula)}</code></td></tr>"
    head = "".join(f"<th>{name}</th>" for name in names[1:-1]) + f"<th{_LEFT}>{names[-1]}</th>"
    after = "".join(f"<p>{escape(line)}</p>" for line in conclusion(found))
    return f"<p>{escape(title(found))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{after}"


def front_array(found: Front) -> str:
    r"""Return the front as a LaTeX array in display mathematics, the best formula marked by \star."""
    lines = [
        " & ".join([r"\star" if mark else "", complexity, r2 or "-", weight, candidate.latex()])
        for (mark, _, complexity, _, r2, weight, _), candidate in zip(front_cells(found)[1], found, strict=True)
    ]
    head = r"& \text{complexity} & R^2 & \text{weight} & \text{formula} \\ \hline"
    return "$$\\begin{array}{crrrl}\n" + head + "\n" + " \\\\\n".join(lines) + "\n\\end{array}$$"


def front_tabular(found: Front) -> str:
    r"""Return the front as a LaTeX tabular for a paper, the best formula with error bars and marked by a star."""
    lines = []
    for (mark, _, complexity, _, r2, weight, _), candidate in zip(front_cells(found)[1], found, strict=True):
        formula = (
            latex_with_error_bars(found.uncertainty(candidate))
            if mark and has_error_bars(candidate)
            else candidate.latex()
        )
        cells = [r"$\star$" if mark else "", complexity, f"${r2}$" if r2 else "--", f"${weight}$", f"${formula}$"]
        lines.append(" & ".join(cells) + r" \\")
    head = [r"\begin{tabular}{crrrl}", r"\hline", r"& complexity & $R^2$ & weight & formula \\", r"\hline"]
    return "\n".join([*head, *lines, r"\hline", r"\end{tabular}"])
