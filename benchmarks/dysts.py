"""Measures `discover_ode` on the chaotic systems of dysts with three states.

    python benchmarks/dysts.py dysts/ --noise 0.01 --out benchmarks/results/dysts.csv

The folder is a clone of the repository of Gilpin's dysts (Chaos as an interpretable benchmark for forecasting and
data-driven modelling, 2021). A table is one trajectory: 600 rows of six periods of the system, from its own start, with
noise relative to the standard deviation of each state. Systems with delays, with forcing and with unbounded phases are
left out, and those whose rates are no formulas. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
import types
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from odebench import form
from scipy.integrate import solve_ivp

import edgewise as ew

COLUMNS = ("system", "noise", "outcome", "right", "rivals", "seconds", "equations", "true")
STATES = ("x", "y", "z")


def systems(folder: Path) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Names, true rates and settings of the systems with three states."""
    base: Any = types.ModuleType("dysts_flows.base")
    base.DynSys = base.DynSysDelay = object
    base.staticjit = staticmethod
    package = types.ModuleType("dysts_flows")
    package.__path__ = []
    sys.modules |= {"dysts_flows": package, "dysts_flows.base": base}
    spec = spec_from_file_location("dysts_flows.flows", folder / "dysts" / "flows.py")
    assert spec is not None and spec.loader is not None
    flows = module_from_spec(spec)
    spec.loader.exec_module(flows)
    for name, given in sorted(json.loads((folder / "dysts" / "data" / "chaotic_attractors.json").read_text()).items()):
        other = given["delay"] or given["nonautonomous"] or given["unbounded_indices"]
        if not other and given["embedding_dimension"] == len(STATES):
            function = getattr(getattr(flows, name), "_rhs", None)
            rates = None if function is None else _rates(function, given["parameters"])
            if rates is not None:
                yield name, rates, given


def _rates(function: Any, parameters: dict[str, float]) -> list[Any] | None:
    """Return the rates as formulas; None if they are not."""
    t, states = sympy.Symbol("t"), sympy.symbols(STATES, real=True)
    code = function.__code__
    given = [parameters[name] for name in code.co_varnames[len(STATES) + 1 : code.co_argcount]]
    try:
        rates = [sympy.sympify(rate) for rate in function(*states, t, *given)]
    except (TypeError, AttributeError, sympy.SympifyError):
        return None
    return None if any(rate.has(t) for rate in rates) else rates


def measured(rates: list[Any], given: dict[str, Any], noise: float) -> tuple[Any, Any] | None:
    """The times and states of one table; None if the system cannot be integrated."""
    rows, periods = 600, 6
    f = sympy.lambdify(sympy.symbols(STATES, real=True), rates, "numpy")
    t = np.linspace(0, periods * given["period"], rows)
    start = given["initial_conditions"]
    found = solve_ivp(lambda _, z: f(*z), (0, t[-1]), start, t_eval=t, rtol=1e-9, atol=1e-11)
    if found.y.shape[1] < rows:
        return None
    return t, found.y.T + noise * found.y.std(axis=1) * np.random.default_rng(1).standard_normal((rows, len(STATES)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds of a search")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="K N: the K-th of N parts of the systems")
    asked = parser.parse_args()
    if not asked.out.exists():
        asked.out.write_text(",".join(COLUMNS) + "\n")
    with asked.out.open() as file:
        done = {(row[0], row[1]) for row in csv.reader(file)}
    first, step = asked.part
    for name, rates, given in [*systems(asked.folder)][first::step]:
        table = None if (name, str(asked.noise)) in done else measured(rates, given, asked.noise)
        if table is None:
            continue
        begun = time.process_time()
        found = ew.discover_ode(*table, STATES, effort="quick", time_limit=asked.limit, progress=False)
        seconds = f"{time.process_time() - begun:.1f}"
        right = all(form(own) == form(rate) for own, rate in zip(found.equations.values(), rates, strict=True))
        text = found.written.text().replace("\n", " | ")
        figures = [found.outcome.name, right, len(found.rivals), seconds]
        row = [name, asked.noise, *figures, text, " | ".join(map(str, rates))]
        with asked.out.open("a") as file:
            csv.writer(file).writerow(row)
        print(*row[:-1], flush=True)


if __name__ == "__main__":
    main()
