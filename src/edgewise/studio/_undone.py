"""The formula of logarithms as one of the columns themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import sympy

from edgewise.interpret.export import latex
from edgewise.networks.session import Session
from edgewise.studio._kept import Meaning
from edgewise.studio._requests import Answer

_DIGITS = 5


def undone(session: Session, meanings: Mapping[str, Meaning]) -> Answer | None:
    """Return the formulas with logarithms undone, as LaTeX and as text; None where there are splines or no logarithms.

    ln T = 3/2 ln a - 1/2 ln M + 12.5 becomes T = 281000 a^(3/2)/M^(1/2).
    """
    logs = {name: one["of"] for name, one in meanings.items() if one["kind"] == "log"}
    if session.state.splines or not logs:
        return None
    found = session.formula()
    formulas = found if isinstance(found, list) else [found]
    called = {name: logs.get(name, name) for name in session.columns}
    put = {
        sympy.Symbol(name): sympy.log(sympy.Symbol(of, positive=True)) for name, of in called.items() if name in logs
    }
    lines: list[tuple[str, str]] = []
    for formula, target in zip(formulas, session.targets, strict=True):
        plain = _without(formula, put)
        if target in logs:
            plain, target = sympy.exp(plain), logs[target]
        plain = plain.xreplace({one: sympy.Symbol(str(one)) for one in plain.free_symbols if one.is_positive})
        lines.append((latex(plain, list(called.values()), target=target, digits=_DIGITS), f"{target} = {plain}"))
    return {"latex": [line for line, _ in lines], "text": [text for _, text in lines]}


def _without(formula: sympy.Expr, put: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """Put logarithms in, each by its name: symbols of a formula may have assumptions of their own."""
    by_name = {symbol.name: value for symbol, value in put.items()}
    named = {one: by_name[str(one)] for one in formula.free_symbols if str(one) in by_name}
    return cast(sympy.Expr, formula.xreplace(named))
