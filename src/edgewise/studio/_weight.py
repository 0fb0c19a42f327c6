"""How many cells a table has and how much memory it would take, before it is read."""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.tables.io import EXCEL

MOST = 4_000_000
"""Cells of a table that the studio opens."""
_MEMORY = 10**9  # bytes that reading a table may take, roughly
_ROW, _CELL, _COLUMN, _BYTE = 300, 100, 3000, 7  # bytes that each row, cell, column and byte of a file takes
_LINE = 2**20  # bytes
_DELIMITERS = (b",", b";", b"\t", b"|", b" ")


def check_cells(path: Path) -> None:
    """Raise InputError for a table that the studio does not read: it would take too much memory."""
    stat = path.stat()
    cells, needs = _weight(path, stat.st_mtime_ns, stat.st_size)
    remedy = "give it some of the rows or columns, or use edgewise fit."
    if cells > MOST:
        raise InputError(
            f"{path.name} has about {cells:,} cells, and the studio opens tables of up to {MOST:,}: {remedy}"
        )
    if needs > _MEMORY:
        raise InputError(
            f"Reading {path.name} would take about {needs / 1e9:.1f} GB of memory, and the studio takes "
            f"{_MEMORY / 1e9:g}: {remedy}"
        )


@lru_cache(16)
def _weight(path: Path, changed: int, size: int) -> tuple[int, int]:
    """Cells of a file, and the bytes that reading it takes, as sizes and counts in it suggest. Counting may end early
    where there are too many."""
    suffix = path.suffix.lower()
    return _parquet(path) if suffix == ".parquet" else _excel(path) if suffix in EXCEL else _text(path, size)


def _text(path: Path, size: int) -> tuple[int, int]:
    counts = dict.fromkeys((b"\n", b"\r", *_DELIMITERS), 0)
    with path.open("rb") as file:
        while part := file.read(_LINE):
            for sign in counts:
                counts[sign] += part.count(sign)
            if len(part) == _LINE and not (b"\n" in part or b"\r" in part):
                raise InputError(f"{path.name} has a line of more than a million characters: is it a table?")
    rows = max(counts.pop(b"\n"), counts.pop(b"\r"), 1)
    cells = rows + max(counts.values())
    return cells, _BYTE * size + _ROW * rows + _CELL * cells + _COLUMN * (cells // rows)


def _parquet(path: Path) -> tuple[int, int]:
    """Numbers as many as the columns say; text at its length where every cell is written out."""
    pq, pc = needed("pyarrow.parquet"), needed("pyarrow.compute")

    try:
        with pq.ParquetFile(path) as file:
            about, flat = file.metadata, set(file.schema_arrow.names)
        parts = [about.row_group(g).column(c) for g in range(about.num_row_groups) for c in range(about.num_columns)]
        cells = sum(part.num_values for part in parts)
        needs = _CELL * cells + _BYTE * sum(part.total_uncompressed_size for part in parts)
        texts = [part for part in parts if part.physical_type.endswith("BYTE_ARRAY")]
        needs += sum(p.num_values * p.total_uncompressed_size for p in texts if p.path_in_schema not in flat)
        needs += _COLUMN * about.num_columns
        names = sorted({part.path_in_schema for part in texts} & flat)
        if needs > _MEMORY or not names:
            return cells, needs
        with pq.ParquetFile(path, read_dictionary=names) as file:
            for batch in file.iter_batches(columns=names, use_threads=False):
                for column in (one for one in batch.columns if hasattr(one, "dictionary")):
                    lengths = pc.binary_length(column.dictionary).cast("int64")
                    needs += 2 * (pc.sum(lengths.take(column.indices)).as_py() or 0)
    except Exception:  # noqa: BLE001 (reading it reports what is wrong)
        return 0, 0
    return cells, needs


def _excel(path: Path) -> tuple[int, int]:
    """All parts of the archive, and the cells of its sheets as they are read: empty ones may be many."""
    cells = 0
    try:
        with zipfile.ZipFile(path) as archive:
            needs = _BYTE * sum(part.file_size for part in archive.infolist())
        if needs > _MEMORY:
            return cells, needs
        book = needed("openpyxl").load_workbook(path, read_only=True)
        for row in (row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)):
            cells += len(row)
            needs += _ROW + 2 * _CELL * len(row)
            if cells > MOST or needs > _MEMORY:
                break
        book.close()
    except Exception:  # noqa: BLE001 (reading it reports what is wrong)
        return 0, 0
    return cells, needs
