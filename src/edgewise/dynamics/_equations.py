"""A fitted system as people read it: equations with standard errors, text, LaTeX, and the path that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.dynamics._inputs import Curve
from edgewise.dynamics._library import state_symbols
from edgewise.dynamics._system import System
from edgewise.formulas.expressions import rounded_together


@lru_cache(maxsize=16)
def rates_of(equations: Equations) -> Callable[..., list[Any]]:
    """Return the rates as a function of time, states and inputs."""
    arguments = (*equations.names, *equations.inputs)
    symbols = [sympy.Symbol("t", real=True), *(sympy.Symbol(name, real=True) for name in arguments)]
    dummies = {s: sympy.Dummy(f"v{k}") for k, s in enumerate(symbols)}
    return sympy.lambdify(
        list(dummies.values()), [rate.xreplace(dummies) for rate in equations.numbers.values()], "numpy"
    )


def path(equations: Equations, start: Array, times: Array, inputs: Curve | None = None) -> Array:
    """Return the states (n, m) at times that increase, from those at the first; nan after a blow-up, or many steps.

    `inputs` returns the inputs (n, k) at times (n,).
    """
    at_least, for_each = 20_000, 100  # at most: as many, and as many more for each time
    relative, absolute = 1e-9, 1e-11  # errors of a step
    from scipy.integrate import LSODA

    call, out = rates_of(equations), np.full((len(times), len(equations.names)), np.nan)

    def rates(now: float, state: Array) -> list[float]:
        driven = () if inputs is None else inputs(np.array([now]))[0]
        return [float(value) for value in call(now, *state, *driven)]

    out[0], done, steps = start, 1, 0
    with np.errstate(all="ignore"):
        solver = LSODA(
            rates, times[0], start, times[-1], rtol=relative, atol=absolute, max_step=_longest_step(times, inputs)
        )  # fmt: skip
        while done < len(times) and steps < at_least + for_each * len(times):
            solver.step()
            if solver.status == "failed":
                break
            reached = int(np.searchsorted(times, solver.t, side="right"))
            if reached > done:
                out[done:reached] = solver.dense_output()(times[done:reached]).T
            done, steps = max(done, reached), steps + 1
    return out


def _longest_step(times: Array, inputs: Curve | None) -> float:
    """Return the longest step: with inputs, that between two times, so that none of their changes is passed over."""
    return np.inf if inputs is None or len(times) < 2 else float(np.diff(times).max())


_PLAIN = 1e-6  # relative standard error below which none is shown


@dataclass(frozen=True)
class Constant:
    """A constant of the equations.

    Parameters
    ----------
    name
        Its name in the equations with symbols: c1, c2, ...
    value
        Its value.
    error
        Its standard error.
    interval
        The ends of its 95 % interval.
    """

    name: str
    value: float
    error: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        if not np.isfinite(self.error) or self.error > _PLAIN * abs(self.value):
            value, error = rounded_together(self.value, self.error)
            return f"{value} ± {error}"
        return f"{self.value:.7g}"


@dataclass(frozen=True)
class Equations:
    """The rate of each state as a formula with named constants, and the constants.

    `forms` (m,) hold symbols for constants, which `constants` lists in the order c1, c2, ... `by`: what fields are
    differentiated by, "t" or "tt", so that rates are written u_t; none for states, whose rates are x'. `inputs` are the
    names of what drives the states.
    """

    names: tuple[str, ...]
    forms: tuple[Formula, ...]
    constants: tuple[Constant, ...]
    by: str = ""
    inputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, system: System, names: Sequence[str], covariance: Array, quantile: float) -> Equations:
        """Return the equations of a system whose parameters have a covariance (P, P)."""
        values, errors = system.parameters, np.sqrt(np.maximum(np.diag(covariance), 0.0))
        symbols = [sympy.Symbol(f"c{k + 1}", real=True) for k in range(len(values))]
        count = len(system.places[0])
        inner = {system.terms.inner[w]: symbols[count + k] for k, w in enumerate(system.used_inner)}
        shown = (sympy.Symbol(n, real=True) for n in (*names, *system.inputs.names))
        states = dict(zip(state_symbols(system.terms.n_states), shown, strict=True))
        first = system.n_states - len(system.mask)
        sums: list[Formula] = [sympy.Symbol(names[first + j], real=True) for j in range(first)]
        sums += [sympy.Integer(0)] * len(system.mask)
        if system.fixed is not None:
            for j, row in enumerate(system.fixed.coefficients):
                for value, term in zip(row, system.fixed.terms.expressions, strict=True):
                    number = sympy.Integer(int(value)) if float(value).is_integer() else sympy.Float(value)
                    sums[first + j] = sums[first + j] + number * term.xreplace(states)
        for symbol, j, k in zip(symbols, *system.places, strict=False):
            sums[first + j] = sums[first + j] + symbol * system.terms.expressions[k].xreplace({**states, **inner})
        constants = [
            Constant(s.name, float(v), float(e), (float(v - quantile * e), float(v + quantile * e)))
            for s, v, e in zip(symbols, values, errors, strict=True)
        ]
        return cls(tuple(names), tuple(sums), tuple(constants), inputs=system.inputs.names)

    @cached_property
    def numbers(self) -> dict[str, Formula]:
        """The rates with numbers in place of the constants, by state."""
        values = {sympy.Symbol(c.name, real=True): sympy.Float(c.value) for c in self.constants}
        forms: tuple[Part, ...] = self.forms
        return {name: form.xreplace(values) for name, form in zip(self.names, forms, strict=True)}

    def text(self) -> str:
        """Return a line for each equation, constants with standard errors."""
        end = f"_{self.by}" if self.by else "'"
        return "\n".join(f"{n}{end} = {self._line(form)}" for n, form in zip(self.names, self.forms, strict=True))

    def _line(self, form: Part) -> str:
        shown = {c.name: c for c in self.constants}
        parts = []
        for term in self._terms(form):
            own = [s for s in term.free_symbols if s.name in shown]
            front = [s for s in own if s in term.args or s == term]
            rest = term / front[0] if front else term
            text = "" if rest == 1 else f"{rest}"
            for s in own:
                if s not in front:
                    text = text.replace(s.name, f"({shown[s.name]})")
            if not front:
                number, rest = term.as_coeff_Mul()
                size = f"{abs(float(number)):.7g}"
                text = size if rest == 1 else f"{rest}" if abs(number) == 1 else f"{size}*{rest}"
                parts.append(("-" if number < 0 else "+", text))
                continue
            constant = shown[front[0].name]
            sign = "-" if constant.value < 0 else "+"
            size = str(Constant("", abs(constant.value), constant.error, constant.interval))
            size = f"({size})" if "±" in size else size
            parts.append((sign, size if rest == 1 else f"{size}*{text}" if not rest.is_Add else f"{size}*({text})"))
        if not parts:
            return "0"
        first = ("-" if parts[0][0] == "-" else "") + parts[0][1]
        return first + "".join(f" {sign} {text}" for sign, text in parts[1:])

    def _terms(self, form: Part) -> list[Part]:
        """Return the terms of a form in the order of their constants."""
        known = {c.name: k for k, c in enumerate(self.constants)}
        terms: list[Part] = [*sympy.Add.make_args(form)]
        order = {t: min((known[s.name] for s in t.free_symbols if s.name in known), default=-1) for t in terms}
        return sorted((t for t in order if t != 0), key=lambda t: order[t])

    def latex(self) -> str:
        r"""Return the equations in LaTeX, one line each, numbers rounded as the rows determine them."""
        lines = []
        for name, form in zip(self.names, self.forms, strict=True):
            values = {sympy.Symbol(c.name, real=True): _rounded(c) for c in self.constants}
            left = sympy.latex(sympy.Symbol(f"{name}_{self.by}" if self.by else name))
            left = left if self.by else rf"\dot{{{left}}}"
            lines.append(rf"{left} &= {sympy.latex(form.xreplace(values), mul_symbol='dot')}")
        return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"

    def python(self, function: str = "rates") -> str:
        """Return the source of a function of the states, or of derivatives, that returns the rates. It needs NumPy."""
        from edgewise.interpret.export import numpy

        if not self.by:
            targets, inputs = [f"d{name}/dt" for name in self.names], ["t", *self.names, *self.inputs]
        else:
            targets = [f"{name}_{self.by}" for name in self.names]
            inputs = sorted({str(s) for form in self.numbers.values() for s in form.free_symbols})
        return numpy([*self.numbers.values()], inputs, target=targets, function=function)


def _rounded(constant: Constant) -> Formula:
    if constant.error <= _PLAIN * abs(constant.value) or not np.isfinite(constant.error):
        return sympy.Float(f"{constant.value:.7g}")
    digits = max(1, int(np.ceil(np.log10(abs(constant.value) / constant.error))) + 1) if constant.value else 1
    return sympy.Float(f"{constant.value:.{digits}g}", digits)
