"""Requests that begin a session: from a table, a saved session, or a saved network with a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgewise._errors import InputError
from edgewise.networks.session import Session
from edgewise.studio._acts import view
from edgewise.studio._columns import columns_view
from edgewise.studio._desk import ENDING, Desk
from edgewise.studio._folder import NETWORKS, SESSIONS, TABLES, files, place, store, unused
from edgewise.studio._form import Form, checked_units
from edgewise.studio._kept import begin_kept
from edgewise.studio._requests import Answer, check, request
from edgewise.studio._row_views import TEXTS
from edgewise.studio._weight import check_cells
from edgewise.tables import datasets
from edgewise.tables.io import EXCEL, Table, load_with_metadata, network_inputs, read_table, sheet_names

DRAWER = "start"
"""The drawer that holds `table`, the path of the table that the session was begun with, where its rows are the
session's bit for bit."""
_KEPT = "tables"  # the drawer of the table that was read last
T = TypeVar("T")


@request()
def open_table(desk: Desk, file: str, target: str | None = None, sheet: str | None = None) -> Answer:
    """The columns of a table, with a target and inputs to begin with.

    Of a workbook with several sheets it is the one that is named, or the first that has numbers.
    """
    check(target is None or isinstance(target, str), "'target' is a column's name.", target)
    sheets = _sheets(desk, file)
    chosen = sheet if sheet is not None or len(sheets) < 2 else _first_with_numbers(desk, file, sheets)
    view = columns_view(_table(desk, file, chosen), target)
    return {"file": file, "sheets": sheets, "sheet": chosen, **view}


@request()
def plan(  # noqa: PLR0913 (the fields of a form)
    desk: Desk, file: str, target: Any, inputs: Any, logs: Any = None, units: Any = None, widths: Any = None,
    grid: Any = None, degree: Any = None, seed: Any = None, sheet: str | None = None,
) -> Answer:  # fmt: skip
    """What `begin` would make of the same form: how many rows, which inputs and network, and notes; nothing is made."""
    made = Form(target, inputs, logs, units, widths, grid, degree, seed).plan(_table(desk, file, sheet))
    names = {"inputs": made.chosen.names, "target": made.chosen.target}
    return {"rows": len(made.chosen.y), **names, "widths": made.model.widths, "notes": made.notes}


@request(changes=True)
def begin(  # noqa: PLR0913 (the fields of a form)
    desk: Desk, file: str, target: Any, inputs: Any, logs: Any = None, units: Any = None, widths: Any = None,
    grid: Any = None, degree: Any = None, seed: Any = None, sheet: str | None = None,
) -> Answer:  # fmt: skip
    """Make a network for a table and begin a session with it, in a new file; the view, and notes on what was chosen.

    Where there are logarithms, texts or dates, the rows are written to a table of their own first, as numbers: the
    session replays with it.
    """
    table = _table(desk, file, sheet)
    made = Form(target, inputs, logs, units, widths, grid, degree, seed).plan(table)
    chosen, path = made.chosen, _path(desk.folder, file)
    session = made.session()
    desk.free()
    written, whole = "", sheet is None and len(chosen.y) == table.n_rows
    if made.derived:
        path, whole = unused(desk.folder, f"{path.stem}-{made.derived}", ".csv"), True
        made.write(path)
        what = "The rows with logarithms" if made.derived == "log" else "The rows as numbers"
        written = f"{what} are in {path.name}."
    notes = [written, *made.notes] if written else made.notes
    answer = _begun(desk, session, path.stem, notes, chosen.notes, path if whole else None)
    begin_kept(desk, made.meanings)
    rows = made.rows[session.rows]
    desk.drawers[TEXTS] = {name: [texts[row] for row in rows] for name, texts in table.texts.items()}
    return {**answer, **view(desk), "written": written}


@request(changes=True)
def open_session(desk: Desk, file: str) -> Answer:
    """Go on with a session that was saved in the studio's folder."""
    path = place(desk.folder, file, SESSIONS)
    desk.seat(_clear(path, lambda: Session.load(path)), path)
    return {**view(desk), "file": path.name, "notes": []}


