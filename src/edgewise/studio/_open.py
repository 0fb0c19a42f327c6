"""The way in from Python: a session, a file or arrays, and the page that shows them."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError, unknown
from edgewise.studio._desk import ENDING, Desk
from edgewise.studio._folder import FIRST, SESSIONS, TABLES, unused
from edgewise.studio._hosts import load
from edgewise.tables import datasets

if TYPE_CHECKING:
    from edgewise.studio._serve import Studio

Inputs = Sequence[str] | Callable[[list[str]], list[str]] | None
_STEM = "studio"  # of the file of a session that has none


def open(
    source: Any = None, *, target: Any = None, inputs: Sequence[str] | None = None,
    folder: str | os.PathLike[str] | None = None, port: int = 0, open_browser: bool = True, read_only: bool = False,
    wait: bool | None = None,
) -> Studio:  # fmt: skip
    """Open the studio: a page on which a person trains a network, touches its edges, and reads it as a formula.

    The session is saved after every step. Afterwards `Studio.session` is the session that the person made.
    `Studio.notes`, and the page, say which rows and columns a table was begun without. Needs
    `pip install 'edgewise[studio]'`.

    Parameters
    ----------
    source
        What the page begins with: an `edgewise.Session`; the file of a session or a table, or the name of a shipped
        table; a data frame; an array (n, d). None and a table without a target begin with a choice.
    target
        Name of the target's column, or for an array an array (n,).
    inputs
        Names of the input columns; None for all others.
    folder
        The only folder in which the page opens and writes files; None for that of the file, or the current one.
    port
        Port on this machine; 0 for any free one.
    open_browser
        Whether to open the page in a browser.
    read_only
        Whether nothing can be changed.
    wait
        Whether to wait until Ctrl-C; otherwise the studio runs until `Studio.stop`. None: a script waits, a notebook
        goes on.

    Raises
    ------
    InputError
        For sources that cannot be read, a port that is taken, and without the packages.

    Examples
    --------
    >>> import edgewise as ew, numpy as np, tempfile
    >>> x = np.random.default_rng(0).random((50, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ew.studio.open(x, target=x[:, 0] * x[:, 1], folder=folder, open_browser=False, wait=False) as studio:
    ...         print(studio.url.startswith("http://127.0.0.1:"), studio.session)
    True Session(1 states, at 0 on 'main', error ..., [2, 1, 1])
    """
    studio = serve(source, target, inputs, folder, port, open_browser, read_only)
    studio.begun()
    if not _is_interactive() if wait is None else wait:
        studio.wait()
    return studio


def serve(
    source: Any, target: Any = None, inputs: Inputs = None, folder: str | os.PathLike[str] | None = None,
    port: int = 0, open_browser: bool = True, read_only: bool = False,
) -> Studio:  # fmt: skip
    """Open the studio and return while torch is still loading and rows are read: `Studio.begun` waits for that.

    Parameters
    ----------
    source
        What the page begins with, as in `open`.
    target
        Name of the target's column, or its values.
    inputs
        Names of the input columns, or a function that chooses them from all columns' names; None for all others.
    folder
        The only folder in which the page opens and writes files; None for that of the file, or the current one.
    port
        Port on this machine; 0 for any free one.
    open_browser
        Whether to open the page in a browser.
    read_only
        Whether nothing can be changed.

    Raises
    ------
    InputError
        For a port that is taken, a file that is not there, and without the packages.
    """
    desk, rest = _prepared(source, target, inputs, folder, read_only)
    # A table that is only looked at is chosen on the page, which lists it meanwhile.
    at_once = source is None or (target is None and inputs is None and FIRST in desk.drawers)
    studio: Studio = load("Studio")(desk, port, rest=rest, at_once=at_once)
    if open_browser and _has_screen():
        studio.browse()
    return studio


def desk_of(
    source: Any, target: Any, inputs: Sequence[str] | None, folder: str | os.PathLike[str] | None, read_only: bool
) -> Desk:
    """Return a desk with what the page begins with on it.

    Parameters
    ----------
    source
        What the page begins with, as in `open`.
    target
        Name of the target's column, or its values.
    inputs
        Names of the input columns; None for all others.
    folder
        The only folder in which the page opens and writes files; None for that of the file, or the current one.
    read_only
        Whether nothing can be changed.

    Raises
    ------
    InputError
        For sources that cannot be read, and rows without a target.
    """
    desk, rest = _prepared(source, target, inputs, folder, read_only)
    rest()
    return desk


def _prepared(
    source: Any, target: Any, inputs: Inputs, folder: str | os.PathLike[str] | None, read_only: bool
) -> tuple[Desk, Callable[[], None]]:
    """A desk, and what is left to do on it, which takes long."""
    if isinstance(source, str | os.PathLike):
        return _of_file(Path(source), target, inputs, folder, read_only)
    if callable(inputs):
        raise InputError("A function chooses 'inputs' from a file's columns: name them.")
    desk = Desk(_folder(folder, Path()), read_only=read_only)

    def rest() -> None:
        from edgewise.studio._arrays import refuse, session_of

        if source is None:
            return refuse(target, inputs)
        session, notes = session_of(source, target, inputs)
        desk.seat(session, None if read_only else unused(desk.folder, _STEM, ENDING), notes)

    return desk, rest


def _of_file(
    path: Path, target: Any, inputs: Inputs, folder: str | os.PathLike[str] | None, read_only: bool
) -> tuple[Desk, Callable[[], None]]:
    shipped = not path.exists() and str(path) in datasets.names()
    if not shipped and not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise InputError(f"There is no file {path}: check the name and the folder.")
        raise unknown("file or shipped table", str(path), datasets.names())
    place = _folder(folder, Path() if shipped else path.resolve().parent)
    if not shipped and path.resolve().parent != place:
        raise InputError(f"{path} is not in the studio's folder {place}: name its own folder, or leave --folder out.")
    desk = Desk(place, read_only=read_only)
    if path.suffix.lower() in SESSIONS:
        return desk, lambda: _open_session(desk, path, target, inputs)
    if not shipped and path.suffix.lower() not in TABLES:
        raise InputError(f"The studio opens {', '.join((*TABLES, *SESSIONS))} files. Got {path.name!r}.")
    desk.drawers[FIRST] = {"file": path.name, "target": target, "inputs": None}
    return desk, lambda: _open_table(desk, path.name, target, inputs)


def _open_session(desk: Desk, path: Path, target: Any, inputs: Inputs) -> None:
    from edgewise.networks.session import Session
    from edgewise.studio._arrays import refuse

    refuse(target, inputs)
    desk.seat(Session.load(path), path.resolve())


def _open_table(desk: Desk, file: str, target: Any, inputs: Inputs) -> None:
    found = desk.ask("open_table", {"file": file, "target": target})
    names = [one["name"] for one in found["columns"]]
    wanted = inputs(names) if callable(inputs) else None if inputs is None else list(inputs)
    if wanted is not None:
        desk.drawers[FIRST]["inputs"] = wanted
    if target is not None and not desk.read_only:
        desk.ask("begin", {"file": file, "target": target, "inputs": found["inputs"] if wanted is None else wanted})
        desk.notes = [*(found["left_out"] if wanted is None else []), *desk.notes]


def _folder(given: str | os.PathLike[str] | None, usual: Path) -> Path:
    place = usual if given is None else Path(given)
    if not place.is_dir():
        raise InputError(f"There is no folder {place}: make it first.")
    return place.resolve()


def _has_screen() -> bool:
    """Whether there is a screen for a browser: on Linux a server may have browsers for text only."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _is_interactive() -> bool:
    """Whether this is a notebook or a console, where the person goes on typing."""
    return hasattr(sys, "ps1") or hasattr(builtins, "get_ipython")
