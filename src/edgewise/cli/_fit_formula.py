"""`edgewise fit-formula`: from a table and a stated formula to its constants."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgewise._texts import by_constant, limits, starts
from edgewise.cli._input import (
    Correlated,
    DataFile,
    Decimal,
    Encoding,
    Picture,
    Sheet,
    Sigma,
    Trials,
    Weights,
    open_table,
)
from edgewise.cli._json import Json, ended, print_json
from edgewise.cli._output import PICTURES, check_file, console, write_picture


def fit_formula(  # noqa: PLR0913 (the options of a command)
    file: DataFile,
    formula: Annotated[str, typer.Argument(metavar="FORMULA", help="Columns and constants, as in 'Vm*c/(K + c)'.")],
    target: Annotated[str, typer.Option(metavar="COLUMN", help="The column that the formula explains.")],
    start: Annotated[
        str | None, typer.Option(metavar="A=1,B=2", help="Values to start from; found when left out.")
    ] = None,
    bounds: Annotated[
        str | None, typer.Option(metavar="A=0:5,B=0:", help="Limits of constants; an end left out is infinite.")
    ] = None,
    sigma: Sigma = None,
    absolute_sigma: Annotated[
        bool, typer.Option("--absolute-sigma", help="The standard errors are exact, not up to a common factor.")
    ] = False,
    weights: Weights = None,
    groups: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of groups of rows.")] = None,
    varying: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Constants that differ by group, drawn from a normal distribution."),
    ] = None,
    between: Annotated[
        str,
        typer.Option(metavar="WORD", help="full or diagonal: whether constants that differ may correlate."),
    ] = "full",
    restricted: Annotated[bool, typer.Option(help="Variances by restricted maximum likelihood.")] = True,
    loss: Annotated[
        str, typer.Option(metavar="NAME", help="squared, huber or tukey; with the last two, far rows count less.")
    ] = "squared",
    covariance: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What standard errors allow for: classical, heteroscedastic, autocorrelated or clustered.",
        ),
    ] = None,
    trials: Trials = None,
    sigma_x: Annotated[
        str | None, typer.Option(metavar="A=COLUMN", help="The columns of standard errors of inputs, by input.")
    ] = None,
    correlated: Correlated = None,
    out: Picture = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Fit the constants of a formula that you state to a table."""
    if out is not None:
        check_file(out, PICTURES)
    begin = None if start is None else starts("--start", start)
    between_ends = None if bounds is None else limits("--bounds", bounds)
    table = open_table(file, decimal, encoding, sheet=sheet)

    import edgewise
    from edgewise.tables.io import frame_of

    frame = frame_of(table, [*table.columns, *table.texts, *table.dates])
    given: dict[str, Any] = {"loss": loss, "covariance": covariance, "between": between, "restricted": restricted}
    if varying is not None:
        given["varying"] = [name.strip() for name in varying.split(",")]
    y: Any = edgewise.Censored.between(*table.limits[target]) if target in table.limits else target
    errors = None if sigma_x is None else by_constant("--sigma-x", sigma_x, "x=x_error")
    given |= {"trials": trials, "sigma_x": errors, "correlated": correlated}
    found = edgewise.fit_formula(
        formula, frame, y, start=begin, bounds=between_ends, sigma=sigma, absolute_sigma=absolute_sigma,
        weights=weights, groups=groups, **given,
    )  # fmt: skip
    screen, notes = console(stderr=json), table.notes_without_limits(target)
    for line in notes if json else [*notes, *str(found).splitlines()]:
        screen.print(line)
    if json:
        constants = found.frame().reset_index(names="name")
        about = {"notes": [*notes, *found.notes], "target": target, "formula": formula, "constants": constants}
        figures = {key: getattr(found, key) for key in ("residual_error", "r2", "log_likelihood", "aic", "bic")}
        print_json({**about, **figures, **ended(found)})
    if out is not None:
        write_picture(found.plot(), out)
        screen.print(f"Picture: {out}")
