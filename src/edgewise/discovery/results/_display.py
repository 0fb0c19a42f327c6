"""The front as text, as HTML for notebooks, and as LaTeX for papers, with standard errors."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import escape

from edgewise._printable import printable
from edgewise.discovery.judging import Candidate, Outcome
from edgewise.discovery.results._front import Front
from edgewise.discovery.tables import EXACT, KINDS, WIDE, covered
from edgewise.formulas.expressions import quoted, write
from edgewise.interpret.export import latex_names, latex_with_error_bars, text_with_error_bars

_DIGITS = 6
_LAWLIKE = 1e-3  # error on held-out rows of a law that longer formulas only correct


def has_error_bars(candidate: Candidate) -> bool:
    """Return whether a formula has fitted constants and leaves more than rounding errors."""
    return bool(candidate.fitted) and candidate.error >= EXACT and candidate.by_group is None


def with_error_bars(found: Front, candidate: Candidate) -> str:
    """Return a formula as text, each fitted constant with its standard error, terms in the order of the front."""
    if not has_error_bars(candidate):
        return candidate.text(_DIGITS)
    return text_with_error_bars(found.uncertainty(candidate))


_LONGEST = 100  # characters of a formula of the front in a printout
_ROWS = {
    "classical": "", "autocorrelated": ", for rows that are correlated with their neighbors",
    "heteroscedastic": ", for residuals of varying size",
}  # fmt: skip
_LEFT = ' style="text-align:left"'
_RIGHT = ' style="text-align:right;white-space:nowrap"'


def r2_text(held_out: float) -> str:
    """Return a coefficient of determination from an error on held-out rows: as many places as tell it from 1.

    >>> r2_text(0.42), r2_text(0.01), r2_text(0.0), r2_text(float("nan"))
    ('0.824', '0.99990', '1', '')
    """
    most_places = 8
    if math.isnan(held_out):
        return ""
    if not math.isfinite(held_out):
        return "undefined"
    missing = held_out**2
    if missing < 0.5 * 10**-most_places:
        return "1"
    return f"{1 - missing:.{max(1 - math.floor(math.log10(missing)), 3)}f}"


def _rough(error: float) -> str:
    """Return an error to one digit, as 7e-6."""
    return f"{error:.0e}".replace("e-0", "e-")


def weight_text(weight: float) -> str:
    """Return a weight of evidence with two places.

    >>> weight_text(0.978), weight_text(0.001), weight_text(1.0)
    ('0.98', '<0.01', '1.00')
    """
    return "<0.01" if weight < 0.005 else f"{weight:.2f}"


def reason(found: Front) -> str:
    """Return why the best formula is not that of the largest weight, in a sentence; nothing where it is."""
    first, best = int(found.weights.argmax()), found.best
    other, texts = found.candidates[first], [weight_text(float(weight)) for weight in found.weights]
    own = texts[next(k for k, c in enumerate(found.candidates) if c is best)]
    if texts[first] == own:
        return ""
    errors = f"{best.held_out:.2g} rather than {other.held_out:.2g}"
    if best.named is not None and other.named is None:
        why = "is a law of textbooks that predicts held-out rows about as well"
    elif best.held_out < other.held_out:
        why = f"has a smaller error on held-out rows ({errors})"
    elif best.held_out < _LAWLIKE:
        why = f"is a law to {_rough(best.held_out)} of the standard deviation, which the other one only corrects"
    elif best.complexity < other.complexity:
        why = f"is simpler, with about the same error on held-out rows ({errors})"
    else:
        why = f"follows the best flexible model better around the rows (error on held-out rows: {errors})"
    weights = f"{texts[first]}, against {own}"
    return f"Formula {first} has the largest weight of evidence ({weights}); the one chosen {why}."


def front_cells(found: Front, digits: int | None = _DIGITS) -> tuple[list[str], list[list[str]]]:
    """Return the front as a table of text: the head, and a line for each formula with its mark and number.

    Parameters
    ----------
    found
        The front.
    digits
        Digits of the numbers in formulas; None for all.
    """
    head = ["", "#", "complexity", "error", "held-out R2", "weight", "formula"]
    return head, [
        [">" if c is found.best else "", str(k), f"{c.complexity:g}", f"{c.error:.2g}", r2_text(c.held_out),
         weight_text(float(w)), printable(c.text(digits) + ("" if c.named is None else f"  ({c.named.name})"))]
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
    lines = [f"{quoted(found.target)} = {with_error_bars(found, best)}", *named_lines(best)]
    if has_error_bars(best):
        lines.append(f"A constant stands with its standard error (±){_ROWS[found.rows_are]}.")
    r2 = r2_text(best.held_out)
    lines.append(f"Error: {best.error:.2g} ({error_means(found)})" + (f"; R2 on held-out rows: {r2}." if r2 else "."))
    lines += scale_lines(found)
    lines += noise_lines(found)
    if found.ceiling is not None:
        own = r2_text(found.ceiling.held_out)
        lines.append(f"R2 of the best flexible model, an additive network, on held-out rows: {own}.")
    lines += group_lines(found)
    if len(found) > 1 and found.outcome is not Outcome.EXACT:
        lines.append(f"Weight of forms that are not on this front: {1 - float(found.weights.sum()):.2f}.")
    lines += judgement_lines(found)
    if found.searched and found.outcome is not Outcome.EXACT:
        lines.append(found.searched)
    lines += filter(None, [reason(found)])
    return [printable(line) for line in [*lines, *found.notes]]


def named_lines(candidate: Candidate) -> list[str]:
    """Return the law of a textbook that a formula is, with its constants, what they are, and its other names."""
    law = candidate.named
    return [] if law is None else [str(law), f"  {law.what()}"]


def judgement_lines(found: Front) -> list[str]:
    """Return which other forms the rows do not rule out, what the residuals show, and which law is only corrected."""
    most_rivals = 3  # that are shown
    lines = []
    lines += [str(answer) for answer in found.answers]
    if found.rivals:
        shown = "; ".join(cut(write(each.expression, _DIGITS)) for each in found.rivals[:most_rivals])
        lines.append(f"The rows do not rule out: {shown}.")
    if found.outcome is not Outcome.EXACT:
        lines += found.findings.sentences()
    if found.outcome is Outcome.TIME_LIMIT and "work done" in found.settings:
        lines.append(f"About {found.settings['work done']:.0%} of the work was done.")
    laws = [c for c in found if c.held_out < _LAWLIKE]
    if found.outcome not in (Outcome.EXACT, Outcome.NOISE) and laws and laws[0] is not found[-1]:
        number, size = found.candidates.index(laws[0]), _rough(laws[0].held_out)
        lines.append(f"Formula {number} is a law to {size} of the standard deviation; longer ones are corrections.")
    return lines


def group_lines(found: Front) -> list[str]:
    """Return the constants of the best formula that differ by group, as far as the groups are few."""
    most_groups = 10  # whose constants are shown
    by = found.best.by_group
    if by is None:
        return []
    verb = "differs" if len(by.names) == 1 else "differ"
    how = "" if by.exact else f", drawn from a normal distribution by {by.method}"
    lines = [f"{' and '.join(by.names)} {verb} by {by.group} (found.groups){how}:"]
    lines += [f"  {line}" for line in (*by.between(), *by.lines()[:most_groups])]
    more = len(by.labels) - most_groups
    return [*lines, f"  and {more} more groups"] if more > 0 else lines


def noise_lines(found: Front) -> list[str]:
    """Return the noise where it is not additive, the rows set aside, and chi-squared where it is known."""
    noise = found.noise_model
    plain = not (noise.varies or noise.given or noise.stated) and noise.loss == "squared" and not noise.outliers
    lines = [] if plain or (found.outcome is Outcome.EXACT and not noise.outliers) else [f"Noise: {noise.text()}."]
    if found.likelihood is not None:
        best = found.likeliest()
        lines = [f"{found.likelihood.summary(best.values, best.theta, best.errors, len(best.free.values)).leaves}."]
    if found.chi2 is not None:
        lines.append(f"Chi-squared per degree of freedom, by the standard errors given: {found.chi2:.3g}.")
    return lines


def scale_lines(found: Front) -> list[str]:
    """Return in which scale rows are weighed and why, where it is not that of the target."""
    decades = covered(found.y) if found.relative and not found.noise_model.given else 0.0
    if decades <= WIDE:
        return []
    logs = f", as those of log({found.target})" if found.logarithmic else ""
    return [f"Errors are weighed relative to {found.target}{logs}: the target covers {decades:.1f} decades."]


def error_means(found: Front) -> str:
    """Return what every error of a discovery is."""
    noise = found.noise_model
    if found.logarithmic:
        return f"rms residual / standard deviation of log({found.target})"
    if found.likelihood is not None:
        return f"{found.likelihood.measure}, over that of the best constant"
    equal = found.weight is not None and not np.ptp(found.weight) > 0
    rows = "" if equal or noise.relative else noise.form.rows
    rows = rows or (KINDS["relative"].rows if found.relative else "")
    weighted = f", rows weighted {rows.format(found.target)}" if rows else ""
    return f"rms residual / standard deviation of {found.target}{weighted}"


def front_html(found: Front) -> str:
    """Return the front as an HTML table for notebooks: formulas as mathematics, the best in bold, all escaped."""
    names, rows = front_cells(found)
    body = ""
    for candidate, (mark, number, *cells, _) in zip(found.candidates, rows, strict=True):
        shown = (f"★ {number}" if mark else number, *cells)
        numbers = "".join(f"<td{_RIGHT}>{escape(text)}</td>" for text in shown)
        bold = ' style="font-weight:bold"' if mark else ""
        law = "" if candidate.named is None else f" ({candidate.named.name})"
        body += f"<tr{bold}>{numbers}<td{_LEFT}>{escape(f'${candidate.latex()}${law}')}</td></tr>"
    head = "".join(f"<th{_RIGHT}>{name}</th>" for name in names[1:-1]) + f"<th{_LEFT}>{names[-1]}</th>"
    best, *others = (escape(line) for line in conclusion(found))
    formula = latex_with_error_bars(found.uncertainty()) if has_error_bars(found.best) else found.best.latex()
    shown = escape(f"${latex_names([found.target])[found.target]} = {formula}$")
    after = f"<p>{shown}</p><p><code>{best}</code></p><p>{'<br>'.join(others)}</p>"
    return f"<p>{escape(title(found))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{after}"


def front_array(found: Front) -> str:
    r"""Return the front as a LaTeX array in display mathematics, the best formula marked by \star."""
    lines = [
        " & ".join([r"\star" if mark else "", complexity, r2 or "-", weight, candidate.latex()])
        for (mark, _, complexity, _, r2, weight, _), candidate in zip(front_cells(found)[1], found, strict=True)
    ]
    head = r"& \text{complexity} & \text{held-out } R^2 & \text{weight} & \text{formula} \\ \hline"
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
    head = [r"\begin{tabular}{crrrl}", r"\hline", r"& complexity & held-out $R^2$ & weight & formula \\", r"\hline"]
    return "\n".join([*head, *lines, r"\hline", r"\end{tabular}"])
