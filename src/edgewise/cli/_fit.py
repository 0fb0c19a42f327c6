"""`edgewise fit`: from a table to a saved network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

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
        outputs = len(rows.classes) if len(rows.classes) > 2 else 1
        layers = parse_widths(widths, len(rows.names), outputs)
        check_file(out, (".safetensors",))

        import edgewise

        model = edgewise.KAN(layers, grid=5 if grid is None else grid, degree=degree, seed=seed)
        for note in rows.notes:
            screen.print(note)
        if rows.classes:
            screen.print(f"Classes of {target}: {', '.join(rows.classes)}.")
        screen.print(f"Training KAN({layers}) on {rows.count} rows.")
        options = edgewise.Options(seed=seed, progress=True, process_group=group, checkpoint=checkpoint)
        loss: Any = "cross_entropy" if rows.classes else "squared"
        result = edgewise.fit(model, rows.x, rows.y, loss=loss, grids="auto" if grid is None else None, options=options)
        if first:
            _finish(result, rows, target, out, screen, json)


def _finish(result: FitResult, rows: FitRows, target: str, out: Path, screen: Console, json: bool) -> None:
    """Save a network and say how good it is."""
    import edgewise

    stopped = result.outcome is edgewise.train.Outcome.INTERRUPTED
    place = out.with_name(f"{out.stem}.interrupted{out.suffix}") if stopped else out
    about = {"names": rows.names, "target": target, "decimals": rows.decimals, "inputs": rows.made}
    keep_network(result.model, place, {**about, "classes": rows.classes or None})
    if json:
        said = {"notes": [*rows.notes, *result.notes], "target": target, "inputs": rows.names, "network": place}
        errors = {"train_error": result.train_error, "test_error": result.test_error}
        if rows.classes:
            right = {"train_accuracy": result.train_accuracy, "test_accuracy": result.test_accuracy}
            errors |= {**right, "classes": rows.classes, "confusion": _confusion(result, rows)}
        print_json({**said, **errors, **ended(result)})
    for note in result.notes:
        screen.print(note)
    if rows.classes:
        screen.print(f"Training: log loss {result.train_error:.3g}, right {100 * result.train_accuracy:.1f} %")
        screen.print(f"Test:     {_shown(result.test_error, 'log loss ', result.test_accuracy)}")
        screen.print(_confused(rows.classes, _confusion(result, rows)))
    else:
        screen.print(f"Training error: {result.train_error:.3g} (rms, in the units of {target})")
        screen.print(f"Test error:     {_shown(result.test_error)}")
    screen.print(result.outcome.message)
    screen.print(f"Network: {place}")
    if stopped:
        raise KeyboardInterrupt(f"{out} was not written, and {place} holds the network so far")


def _confusion(result: FitResult, rows: FitRows) -> list[list[int]]:
    """How many rows of each class (down) the network takes for each (across)."""
    import torch

    from edgewise.train import CrossEntropy

    x = rows.x if rows.made is None else rows.made.of(rows.x)
    with torch.no_grad():
        outputs = result.model(torch.as_tensor(x, dtype=result.model.dtype))
    first, truth = CrossEntropy.probabilities(outputs).argmax(1), torch.as_tensor(rows.y).long()
    count = len(rows.classes)
    return torch.bincount(truth * count + first, minlength=count**2).reshape(count, count).tolist()


def _confused(classes: Sequence[str], counts: list[list[int]]) -> Table:
    """The confusion matrix as a table of the terminal."""
    table = Table(
        title="Rows of training: down as they are, across as the network says", title_justify="left", box=None
    )
    table.add_column("")
    for label in classes:
        table.add_column(label, justify="right")
    for label, row in zip(classes, counts, strict=True):
        table.add_row(label, *map(str, row))
    return table


def _shown(error: float, what: str = "", accuracy: float | None = None) -> str:
    if math.isnan(error):
        return "none (too few rows to hold some out)"
    right = "" if accuracy is None else f", right {100 * accuracy:.1f} %"
    where = "on rows held out from training and from every choice, before a last run on all rows"
    return f"{what}{error:.3g}{right} ({where})"
