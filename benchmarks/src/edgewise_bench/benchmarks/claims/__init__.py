"""What edgewise claims, and how often it is true: on made tables, trajectories and equations, and on real tables."""

from __future__ import annotations

import json
import math
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise import InputError, Options
from edgewise._typing import Array, Formula
from edgewise.pde import march, solve
from edgewise_bench import Benchmark, Case, Cell, Row, Settings
from edgewise_bench.benchmarks.claims import evolutions, named, problems, real, tables
from edgewise_bench.benchmarks.claims.problems import MANY, NONE, Stated
from edgewise_bench.benchmarks.claims.tables import part_of
from edgewise_bench.benchmarks.formulas import is_true
from edgewise_bench.benchmarks.searchers import in_words
from edgewise_bench.tables import grouped, known


class Kind(NamedTuple):
    """Problems by a parameter, those to develop on and those to look at once, when all else is done."""

    make: Callable[[float], Stated]
    development: tuple[float, ...]
    held_out: tuple[float, ...]


def _kinds() -> Iterator[Kind]:
    """Yield the kinds in the order of the file next to this one."""
    rows = tomllib.loads(Path(__file__).with_name("equations.toml").read_text(encoding="utf-8"))
    for name, row in rows.items():
        make = getattr(problems, name, None) or getattr(evolutions, name)
        yield Kind(make, tuple(row["development"]), tuple(row["held_out"]))


KINDS = tuple(_kinds())


def equation_cases(settings: Settings) -> list[Case]:
    """List the cases: those for development with the seeds 1 and 2, else those held out; a few if quick."""
    quick = 6
    part = part_of(settings)
    found = [
        Case(f"{kind.make.__name__} {parameter:g}",
             {"family": "equations", "part": part, "number": number, "parameter": parameter})
        for number, kind in enumerate(KINDS)
        for parameter in (kind.development if part == "development" else kind.held_out)
    ]  # fmt: skip
    return found[:quick] if settings.quick else found


def measure_equation(case: Case) -> dict[str, Any]:
    """Solve a case; return what is said of it, and whether that is right.

    right: of CONVERGED, whether there is a solution that is determined, at a distance of at most five times the
    estimated error, or below the tolerance that was asked for; of NO_SOLUTION, UNDETERMINED, and of a refusal whether
    that is so. It is empty where nothing is claimed. seconds: of the processor.
    """
    given_up_after = 60.0  # after which a case is given up
    stated = KINDS[case.values["number"]].make(case.values["parameter"])
    run: Any = march if stated.march else solve
    began = time.process_time()
    estimate, error, status = math.nan, math.nan, ""
    try:
        found = run(stated.problem, tolerance=stated.tolerance, options=Options(time_limit=given_up_after))
        said, estimate, error = found.outcome.name, found.error, _distance(found, stated)
    except InputError as refused:
        said, status = "REFUSED", str(refused)
    except Exception as raised:  # noqa: BLE001 (an error from inside is what is looked for)
        said, status = "RAISED", f"{type(raised).__name__}: {raised}"[:200]
    seconds = time.process_time() - began
    right = _right(said, stated, error, estimate)
    return {"kind": KINDS[case.values["number"]].make.__name__, "said": in_words(said), "right": right,
            "seconds": seconds, "status": status, "estimate": estimate, "true_error": error}  # fmt: skip


def _right(said: str, stated: Stated, error: float, estimate: float) -> bool | str:
    """Whether what is said is right; empty where nothing is claimed."""
    times = 5.0  # an estimate may be too small by
    truth = stated.truth
    if said == "CONVERGED":
        return not isinstance(truth, str) and error <= max(times * estimate, stated.tolerance)
    if said in ("NO_SOLUTION", "UNDETERMINED"):
        return truth == (NONE if said == "NO_SOLUTION" else MANY)
    if said == "REFUSED":
        return isinstance(truth, str)
    return False if said == "RAISED" else ""


def _distance(found: Any, stated: Stated) -> float:
    """The relative L2 distance of the first unknown from the nearest true solution, as far as there is one."""
    point_count, point_seed = 4000, 2_718_281
    if isinstance(stated.truth, str):
        return math.nan
    domain = stated.problem.domain
    points = domain.points(point_count, point_seed)
    if stated.march:
        points = points[points[:, domain.names.index("t")] <= found.reached]
    values = found(points).reshape(len(points), -1)[:, 0]
    place = SimpleNamespace(**dict(zip(domain.names, points.T, strict=True)))
    true = [exact(place) for exact in stated.truth]
    return min(float((values - own).norm() / own.norm().clamp_min(1e-300)) for own in true)


