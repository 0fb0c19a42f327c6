"""How the rows of a stated formula scatter, as a user says it, and the likelihood that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Array, Part
from edgewise.discovery.likelihoods import (
    Binomial,
    Censored,
    CensoredNormal,
    Correlated,
    Likelihood,
    Orthogonal,
    check_positions,
    imputed,
    rates,
)
from edgewise.discovery.regression._rows import Columns, Rows

_ENDS, _TRIALS, _ORDER, _SIGMA_X = "upper", "trials", "correlated", "sigma_x"


@dataclass(frozen=True)
class Scatter:
    """What a user says of the target and of errors: limits, trials, errors of inputs, correlated rows.

    `target` is y as it came, without limits; `extra` holds columns (n,) by name that belong to the rows.
    """

    target: Any
    extra: Mapping[str, Array]
    limits: tuple[Array, Array] | None = None
    correlated: bool = False

    @classmethod
    def of(
        cls, columns: Columns, used: Sequence[str], y: Any, trials: Any = None, sigma_x: Any = None,
        correlated: Any = None,
    ) -> Scatter:  # fmt: skip
        """Return what is said of rows.

        Errors: InputError for two kinds at once, columns of the wrong length, and errors of inputs that are not
        positive.
        """
        extra: dict[str, Array] = {}
        target, censored = y, None
        if isinstance(y, Censored):
            target, censored = y.values, y
            extra |= {} if y.upper is None else {_ENDS: columns.numbers(y.upper, "upper")}
        else:
            limits = columns.limits(y)
            if limits is not None:
                censored = Censored.between(*limits)
                target = censored.values
        ordered = correlated is not None and correlated is not False
        said = [("a censored target", censored is not None), ("'trials'", trials is not None)]
        said += [("'sigma_x'", sigma_x is not None), ("'correlated'", ordered)]
        chosen = [name for name, there in said if there]
        if len(chosen) > 1:
            raise InputError(f"{' and '.join(chosen)} cannot be combined. Leave all but one of them out.")
        if trials is not None:
            extra[_TRIALS] = columns.filled(trials, "trials")
        if sigma_x is not None:
            extra |= _errors_of_inputs(columns, used, sigma_x)
        if ordered and correlated is not True:
            extra[_ORDER] = columns.positions(correlated, "correlated")
        count = len(columns.cells(columns.names[0]))
        return cls(target, extra, None if censored is None else censored.limits(count), ordered)

    @property
    def trials(self) -> bool:
        """Whether y counts events of trials."""
        return _TRIALS in self.extra

    @property
    def errors_in_x(self) -> bool:
        """Whether inputs have errors."""
        return any(name.startswith(_SIGMA_X) for name in self.extra)

    @property
    def kind(self) -> str:
        """What is said of the rows, by the name of the argument."""
        if self.limits is not None:
            return "a censored target"
        return "'trials'" if self.trials else "'sigma_x'" if self.errors_in_x else "'correlated'"

    @property
    def plain(self) -> bool:
        """Whether rows are independent measurements of inputs without errors."""
        return not self.extra and self.limits is None and not self.correlated

    def rows(self, rows: Rows) -> Rows:
        """Return rows of which the target is a number: rates of events, censored values at half a limit or a limit."""
        if _TRIALS in rows.extra:
            return rows.measured(rates(rows.y, rows.extra[_TRIALS], rows.kept), np.sqrt(rows.extra[_TRIALS]))
        if self.limits is None:
            return rows
        low, high = self._ends(rows)
        if not (low == high).any():
            raise InputError(f"All {len(low)} rows of {rows.target!r} are censored: nothing is measured.")
        return rows.measured(imputed(low, high), rows.weight)

    def _ends(self, rows: Rows) -> tuple[Array, Array]:
        assert self.limits is not None
        below, above = (limit[rows.kept] for limit in self.limits)
        return Censored.ends(rows.y, rows.extra.get(_ENDS, rows.y), below, above)

    def likelihood(
        self, stated: Rows, rows: Rows, form: Part, constants: Sequence[sympy.Symbol], known: bool
    ) -> Likelihood | None:
        """Return the likelihood of rows, as stated and with their target as numbers; None for least squares.

        `known` says that standard errors were given exactly.
        """
        extra = rows.extra
        if self.limits is not None:
            return CensoredNormal(*self._ends(stated), rows.weight, known)
        if _TRIALS in extra:
            return Binomial(stated.y, extra[_TRIALS])
        if self.correlated:
            order = extra.get(_ORDER, rows.kept.astype(np.float64))
            check_positions(order, rows.groups)
            return Correlated(rows.y, rows.weight, order, rows.groups)
        if self.errors_in_x:
            errors = np.column_stack([extra.get(f"{_SIGMA_X} of {name}", np.zeros(len(rows.y))) for name in rows.names])
            return Orthogonal(rows.y, 1 / rows.weight, errors, form, rows.names, tuple(constants), known)
        return None


def _errors_of_inputs(columns: Columns, used: Sequence[str], sigma_x: Any) -> dict[str, Array]:
    """Return the standard errors of the inputs that have some."""
    if not isinstance(sigma_x, Mapping):
        if len(used) != 1:
            raise InputError(f"'sigma_x' must name the inputs, like {{{used[0]!r}: 0.1}}: the formula has {len(used)}.")
        sigma_x = {used[0]: sigma_x}
    found = {}
    for name, given in sigma_x.items():
        if name not in used:
            raise unknown("input in 'sigma_x'", name, [*used])
        values = columns.filled(given, f"sigma_x of {name}")
        if not (values[~np.isnan(values)] >= 0).all():
            raise InputError(
                f"'sigma_x' must hold standard errors of {name!r}, not negative. Got {np.nanmin(values):g}."
            )
        found[f"{_SIGMA_X} of {name}"] = values
    return found
