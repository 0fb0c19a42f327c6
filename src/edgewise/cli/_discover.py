"""`edgewise discover`: from a table to formulas and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as Grid

from edgewise.cli._console import console, formula, progress
from edgewise.cli._input import Decimal, Encoding, open_table, parse_noise, parse_seed, parse_time_limit, select
from edgewise.cli._output import replacing, writable_folder


def discover(  # noqa: PLR0913 (the options of a command)
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A .csv, .tsv or .parquet file, or a shipped table (knots, orbits)."),
    ],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to explain.")],
    inputs: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="The columns to explain it by; all others when left out."),
    ] = None,
    noise: Annotated[
        str,
        typer.Option(metavar="auto|exact|FLOAT", help="Noise of the target relative to its spread; auto estimates it."),
    ] = "auto",
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the report.")] = Path("edgewise-report"),
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same result.")] = 0,
    time_limit: Annotated[float, typer.Option(metavar="S", help="Stop searching after so many seconds.")] = 60.0,
    decimal: Decimal = None,
    encoding: Encoding = None,
) -> None:
    """Find the formula behind a column of a table."""
    level, seed, time_limit = parse_noise(noise), parse_seed(seed), parse_time_limit(time_limit)
    selection, notes = select(open_table(file, decimal, encoding), target, inputs)
    screen = console()
    for note in notes:
        screen.print(note)
    n_rows, n_inputs = selection.x.shape
    screen.print(f"Explaining {target} by {', '.join(selection.names)} ({n_rows} rows, {n_inputs} inputs).")

    import edgewise

    with writable_folder(out) as folder:
        with progress(screen) as report_progress:
            found = edgewise.discover(
                selection.x,
                selection.y,
                names=selection.names,
                target=target,
                noise=level,
                seed=seed,
                time_limit=time_limit,
                progress=report_progress,
            )
        with replacing(folder / "report.html") as path:
            found.report(path)
    _show(screen, found, target)
    screen.print(f"Report: {folder / 'report.html'}")


def _show(screen: Any, found: Any, target: str) -> None:
    best = found.best
    screen.print()
    screen.print(f"{target} = {formula(best.expression)}", style="bold")
    kind = "relative to each value" if found.relative else f"relative to the spread of {target}"
    screen.print(f"Error: {best.error:.2g} (rms, {kind})")
    screen.print(found.outcome.message)
    screen.print()
    grid = Grid(title="Candidates, from simple to accurate", title_justify="left", title_style="")
    for heading in ("", "#", "complexity", "error"):
        grid.add_column(heading, justify="right")
    grid.add_column("formula", overflow="fold")
    for index in range(len(found.equations)):
        candidate = found[index]
        mark = "best" if candidate is best else ""
        cells = (mark, str(index), f"{candidate.complexity:g}", f"{candidate.error:.2g}")
        grid.add_row(*cells, formula(candidate.expression), style="bold" if mark else "")
    screen.print(grid, soft_wrap=False)
