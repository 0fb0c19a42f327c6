"""`edgewise fit`: from a table to a saved network."""

import math
from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli._console import console
from edgewise.cli._input import (
    DataFile,
    Decimal,
    Encoding,
    Inputs,
    Seed,
    Sheet,
    open_table,
    parse_widths,
    select_columns,
)
from edgewise.cli._network_file import keep_network
from edgewise.cli._output import check_file


def fit(  # noqa: PLR0913 (the options of a command)
    file: DataFile,
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to learn.")],
    inputs: Inputs = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the network, ending in .safetensors.")] = Path(
        "model.safetensors"
    ),
    widths: Annotated[
        str, typer.Option(metavar="N,..,1", help="Nodes of each layer; auto is one hidden layer of five.")
    ] = "auto",
    grid: Annotated[
        int | None,
        typer.Option(metavar="N", help="Intervals of each edge's spline; grown as far as it helps when left out."),
    ] = None,
    degree: Annotated[int, typer.Option(metavar="N", help="Degree of each edge's spline, 1 to 5.")] = 3,
    seed: Seed = 0,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
) -> None:
    """Train a network on a table and save it."""
    table = open_table(file, decimal, encoding, sheet=sheet)
    selection, notes, made = select_columns(table, target, inputs)
    names = selection.names if made is None else made.names
    layers = parse_widths(widths, len(names))
    check_file(out, (".safetensors",))

    import edgewise

    model = edgewise.KAN(layers, grid=5 if grid is None else grid, degree=degree, seed=seed)
    screen = console()
    for note in notes:
        screen.print(note)
    screen.print(f"Training KAN({layers}) on {len(selection.y)} rows.")
    options = edgewise.Options(seed=seed, progress=True)
    result = edgewise.fit(model, selection.x, selection.y, grids="auto" if grid is None else None, options=options)
    stopped = result.outcome is edgewise.train.Outcome.INTERRUPTED
    place = out.with_name(f"{out.stem}.interrupted{out.suffix}") if stopped else out
    keep_network(result.model, place, table, names, target, made)
    for note in result.notes:
        screen.print(note)
    screen.print(f"Training error: {result.train_error:.3g} (rms, in the units of {target})")
    screen.print(f"Test error:     {_shown(result.test_error)}")
    screen.print(result.outcome.message)
    screen.print(f"Network: {place}")
    if stopped:
        raise KeyboardInterrupt(f"{out} was not written, and {place} holds the network so far")


def _shown(error: float) -> str:
    if math.isnan(error):
        return "none (too few rows to hold some out)"
    return f"{error:.3g} (on rows held out from training and from every choice, before a last run on all rows)"
