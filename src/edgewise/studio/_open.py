"""The way in from Python: a session, a file or arrays, and the page that shows them."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise.networks.session import Session
from edgewise.studio._desk import ENDING, Desk
from edgewise.studio._folder import SESSIONS, TABLES, unused
from edgewise.studio._form import Form
from edgewise.studio._hosts import load
from edgewise.tables import datasets
from edgewise.tables.encoding import is_frame
from edgewise.tables.io import Table

if TYPE_CHECKING:
    from edgewise.studio._serve import Studio

FIRST = "first"
"""The drawer of what the page begins with: a dict of a table's file, and of target and inputs, or None for them."""
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
    studio: Studio = load("Studio")(desk_of(source, target, inputs, folder, read_only), port)
    if open_browser and _has_screen():
        studio.browse()
    if not _is_interactive() if wait is None else wait:
        studio.wait()
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
    if isinstance(source, str | os.PathLike):
        return _of_file(Path(source), target, inputs, folder, read_only)
    place = _folder(folder, Path())
    if source is None:
        _refuse(target, inputs)
        return Desk(place, read_only=read_only)
    if isinstance(source, Session):
        _refuse(target, inputs)
        session, notes = source, []
    elif target is None:
        raise InputError("Name the target: ew.studio.open(frame, target='y') or ew.studio.open(x, target=y).")
    else:
        session, notes = _begun(_table(source, target, inputs), target if isinstance(target, str) else "y", inputs)
    file = None if read_only else unused(place, _STEM, ENDING)
    if file is not None:
        session.save(file)
    return Desk(place, session, file=file, notes=notes, read_only=read_only)


def _of_file(
    path: Path, target: Any, inputs: Sequence[str] | None, folder: str | os.PathLike[str] | None, read_only: bool
) -> Desk:
    shipped = not path.exists() and str(path) in datasets.names()
    if not shipped and not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise InputError(f"There is no file {path}: check the name and the folder.")
        raise unknown("file or shipped table", str(path), datasets.names())
    place = _folder(folder, Path() if shipped else path.resolve().parent)
    if not shipped and path.resolve().parent != place:
        raise InputError(f"{path} is not in the studio's folder {place}: name its own folder, or leave --folder out.")
    if path.suffix.lower() in SESSIONS:
        _refuse(target, inputs)
        return Desk(place, Session.load(path), file=path.resolve(), read_only=read_only)
    if not shipped and path.suffix.lower() not in TABLES:
        raise InputError(f"The studio opens {', '.join((*TABLES, *SESSIONS))} files. Got {path.name!r}.")
    desk = Desk(place, read_only=read_only)
    desk.drawers[FIRST] = {"file": path.name, "target": target, "inputs": None if inputs is None else list(inputs)}
    found = desk.ask("open_table", {"file": path.name, "target": target})
    if target is not None and not read_only:
        chosen = found["inputs"] if inputs is None else list(inputs)
        desk.ask("begin", {"file": path.name, "target": target, "inputs": chosen})
        desk.notes = [*(found["left_out"] if inputs is None else []), *desk.notes]
    return desk


def _refuse(target: Any, inputs: Any) -> None:
    if target is not None or inputs is not None:
        raise InputError("A session has its target and inputs already: leave both out.")


def _folder(given: str | os.PathLike[str] | None, usual: Path) -> Path:
    place = usual if given is None else Path(given)
    if not place.is_dir():
        raise InputError(f"There is no folder {place}: make it first.")
    return place.resolve()


def _table(source: Any, target: Any, inputs: Sequence[str] | None) -> Table:
    """A data frame's columns, or those of an array and the array of a target, as a table."""
    if is_frame(source):
        if not isinstance(target, str):
            raise InputError(f"'target' must be the name of a column of the data frame. Got {type(target).__name__}.")
        wanted = None if inputs is None else {*inputs, target}
        columns = {str(name): source[name] for name in source.columns if wanted is None or str(name) in wanted}
        return _numbers(columns, len(source), wanted is not None)
    x, y = np.asarray(source), np.asarray(target)
    if x.ndim != 2 or y.shape != (len(x),):
        raise InputError(f"Give an array (n, d) and a target (n,). Got shapes {x.shape} and {y.shape}.")
    names = [f"x{k + 1}" for k in range(x.shape[1])] if inputs is None else list(inputs)
    if len({*names, "y"}) != x.shape[1] + 1:
        raise InputError(f"'inputs' must be {x.shape[1]} different names, none of them 'y'. Got {names!r}.")
    return _numbers({**dict(zip(names, x.T, strict=True)), "y": y}, len(x), True)


def _numbers(columns: dict[str, Any], rows: int, all_of_them: bool) -> Table:
    found, left_out = {}, []
    for name, values in columns.items():
        try:
            found[name] = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            left_out.append((name, "it holds no numbers"))
    if left_out and all_of_them:
        raise InputError(f"Column {left_out[0][0]!r} holds no numbers: leave it out, or make it numbers.")
    return Table(found, rows, left_out)


def _begun(table: Table, target: str, inputs: Sequence[str] | None) -> tuple[Session, list[str]]:
    """A session with a table, and notes on what it is begun without."""
    chosen = [name for name in table.columns if name != target] if inputs is None else list(inputs)
    made = Form(target, chosen).plan(table)
    left_out = [f"Column {name!r} is left out: {reason}." for name, reason in table.left_out]
    return made.session(), [*left_out, *made.chosen.notes]


def _has_screen() -> bool:
    """Whether there is a screen for a browser: on Linux a server may have browsers for text only."""
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _is_interactive() -> bool:
    """Whether this is a notebook or a console, where the person goes on typing."""
    return hasattr(sys, "ps1") or hasattr(builtins, "get_ipython")
