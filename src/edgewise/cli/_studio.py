"""`edgewise studio`: a page on which a person trains, touches and reads a network."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise._errors import InputError
from edgewise.cli._input import Inputs, split_names
from edgewise.cli._output import console

if TYPE_CHECKING:
    from edgewise.studio import Desk


def studio(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="A table, a shipped table (knots, lynx, orbits, penguins, sleepstudy, theophylline), or a session; "
            "chosen later if left out.",
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to explain.")] = None,
    inputs: Inputs = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The only folder that the page opens and writes files in.")
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="The port on 127.0.0.1; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show, and let nothing be changed.")] = False,
) -> None:
    """Open a page on which you train a network, touch its edges, and read it as a formula."""
    if file is None and (target is not None or inputs is not None):
        raise InputError("--target and --inputs are columns of a table: name its FILE.")
    from edgewise import studio

    names = None if inputs is None else partial(split_names, inputs)
    opened = studio.serve(file, target, names, folder, port, browser, read_only)
    screen = console()
    screen.print(f"The studio is at {opened.url}", soft_wrap=True)
    screen.print("Its address is a secret: who knows it can do what you can do on the page. Ctrl-C ends it.")
    opened.begun()
    for note in opened.notes:
        screen.print(note)
    opened.wait()
    screen.print()
    screen.print(f"The studio is closed. {_left(opened.desk)}")


def _left(desk: "Desk") -> str:
    if not desk.has_session:
        return "No session was begun."
    if desk.read_only or desk.file is None:
        return "Nothing was changed."
    here = Path().resolve()
    path = desk.file.relative_to(here) if desk.file.is_relative_to(here) else desk.file
    return f"The session is on disk. Go on with: edgewise studio {shlex.quote(str(path))}"
