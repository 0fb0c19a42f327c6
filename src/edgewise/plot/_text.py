"""Names and formulas as matplotlib prints them: their outlines and widths."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from edgewise._printable import printable
from edgewise.plot._style import LOCK, drawing

_WORDS = re.compile(r"[A-Za-z0-9_ ]*")
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}  # for texts that are set as they are
_GREEK = (
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega|"
    "Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega"
)
_SYMBOL = re.compile(rf"([A-Za-z]|{_GREEK})(?:_?([0-9]{{1,3}}(?:\.[0-9]{{1,3}})?)|_([A-Za-z][A-Za-z0-9]{{0,7}}))?")
_POWER = re.compile(r"(1/)?x(?:\^([+-]?[\d./]+))?")
_VARIABLE = re.compile(r"(?<![a-z])x(?![a-z])")
_FORMS = {  # before and after the argument, and whether it needs parentheses; other functions are set as name(x)
    "sqrt": (r"\sqrt{", False, "}"),
    "1/sqrt": (r"1/\sqrt{", False, "}"),
    "exp": ("e^{", False, "}"),
    "gaussian": ("e^{-", True, "^2}"),
    "abs": ("|", False, "|"),
}


class Label(NamedTuple):
    """Text for a picture.

    Parameters
    ----------
    text
        The text.
    is_math
        Whether it is mathtext between dollars.
    """

    text: str
    is_math: bool

    @property
    def style(self) -> dict[str, Any]:
        """What a matplotlib text needs to show the label, whatever the user's settings are."""
        return {"parse_math": self.is_math, "usetex": False}


def math_name(name: str) -> str:
    r"""Return a name as mathtext: letters, Greek ones too, in italics, with their index; words as are.

    Parameters
    ----------
    name
        The name.

    Examples
    --------
    >>> from edgewise.plot import math_name
    >>> print(math_name("x12"), math_name("lambda"), math_name("k_B"), math_name("period_days"))
    x_{12} \lambda k_{B} \mathrm{period\_days}
    """
    match = _SYMBOL.fullmatch(name)
    if not match:
        return _upright(name)
    letter, number, word = match.groups()
    index = number or (word and (math_name(word) if len(word) == 1 or word in _GREEK.split("|") else _upright(word)))
    return (letter if len(letter) == 1 else "\\" + letter) + (f"_{{{index}}}" if index else "")


def _upright(name: str) -> str:
    if _WORDS.fullmatch(name) and name.strip():  # a blank alone is no word there
        return r"\mathrm{" + name.replace("_", r"\_").replace(" ", r"\ ") + "}"
    return literal(name)


def literal(text: str) -> str:
    r"""Any characters as mathtext that shows them as they are.

    >>> print(literal("R&D {$}"))
    \text{R&D \{\$\}}
    """
    return r"\text{" + re.sub(r"[\\{}$]", r"\\\g<0>", printable(text)) + "}"


def plain(text: str, most: int = 60) -> str:
    r"""Any text as a picture shows it: one line, without control characters, and without the middle of a long one.

    >>> plain("a\tb"), plain("abcdefghij", 5)
    ('a b', 'ab…ij')
    """
    text, half = printable(str(text)), most // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def name_label(name: str) -> Label:
    r"""Return a column's name as it is shown: symbols and LaTeX between dollars as mathematics, the rest as it is.

    Parameters
    ----------
    name
        The name.

    Examples
    --------
    >>> from edgewise.plot import name_label
    >>> name_label("theta_1").text, name_label(r"$\dot{x}$").is_math, name_label("cost in $").is_math
    ('$\\theta_{1}$', True, False)
    """
    if _SYMBOL.fullmatch(name):
        return Label(f"${math_name(name)}$", True)
    text = printable(name)
    return Label(text, True) if _is_math(text) else Label(plain(text), False)


def _is_math(text: str) -> bool:
    inner = text[1:-1]
    longest = 120  # of LaTeX between dollars
    dollars = 2 < len(text) <= longest and text[0] == text[-1] == "$" and "$" not in inner and inner[-1] != "\\"
    return dollars and has_glyphs(inner, "DejaVu Sans") and typesets(inner)


def has_glyphs(text: str, family: str) -> bool:
    """Whether every character beyond ASCII is in a font."""
    if text.isascii():
        return True
    font = get_font(findfont(family))
    return all(c.isascii() or font.get_char_index(ord(c)) for c in text)


