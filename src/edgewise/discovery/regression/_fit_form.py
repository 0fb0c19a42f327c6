"""Fits of laws of textbooks that are chosen by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.discovery.regression._fit_formula import fit_formula
from edgewise.discovery.regression._result import FormulaFit
from edgewise.discovery.regression._rows import Columns, Rows
from edgewise.formulas.forms import Form, Screen, fitted_form, get

_NEEDED = {"nonnegative": "not below 0", "positive": "above 0", "fraction": "from 0 to 1", "anywhere": ""}


def fit_form(
    form: str | Form,
    x: Any,
    y: Data | str,
    *,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    **settings: Any,
) -> FormulaFit:
    """Fit the constants of a law of a textbook, which start themselves.

    minimize sum of weights (y - law(x, constants))^2 / sigma^2

    Parameters
    ----------
    form
        The law, or its name: `names` lists them.
    x
        A DataFrame, a mapping from names to columns, or an array (n, m).
    y : (n,)
        An array, a Series, or the name of a column of x.
    columns
        The columns of x for the inputs of the law, in their order, or by the symbol of the input. Without it x has as
        many columns as the law has inputs, y apart.
    **settings
        Other arguments of `edgewise.fit_formula`: `sigma`, `weights`, `start`, `bounds`, `loss`, `covariance`, ...

    Returns
    -------
    FormulaFit
        The constants by their usual symbols, with their standard errors; its notes say what each constant is.

    Raises
    ------
    InputError
        For an unknown law, columns that do not fit its inputs, rows for which it is not defined, and all that
        `edgewise.fit_formula` refuses.

    References
    ----------
    `Form.source` of each law; this project, docs/forms.md, for the starts.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise import forms
    >>> c = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1])
    >>> rate = np.array([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])
    >>> fit = forms.fit("Michaelis-Menten", {"c": c}, rate)
    >>> print(fit.constants["Vmax"], fit.constants["Km"])
    212.7 ± 6.9 0.0641 ± 0.0083
    >>> fit.notes[0]
    'Michaelis-Menten. Vmax: rate at saturation; Km: S at half of Vmax.'
    """
    law = form if isinstance(form, Form) else get(form)
    table = Columns.of(x, settings.pop("names", None))
    chosen = _chosen(law, table, columns, y)
    symbols = {name: f"{name}_" if name in table.names else name for name in law.symbols}
    formula = law.of(chosen, {name: sympy.Symbol(symbol) for name, symbol in symbols.items()})
    rows = Rows.of(table, [*chosen.values()], y, settings.get("sigma"), settings.get("weights"), settings.get("groups"))
    starts = _start(law, [*chosen.values()], rows)
    start = settings.pop("start", None) or dict(zip(symbols.values(), starts, strict=True))
    found = fit_formula(formula, x, y, names=table.names, start=start, **settings)
    meanings = "; ".join(f"{symbols[each.symbol]}: {each.meaning}" for each in law.parameters)
    names = tuple(symbols[name] for name in law.symbols)
    return replace(found, names=names, notes=(f"{law.name}. {meanings}.", *found.notes))


def _chosen(
    law: Form, table: Columns, columns: Sequence[str] | Mapping[str, str] | None, y: Data | str
) -> dict[str, str]:
    """Return the column of each input. Errors: InputError."""
    own = [name for name in table.names if not (isinstance(y, str) and name == y)]
    given = own if columns is None else list(columns.values()) if isinstance(columns, Mapping) else list(columns)
    inputs = [*columns] if isinstance(columns, Mapping) else [*law.inputs]
    if len(given) != len(law.inputs) or {*inputs} != {*law.inputs}:
        listed = ", ".join(f"{symbol} ({what})" for symbol, what in law.inputs.items())
        raise InputError(
            f"{law.name} has {len(law.inputs)} input{'s' * (len(law.inputs) != 1)}: {listed}. Name the columns with "
            f"'columns'. Got {', '.join(map(str, given)) or 'none'}."
        )
    for name in given:
        table.cells(name)
    return dict(zip(inputs, given, strict=True))


def _start(law: Form, columns: Sequence[str], rows: Rows) -> tuple[float, ...]:
    """Return the constants of a law fitted to rows from its best starts. Errors: InputError where it is undefined."""
    count, steps = 3, 200
    screen, places = Screen(rows.data), tuple(range(len(columns)))
    with np.errstate(all="ignore"):
        found = screen.starts(law, places, count) if screen.defines(law, places) else []
    if not found:
        called = zip(law.inputs, columns, strict=True)
        needs = [f"{column!r} {_NEEDED[law.where[name]]}" for name, column in called if name in law.where]
        needs += ["y above 0"] if law.positive else []
        asked = f" It needs {' and '.join(needs)}." if needs else ""
        raise InputError(
            f"{law.name} is undefined at some of the rows.{asked} Leave out such rows, or take another law."
        )
    fits = [fitted_form(law, tuple(columns), start, rows.data, steps) for start in found]
    return min(fits, key=lambda each: each.error).values
