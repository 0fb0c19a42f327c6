"""Drawing by one thread at a time.

matplotlib has one parser of mathematics and one set of settings for all threads, so two that draw at once read each
other's half-parsed formulas. Whatever measures or draws text holds `LOCK`, and every figure made here takes it.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text

LOCK = threading.RLock()

if hasattr(os, "register_at_fork"):  # a fork waits for the drawing to end: its copy of the lock is free
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@contextmanager
def drawing(texts: Iterable[str]) -> Iterator[None]:
    """Hold the lock; characters that the font lacks become boxes, without a warning for each."""
    with LOCK:
        if all(text.isascii() for text in texts):
            yield
            return
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            yield


@contextmanager
def settings(values: dict[Any, Any]) -> Iterator[None]:
    """Hold the lock and change some of matplotlib's settings; others keep what another thread gives them meanwhile."""
    with LOCK:
        before = {key: mpl.rcParams[key] for key in values}
        mpl.rcParams.update(values)
        try:
            yield
        finally:
            mpl.rcParams.update(before)


def svg(figure: Figure) -> bytes:
    """Return a figure as an SVG image on white, with letters as outlines: the same bytes for the same figure."""
    buffer = io.BytesIO()
    texts = [text.get_text() for text in figure.findobj(Text)]
    with settings({"svg.fonttype": "path", "svg.hashsalt": "edgewise"}), drawing(texts):
        figure.savefig(buffer, format="svg", dpi=200, facecolor="white", metadata={"Date": None})
    return buffer.getvalue()


class Picture(Figure):
    """A matplotlib figure that threads can draw and save side by side."""

    def draw(self, renderer: Any) -> None:
        with drawing(self._texts()):
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        with drawing(self._texts()):
            super().savefig(fname, **options)

    def get_tightbbox(self, *arguments: Any, **options: Any) -> Any:
        with drawing(self._texts()):
            return super().get_tightbbox(*arguments, **options)

    def _texts(self) -> list[str]:
        return [artist.get_text() for artist in self.findobj(Text)]
