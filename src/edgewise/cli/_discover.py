"""`edgewise discover`: from a table to formulas and a report."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise._replacing import replacing
from edgewise.cli import _known as known
from edgewise.cli._config import Config, save_options
from edgewise.cli._failure import FAILURE, fail
from edgewise.cli._input import (
    Correlated,
    DataFile,
    Decimal,
    Encoding,
    Inputs,
    Seed,
    Sheet,
    Sigma,
    TimeLimit,
    Trials,
    Weights,
    check_jobs,
    check_loss,
    open_table,
    parse_effort,
    parse_noise,
    require_by_row,
    select_weighted,
    split_names,
)
from edgewise.cli._json import Json, ended, print_json
from edgewise.cli._output import Line, console, progress, writable_folder

if TYPE_CHECKING:
    import numpy as np

    from edgewise.tables.io import Table


@dataclass(frozen=True)
class Chosen:
    """Inputs `x` and target `y`, arrays or data frames, their names, notes, and what is said of rows, by column.

    `rows` are their numbers where some were left out.
    """

    x: Any
    y: Any
    names: list[str]
    targets: list[str]
    notes: list[str]
    by_row: dict[str, np.ndarray]
    rows: Any = ...


def choose(
    table: Table, target: str, inputs: str | None, asked: tuple[str | None, str | None], by_row: Mapping[str, str],
    *, whole: bool = False,
) -> Chosen:  # fmt: skip
    """Return what to search: numbers without gaps as arrays, and everything else as it is.

    `asked` are the column of groups and what to do with gaps, `by_row` columns that say something of the rows, with
    the options that name them. Rows in which one of these is empty are left out. With `whole`, it is data frames.

    Errors: InputError for unknown columns, and targets that are not numbers.
    """
    from edgewise.tables.io import frame_of, select_mixed

    groups, missing = asked
    known = [*table.columns, *table.texts, *table.dates]
    targets = split_names(target, known, "--target")
    if len(targets) == 1 and groups is None and missing is None and not whole:
        named = None if inputs is None else split_names(inputs, [*table.names, *(n for n, _ in table.left_out)])
        mixed = select_mixed(table, target, named) if table.texts or table.dates else None
        if mixed is None or all(name in table.columns for name in mixed.names):
            require_by_row(table, by_row)
            selection, notes, given = select_weighted(table, target, inputs, list(by_row))
            return Chosen(selection.x, selection.y, selection.names, targets, notes, given)
    for each in targets:
        table.require(each, "target column")
    require_by_row(table, by_row)
    names = (
        [name for name in known if name not in (*targets, *by_row)] if inputs is None else split_names(inputs, known)
    )
    if groups is not None and groups not in names:
        names.append(groups)
    if {*names} & {*targets}:
        raise InputError(f"The target {targets[0]!r} is also among the inputs: take it out of the inputs.")
    notes = _notes(table, names)
    x, y = frame_of(table, names), frame_of(table, targets)
    if not by_row:
        return Chosen(x, y, names, targets, notes, {})
    rows = table.complete_rows(list(by_row), notes)
    given = {column: table.columns[column][rows] for column in by_row}
    x, y = (part.iloc[rows].reset_index(drop=True) for part in (x, y))
    return Chosen(x, y, names, targets, notes, given, rows)


def _notes(table: Table, names: Sequence[str]) -> list[str]:
    usable = {*table.texts, *table.dates}
    unused = [(name, why) for name, why in table.left_out if name not in usable and name not in names]
    return [*table.notes, *(f"Column {name!r} is left out: {why}." for name, why in unused)]


_TITLE = "Candidates, from simple to accurate"


def discover(  # noqa: PLR0913 (the options of a command)
    context: typer.Context,
    file: DataFile,
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to explain; A,B for several.")],
    inputs: Inputs = None,
    noise: Annotated[
        str,
        typer.Option(metavar="LEVEL", help="Noise over the target's standard deviation: auto, exact, or a number."),
    ] = "auto",
    sigma: Sigma = None,
    weights: Weights = None,
    loss: Annotated[
        str,
        typer.Option(metavar="NAME", help="squared, or huber: rows far from most count less.", callback=check_loss),
    ] = "squared",
    rounding: Annotated[
        bool, typer.Option("--rounding/--no-rounding", help="Round noisy constants where that is no coincidence.")
    ] = True,
    effort: Annotated[
        str,
        typer.Option(metavar="WORD", help="How many formulas to try: quick, normal, thorough, or a number."),
    ] = "normal",
    groups: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="A column of groups: constants may differ between them.")
    ] = None,
    trials: Trials = None,
    correlated: Correlated = None,
    missing: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="drop leaves rows with gaps out, indicator keeps them with inputs for gaps."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the report.")] = Path("edgewise-report"),
    seed: Seed = 0,
    time_limit: TimeLimit = None,
    n_jobs: Annotated[
        int,
        typer.Option(
            "--n-jobs", metavar="N", help="Workers that share the search; -1 is one for each core.", callback=check_jobs
        ),
    ] = 1,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the search to FILE as it goes.")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Go on with the search that was saved to FILE.")
    ] = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    functions: known.Functions = None,
    require: known.Require = None,
    forbid: known.Forbid = None,
    max_complexity: known.MaxComplexity = None,
    units: known.Units = None,
    guess: known.Guess = None,
    template: known.Template = None,
    constants: known.Constants = None,
    monotone: known.Monotone = None,
    limit: known.Limits = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Find the formula behind a column of a table."""
    level, tries = parse_noise(noise), parse_effort(effort)
    if missing not in (None, "drop", "indicator"):
        raise InputError(f"--missing must be drop or indicator. Got {missing!r}.")
    behavior, forms = (monotone, limit), (guess, template)
    asked = known.known_of(functions, (require, forbid), max_complexity, units, forms, constants, behavior)
    said = (("--weights", weights), ("--sigma", sigma), ("--trials", trials))
    by_row = {column: option for option, column in said if column is not None}
    table = open_table(file, decimal, encoding, sheet=sheet)
    plain = groups is None and save is None and resume is None and (noise, loss) == ("auto", "squared")
    censored = plain and target in table.limits
    table = replace(table, notes=table.notes_without_limits(target)) if censored else table
    whole = censored or trials is not None or correlated is not None
    chosen = choose(table, target, inputs, (groups, missing), by_row, whole=whole)
    if units == known.IN_FILE:
        asked["units"] = table
    screen = console(stderr=json)
    for note in chosen.notes:
        screen.print(note)
    n_rows, n_inputs = chosen.x.shape
    explained = " and ".join(chosen.targets)
    screen.print(f"Explaining {explained} by {', '.join(chosen.names)} ({n_rows} rows, {n_inputs} inputs).")
    shape: dict[str, Any] = {} if groups is None else {"groups": groups}
    shape |= {} if missing is None else {"missing": missing}
    shape |= {"target": target} if len(chosen.targets) == 1 else {}
    shape |= {} if trials is None else {"trials": chosen.by_row[trials]}
    if correlated is not None:
        table.require(correlated, "column in --correlated")
        shape["correlated"] = table.columns[correlated][chosen.rows]

    import edgewise
    from edgewise.discovery import checked_loss

    with writable_folder(out) as folder:
        with progress(screen) as report_progress:
            limits = [end[chosen.rows] for end in table.limits[target]] if censored else []
            found: Any = edgewise.discover(
                chosen.x,
                edgewise.Censored.between(*limits) if censored else chosen.y,
                names=chosen.names,
                noise=level,
                sigma=None if sigma is None else chosen.by_row[sigma],
                weights=None if weights is None else chosen.by_row[weights],
                loss=checked_loss(loss),
                rounding=rounding,
                effort=tries,
                seed=seed,
                time_limit=time_limit,
                n_jobs=n_jobs,
                save=save,
                resume=resume,
                progress=report_progress,
                **shape,
                **asked,
            )
        several = len(chosen.targets) > 1
        for name, each in found.items() if several else [(target, found)]:
            part = folder / re.sub(r"[^\w.-]", "_", name) if several else folder
            part.mkdir(exist_ok=True)
            _deliver(screen, each, part, context, chosen.notes)
            if each.outcome.name == "INTERRUPTED":
                raise KeyboardInterrupt(f"what was found by then is printed and in {part}")


