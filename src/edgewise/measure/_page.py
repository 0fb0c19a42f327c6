"""What pages and pictures made of stored rows share: tables in Markdown, colours, the style of pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from edgewise.measure._figure import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE = "#1b2a3a", "#8793a1", "#d9dfe6"
COLOURS = {
    "edgewise": "#d1410c", "mlp": "#8793a1", "efficient-kan": "#2f6db5", "pykan": "#7a4fa3", "jaxkan": "#2e8b57",
    "pyoperon": "#2f6db5", "gplearn": "#2e8b57",
}  # fmt: skip
LABELS = {"mlp": "MLP", "efficient-kan": "efficient-KAN", "jaxkan": "jaxKAN", "pyoperon": "Operon"}
STYLE: dict[Any, Any] = {"mathtext.fontset": "cm", "font.size": 9, "svg.hashsalt": "edgewise", "svg.fonttype": "path"}


def markdown(head: Sequence[str], lines: Iterable[Iterable[Cell]], texts: int = 1) -> list[str]:
    """A table, its first columns texts and the others numbers; what misses its limit is bold."""
    rule = [*["---"] * texts, *["---:"] * (len(head) - texts)]
    return [_line(head), _line(rule), *(_line(_marked(cell) for cell in line) for line in lines)]


def measured_with(file: str, last: dict[str, str]) -> str:
    """Where and with what rows were measured."""
    return (
        f"`{file}`: {last['device']}, Python {last['python']}, torch {last['torch']}, {last['versions']}; "
        f"commit {last['commit']}, {last['date']}.\n"
    )


def sign(figure: Figure, last: dict[str, str]) -> None:
    """Device, versions, commit and date below a picture."""
    text = f"{last['device']}, torch {last['torch']}, {last['versions']}; commit {last['commit']}, {last['date']}"
    figure.supxlabel(textwrap.fill(text, round(15 * figure.get_figwidth())), fontsize=7, color=SOFT)


def plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=LINE, lw=0.5)
    ax.set_axisbelow(True)


def _marked(cell: Cell) -> str:
    text = cell.text if "`" in cell.text else cell.text.replace("*", "\\*")
    return f"**{text}**" if cell.kept is False else text


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