class Made(NamedTuple):
    """Rates of x, y, z, w as text, where they start, the last time, rows, and order 2 if only positions are seen."""

    name: str
    rates: tuple[str, ...]
    start: tuple[float, ...]
    end: float
    rows: int = 150
    order: int = 1


def _systems(kind: str) -> dict[str, list[Made]]:
    """Return the systems of a kind by part, from the file beside this one."""
    parts = tomllib.loads(Path(__file__).with_name("systems.toml").read_text(encoding="utf-8"))[kind]
    return {
        part: [
            Made(name, tuple(row.pop("rates")), tuple(row.pop("start")), **row) for name, row in rows.items()
        ]
        for part, rows in parts.items()
    }  # fmt: skip


SYSTEMS = _systems("inside")
"""Systems whose terms the libraries hold, by part."""
OUTSIDE = _systems("outside")
"""Systems with terms that no library holds, by part: nothing may be claimed of their form."""


class Series(NamedTuple):
    """What draws (n,) numbers, and the rate that may be claimed of them, if any."""

    draw: Callable[[np.random.Generator, int], Array]
    truth: tuple[str, ...] = ()


def _correlated(rng: np.random.Generator, rows: int, kept: float) -> Array:
    out = rng.standard_normal(rows)
    for k in range(1, rows):
        out[k] += kept * out[k - 1]
    return out


SERIES = {
    "white noise": Series(lambda rng, rows: rng.standard_normal(rows), ("0",)),
    "at rest": Series(lambda rng, rows: 5 + 0.1 * rng.standard_normal(rows), ("0",)),
    "far at rest": Series(lambda rng, rows: 70 + 3 * rng.standard_normal(rows), ("0",)),
    "autoregressive 0.5": Series(lambda rng, rows: _correlated(rng, rows, 0.5)),
    "autoregressive 0.8": Series(lambda rng, rows: _correlated(rng, rows, 0.8)),
    "random walk": Series(lambda rng, rows: np.cumsum(rng.standard_normal(rows))),
    "walk with drift": Series(lambda rng, rows: np.cumsum(0.3 + rng.standard_normal(rows))),
}
"""Series that follow no equation but "at rest", one state each."""


_FAMILY = {"family": "trajectories"}
CLAIMS = ("EXACT", "NOISE", "FLOOR")
"""The outcomes that claim the form of the equations."""

_EXACT = 1e-10  # relative error of integration of rows that count as exact
_INSIDE = ((0.0, _EXACT), (0.0, 1e-5), (0.0, 1e-3), (0.01, _EXACT), (0.05, _EXACT))
_OUTSIDE = ((0.0, _EXACT), (0.01, _EXACT))
_UNSEEN = ((0.0, _EXACT), (0.0, 1e-5), (0.01, _EXACT), (0.05, _EXACT))
_LEVEL = sympy.Symbol("K")


class _Kind(NamedTuple):
    """Systems of one kind by part, and the noise (of the standard deviation) and error of integration of their rows."""

    systems: Mapping[str, Sequence[Made]]
    rows: Sequence[tuple[float, float]]


_KINDS = {
    "one state": _Kind({part: [s for s in known if len(s.start) == 1] for part, known in SYSTEMS.items()}, _INSIDE),
    "several": _Kind({part: [s for s in known if len(s.start) > 1] for part, known in SYSTEMS.items()}, _OUTSIDE),
    "outside": _Kind(OUTSIDE, _OUTSIDE),
}


def trajectory_cases(settings: Settings) -> list[Case]:
    """List the cases: for development with the seeds 1 and 2, else held out and unseen ones; every tenth if quick."""
    part = part_of(settings)
    made = [
        Case(f"{kind}{unseen}: {system.name}, noise {noise:g}, rtol {rtol:g}",
             {**_FAMILY, "part": own_part, "kind": kind, "name": system.name, "noise": noise, "rtol": rtol})
        for own_part, unseen in (((part, ""),) if part == "development" else ((part, ""), ("unseen", ", unseen")))
        for kind, own in _KINDS.items() for system in own.systems[own_part]
        for noise, rtol in (_UNSEEN if own_part == "unseen" else own.rows)
    ]  # fmt: skip
    made += [
        Case(f"series: {name}, {seed}",
             {**_FAMILY, "part": part, "kind": "series", "name": name, "noise": "", "rtol": seed})
        for name in SERIES for seed in ((0, 1) if part == "development" else (2, 3))
    ]  # fmt: skip
    return made[::10] if settings.quick else made


