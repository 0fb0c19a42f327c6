"""The style of all pictures: colors, axes, grids of panels, legends, provenance."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
else:
    Axes = Figure = Any  # matplotlib is imported when something is drawn

INK, SOFT, LINE = "#1b2a3a", "#8793a1", "#d9dfe6"
COLORS = {
    "edgewise": "#d1410c", "mlp": "#8793a1", "efficient-kan": "#2f6db5", "pykan": "#7a4fa3", "jaxkan": "#2e8b57",
    "pyoperon": "#2f6db5", "gplearn": "#2e8b57",
}  # fmt: skip
LABELS = {"mlp": "MLP", "efficient-kan": "efficient-KAN", "jaxkan": "jaxKAN", "pyoperon": "Operon"}
STYLE: dict[Any, Any] = {"mathtext.fontset": "cm", "font.size": 9, "svg.hashsalt": "edgewise", "svg.fonttype": "path"}
_WIDTH, _HEIGHT, _COLUMNS = 3.4, 2.9, 4  # inches of a panel; panels in a row


def save(draw: Callable[[], Figure], file: Any) -> None:
    """Draw in this style, and write an SVG, to a path or a file, that depends on what is drawn alone."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        draw().savefig(file, format="svg", metadata={"Date": None}, facecolor="white")


def sign(figure: Figure, last: Mapping[str, str]) -> None:
    """Write device, versions, commit and date below a picture."""
    text = f"{last['device']}, torch {last['torch']}, {last['versions']}; commit {last['commit']}, {last['date']}"
    figure.supxlabel(textwrap.fill(text, round(15 * figure.get_figwidth())), fontsize=7, color=SOFT)


def plain(ax: Axes) -> None:
    """Remove the top and right spines, and draw a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=LINE, lw=0.5)
    ax.set_axisbelow(True)


def panel_grid(panels: int, columns: int = _COLUMNS) -> tuple[Figure, list[Axes]]:
    """Return a figure with the given number of panels, at most `columns` in a row."""
    from matplotlib.figure import Figure

    columns = min(panels, columns) or 1
    lines = -(-panels // columns) or 1
    figure = Figure(figsize=(_WIDTH * columns + 0.4, _HEIGHT * lines + 0.3), layout="constrained")
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for ax in axes[panels:]:
        ax.remove()
    for ax in axes[:panels]:
        plain(ax)
    return figure, axes[:panels]


def outer_labels(panels: Sequence[Axes], columns: int, across: str, up: str) -> None:
    """Label the axes below and on the left of a grid of panels."""
    for ax in panels[-columns:]:
        ax.set_xlabel(across)
    for ax in panels[::columns]:
        ax.set_ylabel(up)


def panel_legend(ax: Axes) -> None:
    """Add a legend to a panel if anything in it has a label."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=7)


def shared_legend(figure: Figure, panels: Iterable[Axes], columns: int = 5) -> None:
    """Add one legend for all panels above them."""
    named = {}
    for ax in panels:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if named:
        figure.legend(list(named.values()), list(named), loc="outside upper center", ncols=columns, frameon=False)
