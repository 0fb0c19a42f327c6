"""LaTeX mathematics as outlines of its letters."""

import re

from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from edgewise.plot._style import LOCK
from edgewise.plot._text import has_glyphs, literal

_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
_ESCAPED = re.compile(r"\\(?:(backslash|wedge|sim) |([^A-Za-z]))", re.DOTALL)
_NAME = re.compile(r"\\mathrm\{((?:[^{}\\]|\\[^A-Za-z]|\\(?:backslash|wedge|sim) )*)\}", re.DOTALL)
_KNOWN = re.compile(r"(?:\w|\\[ _])*", re.ASCII)
_FAMILIES = {"stix": "STIXGeneral", "dejavuserif": "DejaVu Serif"}
_COMMANDS = {"backslash": "\\", "wedge": "^", "sim": "~"}


def outline(latex: str) -> Path | None:
    r"""Return the outline of a piece of LaTeX mathematics, one em a hundred units; None where matplotlib cannot set it.

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
