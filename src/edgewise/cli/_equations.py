"""`edgewise equations`: from trajectories, or a field, in a table to differential equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import numpy as np
import typer

from edgewise._errors import InputError
from edgewise.cli._input import (
    DataFile,
    Decimal,
    Encoding,
    Picture,
    Seed,
    Sheet,
    TimeLimit,
    open_table,
    parse_effort,
    split_names,
)
from edgewise.cli._json import Json, ended, print_json
from edgewise.cli._output import PICTURES, check_file, console, progress, write_picture

if TYPE_CHECKING:
    from edgewise.tables.io import Table

_SECONDS = 300.0


def equations(  # noqa: PLR0913 (the options of a command)
    file: DataFile,
    time: Annotated[str, typer.Option(metavar="COLUMN", help="The column of times.")],
    states: Annotated[
        str | None, typer.Option(metavar="A,B", help="The columns of what changes; all others when left out.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(metavar="X,Y", help="The columns of positions: partial differential equations.")
    ] = None,
    groups: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that tells trajectories apart.")
    ] = None,
    inputs: Annotated[str | None, typer.Option(metavar="A,B", help="The columns of what drives the system.")] = None,
    order: Annotated[int, typer.Option(metavar="N", min=1, max=2, help="The order of the derivatives in time.")] = 1,
    terms: Annotated[str | None, typer.Option(metavar="F,G", help="Terms to try first, as 'x/(K + x)'.")] = None,
    only: Annotated[bool, typer.Option("--only", help="No terms but those.", rich_help_panel="What you know")] = False,
    known: Annotated[
        list[str] | None, typer.Option(metavar="STATE=F", help="A known part of a rate, as 'v=-9.81 - k*v'.")
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="NAME", help="A name for a state that was not measured.")
    ] = None,
    effort: Annotated[str, typer.Option(metavar="WORD", help="quick, normal, thorough, or a number.")] = "normal",
    seed: Seed = 0,
    time_limit: TimeLimit = _SECONDS,
    out: Picture = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Find differential equations for measured trajectories, or for a field in time and space."""
    if out is not None:
        check_file(out, PICTURES)
    table = open_table(file, decimal, encoding, sheet=sheet)
    positions = [] if space is None else split_names(space, table.names)
    driving = [] if inputs is None else split_names(inputs, table.names)
    t = _times(table, time)
    apart = {time, groups, *positions, *driving}
    names = [n for n in table.names if n not in apart] if states is None else split_names(states, table.names)
    if not names or apart & {*names}:
        raise InputError(f"--states must name other columns than times, positions, inputs and groups. Got {names}.")
    ordinary = {"--groups": groups, "--inputs": inputs, "--terms": terms, "--only": only or None}
    ordinary |= {"--known": known, "--hidden": hidden}
    refused = [option for option, given in ordinary.items() if given is not None]
    if positions and refused:
        raise InputError(f"{refused[0]} is not taken with --space.")
    screen = console(stderr=json)
    for note in table.notes:
        screen.print(note)
    if time in table.dates:
        screen.print(f"Times are days since {np.nanmin(table.dates[time]).astype('datetime64[s]')}.")
    limit = _SECONDS if time_limit is None else time_limit
    work = cast("Any", parse_effort(effort))

    import edgewise

    with progress(screen) as report:
        if positions:
            at, values = table.inputs(positions), table.inputs(names)
            found: Any = edgewise.discover_pde(
                t, dict(zip(positions, at.T, strict=True)), dict(zip(names, values.T, strict=True)),
                order=cast("Literal[1, 2]", order), effort=work, time_limit=limit, progress=report,
            )  # fmt: skip
        else:
            parts = _trajectories(table, t, groups)
            found = edgewise.discover_ode(
                [t[rows] for rows in parts], [table.inputs(names)[rows] for rows in parts], names,
                order=cast("Literal[1, 2]", order),
                inputs=[{name: table.columns[name][rows] for name in driving} for rows in parts] if driving else None,
                terms=None if terms is None else [term.strip() for term in terms.split(",")], only=only,
                known=_known(known), hidden=hidden, effort=work, seed=seed, time_limit=limit, progress=report,
            )  # fmt: skip
    if json:
        print_json({"notes": table.notes, **_values(found)})
    else:
        screen.print()
        for line in str(found).splitlines():
            screen.print(line)
    if out is not None:
        write_picture(found.plot(), out)
        screen.print(f"Picture: {out}")
    if found.outcome.name == "INTERRUPTED":
        raise KeyboardInterrupt("what was found by then is printed")


def _values(found: Any) -> dict[str, Any]:
    about = {"equations": found.equations, "constants": found.frame(), **ended(found)}
    return {**about, "noise": found.noise, "error": found.error}


def _times(table: Table, time: str) -> np.ndarray:
    """Return the times as numbers: of dates, the days since the first one."""
    if time not in table.dates:
        table.require(time, "column in --time")
        return table.columns[time]
    dates = table.dates[time]
    return (dates - np.nanmin(dates)) / np.timedelta64(1, "D")


def _trajectories(table: Table, t: np.ndarray, groups: str | None) -> list[np.ndarray]:
    """Return the rows of each trajectory, by time."""
    if groups is None:
        kinds = np.zeros(table.n_rows, dtype=int)
    elif groups in table.texts:
        kinds = np.unique([str(text) for text in table.texts[groups]], return_inverse=True)[1]
    else:
        table.require(groups, "column in --groups")
        kinds = np.unique(table.columns[groups], return_inverse=True)[1]
    return [own[np.argsort(t[own], kind="stable")] for own in (np.flatnonzero(kinds == k) for k in np.unique(kinds))]


def _known(parts: list[str] | None) -> dict[str, str] | None:
    """Return the parts of rates by state.

    >>> _known(["v=-9.81 - k*v"])
    {'v': '-9.81 - k*v'}
    """
    found = dict[str, str]()
    for part in parts or ():
        state, sign, rate = part.partition("=")
        if not sign or not rate.strip() or state.strip() in found:
            raise InputError(f"--known must give a part of a state's rate, once for each, like v=-9.81. Got {part!r}.")
        found[state.strip()] = rate.strip()
    return found or None
