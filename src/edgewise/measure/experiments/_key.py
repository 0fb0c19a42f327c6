"""One key for all panels of a picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture


def key(picture: Picture, panels: Iterable[Axes], columns: int = 5) -> None:
    """The names of all that is drawn in any of the panels, each once, above them."""
    named = {}
    for ax in panels:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if named:
        picture.legend(list(named.values()), list(named), loc="outside upper center", ncols=columns, frameon=False)