def typesets(math: str) -> bool:
    """Return whether matplotlib can typeset a piece of LaTeX mathematics.

    Parameters
    ----------
    math
        The LaTeX, without dollars.

    Examples
    --------
    >>> from edgewise.plot import typesets
    >>> typesets(r"\\frac{a}{b}"), typesets(r"\\begin{cases}")
    (True, False)
    """
    try:
        with LOCK:
            MathTextParser("path").parse("$" + math.replace(r"\&", "&") + "$")  # the one escape it does not know
    except (ValueError, RuntimeError):  # a formula nested too deeply too
        return False
    return True


Affine = tuple[float, float, float, float]


def edge_label(function: str, affine: Affine = (1.0, 0.0, 1.0, 0.0), name: str = "x", digits: int = 3) -> Label:
    r"""Return one symbolic edge, c f(a x + b) + d, as mathematics with rounded constants.

    Parameters
    ----------
    function
        The name of the function f.
    affine
        The constants (a, b, c, d).
    name
        Mathtext for x.
    digits
        Significant digits of the constants.

    Examples
    --------
    >>> from edgewise.plot import edge_label
    >>> edge_label("sin", (2.0, 0.0, 1.0, -0.5)).text, edge_label("x^1.5", name="x_{1}").text
    ('$\\mathrm{sin}(2\\,x)-0.5$', '$x_{1}^{3/2}$')
    """
    a, b, c, d = affine
    if function == "x":
        return Label(f"${_line(c * a, name, c * b + d, digits)}$", True)
    inner = _line(a, name, b, digits)
    single = inner if inner == name else f"({inner})"
    power = _POWER.fullmatch(function)
    if power:
        body = single + (f"^{{{_exponent(power[2])}}}" if power[2] else "")
        body = f"1/{body}" if power[1] else body
    elif function in _FORMS:
        before, around, after = _FORMS[function]
        body = before + (single if around else inner) + after
    else:
        body = f"{_upright(function)}({inner})"
    factor = _factor(c, digits)
    body = factor + body[1:] if body.startswith("1/") and factor not in ("", "-") else _times(factor, body)
    return Label(f"${body}{_plus(d, digits)}$", True)


def _line(slope: float, name: str, offset: float, digits: int) -> str:
    if slope < 0 < offset:
        return f"{_constant(offset, digits)}-{_times(_factor(-slope, digits), name)}"
    return _times(_factor(slope, digits), name) + _plus(offset, digits)


def _factor(value: float, digits: int) -> str:
    """What stands before a product: nothing for 1, parentheses around a fraction."""
    shown = _constant(value, digits)
    return {"1": "", "-1": "-"}.get(shown, f"({shown})" if "/" in shown else shown)


def _times(factor: str, body: str) -> str:
    thin = factor[-1:].isalnum() and body[0] not in "(|"
    return factor + (r"\," if thin else "") + body


def _plus(value: float, digits: int) -> str:
    return "" if value == 0 else ("+" if value > 0 else "-") + _constant(abs(value), digits)


def _constant(value: float, digits: int) -> str:
    r"""A number with some digits, small multiples of pi as such.

    >>> _constant(-1.5 * math.pi, 3), _constant(3.14e5, 2)
    ('-3\\pi/2', '3.1{\\times}10^{5}')
    """
    share = Fraction(value / math.pi).limit_denominator(12) if math.isfinite(value) else Fraction(0)
    if share and abs(float(share) * math.pi - value) <= 1e-12 * abs(value) and abs(share.numerator) < 100:
        top = {1: "", -1: "-"}.get(share.numerator, str(share.numerator)) + r"\pi"
        return top if share.denominator == 1 else f"{top}/{share.denominator}"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return mantissa + (rf"{{\times}}10^{{{int(exponent)}}}" if exponent else "")


def _exponent(text: str) -> str:
    exponent = Fraction(text)
    return str(exponent) if exponent.denominator < 100 else f"{float(exponent):.4g}"


def edge_formula(function: str, affine: Affine, name: str) -> str:
    """Return one symbolic edge, c f(a x + b) + d, as plain text.

    Parameters
    ----------
    function
        The name of the function f.
    affine
        The constants (a, b, c, d).
    name
        The text for x.

    Examples
    --------
    >>> from edgewise.plot import edge_formula
    >>> edge_formula("sin", (2.0, 0.0, 1.0, -0.5), "t")
    'sin(2 t) − 0.5'
    >>> edge_formula("x^1.5", (1.0, 0.0, 3.0, 0.0), "a_au")
    '3 a_au^1.5'
    """
    a, b, c, d = affine
    inner = f"{_before(a)}{name}{_signed(b)}"
    single = inner if inner == name and " " not in name else f"({inner})"
    if function == "x":
        text = inner if b == 0 else single
    elif _VARIABLE.search(function):
        text = _VARIABLE.sub(lambda _: single, function)
    else:
        text = f"{function}({inner})"
    return f"{_before(c)}{text}{_signed(d)}"


