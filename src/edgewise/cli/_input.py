"""What the commands read: tables, networks, and lists in options."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from edgewise._errors import InputError, unknown
from edgewise._renamed import renamed

if TYPE_CHECKING:
    import numpy as np

    from edgewise.nn import KAN
    from edgewise.tables.encoding import Inputs as TableInputs
    from edgewise.tables.io import MixedSelection, SavedModel, Selection, Sign, Table


def check_seed(seed: int) -> int:
    """Return a seed that torch and numpy both take."""
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed must be a whole number from 0 to 4294967295. Got {seed}.")
    return seed


def check_time_limit(seconds: float | None) -> float | None:
    """Return a positive, finite number of seconds, or None for no limit."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InputError(f"--time-limit must be a positive number of seconds, like 60. Got {seconds:g}.")
    return seconds


def check_jobs(jobs: int) -> int:
    """Return a number of workers, -1 for one on each core."""
    if jobs == 0 or jobs < -1:
        raise InputError(f"--n-jobs must be a number of workers, or -1 for one for each core. Got {jobs}.")
    return jobs


def check_loss(loss: str) -> str:
    """Return the name of a loss."""
    loss = renamed("loss", loss)
    if loss not in ("squared", "huber"):
        raise InputError(f"--loss must be squared or huber. Got {loss!r}.")
    return loss


DataFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A .csv, .tsv, .parquet or .xlsx file, or a shipped table "
        "(knots, lynx, orbits, penguins, sleepstudy, theophylline).",
    ),
]
Inputs = Annotated[str | None, typer.Option(metavar="A,B", help="The input columns; all others when left out.")]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A network that edgewise saved.")]
Seed = Annotated[int, typer.Option(metavar="N", help="The same seed gives the same result.", callback=check_seed)]
TimeLimit = Annotated[
    float | None, typer.Option(metavar="S", help="Stop searching after S seconds.", callback=check_time_limit)
]
Decimal = Annotated[
    str | None, typer.Option("--decimal", metavar="SIGN", help="The decimal sign in FILE, . or ,; found when left out.")
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="The encoding of FILE, like cp1252; found when left out."),
]


Sigma = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of the target's standard errors.")]
Weights = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of weights of squared residuals.")]
Trials = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column of trials, of which the target counts the events.")
]
Correlated = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of positions, as times, along which errors are correlated."),
]
Picture = Annotated[Path | None, typer.Option(metavar="FILE", help="A .png, .svg or .pdf picture.")]
Sheet = Annotated[
    str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of an .xlsx file; the first when left out.")
]


def open_table(
    file: str,
    decimal: str | None = None,
    encoding: str | None = None,
    like: Mapping[str, str] | None = None,
    sheet: str | None = None,
) -> Table:
    """Read the file, or the shipped table of that name where there is no such file."""
    from edgewise.tables import datasets
    from edgewise.tables.io import read_table

    path = Path(file)
    if not path.exists() and file in datasets.names():
        path = datasets.path(file)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return read_table(path, decimal=cast("Sign | None", decimal), encoding=encoding, sheet=sheet, like=like)
    raise unknown("file or shipped table", file, datasets.names())


def select(table: Table, target: str, inputs: str | None) -> tuple[Selection, list[str]]:
    """Return the selected arrays and all that the user should know about how they were read."""
    chosen = None if inputs is None else split_names(inputs, [*table.names, *(n for n, _ in table.left_out)])
    selection = table.select(target, chosen)
    left_out = [f"Column {name!r} is left out: {reason}." for name, reason in table.left_out if chosen is None]
    return selection, [*table.notes, *left_out, *selection.notes]


def select_weighted(
    table: Table, target: str, inputs: str | None, by_row: list[str]
) -> tuple[Selection, list[str], dict[str, np.ndarray]]:
    """Return what `select` does, and columns that say something of the rows, which are no inputs, by name."""
    from edgewise.tables.io import Table

    if not by_row:
        return *select(table, target, inputs), {}
    known = [*table.names, *(name for name, _ in table.left_out)]
    chosen = [name for name in table.names if name != target] if inputs is None else split_names(inputs, known)
    notes: list[str] = []
    own = table.without_empty([name for name in chosen if name not in by_row], inputs is not None, notes)
    rows = table.complete_rows([*own, target, *by_row], notes)
    given = {column: table.columns[column][rows] for column in by_row}
    kept = Table({name: values[rows] for name, values in table.columns.items()}, n_rows=len(rows))
    selection = kept.select(target, own)
    return selection, [*table.notes, *notes, *selection.notes], given


def require_by_row(table: Table, by_row: Mapping[str, str]) -> None:
    """Raise unless columns that say something of the rows are numbers; `by_row` holds the options that name them."""
    for column, option in by_row.items():
        table.require(column, f"column in {option}")


def select_columns(
    table: Table, target: str, inputs: str | None
) -> tuple[Selection | MixedSelection, list[str], TableInputs | None]:
    """Return what `select` does, or a DataFrame where inputs are text or dates or have gaps, and its inputs."""
    from edgewise.tables.encoding import Inputs as TableInputs
    from edgewise.tables.io import select_mixed

    chosen = None if inputs is None else split_names(inputs, [*table.names, *(n for n, _ in table.left_out)])
    mixed = select_mixed(table, target, chosen)
    if mixed is None:
        return *select(table, target, inputs), None
    usable = {*table.texts, *table.dates}
    left_out = [f"Column {n!r} is left out: {why}." for n, why in table.left_out if chosen is None and n not in usable]
    found = TableInputs.learn(mixed.x)
    return mixed, [*table.notes, *left_out, *mixed.notes, *_described(found)], found


