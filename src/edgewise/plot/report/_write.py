"""A report: plain values, formulas typeset as inline SVG, and the one HTML file made of them."""

import base64
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.textpath import text_to_path

from edgewise._printable import printable
from edgewise._replacing import writing
from edgewise.interpret.export import latex_names
from edgewise.plot import Candidate, outline, pareto, path_data, svg

_TOKENS = re.compile(r"\\(left.|begin)|\\(right.|end)|\\.|[{}|]| [+-] ")
_UNSEEN = re.compile(r"\\(?:left|right|mathrm|mathit|operatorname|,|frac)|[\\{}^\s]")


def lines(latex: str, longest: int, taken: int = 0) -> list[str]:
    r"""Return a formula as lines of about that many visible characters, broken before the + and - of its sum.

    `taken` characters of the first line are not free. Nothing is broken within parentheses or fractions, so a line may
    be longer.

    >>> lines(r"a + \left(b + c\right) x - \frac{d + e}{f}", 8)
    ['a + \\left(b + c\\right) x', '- \\frac{d + e}{f}']
    >>> lines("a + |b - c|", 8, 6)
    ['a', '+ |b - c|']
    """
    first, *others = _terms(latex)
    out, count = [first], taken + _visible(first)
    for term in others:
        count += _visible(term)
        if count > longest:
            out.append(term.strip())
            count = _visible(term)
        else:
            out[-1] += term
    return out


def _terms(latex: str) -> list[str]:
    """The terms of the outermost sum, each but the first with its sign."""
    depth, bars, start, terms = 0, False, 0, []
    for token in _TOKENS.finditer(latex):
        if token[1] or token[0] == "{":
            depth += 1
        elif token[2] or token[0] == "}":
            depth -= 1
        elif token[0] == "|":
            bars = not bars
        elif token[0].startswith(" ") and depth == 0 and not bars:
            terms.append(latex[start : token.start()])
            start = token.start()
    return [*terms, latex[start:]]


def _visible(latex: str) -> int:
    return len(_UNSEEN.sub("", latex))


_EM = text_to_path.FONT_SCALE
_EXPONENT = re.compile(r"\^\{(-?) ?\\frac\{(\w+)\}\{(\w+)\}\}")
_PRODUCT = re.compile(r"(?<=[\w}]) \\mathrm\{")
_LOW = re.compile(r"\\left([(|\[])((?:(?!\\left|\\right|\\frac|\\sqrt).)*)\\right([)|\]])")
LONGEST = 3000  # letters of a formula that is typeset; longer ones fill no page
_ARGUMENT = re.compile(r"(\\mathrm\{\w+\}|\\(?!frac|sqrt)[a-z]+)\{(\([^(){}]*\))\}")  # \sin{(x)}


def typeset(name: str, latex: str) -> Markup | None:
    r"""Return `name = latex` as inline SVG in the color of the text around it, None if that fails.

    `name` is a plain name, "" for none; `latex` is mathematics as `edgewise.export.latex` or sympy prints it.

    >>> typeset("period_days", r"\sqrt{a}")[:4]
    Markup('<svg')
    >>> typeset("y", r"\begin{cases} 1 \end{cases}") is None
    True
    """
    equals = f"{latex_names([name])[name]} = " if name else ""
    ways = [equals + text for text in (_display(latex), latex) if len(text) <= LONGEST]
    path = next((path for path in map(outline, ways) if path is not None), None)
    if path is None:
        return None
    box = path.get_extents()
    pad, smallest = 0.06 * _EM, 0.6  # scale down to which a wide formula shrinks before it scrolls
    left, bottom, width, height = box.x0 - pad, box.y0 - pad, box.width + 2 * pad, box.height + 2 * pad
    label = escape(printable(f"{name} = {latex}" if name else latex))
    return Markup(
        f'<svg class="formula" role="img" aria-label="{label}" '
        f'style="width:{width / _EM:.3f}em;min-width:{smallest * width / _EM:.3f}em" '
        f'viewBox="{left:.2f} {-bottom - height:.2f} {width:.2f} {height:.2f}">'
        f'<path fill="currentColor" d="{path_data(path)}"/></svg>'
    )