def _before(value: float) -> str:
    """A factor, with a true minus sign; nothing for what is 1 to four digits."""
    text = f"{value:.4g}"
    return {"1": "", "-1": "−"}.get(text, f"{text} ".replace("-", "−"))


def _signed(value: float) -> str:
    return f" {'+' if value > 0 else '−'} {abs(value):.4g}".replace("-", "−") if value else ""


_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
_ESCAPED = re.compile(r"\\(?:(backslash|wedge|sim) |([^A-Za-z]))", re.DOTALL)
_NAME = re.compile(r"\\mathrm\{((?:[^{}\\]|\\[^A-Za-z]|\\(?:backslash|wedge|sim) )*)\}", re.DOTALL)
_KNOWN = re.compile(r"(?:\w|\\[ _])*", re.ASCII)
_FAMILIES = {"stix": "STIXGeneral", "dejavuserif": "DejaVu Serif"}
_COMMANDS = {"backslash": "\\", "wedge": "^", "sim": "~"}


def outline(latex: str) -> Path | None:
    r"""Return the outline of a piece of LaTeX mathematics, one em a hundred units; None where matplotlib cannot set it.

    Parameters
    ----------
    latex
        The LaTeX, without dollars.

    Examples
    --------
    >>> from edgewise.plot import outline
    >>> outline(r"\begin{cases}") is None
    True
    """
    math = _literal(latex)
    family = _family(math)
    if family is None:
        return None
    fonts = FontProperties(size=text_to_path.FONT_SCALE, math_fontfamily=family)
    try:
        with LOCK:
            vertices, codes = text_to_path.get_text_path(fonts, f"${math}$".replace(r"\&", "&"), ismath=True)
        return Path(vertices, codes)
    except (ValueError, RuntimeError):  # a formula nested too deeply too
        return None


def path_data(path: Path) -> str:
    """Return the data of an SVG path, y downward.

    Parameters
    ----------
    path
        The path.

    Examples
    --------
    >>> from matplotlib.path import Path
    >>> from edgewise.plot import path_data
    >>> path_data(Path([(0, 0), (1, 2)]))
    'M0.00 -0.00L1.00 -2.00'
    """
    parts = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        pairs = points.reshape(-1, 2)
        parts.append(_LETTERS[code] + " ".join(f"{x:.2f} {-y:.2f}" for x, y in pairs))
    return "".join(parts)


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


_POINT = 1 / 72  # inch


@lru_cache(maxsize=4096)
def _extent(text: str, is_math: bool, size: float) -> tuple[float, float]:
    """The width and height of one line of text set at `size` points, in inches."""
    with drawing([text]):
        wide, high, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), is_math)
    hinted = 1.02  # how much wider letters may become when they are fitted to pixels
    return float(wide) * hinted * _POINT, float(high) * _POINT


def width(label: Label, size: float) -> float:
    """The width of the widest line of a label set at `size` points, in inches.

    >>> width(Label("y", False), 8.0) < width(Label("yy", False), 8.0)
    True
    """
    return max(_extent(line, label.is_math, size)[0] for line in _lines(label))


def shortened(text: Callable[[int], str], room: float, size: float) -> str:
    """Return a text with as many letters of each name as there is room for, in inches.

    >>> shortened(lambda most: plain("gestation length in days", most), 0.8, 9.0)
    'gest…days'
    """
    ways = [text(most) for most in (60, 48, 40, 34, 28, 24, 20, 17, 14, 12, 10, 8)]
    return next((way for way in ways if width(Label(way, False), size) <= room), ways[-1])


def height(label: Label, size: float) -> float:
    """The height of a label, in inches: that of its lines, or of its mathematics if that is higher."""
    lines, spacing = _lines(label), 1.2  # in sizes of the font
    return max(len(lines) * spacing * size * _POINT, *(_extent(line, label.is_math, size)[1] for line in lines))


def _lines(label: Label) -> list[str]:
    return [label.text] if label.is_math else label.text.split("\n")


def broken(label: Label, lines: int, size: float) -> Label:
    r"""Break the label into at most `lines` lines between words, with the widest line as narrow as possible.

    >>> broken(Label("body mass index", False), 2, 8.0).text
    'body mass\nindex'
    """
    words = label.text.split(" ")
    if label.is_math or lines < 2 or not 1 < len(words) <= 12:
        return label
    ways = []
    for cuts in combinations(range(1, len(words)), min(lines, len(words)) - 1):
        ways.append(Label("\n".join(" ".join(words[a:b]) for a, b in pairwise((0, *cuts, len(words)))), False))
    return min(ways, key=lambda way: width(way, size))
