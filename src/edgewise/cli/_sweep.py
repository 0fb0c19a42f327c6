"""`edgewise sweep`: which network suits a table, from many that are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from edgewise._replacing import replacing
from edgewise.cli._input import (
    DataFile,
    Decimal,
    Encoding,
    Inputs,
    Seed,
    Sheet,
    check_jobs,
    check_time_limit,
    keep_network,
    open_table,
    select_columns,
)
from edgewise.cli._json import Json, print_json
from edgewise.cli._output import PICTURES, check_file, console, write_picture

Loss = Literal["squared", "huber", "cauchy", "cross_entropy"]


def sweep(  # noqa: PLR0913 (the options of a command)
    file: DataFile,
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to learn.")],
    inputs: Inputs = None,
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="Networks to try.", rich_help_panel="Search")] = 40,
    storage: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="A file or a database to keep trials in; a study that is there goes on."),
    ] = None,
    loss: Annotated[Loss, typer.Option(help="What is minimized; cross_entropy for class numbers.")] = "squared",
    jobs: Annotated[
        int, typer.Option("--n-jobs", metavar="N", help="Processes; -1: one for each core.", callback=check_jobs)
    ] = 1,
    time_limit: Annotated[float | None, typer.Option(metavar="S", help="Stop after S seconds.")] = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the network, ending in .safetensors.")] = Path(
        "model.safetensors"
    ),
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="A .png, .svg or .pdf of the trials.")] = None,
    table_out: Annotated[
        Path | None, typer.Option("--table", metavar="FILE", help="A .csv file of the trials.")
    ] = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Train networks of many shapes, bases and grids on a table, and save the best one."""
    table = open_table(file, decimal, encoding, sheet=sheet)
    selection, notes, made = select_columns(table, target, inputs)
    check_file(out, (".safetensors",))
    for place, endings in ((picture, PICTURES), (table_out, (".csv",))):
        if place is not None:
            check_file(place, endings)
    limit = check_time_limit(time_limit)

    import edgewise

    screen = console(stderr=json)
    for note in notes:
        screen.print(note)
    screen.print(f"Trying {trials} networks on {len(selection.y)} rows.")
    options: Any = {"storage": storage, "n_jobs": jobs, "seed": seed, "time_limit": limit, "progress": True}
    found = edgewise.sweep(selection.x, selection.y, trials=trials, loss=loss, **options)
    if json:
        figures = {key: getattr(found, key) for key in ("settings", "error", "score", "importance")}
        print_json({"notes": notes, "target": target, **figures, "trials": found.frame(), "network": out})
    else:
        for line in str(found).splitlines():
            screen.print(line)
    names = selection.names if made is None else made.names
    about = {"names": names, "target": target, "decimals": table.decimals, "inputs": made}
    keep_network(found.result.model, out, about)
    screen.print(f"Network: {out}")
    if picture is not None:
        write_picture(found.plot(), picture)
        screen.print(f"Picture: {picture}")
    if table_out is not None:
        with replacing(table_out) as place:
            found.frame().to_csv(place, index=False)
        screen.print(f"Trials: {table_out}")
    if found.interrupted:
        raise KeyboardInterrupt(f"the best network by then is in {out}")
