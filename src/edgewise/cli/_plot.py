"""`edgewise plot`: the diagram of a saved network."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.cli._input import Decimal, Encoding, ModelFile, Sheet, open_model, open_table
from edgewise.cli._json import Json, print_json
from edgewise.cli._output import PICTURES, check_file, console, write_picture


def plot(
    model: ModelFile,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A table whose rows show where the edges are used.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The picture to write, ending in .png, .svg or .pdf.")
    ] = Path("network.png"),
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Draw a network: its nodes, and each edge's function."""
    check_file(out, PICTURES)
    from edgewise.tables.io import network_inputs

    saved, names, target = open_model(model)
    x, notes, screen = None, [], console(stderr=json)
    if file is not None:
        table = open_table(file, decimal, encoding, saved.decimals, sheet)
        notes = table.notes
        for note in notes:
            screen.print(note)
        x = network_inputs(saved, table)
        x = x[~np.isnan(x).any(axis=1)]
        if not len(x):
            raise InputError(f"{file} has no complete row: fill in the missing values.")

    mpl = needed("matplotlib")

    mpl.use("Agg")
    from matplotlib.figure import Figure

    import edgewise

    axes = edgewise.plot.network(saved.model, x, names=names, target=target)
    assert isinstance(axes.figure, Figure)
    write_picture(axes.figure, out, bbox_inches="tight", dpi=200)
    if json:
        print_json({"notes": notes, "picture": out})
    screen.print(f"Picture: {out}")
