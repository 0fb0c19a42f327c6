"""`edgewise predict`: a saved network applied to a table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._replacing import replacing
from edgewise.cli._failure import shown
from edgewise.cli._input import Decimal, Encoding, ModelFile, Sheet, open_model, open_table
from edgewise.cli._json import Json, print_json
from edgewise.cli._output import check_file, console

if TYPE_CHECKING:
    from edgewise.tables.io import SavedModel

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Characters that begin a formula in a spreadsheet, with their wide forms."""


def predict(
    model: ModelFile,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A table with the columns that it was trained on.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The .csv file to write; printed when left out.")
    ] = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Predict the target for each row of a table."""
    pd = needed("pandas")

    from edgewise.tables.io import network_inputs

    saved, _, target = open_model(model, classes=True)
    table = open_table(file, decimal, encoding, saved.decimals, sheet)
    x = network_inputs(saved, table)
    name = f"{target}_predicted"
    for title in (name, *(f"probability_{label}" for label in saved.classes or ())):
        if title in (*table.names, *table.texts, *table.dates):
            raise InputError(f"{file} already has a column {title!r}: rename or remove it.")
    if out is not None:
        check_file(out, (".csv",))
    others: dict[str, Any] = {}
    if saved.inputs is not None:
        others = {title: [_harmless(cell or "") for cell in cells] for title, cells in table.texts.items()}
        others |= {title: pd.Series(days) for title, days in table.dates.items()}
    made = _predicted(saved, x, name)
    frame = pd.DataFrame({**table.columns, **others, **made})
    frame = frame[[*(title for title in table.order if title in frame and title not in made), *made]]
    frame.columns = [_harmless(title) for title in frame.columns]
    incomplete = int(np.isnan(x).any(axis=1).sum())
    missing = [f"{incomplete} of {table.n_rows} rows have no prediction: an input is missing."] if incomplete else []
    notes = [*table.notes, *missing]
    screen = console(stderr=json or out is None)
    for note in notes:
        screen.print(note)
    if json:
        print_json({"notes": notes, "target": target, "predictions": frame[frame.columns[-1]].tolist()})
    elif out is None:
        if sys.stdout.isatty():
            frame.columns = [shown(title) for title in frame.columns]
        frame.to_csv(sys.stdout, index=False)
    if out is not None:
        with replacing(out) as place:
            frame.to_csv(place, index=False)
        screen.print(f"Predictions: {out} ({table.n_rows} rows)")


def _predicted(saved: "SavedModel", x: np.ndarray, name: str) -> dict[str, Any]:
    """The network's value for each row of x (n, d), or its class and the probability of each; none with a gap."""
    import torch

    from edgewise.train import CrossEntropy

    complete = ~np.isnan(x).any(axis=1)
    y = np.full((len(x), saved.model.n_out if saved.classes is None else len(saved.classes)), np.nan)
    with torch.no_grad():
        outputs = saved.model(torch.as_tensor(x[complete], dtype=saved.model.dtype)).cpu()
    y[complete] = (outputs if saved.classes is None else CrossEntropy.probabilities(outputs)).numpy()
    if saved.classes is None:
        return {name: y[:, 0]}
    first = np.where(complete, np.array(saved.classes, dtype=object)[np.nan_to_num(y).argmax(1)], "")
    return {name: first, **{f"probability_{label}": y[:, k] for k, label in enumerate(saved.classes)}}


def _harmless(name: str) -> str:
    """Return the name with an apostrophe before it where a spreadsheet would take it for a formula and run it.

    >>> _harmless("=cmd|' /C calc'!A0"), _harmless("length")
    ("'=cmd|' /C calc'!A0", 'length')
    """
    return f"'{name}" if name.lstrip(" ")[:1] in _FORMULA else name
