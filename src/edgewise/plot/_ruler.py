"""How wide texts are before anything is drawn, and where long names break."""

from functools import lru_cache
from itertools import combinations, pairwise

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from edgewise.plot._style import drawing
from edgewise.plot._text import Label

_POINT = 1 / 72  # inch
_HINTED = 1.02  # how much wider letters may become when they are fitted to pixels
_LINE = 1.2  # height of a line, in sizes of the font
_MOST_WORDS = 12  # in a name that is broken into lines


@lru_cache(maxsize=4096)
def _extent(text: str, is_math: bool, size: float) -> tuple[float, float]:
    """The width and height of one line of text set at `size` points, in inches."""
    with drawing([text]):
        wide, high, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), is_math)
    return float(wide) * _HINTED * _POINT, float(high) * _POINT


def width(label: Label, size: float) -> float:
    """The width of the widest line of a label set at `size` points, in inches.

    >>> width(Label("y", False), 8.0) < width(Label("yy", False), 8.0)
    True
    """
    return max(_extent(line, label.is_math, size)[0] for line in _lines(label))


def height(label: Label, size: float) -> float:
    """The height of a label, in inches: that of its lines, or of its mathematics if that is higher."""
    lines = _lines(label)
    return max(len(lines) * _LINE * size * _POINT, *(_extent(line, label.is_math, size)[1] for line in lines))


def _lines(label: Label) -> list[str]:
    return [label.text] if label.is_math else label.text.split("\n")


def broken(label: Label, lines: int, size: float) -> Label:
    r"""Break the label into at most `lines` lines between words, with the widest line as narrow as possible.

    >>> broken(Label("body mass index", False), 2, 8.0).text
    'body mass\nindex'
    """
    words = label.text.split(" ")
    if label.is_math or lines < 2 or not 1 < len(words) <= _MOST_WORDS:
        return label
    ways = []
    for cuts in combinations(range(1, len(words)), min(lines, len(words)) - 1):
        ways.append(Label("\n".join(" ".join(words[a:b]) for a, b in pairwise((0, *cuts, len(words)))), False))
    return min(ways, key=lambda way: width(way, size))
