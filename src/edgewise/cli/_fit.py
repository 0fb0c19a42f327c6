"""`edgewise fit`: from a table to a saved network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from edgewise.cli._console import console
from edgewise.cli._input import open_table, parse_seed, parse_widths, select
from edgewise.cli._output import check_file, replacing


def fit(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A .csv, .tsv or .parquet file, or a shipped table (knots, orbits)."),
    ],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to learn.")],
    inputs: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="The columns to learn it from; all others when left out."),
    ] = None,
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
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same result.")] = 0,
) -> None:
    """Train a network on a table and save it."""
    seed = parse_seed(seed)
    selection, notes = select(open_table(file), target, inputs)
    layers = parse_widths(widths, len(selection.names))
    check_file(out, (".safetensors",))

    import edgewise

    model = edgewise.KAN(layers, grid=5 if grid is None else grid, degree=degree, seed=seed)
    screen = console()
    for note in notes:
        screen.print(note)
    screen.print(f"Training KAN({layers}) on {len(selection.y)} rows.")
    options = edgewise.Options(seed=seed, progress=True)
    result = edgewise.fit(model, selection.x, selection.y, grids="auto" if grid is None else None, options=options)
    with replacing(out) as path:
        edgewise.save(result.model, path, names=selection.names, target=target)
    for note in result.notes:
        screen.print(note)
    screen.print(f"Training error: {result.train_error:.3g} (rms, in the units of {target})")
    screen.print(f"Test error:     {_shown(result.test_error)}")
    screen.print(result.outcome.message)
    screen.print(f"Network: {out}")


def _shown(error: float) -> str:
    if math.isnan(error):
        return "none (too few rows to hold some out)"
    return f"{error:.3g} (on rows held out from training and from every choice, before a last run on all rows)"
