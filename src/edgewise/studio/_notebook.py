"""The studio in a notebook cell: the same page in a frame, its requests answered by the kernel."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.plot import network
from edgewise.studio._desk import Desk, Host
from edgewise.studio._network_view import as_target
from edgewise.studio._open import desk_of
from edgewise.studio._requests import Moved
from edgewise.tables.encoding import is_frame

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r"""((?:from|import)\s*\(?\s*)(["'])\./""")
_STYLE = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')
_LINK = re.compile(r"<link [^>]*>\n?")
_SCRIPT = re.compile(r'<script type="module" src="static/main.js"></script>')
_URL = re.compile(r"url\(\"?([^)\"]+\.woff2)\"?\)")
_BEGIN = (
    'import { page } from "edgewise/main.js"; import { portHost } from "edgewise/port.js"; '
    "page(portHost(), document.body);"
)


def widget(
    source: Any = None, target: Any = None, *, inputs: Sequence[str] | None = None,
    folder: str | os.PathLike[str] | None = None, height: int = 720, read_only: bool = False,
) -> StudioWidget:  # fmt: skip
    """Return the studio as a widget, for a notebook cell: the page of `open`, without a server.

    The widget's `session` is the session as the page has it by now. Needs `pip install 'edgewise[studio]'`.

    Parameters
    ----------
    source
        As in `open`.
    target
        As in `open`; of a data frame also values (n,), such as a Series.
    inputs, folder
        As in `open`.
    height
        Height of the page in pixels.
    read_only
        As in `open`.

    Raises
    ------
    InputError
        For sources that cannot be read, a height that is no int >= 200, and without the packages.

    Examples
    --------
    >>> import edgewise as ew, numpy as np, tempfile
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cell = ew.studio.widget(x, target=x[:, 0] * x[:, 1], folder=folder)
    ...     print(cell.session)
    Session(1 states, at 0 on 'main', error ..., [2, 1, 1])
    """
    if not is_int(height, 200):
        raise InputError(f"'height' must be an int >= 200, in pixels. Got {height!r}.")
    if is_frame(source) and target is not None and not isinstance(target, str):
        source, target = _joined(source, target)
    return StudioWidget(desk_of(source, target, inputs, folder, read_only), height)


def _joined(frame: Any, target: Any) -> tuple[Any, str]:
    """A data frame with the values of a target as one more column, and its name."""
    values, name = np.asarray(target), str(getattr(target, "name", None) or "y")
    if values.shape != (len(frame),):
        raise InputError(f"The target of {len(frame)} rows must have shape ({len(frame)},). Got {values.shape}.")
    return type(frame)({**{str(each): np.asarray(frame[each]) for each in frame.columns}, name: values}), name


class StudioWidget(Host, anywidget.AnyWidget):
    """A studio in a notebook cell.

    Saved with the notebook is a picture of the network as it was when the cell ran, for readers without a kernel.

    Parameters
    ----------
    desk
        The desk that answers the page.
    height
        Height of the page in pixels.
    """

    _esm = _STATIC / "widget.js"
    height = traitlets.Int(720).tag(sync=True)

    def __init__(self, desk: Desk, height: int = 720) -> None:
        super().__init__(height=height)
        self.desk = desk
        self.on_msg(self._answer)
        threading.Thread(target=self._pass_on, daemon=True).start()
        desk.warm()

    def _answer(self, _widget: Any, asked: Any, _buffers: Any) -> None:
        if not isinstance(asked, dict):
            return
        if asked.get("page"):
            self.send({"page": page()})
            return
        said: dict[str, Any] = {"id": asked.get("id")}
        try:
            said["answer"] = self.desk.ask(str(asked.get("name")), dict(asked.get("body") or {}))
        except InputError as problem:
            said |= {"problem": str(problem), "moved": isinstance(problem, Moved)}
        self.send(said)

    def _pass_on(self) -> None:
        """Pass events on for as long as there is someone to pass them to."""
        with self.desk.listening() as events:
            while self.comm is not None:
                event = events.get()
                with contextlib.suppress(RuntimeError):  # the kernel is on its way out
                    self.send({"event": event})

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        made = super()._repr_mimebundle_(**kwargs)
        if made is None or not self.desk.has_session:
            return made
        data, metadata = made
        return {**data, "image/png": self.picture()}, metadata

    def picture(self) -> str:
        """Return the network's diagram as a PNG, in base64."""
        session = self.desk.session
        target = as_target(session.targets)
        axes = network(session.model, session.table.x, names=session.names, target=target)
        out = io.BytesIO()
        axes.figure.savefig(out, format="png", dpi=144, bbox_inches="tight")  # type: ignore[union-attr]
        return base64.b64encode(out.getvalue()).decode()


@cache
def page() -> str:
    """Return the page as one text that loads nothing: style sheets and scripts inside, modules by an import map."""
    html = (_STATIC / "index.html").read_text(encoding="utf-8")
    modules = {f"edgewise/{path.relative_to(_STATIC).as_posix()}": _module(path) for path in _STATIC.rglob("*.js")}
    styles = [*(_STATIC / name for name in _STYLE.findall(html)), _STATIC / "vendor/katex/katex.min.css"]
    head = f'<script type="importmap">{json.dumps({"imports": modules})}</script>'
    head += "".join(f"<style>{_style(path)}</style>" for path in styles)
    html = html.replace('data-host="server"', 'data-host="notebook"').replace("<head>", f"<head>{head}", 1)
    return _SCRIPT.sub(f'<script type="module">{_BEGIN}</script>', _LINK.sub("", html))


def _module(path: Path) -> str:
    """A module as an address, which imports others by their names in the import map."""
    text = _IMPORT.sub(r"\1\2edgewise/", path.read_text(encoding="utf-8"))
    return f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"


def _style(path: Path) -> str:
    """A style sheet with its fonts inside, without those of alphabets that formulas do not use."""

    def font(found: re.Match[str]) -> str:
        if not (path.parent / found[1]).is_file():
            return "url(data:,)"
        data = base64.b64encode((path.parent / found[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{data})"

    return _URL.sub(font, path.read_text(encoding="utf-8"))