def measure_trajectory(case: Case) -> dict[str, Any]:
    """Return what `discover_ode` with the effort "quick" says of a case, and whether the claim is right, if it is one.

    A claim is right if each equation has exactly the terms of the truth, whatever the constants; where the truth is
    not a sum of terms of the libraries, every claim is wrong. Of series of noise, only "x' = 0" and noise is right, and
    only where the noise is white.
    """
    import edgewise as ew

    t, x, truth, order = _rows(case)
    began = time.process_time()
    try:
        found = ew.discover_ode(t, x, order=order, effort="quick", time_limit=600)
    except Exception as error:  # noqa: BLE001 (what a case raises is its result)
        return _row(case, "", "", "", truth, time.process_time() - began, f"{type(error).__name__}: {error}"[:120])
    seconds, said = time.process_time() - began, found.outcome.name
    form = "; ".join(str(rate.evalf(5)) for rate in found.equations.values())
    own: list[Any] = [
        rate.xreplace({sympy.Symbol("x_dot", real=True): sympy.Symbol("y", real=True)})
        for rate in found.equations.values()
    ]
    true: list[Any] = [sympy.sympify(each) for each in truth]
    right = [terms(rate) for rate in own] == [terms(each) for each in true] or (
        len(own) == len(true) and all(same(a, b, x) for a, b in zip(own, true, strict=True))
    )
    return _row(case, said, right if said in CLAIMS else "", form, truth, seconds, "")


def terms(rate: Any) -> frozenset[str]:
    """Return the terms of a rate without factors, constants within them as K.

    >>> sorted(terms(sympy.sympify("2 - 0.3*x + 1.5*x**2/(1 + x**2)")))
    ['1', '1/(K + x**2)', 'x']
    """
    t = sympy.Symbol("t", real=True)
    real = rate.xreplace({s: sympy.Symbol(s.name, real=True) for s in rate.free_symbols})
    doubled = {sympy.sin(2 * x): 2 * sympy.sin(x) * sympy.cos(x) for x in real.free_symbols}
    plain = sympy.expand(real.xreplace(doubled))
    plain = plain.replace(
        lambda e: e.is_Pow and e.exp.is_Float, lambda e: e.base ** sympy.nsimplify(e.exp, rational=True, tolerance=1e-6)
    )
    plain = plain.replace(lambda e: e.is_Mul and t in e.args, lambda e: _LEVEL * e.as_independent(t)[1])
    parts = [part.as_independent(*real.free_symbols)[1] for part in sympy.Add.make_args(plain) if part != 0]
    found = {str(part.replace(lambda e: e.is_Add and e.args[0].is_Number, _leveled)) for part in parts}
    return frozenset("1/" + part.split("/")[1] if "1" in found and "/(K" in part else part for part in found)


def same(rate: Formula, truth: Formula, x: Array) -> bool:
    """Return whether two rates are one function of states (n, d), however written, also beyond their ranges.

    >>> x, y = sympy.symbols("x y")
    >>> same(y - 2 * y / (x + 2), x * y / (x + 2), np.array([[0.0, 0.0], [3.0, 1.0]]))
    True
    """
    close, count, seed = 1e-6, 200, 3
    symbols = sympy.symbols(["t", "x", "y", "z", "w"][: 1 + x.shape[1]])
    by_name = {s.name: s for s in symbols}
    low, high = x.min(axis=0), x.max(axis=0)
    places = np.random.default_rng(seed).uniform(low - (high - low) / 2, high + (high - low) / 2, (count, len(low)))
    inputs = [np.linspace(0, 1, count), *places.T]
    values = list[Array]()
    for each in (rate, truth):
        renamed: Any = each.xreplace({s: by_name[str(s)] for s in each.free_symbols})
        written: Callable[..., Any] = sympy.lambdify(symbols, renamed, "numpy")
        with np.errstate(all="ignore"):
            values.append(np.broadcast_to(written(*inputs), (count,)))
    a, b = values
    seen = np.isfinite(b)
    return bool(np.isfinite(a[seen]).all() and np.abs(a - b)[seen].max() < close * np.abs(b[seen]).max())


def _leveled(sum_: Formula) -> Formula:
    """Return a sum with K for its constant, and without the factor of its other term."""
    rest = sum_ - sum_.args[0]
    return _LEVEL + (rest if rest.is_Add else rest.as_coeff_Mul()[1])


