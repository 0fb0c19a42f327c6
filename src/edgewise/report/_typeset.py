"""LaTeX formulas as inline SVG, typeset by matplotlib: no script, no font, no network."""

from __future__ import annotations

import re

from markupsafe import Markup, escape
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from edgewise.export import latex_names, printable
from edgewise.plot._drawing import LOCK
from edgewise.plot._text import has_glyphs, literal

_SIZE = text_to_path.FONT_SCALE
_EM = text_to_path.FONT_SCALE
_PAD = 0.06 * _EM
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
_EXPONENT = re.compile(r"\^\{(-?) ?\\frac\{(\w+)\}\{(\w+)\}\}")
_PRODUCT = re.compile(r"(?<=[\w}]) \\mathrm\{")
_LOW = re.compile(r"\\left([(|\[])((?:(?!\\left|\\right|\\frac|\\sqrt).)*)\\right([)|\]])")
_ESCAPED = re.compile(r"\\(?:(backslash|wedge|sim) |([^A-Za-z]))", re.DOTALL)
_NAME = re.compile(r"\\mathrm\{((?:[^{}\\]|\\[^A-Za-z]|\\(?:backslash|wedge|sim) )*)\}", re.DOTALL)
_KNOWN = re.compile(r"(?:\w|\\[ _])*", re.ASCII)
_FAMILIES = {"stix": "STIXGeneral", "dejavuserif": "DejaVu Serif"}
_COMMANDS = {"backslash": "\\", "wedge": "^", "sim": "~"}
_LONGEST = 3000  # letters of a formula that is typeset; longer ones fill no page
_ARGUMENT = re.compile(r"(\\mathrm\{\w+\}|\\(?!frac|sqrt)[a-z]+)\{(\([^(){}]*\))\}")  # \sin{(x)}


def typeset(name: str, latex: str) -> Markup | None:
    r"""Return `name = latex` as inline SVG in the colour of the text around it, None if that fails.

    `name` is a plain name, "" for none; `latex` is mathematics as `edgewise.export.latex` or sympy prints it.

    >>> typeset("period_days", r"\sqrt{a}")[:4]
    Markup('<svg')
    >>> typeset("y", r"\begin{cases} 1 \end{cases}") is None
    True
    """
    equals = f"{latex_names([name])[name]} = " if name else ""
    ways = [_literal(equals + text) for text in (_display(latex), latex) if len(text) <= _LONGEST]
    path = next((path for path in map(_outline, ways) if path is not None), None)
    if path is None:
        return None
    box = path.get_extents()
    left, bottom, width, height = box.x0 - _PAD, box.y0 - _PAD, box.width + 2 * _PAD, box.height + 2 * _PAD
    label = escape(printable(f"{name} = {latex}" if name else latex))
    return Markup(
        f'<svg class="formula" role="img" aria-label="{label}" '
        f'style="width:{width / _EM:.3f}em;height:{height / _EM:.3f}em" '
        f'viewBox="{left:.2f} {-bottom - height:.2f} {width:.2f} {height:.2f}">'
        f'<path fill="currentColor" d="{_path_data(path)}"/></svg>'
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


def _outline(math: str) -> Path | None:
    """The formula's outline, None where matplotlib cannot set it."""
    family = _family(math)
    if family is None:
        return None
    fonts = FontProperties(size=_SIZE, math_fontfamily=family)
    try:
        with LOCK:
            vertices, codes = text_to_path.get_text_path(fonts, f"${math}$".replace(r"\&", "&"), ismath=True)
        return Path(vertices, codes)
    except (ValueError, RuntimeError):  # a formula nested too deeply too
        return None


def _family(math: str) -> str | None:
    """The first family of fonts that has every character, None if none has."""
    if math.isascii() and r"\text{" not in math:  # cm has other characters in the places of ~, ^, _ and quotes
        return "cm"
    return next((family for family, font in _FAMILIES.items() if has_glyphs(math, font)), None)


def _literal(latex: str) -> str:
    r"""The formula with names as text where they hold what matplotlib's mathematics does not know.

    >>> print(_literal(r"2 \mathrm{R\&D\ Spend} + \mathrm{a\_b}"))
    2 \text{R&D Spend} + \mathrm{a\_b}
    """

    def text(name: re.Match[str]) -> str:
        if _KNOWN.fullmatch(name[1]):
            return name[0]
        return literal(_ESCAPED.sub(lambda m: _COMMANDS.get(m[1], m[2]), name[1]))

    return _NAME.sub(text, latex)


def _path_data(path: Path) -> str:
    """An SVG path, y downward."""
    parts = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        pairs = points.reshape(-1, 2)
        parts.append(_LETTERS[code] + " ".join(f"{x:.2f} {-y:.2f}" for x, y in pairs))
    return "".join(parts)
