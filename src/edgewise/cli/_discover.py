"""`edgewise discover`: from a table to formulas and a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise._replacing import replacing
from edgewise.cli._console import console, formula, progress
from edgewise.cli._failure import fail
from edgewise.cli._input import DataFile, Decimal, Encoding, Inputs, Seed, TimeLimit, open_table, parse_noise, select
from edgewise.cli._output import writable_folder

_TITLE = "Candidates, from simple to accurate"

INCOMPLETE = 1
"""The exit code when a formula was found, but not all could be printed and written."""


def discover(  # noqa: PLR0913 (the options of a command)
    file: DataFile,
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column to explain.")],
    inputs: Inputs = None,
    noise: Annotated[
        str,
        typer.Option(metavar="auto|exact|FLOAT", help="Noise of the target relative to its spread; auto estimates it."),
    ] = "auto",
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the report.")] = Path("edgewise-report"),
    seed: Seed = 0,
    time_limit: TimeLimit = 60.0,
    decimal: Decimal = None,
    encoding: Encoding = None,
) -> None:
    """Find the formula behind a column of a table."""
    level = parse_noise(noise)
    selection, notes = select(open_table(file, decimal, encoding), target, inputs)
    screen = console()
    for note in notes:
        screen.print(note)
    n_rows, n_inputs = selection.x.shape
    screen.print(f"Explaining {target} by {', '.join(selection.names)} ({n_rows} rows, {n_inputs} inputs).")

    import edgewise

    with writable_folder(out) as folder:
        with progress(screen) as report_progress:
            found = edgewise.discover(
                selection.x,
                selection.y,
                names=selection.names,
                target=target,
                noise=level,
                seed=seed,
                time_limit=time_limit,
                progress=report_progress,
            )
        _deliver(screen, found, target, folder)


def _deliver(screen: Console, found: Any, target: str, folder: Path) -> None:
    """Save the formula as text, print it, draw the report: a failure of one does not keep the others from coming."""
    failures: dict[str, Exception] = {}
    interrupted = False
    text, report = folder / "formula.txt", folder / "report.html"

    def attempt(what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except BrokenPipeError:  # the reader of the output has gone: the rest is not wanted
            raise
        except Exception as error:  # noqa: BLE001 (whatever fails after a long search may not hide its result)
            failures.setdefault(what, error)

    attempt(text.name, lambda: _save(text, found, target))
    attempt("output", lambda: _show(screen, found, target))
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
    raise typer.Exit(fail(f"{'; '.join(missing)}.{where}", INCOMPLETE))


def _reason(error: Exception) -> str:
    """Why something failed, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(str(error).split()).rstrip(".")
    return said if isinstance(error, InputError) else f"{type(error).__name__} {said}".rstrip()


def _save(path: Path, found: Any, target: str) -> None:
    """The formula and all candidates with every digit, as text."""
    lines = [f"{target} = {found.best.expression}", *_about(found, target), "", _TITLE]
    lines.append(f"{'':4}  {'#':>3}  {'complexity':>10}  {'error':>8}  formula")
    for index, candidate in enumerate(found.candidates):
        mark = "best" if candidate is found.best else ""
        numbers = f"{mark:4}  {index:3}  {candidate.complexity:10g}  {candidate.error:8.2g}"
        lines.append(f"{numbers}  {candidate.expression}")
    with replacing(path) as file:
        file.write("".join(f"{printable(line)}\n" for line in lines).encode())


def _about(found: Any, target: str) -> list[str]:
    kind = "relative to each value" if found.relative else f"relative to the spread of {target}"
    return [f"Error: {found.best.error:.2g} (rms, {kind})", found.outcome.message]


def _show(screen: Console, found: Any, target: str) -> None:
    best = found.best
    screen.print()
    screen.print(f"{target} = {formula(best.expression)}", style="bold")
    for line in _about(found, target):
        screen.print(line)
    screen.print()
    grid = Grid(title=_TITLE, title_justify="left", title_style="")
    for heading in ("", "#", "complexity", "error"):
        grid.add_column(heading, justify="right")
    grid.add_column("formula", overflow="fold")
    for index, candidate in enumerate(found.candidates):
        mark = "best" if candidate is best else ""
        cells = (mark, str(index), f"{candidate.complexity:g}", f"{candidate.error:.2g}")
        grid.add_row(*cells, formula(candidate.expression), style="bold" if mark else "")
    screen.print(grid, soft_wrap=False)
    screen.file.flush()
