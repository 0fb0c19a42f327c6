"""The commands and the one error policy for all of them."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from edgewise._errors import EdgewiseError
from edgewise.cli._card import card
from edgewise.cli._discover import discover
from edgewise.cli._equations import equations
from edgewise.cli._export import export
from edgewise.cli._failure import FAILURE, describe, fail
from edgewise.cli._fit import fit
from edgewise.cli._fit_formula import fit_formula
from edgewise.cli._help import HelpfulCommand, HelpfulGroup, misuse
from edgewise.cli._plot import plot
from edgewise.cli._predict import predict
from edgewise.cli._relations import relations
from edgewise.cli._studio import studio
from edgewise.cli._sweep import sweep
from edgewise.cli.plugin import Command, commands, distribution_of

# The base of all usage errors; which module holds it depends on the version of typer.
_UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[2]  # type: ignore[assignment]

COMPLETION = "_EDGEWISE_COMPLETE"
"""The variable by which a shell asks for completions."""

app = typer.Typer(
    name="edgewise",
    cls=HelpfulGroup,
    epilog="Start here: edgewise discover orbits --target period_days",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    (discover, "discover orbits --target period_days",
     "discover data.csv --target y --inputs a,b --noise 0.01 --out report"),
    (relations, "relations orbits", "relations data.csv --out relations.png"),
    (equations, "equations lynx --time year", "equations field.csv --time t --space x --states u --out field.png"),
    (fit, "fit data.csv --target y --widths 2,5,1 --out model.safetensors"),
    (fit_formula, "fit-formula data.csv 'Vm*c/(K + c)' --target rate",
     "fit-formula data.csv 'a*exp(-k*t) + c' --target y --covariance autocorrelated --out fit.svg"),
    (studio, "studio data.csv --target y", "studio data.session"),
    (sweep, "sweep data.csv --target y --trials 40 --storage study.journal --picture sweep.png"),
    (predict, "predict model.safetensors new.csv --out predictions.csv"),
    (plot, "plot model.safetensors data.csv --out net.svg"),
    (export, "export model.safetensors --to c --out model.c"),
    (card, "card model.safetensors data.csv --held-out test.csv --license mit --out pretrained"),
)  # fmt: skip
for _command in (*(Command(function, tuple(examples)) for function, *examples in _COMMANDS), *commands()):
    _lines = [f"edgewise {example}" for example in _command.examples]
    _epilog = f"Example: {_lines[0]}" if len(_lines) == 1 else "\n\n".join(["Examples:", *_lines]) if _lines else None
    app.command(cls=HelpfulCommand, epilog=_epilog)(_command.function)


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


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; what is wrong with the input or the disk ends in one line.

    Errors: KeyboardInterrupt when it is interrupted, with a text where there is something to say.
    """
    command = typer.main.get_command(app)
    try:
        if COMPLETION in os.environ:  # a shell asks what may come next, and typer answers
            command.main([], "edgewise")
        with command.make_context("edgewise", list(arguments) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except SystemExit as stop:  # of completion
        return int(stop.code or 0)
    except EdgewiseError as error:
        return fail(str(error))
    except _UsageError as error:
        elsewhere = distribution_of(arguments[0])
        if elsewhere is not None and arguments[0] not in getattr(command, "commands", {}):
            return fail(f"edgewise {arguments[0]} is a command of {elsewhere}: pip install {elsewhere}")
        return fail(misuse(error))
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): stop without a word, also when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return fail(describe(error), FAILURE)
    except MemoryError:
        return fail("out of memory: give fewer rows, or a smaller network", FAILURE)
    return 0
