"""`edgewise card`: a saved network as a folder for the Hugging Face Hub, with its model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewise._errors import InputError
from edgewise.cli._input import Decimal, Encoding, ModelFile, Sheet, open_model, open_table
from edgewise.cli._json import Json, print_json
from edgewise.cli._output import console, writable_folder

if TYPE_CHECKING:
    from edgewise.tables.io import SavedModel


def card(  # noqa: PLR0913 (the options of a command)
    model: ModelFile,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A table with the rows that the network was trained on.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write.")] = Path("pretrained"),
    held_out: Annotated[
        str | None, typer.Option("--held-out", metavar="FILE", help="A table with rows that it was not trained on.")
    ] = None,
    title: Annotated[str, typer.Option(metavar="TEXT", help="The title of the model card.")] = "",
    license: Annotated[str, typer.Option(metavar="NAME", help="A license of the Hub, like mit.")] = "",
    repository: Annotated[str, typer.Option(metavar="USER/NAME", help="Where the folder will be uploaded.")] = "",
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Write a network as a folder for the Hugging Face Hub: configuration, weights and a model card."""
    saved, _, target = open_model(model)
    options = {"decimal": decimal, "encoding": encoding, "sheet": sheet}
    notes: list[str] = []
    rows = [None if table is None else _rows(saved, target, table, options, notes) for table in (file, held_out)]
    screen = console(stderr=json)
    for note in notes:
        screen.print(note)

    import edgewise

    about = edgewise.pretrained.About(title=title, license=license, repository=repository)
    with writable_folder(out):
        found = edgewise.model_card(saved, rows[0], held_out=rows[1], about=about)
        edgewise.pretrained.save(saved.model, out, card=found)
    if json:
        print_json({"notes": notes, "folder": out})
    screen.print(f"Folder: {out}")


def _rows(saved: SavedModel, target: str, file: str, options: dict[str, Any], notes: list[str]) -> tuple[Any, Any]:
    """Return the complete rows of a table, as the network takes them; add what is said of them to the notes."""
    import numpy as np
    import torch

    table = open_table(file, options["decimal"], options["encoding"], saved.decimals, options["sheet"])
    notes += table.notes
    from edgewise.tables.io import network_inputs

    x, y = network_inputs(saved, table), table.inputs([target])
    whole = ~np.isnan(np.column_stack([x, y])).any(axis=1)
    if not whole.any():
        raise InputError(f"{file} has no complete row: fill in the missing values.")
    if not whole.all():
        notes.append(f"{int((~whole).sum())} of {table.n_rows} rows are left out: a value is missing.")
    return torch.from_numpy(x[whole]), torch.from_numpy(y[whole])
