"""How many cells a file has, counted before it is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.tables.io import EXCEL

MOST = 4_000_000
"""Cells of a table that the studio opens: they take about a gigabyte while they are read."""
_PART = 2**20  # bytes read at a time
_DELIMITERS = (b",", b";", b"\t", b"|", b" ")
_SHORTEST = 22  # bytes of a cell in a sheet of a workbook


def check_cells(path: Path) -> None:
    """Raise InputError for a table of more cells than the studio opens."""
    suffix = path.suffix.lower()
    found = _parquet(path) if suffix == ".parquet" else _excel(path) if suffix in EXCEL else _text(path)
    if found > MOST:
        raise InputError(
            f"{path.name} has about {found:,} cells, and the studio opens tables of up to {MOST:,}: "
            "give it some of the rows or columns, or use edgewise fit."
        )


def _text(path: Path) -> int:
    counts = dict.fromkeys((b"\n", b"\r", *_DELIMITERS), 0)
    with path.open("rb") as file:
        while part := file.read(_PART):
            for sign in counts:
                counts[sign] += part.count(sign)
    return max(counts.pop(b"\n"), counts.pop(b"\r")) + max(counts.values())


def _parquet(path: Path) -> int:
    pq = needed("pyarrow.parquet")

    try:
        about = pq.read_metadata(path)
    except Exception:  # noqa: BLE001 (whoever reads it says what is wrong)
        return 0
    return about.num_rows * about.num_columns


def _excel(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as book:
            sheets = [part.file_size for part in book.infolist() if "/worksheets/" in part.filename]
    except (OSError, zipfile.BadZipFile):  # whoever reads it says what is wrong
        return 0
    return sum(sheets) // _SHORTEST
