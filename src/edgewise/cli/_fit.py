"""`edgewise fit`: from a table to a saved network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from edgewise.cli._input import (
    DataFile,
    Decimal,
    Encoding,
    Inputs,
    Seed,
    Sheet,
    keep_network,
    parse_widths,
)
from edgewise.cli._json import Json, ended, print_json
from edgewise.cli._output import check_file, console
from edgewise.cli._ranks import FitRows, process_group, rows_of

if TYPE_CHECKING:
    from edgewise.train import FitResult


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
    degree: Annotated[int, typer.Option(metavar="N", help="Degree of each edge's spline, 1 to 9.")] = 3,
    seed: Seed = 0,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Written after each step; the same command goes on from it.")
    ] = None,
    json: Json = False,
) -> None:
    """Train a network on a table and save it.

    FILE may be a folder of .parquet files, larger than memory. Started by torchrun, ranks share the rows.
    """
    with process_group() as group:
        first = group is None or group.rank() == 0
        screen = console(stderr=json) if first else Console(quiet=True)
        rows = rows_of(file, target, inputs, {"decimal": decimal, "encoding": encoding, "sheet": sheet}, group)
        layers = parse_widths(widths, len(rows.names))
        check_file(out, (".safetensors",))

        import edgewise

        model = edgewise.KAN(layers, grid=5 if grid is None else grid, degree=degree, seed=seed)
        for note in rows.notes:
            screen.print(note)
        screen.print(f"Training KAN({layers}) on {rows.count} rows.")
        options = edgewise.Options(seed=seed, progress=True, process_group=group, checkpoint=checkpoint)
        result = edgewise.fit(model, rows.x, rows.y, grids="auto" if grid is None else None, options=options)
        if first:
            _finish(result, rows, target, out, screen, json)


def _finish(result: FitResult, rows: FitRows, target: str, out: Path, screen: Console, json: bool) -> None:
    """Save a network and say how good it is."""
    import edgewise

    stopped = result.outcome is edgewise.train.Outcome.INTERRUPTED
    place = out.with_name(f"{out.stem}.interrupted{out.suffix}") if stopped else out
    keep_network(result.model, place, rows.decimals, rows.names, target, rows.made)
    if json:
        about = {"notes": [*rows.notes, *result.notes], "target": target, "inputs": rows.names, "network": place}
        print_json({**about, "train_error": result.train_error, "test_error": result.test_error, **ended(result)})
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