def _display(latex: str) -> str:
    r"""The formula as one would set it by hand.

    Large fractions on the line, a^{3/2} above it, thin spaces before names, plain parentheses around what
    is low.

    >>> print(_display(r"\frac{2 \mathrm{mass}^{\frac{3}{2}}}{\sin{\left(x \right)}}"))
    \dfrac{2 \,\mathrm{mass}^{3/2}}{\sin(x)}
    """
    text = _EXPONENT.sub(r"^{\1\2/\3}", latex)
    text = _PRODUCT.sub(r" \\,\\mathrm{", text).replace(r"\operatorname{", r"\mathrm{")
    before = None
    while before != text:
        before, text = text, _LOW.sub(lambda m: m[1] + m[2].strip() + m[3], text)
    text = _ARGUMENT.sub(r"\1\2", text)
    depth, out = 0, []
    for part in re.split(r"(\\frac|[{}])", text):
        depth += {"{": 1, "}": -1}.get(part, 0)
        out.append(r"\dfrac" if part == r"\frac" and depth == 0 else part)
    return "".join(out)


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows, in its order.

    `problem` holds rows (label, value) on what was asked, `formula_latex` pairs (name of the target, LaTeX of its
    formula), `formula_text` the same to copy as Python, `formula_bars` with standard errors, `errors` rows (label,
    value), `first` pairs (short caption, figure) that stand right below, `tested` a sentence on each thing that was
    tested, `inputs` one on what each input does, `figures` more pairs (short caption, figure), `candidates` the rows
    of the table and of the Pareto picture, `ceiling` the error of a model that no formula has to beat, `front_latex`
    the table in LaTeX, `notes` how it was found, a sentence each, `provenance` rows (label, value) such as version,
    date and seed.

    >>> ReportContent("Kepler", formula_latex=[("T", "a^{3/2}")]).candidates
    ()
    """

    title: str
    subtitle: str = ""
    problem: Sequence[tuple[str, str]] = ()
    formula_latex: Sequence[tuple[str, str]] = ()
    formula_text: str = ""
    formula_bars: str = ""
    errors: Sequence[tuple[str, str]] = ()
    first: Sequence[tuple[str, Figure]] = ()
    tested: Sequence[str] = ()
    inputs: Sequence[str] = ()
    figures: Sequence[tuple[str, Figure]] = ()
    candidates: Sequence[Candidate] = ()
    ceiling: float | None = None
    front_latex: str = ""
    notes: Sequence[str] = ()
    provenance: Sequence[tuple[str, str]] = ()


def write_report(path: str | os.PathLike[str], content: ReportContent) -> Path:
    """Write a report as one self-contained HTML file and return its path.

    Styles, pictures and typeset formulas are inside; it runs no script and asks no server for anything. A
    formula that cannot be typeset is shown as text. The file appears whole or not at all.

    Errors: InputError when the folder is missing or cannot be written, or when `path` is a folder.

    >>> import tempfile
    >>> law = [("s", r"\\frac{g t^2}{2}")]
    >>> content = ReportContent("Falling stone", formula_latex=law, formula_text="g*t**2/2")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "g*t**2/2" in write_report(f"{folder}/report.html", content).read_text(encoding="utf-8")
    True
    """
    with writing(path) as file:
        file.write(render(content).encode())
    return Path(path)


def render(content: ReportContent) -> str:
    """Return the page as a string."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_legible,
    )
    front = None
    if content.candidates:
        figure = pareto(content.candidates, ceiling=content.ceiling).get_figure(root=True)
        assert figure is not None
        front = _picture("Error against complexity", figure)
    return environment.get_template("report.html").render(
        content=content,
        laws=[_law(name, latex) for name, latex in content.formula_latex],
        first=[_picture(caption, figure) for caption, figure in content.first],
        pictures=[_picture(caption, figure) for caption, figure in content.figures],
        front=front,
        rows=[_cells(row) for row in content.candidates],
        held_out=any(math.isfinite(row.held_out) for row in content.candidates),
        weighed=any(math.isfinite(row.weight) for row in content.candidates),
    )


def _cells(row: Candidate) -> dict[str, Any]:
    """Return a row of the table of candidates as text."""
    r2 = row.r2 or (f"{1 - row.held_out**2:.3f}" if math.isfinite(row.held_out) else "–")
    weight = "< 0.01" if row.weight < 0.005 else f"{row.weight:.2f}"
    return {**row._asdict(), "r2": r2, "weight": weight if math.isfinite(row.weight) else "–"}


def _legible(value: object) -> object:
    """What the page prints: texts from outside without characters that no page may hold."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _law(name: str, latex: str) -> dict[str, Any]:
    source = f"{latex_names([name])[name]} = {latex}"
    visible = 66  # characters of a line
    broken = lines(latex, visible, len(name) + 1) if len(latex) <= LONGEST else [latex]
    svgs = [typeset(name if k == 0 else "", line) for k, line in enumerate(broken)]
    return {"name": name, "latex": latex, "source": source, "lines": None if None in svgs else svgs}


def _picture(caption: str, figure: Figure) -> dict[str, Any]:
    """A figure as a data address: a separate image, so that names inside do not clash with others'."""
    source = "data:image/svg+xml;base64," + base64.b64encode(svg(figure)).decode("ascii")
    pixels, smallest = 96, 0.55  # of an inch on a screen; of a picture's width, below which a narrow screen scrolls it
    width = round(figure.get_figwidth() * pixels)
    return {"caption": caption, "source": source, "width": width, "least": round(width * smallest)}