@request(changes=True)
def open_model(desk: Desk, file: str, table: str, sheet: str | None = None) -> Answer:
    """Begin a session with a saved network and a table that has its columns, in a new file."""
    path = place(desk.folder, file, NETWORKS)
    saved = _clear(path, lambda: load_with_metadata(path))
    if saved.names is None or saved.target is None:
        raise InputError(
            f"{file} does not say which columns it was trained on: save it with edgewise fit, "
            "or with edgewise.save(model, path, names=[...], target=...)."
        )
    read = _table(desk, table, sheet, saved.decimals)
    targets = [saved.target] if isinstance(saved.target, str) else list(saved.target)
    if len(targets) != saved.model.n_out:
        raise InputError(f"{file} has {saved.model.n_out} outputs and {len(targets)} target: it cannot be opened here.")
    x, y = network_inputs(saved, read), read.inputs(targets)
    rows = np.asarray(np.isfinite(np.hstack([x, y])).all(axis=1))
    check(rows.sum() >= 2, f"{table} has fewer than two rows without gaps in the network's columns.", int(rows.sum()))
    gone = len(rows) - int(rows.sum())
    notes = [f"{gone} of {len(rows)} rows left out: values are missing."] if gone else []
    session = Session(
        saved.model, x[rows], y[rows], saved.names, target=saved.target, units=checked_units(saved.units, None, notes)
    )
    whole = not gone and saved.inputs is None and sheet is None
    notes = [*read.notes, *notes]
    return _begun(desk, session, path.stem, notes, notes, _path(desk.folder, table) if whole else None)


@request(changes=True)
def upload(desk: Desk, name: str, content: str, encoding: str = "text") -> Answer:
    """Write a file into the studio's folder, never over another one; the name that it has now."""
    return {"file": store(desk.folder, name, content, encoding)}


@request(changes=True)
def close(desk: Desk) -> Answer:
    """Leave the session, which is on disk, for the page on which another one begins."""
    desk.seat(None)
    return files(desk)


def _path(folder: Path, file: Any) -> Path:
    """The path of a table in the folder, or of one that comes with edgewise."""
    if isinstance(file, str) and file in datasets.names():
        return datasets.path(file)
    return place(folder, file, TABLES)


def _table(desk: Desk, file: Any, sheet: Any, like: Mapping[str, str] | None = None) -> Table:
    """Read a table, or take the one that was read last."""
    check(sheet is None or isinstance(sheet, str), "'sheet' is the name of a sheet.", sheet)
    path = _path(desk.folder, file)
    stat = path.stat()
    largest = 10**9  # bytes
    if stat.st_size > largest:
        size = f"{stat.st_size / 1e9:.1f} GB"
        raise InputError(f"{path.name} has {size}: give the studio some of its rows, or use edgewise fit.")
    check_cells(path)
    key = (path, stat.st_mtime_ns, stat.st_size, sheet, tuple(sorted((like or {}).items())))
    kept = desk.drawers.get(_KEPT)
    if kept is None or kept[0] != key:
        kept = desk.drawers[_KEPT] = (key, _clear(path, lambda: read_table(path, sheet=sheet, like=like)))
    return kept[1]


def _sheets(desk: Desk, file: Any) -> list[str]:
    """The sheets of a workbook, none of another table."""
    path = _path(desk.folder, file)
    if path.suffix.lower() in EXCEL:
        check_cells(path)
    return _clear(path, lambda: sheet_names(path))


def _first_with_numbers(desk: Desk, file: Any, sheets: list[str]) -> str:
    """The first sheet that is a table of numbers; the first one where none is, so that its problem is said."""
    for sheet in sheets:
        with suppress(InputError):
            if _table(desk, file, sheet).columns:
                return sheet
    return sheets[0]


def _clear(path: Path, read: Callable[[], T]) -> T:
    """Read a file; a problem names it without its folder."""
    try:
        return read()
    except InputError as problem:
        raise InputError(str(problem).replace(str(path), path.name)) from None


def _begun(
    desk: Desk, session: Session, stem: str, notes: list[str], left_out: list[str], table: Path | None
) -> Answer:
    """Seat a session in a new file, with notes on what was left out; `table` holds its rows, bit for bit."""
    file = unused(desk.folder, stem, ENDING)
    desk.seat(session, file, left_out)
    if table is not None:
        desk.drawers[DRAWER] = {"table": table}
    return {**view(desk), "file": file.name, "notes": notes}