def _rows(case: Case) -> tuple[Array, Array, tuple[str, ...], Any]:
    """Return times, states, the truth of each equation (none if no claim is right), and the order."""
    series_rows = 80
    given = case.values
    if given["kind"] == "series":
        made = SERIES[given["name"]]
        rng = np.random.default_rng([given["rtol"], *given["name"].encode()])
        return np.arange(float(series_rows)), made.draw(rng, series_rows)[:, None], made.truth, 1
    system = next(s for s in _KINDS[given["kind"]].systems[given["part"]] if s.name == given["name"])
    t, clean = path(system, given["rtol"])
    rng = np.random.default_rng([*given["name"].encode()])
    x = clean + given["noise"] * clean.std(axis=0) * rng.normal(size=clean.shape)
    truth = system.rates if given["kind"] != "outside" else ()
    return t, x[:, : x.shape[1] // system.order], truth, system.order


def path(system: Made, rtol: float) -> tuple[Array, Array]:
    """Return the times (n,) and states (n, m) of a system, integrated with a relative error of `rtol`."""
    from scipy.integrate import solve_ivp

    symbols = sympy.symbols(["t", "x", "y", "z", "w"][: 1 + len(system.start)])
    rates: Callable[..., Any] = sympy.lambdify(symbols, [sympy.sympify(rate) for rate in system.rates], "numpy")
    t = np.linspace(0, system.end, system.rows)
    absolute = 1e-2 * rtol if rtol < 1e-6 else 1e-6
    found = solve_ivp(
        lambda now, state: rates(now, *state), (0, system.end), system.start, t_eval=t, rtol=rtol, atol=absolute
    )
    return t, found.y.T


def _row(
    case: Case, said: str, right: bool | str, form: str, truth: Sequence[str], seconds: float, status: str
) -> dict[str, Any]:  # fmt: skip
    return {
        "kind": case.values["kind"], "said": in_words(said), "right": right, "form": form, "truth": "; ".join(truth),
        "seconds": round(seconds, 2), "status": status,
    }  # fmt: skip


_Family = tuple[Callable[[Settings], list[Case]], Callable[[Case], dict[str, Any]]]
_FAMILIES: dict[str, _Family] = {
    "tables": (tables.cases, tables.measure), "trajectories": (trajectory_cases, measure_trajectory),
    "equations": (equation_cases, measure_equation), "real": (real.cases, real.measure),
    "named": (named.cases, named.measure),
}  # fmt: skip
"""How the cases of each kind are listed and measured."""
_SELDOM = {"exact": 200, "noise": 50, "floor": 50, "converged": 200}
"""How many claims of a word there are for one that may be wrong."""
_COLUMNS = ("kind", "said", "right", "form", "truth", "seconds")


class Claims(Benchmark):
    """What is claimed, by effort "quick" unless another is asked for, and whether it is so."""

    name = "claims"
    title = "What is claimed, and how much of it is true"
    overtime = 300.0
    columns = ("family", "part", *_COLUMNS, "detail", "status")
    parallel = True
    slow = True
    compares = ""
    note = "said: how the case ended; judged: cases in which that is a claim; wrong: claims that are not so"

    def cases(self, settings: Settings) -> list[Case]:
        return [case for listed, _ in _FAMILIES.values() for case in listed(settings)]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        found = _FAMILIES[case.values["family"]][1](case)
        own = {key: found.pop(key, "") for key in (*_COLUMNS, "status")}
        return [self.row(case, **own, detail=json.dumps(found, default=float))]

    def row(self, case: Case, **measured: Any) -> Row:
        """Return a row; of a case's values the family and the part are shown, since others differ by family."""
        known = {"family": case.values["family"], "part": case.values["part"]}
        return {"case": case.label, **dict.fromkeys(self.columns, ""), **known, **measured}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["family", "part", "said", "cases", "judged", "wrong", "median s"]
        groups = grouped(rows, "family", "part", "said")
        return head, [_line(key[0], key[1], key[2], group) for key, group in groups.items()]


def _line(family: str, part: str, said: str, rows: Sequence[Row]) -> list[Cell]:
    """Return how often a word is said, and how often wrongly, with its limit."""
    bounded = 50  # cases from which limits are held to
    judged = [row for row in rows if row["right"] not in ("", None)]
    wrong, seldom = sum(not is_true(row["right"]) for row in judged), _SELDOM.get(said)
    held = None if seldom is None or len(judged) < bounded else wrong * seldom <= len(judged)
    seconds = known(rows, "seconds")
    time = f"{median(seconds):.3g}" if seconds else ""
    counts = Cell(str(len(rows))), Cell(str(len(judged)) if judged else ""), Cell(str(wrong) if judged else "", held)
    return [Cell(family), Cell(part), Cell(said or "failed"), *counts, Cell(time)]
