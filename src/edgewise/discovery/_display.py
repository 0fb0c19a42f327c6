"""The front as text, as HTML for notebooks, and as LaTeX for papers; formulas with error bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sympy
from markupsafe import Markup, escape

from edgewise._printable import printable
from edgewise.discovery._candidate import Candidate
from edgewise.discovery._monomials import EXACT
from edgewise.export import latex, latex_names
from edgewise.expressions import Uncertainty, quoted, rounded_together, write

if TYPE_CHECKING:
    from edgewise.discovery._result import Discovery

_DIGITS = 6
_LONGEST = 100  # characters of a formula of the front in a printout
_MOST_PLACES = 8
_HEAD = ("", "complexity", "error", "held-out R2", "weight", "formula")
_STYLE = ' style="text-align:left"'


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


def with_error_bars(found: Discovery, candidate: Candidate) -> str:
    """Return a formula as text, each fitted constant with its standard error."""
    expression = found.uncertainty(candidate).expression() if has_error_bars(candidate) else candidate.expression
    names = {s: sympy.Symbol(quoted(s.name)) for s in expression.free_symbols if s.name in found.names}
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
        text = text.replace(latex_names([place])[place], shown)
    return text


def _power_of_ten(number: str) -> str:
    if number == "undetermined":
        return r"\infty"
    mantissa, _, exponent = number.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else number


def rows(found: Discovery) -> list[tuple[str, str, str, str, str, Candidate]]:
    """Return the cells of each formula of the front: mark, complexity, error, held-out R2, weight; and the formula."""
    return [
        (">" if c is found.best else "", f"{c.complexity:g}", f"{c.error:.2g}", r2_text(c.held_out), weight_text(w), c)
        for c, w in zip(found.candidates, found.weights, strict=True)
    ]


def front_text(found: Discovery) -> str:
    """Return the front as a table, the best formula with error bars below, and what the ceiling reaches."""
    lines = [_HEAD[:1] + ("#",) + _HEAD[1:]]
    for number, (mark, *cells, candidate) in enumerate(rows(found)):
        formula = write(candidate.expression, _DIGITS)
        cut = formula if len(formula) <= _LONGEST else formula[: _LONGEST - 4] + " ..."
        lines.append((mark, str(number), *cells, cut))
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]) - 1)]
    table = ["  ".join([*(c.rjust(w) for c, w in zip(line, widths, strict=False)), line[-1]]) for line in lines]
    head = f"Discovery of {found.target}: {found.outcome.message}"
    return "\n".join(printable(line) for line in [head, *table, "", *conclusion(found)])


def conclusion(found: Discovery) -> list[str]:
    """Return the best formula with error bars, what errors are, and what the best flexible model reaches."""
    best, target = found.best, quoted(found.target)
    lines = [f"{target} = {with_error_bars(found, best)}"]
    if has_error_bars(best):
        lines.append("A constant stands with its standard error (±).")
    lines.append(error_means(found))
    if found.ceiling is not None:
        lines.append(ceiling_says(found))
    return lines


def error_means(found: Discovery) -> str:
    """Return the sentence that says what every error here is."""
    if found.relative:
        return f"Errors: rms residual / standard deviation of {found.target}, rows weighted by 1/{found.target}^2."
    return f"Errors: rms residual / standard deviation of {found.target}."


def ceiling_says(found: Discovery) -> str:
    """Return the sentence on the best flexible model."""
    assert found.ceiling is not None
    own, best = r2_text(found.ceiling.held_out), r2_text(found.best.held_out)
    compared = f"; the best formula: {best}" if best else ""
    return f"Held-out R2 of a flexible model (an additive network): {own}{compared}."


def front_html(found: Discovery) -> str:
    """Return the front as an HTML table for notebooks, the best formula in bold, everything escaped."""
    head = "".join(f"<th{_STYLE if k == 5 else ''}>{name}</th>" for k, name in enumerate(("#", *_HEAD[1:])))
    body = ""
    for number, (mark, *cells, candidate) in enumerate(rows(found)):
        formula = Markup("<code>{}</code>").format(printable(write(candidate.expression, _DIGITS)))
        texts = [f"{'★ ' if mark else ''}{number}", *cells]
        line = "".join(Markup("<td>{}</td>").format(text) for text in texts) + f"<td{_STYLE}>{formula}</td>"
        body += f'<tr{" style=font-weight:bold" if mark else ""}>{line}</tr>'
    title = f"Discovery of {found.target}: {found.outcome.message}"
    after = "".join(f"<p>{escape(printable(line))}</p>" for line in conclusion(found))
    return f"<p>{escape(printable(title))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{after}"


def front_array(found: Discovery) -> str:
    r"""Return the front as a LaTeX array in display mathematics, the best formula marked by \star."""
    lines = []
    for mark, complexity, _, r2, weight, candidate in rows(found):
        star = r"\star" if mark else ""
        cells = (star, complexity, r2 or "-", _mathematical(weight), candidate.latex())
        lines.append(" & ".join(cells))
    head = r"& \text{complexity} & R^2 & \text{weight} & \text{formula} \\ \hline"
    return "$$\\begin{array}{crrrl}\n" + head + "\n" + " \\\\\n".join(lines) + "\n\\end{array}$$"


def front_tabular(found: Discovery) -> str:
    r"""Return the front as a LaTeX tabular for a paper, the best formula with error bars and marked by a star."""
    lines = []
    for mark, complexity, _, r2, weight, candidate in rows(found):
        formula = found.latex(candidate) if mark else candidate.latex()
        star = r"$\star$" if mark else ""
        lines.append(f"{star} & {complexity} & {r2 or '--'} & ${_mathematical(weight)}$ & ${formula}$ \\\\")
    head = [r"\begin{tabular}{crrrl}", r"\hline", r"& complexity & $R^2$ & weight & formula \\", r"\hline"]
    return "\n".join([*head, *lines, r"\hline", r"\end{tabular}"])


def _mathematical(weight: str) -> str:
    return weight.replace("<", "< ")
