"""The picture of a tree of structure: columns below, sums, products and functions of groups above them."""

from matplotlib.axes import Axes
from matplotlib.patches import Circle

from edgewise._errors import InputError
from edgewise.interpret.structure import Tree
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, name_label, plain

_SIGNS = {"sum": "+", "product": "×", "function": "F"}
_RADIUS = 0.2
_APART = 1.0  # of columns beside each other, at least, and of levels above each other
_GAP = 0.12  # from a node to what is written beside it
_LETTER = 0.105  # width of one, to keep names apart
_INCHES = 0.9  # of a column
_BELOW = 0.45  # from the lowest line to the end of the names

_Spot = tuple[Tree, float, float]


def tree(tree: Tree, ax: Axes | None = None) -> Axes:
    """Draw what `edgewise.structure.tree` found, and return the axes.

    Columns stand below, in an order without crossings. A plus joins a sum, a cross a product, an F any function of
    several groups; beside a node stands its closed form where that is known. A ring around a node says that one more
    function follows it.

    Errors: InputError for anything else than a tree.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> f = ew.structure.surrogate(x, lambda x: torch.sin(x[:, 0] - x[:, 1]))
    >>> [text.get_text() for text in ew.plot.tree(ew.structure.tree(f)).texts]
    ['+', 'x1 - x2', '$x_{1}$', '$x_{2}$']
    """
    if not isinstance(tree, Tree):
        raise InputError(f"'tree' must be what structure.tree returns. Got {type(tree).__name__}.")
    spots, width = _placed(tree, 0.0)
    places = {id(node): (x, y) for node, x, y in spots}
    height = spots[0][2] + 2 * _RADIUS
    ax = style.axes(ax, (_INCHES * (width + 0.2), _INCHES * (height + _BELOW)))
    for node, x, y in spots:
        for x1, y1 in (places[id(child)] for child in node.children):
            ax.plot([x, x1], [y, y1], color=style.SOFT, linewidth=1.2, zorder=1)
        _draw(ax, node, x, y)
    ax.set_xlim(-0.1, width + 0.1)
    ax.set_ylim(-_BELOW, height)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _placed(node: Tree, left: float) -> tuple[list[_Spot], float]:
    """Where a node and all below it stand, from `left` on, the node first, and the right end of what they take."""
    if not node.children:
        width = max(_APART, _LETTER * len(plain(node.name)) + 2 * _GAP)
        return [(node, left + width / 2, 0.0)], left + width
    spots: list[_Spot] = []
    tops, right = [], left
    for child in node.children:
        below, right = _placed(child, right)
        tops.append(below[0])
        spots += below
    x = (tops[0][1] + tops[-1][1]) / 2
    y = max(top[2] for top in tops) + _APART
    return [(node, x, y), *spots], max(right, _kept(x) + _LETTER * len(plain(node.name)))


def _kept(x: float) -> float:
    """Where what is written beside a node at x begins."""
    return x + 1.35 * _RADIUS + _GAP / 2


def _draw(ax: Axes, node: Tree, x: float, y: float) -> None:
    if not node.children:
        label = name_label(node.name)
        ax.text(x, y - 0.05, label.text, ha="center", va="top", color=style.INK, fontsize=10, **label.style)
        return
    if node.outer:
        ax.add_patch(Circle((x, y), 1.35 * _RADIUS, facecolor="white", edgecolor=style.ACCENT, linewidth=1.0, zorder=2))
    color = style.SYMBOLIC if node.name else style.INK
    ax.add_patch(Circle((x, y), _RADIUS, facecolor="white", edgecolor=color, linewidth=1.3, zorder=3))
    ax.text(x, y, _SIGNS[node.kind], ha="center", va="center", color=color, fontsize=11, zorder=4)
    if node.name:
        ax.text(_kept(x), y + _RADIUS / 2, plain(node.name), va="bottom", color=color, fontsize=8, zorder=4, **PLAIN)
