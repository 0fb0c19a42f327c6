"""The commands and the one error policy for all of them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from edgewise._errors import EdgewiseError
from edgewise.cli._bench import bench
from edgewise.cli._console import shown
from edgewise.cli._discover import discover
from edgewise.cli._export import export
from edgewise.cli._fit import fit
from edgewise.cli._plot import plot
from edgewise.cli._predict import predict
from edgewise.cli._relations import relations
from edgewise.cli._reproduce import reproduce

BAD_INPUT = 2
"""The exit code of every error that edgewise reports."""

# The base of all usage errors; which module holds it depends on the version of typer.
_UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[2]  # type: ignore[assignment]

_REMEDIES = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EACCES: "choose a place that you may read and write",
    errno.EPERM: "choose a place that you may read and write",
    errno.EROFS: "choose a place that you may write",
    errno.ENOENT: "check the name and the folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}

app = typer.Typer(
    name="edgewise",
    help="Kolmogorov–Arnold networks that train to machine precision and can be read as formulas.",
    epilog="Start here: edgewise discover orbits --target period_days",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(
    epilog="Examples:\n\nedgewise discover orbits --target period_days\n\n"
    "edgewise discover data.csv --target y --inputs a,b --noise 0.01 --out report",
)(discover)
app.command(
    epilog="Examples:\n\nedgewise relations orbits\n\nedgewise relations data.csv --out relations.png",
)(relations)
app.command(
    epilog="Example: edgewise fit data.csv --target y --widths 2,5,1 --out model.safetensors",
)(fit)
app.command(
    epilog="Example: edgewise predict model.safetensors new.csv --out predictions.csv",
)(predict)
app.command(
    epilog="Example: edgewise plot model.safetensors data.csv --out net.svg",
)(plot)
app.command(
    epilog="Example: edgewise export model.safetensors --to c --out model.c",
)(export)
app.command(
    epilog="Examples:\n\nedgewise bench --quick\n\nedgewise bench layers --threads 1,2 --only 'G = 20'",
)(bench)
app.command(
    epilog="Examples:\n\nedgewise reproduce grids --out reproduced\n\nedgewise reproduce all --quick",
)(reproduce)


def _print_version(wanted: bool) -> None:
    if wanted:
        import edgewise

        typer.echo(f"edgewise {edgewise.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Kolmogorov–Arnold networks that train to machine precision and can be read as formulas."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (None: the program's own) and return its exit code, 2 after an error.

    Whatever is wrong with the input, the files or the disk ends in one line on stderr, never in a traceback.

    >>> main(["discover", "orbits", "--target", "period_days", "--noise", "a lot"])
    2
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = typer.main.get_command(app)
    try:
        with command.make_context("edgewise", arguments or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except EdgewiseError as error:
        return _fail(str(error))
    except _UsageError as error:
        message = error.format_message().rstrip(".")
        return _fail(f"{message}. See edgewise --help.")
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing was written")
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): stop without a word, also when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(_describe(error))
    except MemoryError:
        return _fail("out of memory: give fewer rows, or a smaller network")
    return 0


def _fail(message: str) -> int:
    print(shown(f"edgewise: error: {' '.join(message.split())}"), file=sys.stderr)  # noqa: T201
    return BAD_INPUT


def _describe(error: OSError) -> str:
    what = error.strerror or str(error)
    where = f" ({error.filename})" if error.filename else ""
    return f"{what}{where}: {_REMEDIES.get(error.errno or 0, 'check the file and the disk')}."
