"""`edgewise relations`: from a table without a target to the equations between its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.table import Table as Grid

from edgewise._errors import InputError
from edgewise.cli._input import (
    DataFile,
    Decimal,
    Encoding,
    Picture,
    Sheet,
    TimeLimit,
    check_seed,
    open_table,
    split_names,
)
from edgewise.cli._json import Json, ended, print_json
from edgewise.cli._output import PICTURES, Line, check_file, console, formula, progress, write_picture

if TYPE_CHECKING:
    from edgewise.tables.io import Table

_SECONDS = 300.0


def relations(  # noqa: PLR0913 (the options of a command)
    file: DataFile,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="The columns to look at; all when left out."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of searches, each with another split of the rows.")
    ] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="The first of the seeds.", callback=check_seed)] = 0,
    formulas: Annotated[bool, typer.Option(help="Whether to look for the equations, too.")] = True,
    jobs: Annotated[int, typer.Option(metavar="N", help="Seeds that run side by side; -1: one for each core.")] = 1,
    time_limit: TimeLimit = _SECONDS,
    out: Picture = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Find which columns of a table are tied by equations."""
    if out is not None:
        check_file(out, PICTURES)
    table = open_table(file, decimal, encoding, sheet=sheet)
    names = list(table.names) if columns is None else split_names(columns, table.names)
    rows, notes = _rows(table, names)
    screen = console(stderr=json)
    for note in notes:
        screen.print(note)
    screen.print(f"Looking for relations of {', '.join(names)} ({len(rows)} rows).")

    import edgewise

    with progress(screen) as report_progress:
        found = edgewise.find_relations(
            rows,
            names,
            seeds=seeds,
            seed=seed,
            formulas=formulas,
            n_jobs=jobs,
            time_limit=_SECONDS if time_limit is None else time_limit,
            progress=report_progress,
        )
    if json:
        each = zip(found.table().to_dict("records"), (*found, *found.doubtful), strict=True)
        ties = [row | {"columns": relation.columns} for row, relation in each]
        about = {"notes": [*notes, *found.notes], "columns": found.names}
        print_json({**about, **ended(found), "relations": ties})
    else:
        _show(screen, found)
    if out is not None:
        write_picture(found.plot(), out)
        screen.print(f"Picture: {out}")
    if found.outcome.name == "INTERRUPTED":
        raise KeyboardInterrupt("what was found by then is printed")


def _rows(table: Table, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """The complete rows of the columns, and all that the user should know about how they were read."""
    if not names:
        raise InputError("The table has no column of numbers.")
    values = table.inputs(names)
    complete = ~np.isnan(values).any(1)
    left_out = [f"Column {name!r} is left out: {reason}." for name, reason in table.left_out]
    if not complete.all():
        left_out.append(f"{int((~complete).sum())} of {len(values)} rows left out: values are missing.")
    return values[complete], [*table.notes, *left_out]


def _show(screen: Any, found: Any) -> None:
    screen.print()
    screen.print(found.outcome.message, style="bold")
    for note in found.notes:
        screen.print(note)
    rows = [*found, *found.doubtful]
    if not rows:
        return
    grid = Grid(title="Relations, best supported first", title_justify="left", title_style="")
    for heading in ("seeds", "area", "p", "error"):
        grid.add_column(heading, justify="right")
    grid.add_column("relation")
    for relation in rows:
        equation = relation.equation
        error = "" if equation is None else f"{equation.error:.2g}"
        text = relation.text if equation is None else f"{formula(equation.left)} = {formula(equation.right)}"
        doubt = " (doubtful)" if relation in found.doubtful else ""
        numbers = (f"{relation.seeds}/{relation.tried}", f"{relation.auc:.3f}", f"{relation.p:.2g}", error)
        grid.add_row(*numbers, Line(f"{text}{doubt}"))
    screen.print(grid)
