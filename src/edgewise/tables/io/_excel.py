"""Sheets of Excel workbooks as columns of cells."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise.tables.io._grid import Field, Grid, check_unique, header_and_rows, without_units

EXCEL = (".xlsx", ".xlsm")
"""How the names of workbooks end."""


def sheet_names(path: str | Path) -> list[str]:
    """Return the names of the sheets of a workbook, in its order; none for a file of another ending.

    Parameters
    ----------
    path
        The workbook.

    Raises
    ------
    InputError
        Where openpyxl is not installed, and for a file that is damaged.

    Examples
    --------
    >>> from edgewise.io import sheet_names
    >>> sheet_names("table.csv")
    []
    """
    path = Path(path)
    if path.suffix.lower() not in EXCEL:
        return []
    book = _book(path)
    try:
        return [*book.sheetnames]
    finally:
        book.close()


def read_excel(path: Path, sheet: str | None) -> Grid:
    """Return the columns of a sheet of an .xlsx file, the first one unless `sheet` names another.

    Errors: InputError where openpyxl is not installed, for a file that is damaged, and an unknown or empty sheet.
    """
    book = _book(path)
    try:
        names = book.sheetnames
        if sheet is not None and sheet not in names:
            raise unknown("sheet", sheet, names)
        chosen = names[0] if sheet is None else sheet
        raw = [[*row] for row in book[chosen].iter_rows(values_only=True)]
    finally:
        book.close()
    notes = []
    if sheet is None and len(names) > 1:
        notes.append(f"Sheet {chosen!r} of {len(names)} is read: sheet= (--sheet) names another.")
    return _grid(path, chosen, raw, notes)


def _book(path: Path) -> Any:
    """Open a workbook; its `close` is the caller's."""
    try:
        import openpyxl  # pyright: ignore[reportMissingModuleSource]
    except ImportError:
        raise InputError(f"{path} needs openpyxl: install it (pip install openpyxl), or save it as .csv.") from None
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise InputError(
            f"{path} is no workbook that openpyxl reads ({type(error).__name__}): save it again."
        ) from None


def _grid(path: Path, sheet: str, raw: list[list[Any]], notes: list[str]) -> Grid:
    rows = [(line, row) for line, row in enumerate(raw, start=1) if any(cell is not None for cell in row)]
    width = max((max(k for k, cell in enumerate(row) if cell is not None) + 1 for _, row in rows), default=0)
    if not rows:
        raise InputError(f"Sheet {sheet!r} of {path} is empty: name another sheet.")
    texts = [(line, [_text(cell) for cell in row[:width]] + [""] * (width - len(row))) for line, row in rows]
    header, kept = header_and_rows(texts, notes)
    if not kept:
        raise InputError(f"Sheet {sheet!r} of {path} has a header but no rows: add the data below it.")
    header += [""] * (width - len(header))
    check_unique(path, header)
    kept, units = without_units(kept, notes)
    cells = dict(rows)
    columns = [[_cell(cells[line], k) for line, _ in kept] for k in range(width)]
    fields = [_field(name, column) for name, column in zip(header, columns, strict=True)]
    return Grid(fields, len(kept), "", notes, {n: u for n, u in zip(header, units, strict=False) if n and u})


def _cell(row: Sequence[Any], k: int) -> Any:
    return row[k] if k < len(row) else None


def _field(name: str, cells: list[Any]) -> Field:
    """Return a column of numbers or dates where all cells are such, else of texts."""
    there = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, int | float) for cell in there):
        try:
            return Field(name, np.array([np.nan if cell is None else float(cell) for cell in cells]))
        except OverflowError:
            pass
    if there and all(isinstance(cell, datetime.date) for cell in there):
        dates = np.array([np.datetime64("NaT") if cell is None else np.datetime64(cell) for cell in cells])
        return Field(name, "dates", dates=dates.astype("datetime64[us]"))
    return Field(name, [_text(cell) for cell in cells])


def _text(cell: Any) -> str:
    return "" if cell is None else cell.isoformat() if isinstance(cell, datetime.date) else str(cell)