def _described(inputs: TableInputs) -> list[str]:
    """Say how columns that are not numbers become inputs."""
    known = zip(inputs.encoder.names, inputs.encoder.levels, strict=True)
    levels = [f"{name!r} ({len(each)})" for name, each in known if each]
    gaps = [repr(name) for name in inputs.names if name not in inputs.encoder.names]
    notes = [f"Categories, with their numbers of levels: {', '.join(levels)}."] if levels else []
    return [*notes, f"Gaps have inputs of their own: {', '.join(gaps)}."] if gaps else notes


def split_names(text: str, known: list[str], option: str = "--inputs") -> list[str]:
    """Return the names in "A,B"; a text that is itself a column's name is that one column.

    >>> split_names("a, b", ["a", "b"]), split_names("mass, kg", ["mass, kg"])
    (['a', 'b'], ['mass, kg'])
    """
    if text in known:
        return [text]
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise InputError(f"{option} must list column names with commas in between, like a,b. Got {text!r}.")
    return names


def parse_noise(text: str) -> Literal["auto", "exact"] | float:
    """Return "auto", "exact" or the relative noise level.

    >>> parse_noise("auto"), parse_noise("0.01")
    ('auto', 0.01)
    """
    if text == "auto" or text == "exact":
        return text
    try:
        level = float(text)
    except ValueError:
        level = -1.0
    if not 0 <= level < 1:
        raise InputError(
            "--noise must be auto, exact, or a number from 0 to 1 (noise over the target's standard deviation), "
            f"like 0.01. Got {text!r}."
        )
    return level


def parse_effort(text: str) -> Literal["quick", "normal", "thorough"] | int:
    """Return "quick", "normal", "thorough" or the number of formulas to try.

    >>> parse_effort("quick"), parse_effort("2000")
    ('quick', 2000)
    """
    if text == "quick" or text == "normal" or text == "thorough":
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 13):
        raise InputError(
            f"--effort must be quick, normal, thorough, or a whole number of formulas to try, like 20000. Got {text!r}."
        )
    return int(text)


def parse_widths(text: str, n_inputs: int, outputs: int = 1) -> list[int]:
    """Return the nodes of each layer; "auto" is one hidden layer of five, or of as many as there are outputs.

    >>> parse_widths("auto", 2), parse_widths("2,3,1", 2)
    ([2, 5, 1], [2, 3, 1])
    """
    if text == "auto":
        return [n_inputs, max(5, outputs), outputs]
    try:
        widths = [int(width) for width in text.split(",")]
    except ValueError:
        widths = []
    if len(widths) < 2 or min(widths) < 1:
        raise InputError(f"--widths must be auto or positive whole numbers, like {n_inputs},5,{outputs}. Got {text!r}.")
    if widths[0] != n_inputs or widths[-1] != outputs:
        raise InputError(
            f"--widths must begin with the number of inputs ({n_inputs}) and end with {outputs}, "
            f"like {n_inputs},5,{outputs}. Got {text!r}."
        )
    return widths


def open_model(path: Path, *, classes: bool = False) -> tuple[SavedModel, list[str], str]:
    """Load a network that `edgewise fit` saved, with the names of its inputs and of its target.

    Networks of classes are refused, unless the command takes them.
    """
    from edgewise.tables.io import load_with_metadata

    if not path.exists():
        raise InputError(f"There is no file {path}: train and save a network with edgewise fit.")
    saved = load_with_metadata(path)
    if saved.names is None or saved.target is None:
        raise InputError(
            f"{path} does not say which columns it was trained on: save it with edgewise fit, "
            "or with edgewise.save(model, path, names=[...], target=...)."
        )
    if saved.classes is not None:
        if not classes:
            raise InputError(
                f"{path} tells the classes of {saved.target} ({', '.join(saved.classes)}), and this command is for "
                "targets that are numbers: edgewise predict gives classes and their probabilities."
            )
        assert isinstance(saved.target, str)
        return saved, saved.names, saved.target
    if not isinstance(saved.target, str) or saved.model.n_out > 1:
        raise InputError(f"{path} has {saved.model.n_out} outputs, and this command takes one: use edgewise in Python.")
    return saved, saved.names, saved.target


def keep_network(model: KAN, place: Path, about: dict[str, Any]) -> None:
    """Save a network at its place, and elsewhere where that fails: training it may have taken hours.

    `about` is what `edgewise.save` takes; of `decimals` the columns that are not the network's are left out.
    """
    columns = (*about["names"], about["target"])
    about = {**about, "decimals": {name: sign for name, sign in about["decimals"].items() if name in columns}}

    from edgewise import save

    try:
        save(model, place, **about)
    except InputError as error:
        spare = Path(tempfile.mkdtemp(prefix="edgewise-")) / place.name
        try:
            save(model, spare, **about)
        except InputError:
            spare.parent.rmdir()
            raise error from None
        raise InputError(f"{error} The network is in {spare}.") from None
