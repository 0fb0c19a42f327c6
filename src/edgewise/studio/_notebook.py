"""The studio in a notebook cell: the same page in a frame, its requests answered by the kernel."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import threading
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from edgewise._errors import InputError
from edgewise.plot import network
from edgewise.studio._desk import Desk
from edgewise.studio._requests import Moved

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r"""((?:from|import)\s*\(?\s*)(["'])\./""")
_STYLE = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')
_SCRIPT = re.compile(r'<script( type="module")?(?: defer)? src="static/([^"]+)"></script>')
_URL = re.compile(r"url\(([^)]+\.woff2)\)")
_HEIGHT = 720  # pixels


class StudioWidget(anywidget.AnyWidget):
    """A studio in a notebook cell; `desk` is the one that it shows.

    Saved with the notebook is a picture of the network as it was when the cell ran, for readers without a kernel.
    """

    _esm = _STATIC / "widget.js"
    height = traitlets.Int(_HEIGHT).tag(sync=True)

    def __init__(self, desk: Desk, height: int = _HEIGHT) -> None:
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
        target = session.targets[0] if len(session.targets) == 1 else session.targets
        axes = network(session.model, session.table.x, names=session.names, target=target)
        out = io.BytesIO()
        axes.figure.savefig(out, format="png", dpi=144, bbox_inches="tight")  # type: ignore[union-attr]
        return base64.b64encode(out.getvalue()).decode()


def page() -> str:
    """Return the page as one text that loads nothing: style sheets and scripts inside, modules by an import map."""
    html = (_STATIC / "index.html").read_text(encoding="utf-8")
    modules = {f"edgewise/{path.name}": _module(path) for path in sorted(_STATIC.glob("*.js"))}
    imports = f'<script type="importmap">{json.dumps({"imports": modules})}</script>'
    html = _STYLE.sub(lambda m: f"<style>{_style(_STATIC / m[1])}</style>", html)
    html = _SCRIPT.sub(_script, html)
    return html.replace("<head>", f"<head>{imports}", 1)


def _module(path: Path) -> str:
    text = _IMPORT.sub(r"\1\2edgewise/", path.read_text(encoding="utf-8"))
    return f"data:text/javascript;base64,{base64.b64encode(text.encode()).decode()}"


def _script(found: re.Match[str]) -> str:
    if found[1]:
        return f'<script type="module">import "edgewise/{found[2]}";</script>'
    text = (_STATIC / found[2]).read_text(encoding="utf-8").replace("</script", r"<\/script")
    return f"<script>{text}</script>"


def _style(path: Path) -> str:
    """A style sheet with its fonts inside."""

    def font(found: re.Match[str]) -> str:
        data = base64.b64encode((path.parent / found[1].strip("\"'")).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{data})"

    return _URL.sub(font, path.read_text(encoding="utf-8"))