def _deliver(screen: Console, found: Any, folder: Path, context: typer.Context, notes: list[str]) -> None:
    """Save formula and options, print, draw the report: a failure of one does not keep the others from coming."""
    failures: dict[str, Exception] = {}
    interrupted = False
    text, options, report = folder / "formula.txt", folder / "search.toml", folder / "report.html"

    def attempt(what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except BrokenPipeError:  # the reader of the output has gone: the rest is not wanted
            raise
        except Exception as error:  # noqa: BLE001 (whatever fails after a long search may not hide its result)
            failures.setdefault(what, error)

    attempt(text.name, lambda: _save(text, found, found.target))
    attempt(options.name, lambda: save_options(options, context))
    if context.params["json"]:
        attempt("output", lambda: print_json({"notes": notes, **_values(found), "folder": folder}))
    else:
        attempt("output", lambda: _show(screen, found))
    if text.name not in failures:
        attempt("output", lambda: screen.print(f"Formula: {text}"))
    try:
        attempt(report.name, lambda: found.report(report))
    except KeyboardInterrupt:
        interrupted = True
    if not interrupted and report.name not in failures:
        attempt("output", lambda: screen.print(f"Report: {report}"))
    if not failures and not interrupted:
        return
    missing = [f"no {what}: {_reason(error)}" for what, error in failures.items()]
    kept = [place for what, place in (("output", "printed"), (text.name, f"in {text}")) if what not in failures]
    where = f" The formula is {' and '.join(kept)}." if kept else ""
    if interrupted:
        raise KeyboardInterrupt(f"{'; '.join([f'no {report.name}', *missing])}.{where}")
    raise typer.Exit(fail(f"{'; '.join(missing)}.{where}", FAILURE))


def _reason(error: Exception) -> str:
    """Why something failed, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(str(error).split()).rstrip(".")
    return said if isinstance(error, InputError) else f"{type(error).__name__} {said}".rstrip()


def _save(path: Path, found: Any, target: str) -> None:
    """The formula and all candidates with every digit, as text."""
    from edgewise.discovery import front_cells
    from edgewise.formulas.expressions import quoted

    head, rows = front_cells(found, digits=None)
    lines = [f"{quoted(target)} = {found.best.text()}", "", *found.conclusion(), found.outcome.message]
    lines += ["", _TITLE]
    numbers = [[("best" if mark == ">" else mark), *cells] for mark, *cells, _ in [head, *rows]]
    widths = [max(len(line[k]) for line in numbers) for k in range(len(numbers[0]))]
    for cells, (*_, text) in zip(numbers, [head, *rows], strict=True):
        lines.append("  ".join([*(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)), text]))
    if found.groups is not None:
        lines += ["", f"Constants by {found.best.by_group.group}", *found.groups.to_csv().splitlines()]
    lines += ["", "Formulas are in Python's notation; a name that is no word stands in backquotes."]
    with replacing(path) as file:
        file.write("".join(f"{printable(line)}\n" for line in lines).encode())


def _values(found: Any) -> dict[str, Any]:
    about = {"target": found.target, "inputs": found.names, "formula": found.best.text(), **ended(found)}
    return {**about, "noise": found.noise, "said": found.conclusion(), "candidates": found.equations}


def _show(screen: Console, found: Any) -> None:
    from edgewise.discovery import front_cells

    screen.print()
    first, *others = found.conclusion()
    screen.print(first, style="bold")
    for line in [*others, found.outcome.message]:
        screen.print(line)
    screen.print()
    grid = Grid(
        title=_TITLE, title_justify="left", title_style="", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    head, rows = front_cells(found)
    for heading in head[:-1]:
        grid.add_column(heading, justify="right")
    grid.add_column(head[-1])
    for mark, *cells, text in rows:
        grid.add_row("best" if mark else "", *cells, Line(text), style="bold" if mark else "")
    screen.print(grid)
    screen.file.flush()
