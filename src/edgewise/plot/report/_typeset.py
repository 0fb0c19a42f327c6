"""LaTeX formulas as inline SVG, typeset by matplotlib: no script, no font, no network."""

import re

from markupsafe import Markup, escape
from matplotlib.textpath import text_to_path

from edgewise._printable import printable
from edgewise.interpret.export import latex_names
from edgewise.plot import outline, path_data

_EM = text_to_path.FONT_SCALE
_PAD = 0.06 * _EM
_EXPONENT = re.compile(r"\^\{(-?) ?\\frac\{(\w+)\}\{(\w+)\}\}")
_PRODUCT = re.compile(r"(?<=[\w}]) \\mathrm\{")
_LOW = re.compile(r"\\left([(|\[])((?:(?!\\left|\\right|\\frac|\\sqrt).)*)\\right([)|\]])")
LONGEST = 3000  # letters of a formula that is typeset; longer ones fill no page
_SMALLEST = 0.6  # scale down to which a wide formula shrinks before it scrolls
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
    left, bottom, width, height = box.x0 - _PAD, box.y0 - _PAD, box.width + 2 * _PAD, box.height + 2 * _PAD
    label = escape(printable(f"{name} = {latex}" if name else latex))
    return Markup(
        f'<svg class="formula" role="img" aria-label="{label}" '
        f'style="width:{width / _EM:.3f}em;min-width:{_SMALLEST * width / _EM:.3f}em" '
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
