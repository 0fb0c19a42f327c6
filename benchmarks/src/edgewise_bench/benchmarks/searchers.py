"""The libraries that search for formulas, each with its own recommended settings."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import contextlib
import math
import time
import tomllib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import sympy
import torch

from edgewise import symbolic
from edgewise._typing import Array, Formula, Part
from edgewise.discovery import discover
from edgewise.expressions import evaluate
from edgewise_bench.baselines import default_dtype, silenced
from edgewise_bench.benchmarks.library import ThirdParty

Predict = Callable[[Array], Array]
"""From rows of inputs to values."""


class Table(NamedTuple):
    """What a library is given: inputs (rows, columns), a target, names, a seed, and how many seconds.

    effort: of edgewise's search; an empty string is its default.
    """

    x: Array
    y: Array
    names: Sequence[str]
    seed: int
    seconds: float
    effort: str = ""


class Searched(NamedTuple):
    """What it gives back.

    formula: in symbols of the names; none of an estimator. predict: its own values at other rows. outcome: how it
    ended, in its own words. noise: its estimate of the noise over the target's standard deviation, if it has one.
    complexity: as the library counts it. first: seconds until it had the first formula, if it says so. front: the
    values of all formulas that it offers, `formulas` these formulas. others: what else it offers, by name.
    """

    formula: Any
    predict: Predict
    outcome: str = ""
    noise: float | None = None
    complexity: int | None = None
    first: float | None = None
    front: Sequence[Predict] = ()
    others: Mapping[str, Predict] = {}
    formulas: Sequence[Formula] = ()

    @property
    def choices(self) -> Mapping[str, Predict]:
        """Return its values at other rows, of what it chose, under an empty name, and of what else it offers."""
        return {"": self.predict, **self.others}


class Searcher(ThirdParty):
    """A library with the settings that its own pages recommend for tables of this kind."""

    settings: ClassVar[str]
    """What its pages recommend, as rows say it."""
    timed: ClassVar[bool] = True
    """Whether it keeps to the seconds that it is given."""

    @abstractmethod
    def find(self, table: Table) -> Searched: ...

    def warm_up(self) -> None:
        """Search on a small table, so that imports and compilation are done before the clock starts."""
        warm_rows, warm_seconds = 100, 1.0
        x = np.random.default_rng(0).uniform(1, 2, (warm_rows, 2))
        self.find(Table(x, np.sin(x[:, 0] * x[:, 1] ** 2) + x[:, 1], ["a", "b"], 0, warm_seconds))


class Edgewise(Searcher):
    """`discover` with its default arguments."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    settings = "discover with default arguments but seed and time_limit"

    def find(self, table: Table) -> Searched:
        began, shown = time.perf_counter(), []

        def progress(_: str, __: float, best: str | None) -> None:
            if best and not shown:
                shown.append(time.perf_counter() - began)

        found: Any = discover(
            table.x, table.y, names=table.names, seed=table.seed, time_limit=table.seconds, progress=progress,
            **effort_of(table.effort),
        )  # fmt: skip
        ceiling = getattr(found, "ceiling", None)
        return Searched(
            found.best.sympy(), found.best.predict, in_words(found.outcome.name), found.noise,
            found.best.complexity, shown[0] if shown else time.perf_counter() - began,
            [candidate.predict for candidate in found], {"ceiling": ceiling.predict} if ceiling else {},
            [candidate.sympy() for candidate in found],
        )  # fmt: skip


def in_words(outcome: str) -> str:
    """Return the name of an outcome as the rows have it.

    >>> in_words("NO_SOLUTION")
    'no solution'
    """
    return outcome.lower().replace("_", " ")


def effort_of(text: str) -> dict[str, Any]:
    """Return the argument of `discover`: none for an empty text, a whole number, or a word.

    >>> effort_of("3000"), effort_of("quick"), effort_of("")
    ({'effort': 3000}, {'effort': 'quick'}, {})
    """
    return {"effort": int(text) if text.isdecimal() else text} if text else {}


def _arguments(name: str) -> dict[str, Any]:
    """Return the arguments of an estimator from the file next to this one."""
    return tomllib.loads(Path(__file__).with_name("searchers.toml").read_text(encoding="utf-8"))[name]


_GPLEARN_FUNCTIONS: dict[str, Callable[..., Formula]] = {
    "add": sympy.Add,
    "mul": sympy.Mul,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a / b,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "exp": sympy.exp,
}


class GPLearn(Searcher):
    """Its estimator, set as in SRBench, with exp among its functions."""

    name = "gplearn"
    module = "gplearn"
    install = "gplearn"
    settings = (
        "SymbolicRegressor as in SRBench: population 1000, tournaments of 20, parsimony 0.001, functions + - * / log "
        "sqrt sin cos, and exp; generations until the time is up or the error is 1e-12 of the spread"
    )

    def find(self, table: Table) -> Searched:
        exact = 1e-12  # relative to the target's standard deviation: error at which the search may end
        from gplearn.functions import make_function
        from gplearn.genetic import SymbolicRegressor

        began = time.perf_counter()
        exponential = make_function(function=_bounded_exp, name="exp", arity=1, wrap=False)
        functions = [exponential if name == "exp" else name for name in _GPLEARN_FUNCTIONS]
        enough = exact * float(table.y.std())
        model = SymbolicRegressor(
            **_arguments("gplearn"), init_depth=(2, 6), function_set=functions, stopping_criteria=enough,
            generations=1, warm_start=True, random_state=table.seed,
        )  # fmt: skip
        while True:
            started = time.perf_counter()
            model.fit(table.x, table.y)
            now = time.perf_counter()
            if model._program.raw_fitness_ <= enough:
                return Searched(_formula_of_program(model._program.program, table.names), model.predict, "error")
            if now - began + (now - started) > table.seconds:
                return Searched(_formula_of_program(model._program.program, table.names), model.predict, "time")
            model.set_params(generations=model.generations + 1)


def _bounded_exp(x: Array) -> Array:
    largest = 50.0  # argument of exp
    return np.exp(np.minimum(x, largest))


def _formula_of_program(program: Sequence[Any], names: Sequence[str]) -> Formula:
    """Turn a prefix program into a formula, without guards of division, logarithm and root, as in SRBench."""
    stack: list[Formula] = []
    for part in reversed(program):
        if isinstance(part, int | np.integer):
            stack.append(sympy.Symbol(names[int(part)]))
        elif isinstance(part, float | np.floating):
            stack.append(sympy.Float(float(part)))
        else:
            stack.append(_GPLEARN_FUNCTIONS[part.name](*(stack.pop() for _ in range(part.arity))))
    return stack[0]


class Operon(Searcher):
    """Its estimator, set as its authors' entry to SRBench sets it, with the longest of their lists of functions."""

    name = "pyoperon"
    module = "pyoperon"
    install = "pyoperon scikit-learn"
    settings = (
        "sklearn.SymbolicRegressor as in the SRBench entry: symbols + - * / sin cos exp log sqrt pow, length 50, "
        "population 1000, NSGA-II on R2 and length, 1 LM iteration, formula by minimum description length with the "
        "uncertainty of a random forest; one search of all the time, no tuning"
    )

    parameters: ClassVar[str] = "operon"

    def uncertainty(self, table: Table) -> float:
        """Return the standard deviation of the noise that its choice by description length assumes."""
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(random_state=table.seed).fit(table.x, table.y)
        return float(np.sqrt(np.mean((forest.predict(table.x) - table.y) ** 2)))

    def search(self, table: Table) -> Any:
        """Return a trained estimator."""
        from pyoperon.sklearn import SymbolicRegressor

        began = time.perf_counter()
        uncertainty = self.uncertainty(table)
        left = max(1, math.ceil(table.seconds - (time.perf_counter() - began)))
        given = {"uncertainty": [uncertainty], "max_time": left, "random_state": table.seed + 1}
        model = SymbolicRegressor(**_arguments("endless"), **_arguments(self.parameters), **given)
        return model.fit(table.x.copy(), table.y.copy())  # it takes no arrays that cannot be written

    def find(self, table: Table) -> Searched:
        digits = 12
        model = self.search(table)
        aliases = [f"x{k}" for k in range(len(table.names))]
        text = model.get_model_string(model.model_, digits, aliases)
        symbols = {sympy.Symbol(a): sympy.Symbol(name) for a, name in zip(aliases, table.names, strict=True)}
        formula: Part = symbolic.parse(text, aliases).xreplace(symbols)
        best = min(model.pareto_front_, key=lambda found: found["mean_squared_error"])
        size, others = model.stats_["model_length"], {"accurate": _tree_values(model, best["tree"])}
        return Searched(formula, _tree_values(model, model.model_), "time", complexity=size, others=others)


class OperonForTables(Operon):
    """Its estimator, set for real tables: short formulas of protected functions, and more steps on constants."""

    settings = (
        "sklearn.SymbolicRegressor: symbols + - * aq sin exp log|x| sqrt|x| tanh square, length 30, NSGA-II on R2 and "
        "length, 5 LM iterations, other arguments at their defaults; the formula by minimum description length with "
        "the residual of a linear regression as uncertainty, and the most accurate one"
    )
    parameters = "operon for tables"

    def uncertainty(self, table: Table) -> float:
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit(table.x, table.y)
        return float(np.std(table.y - model.predict(table.x))) or 1.0


def _tree_values(model: Any, tree: Any) -> Predict:
    return lambda x: np.asarray(model.evaluate_model(tree, x), dtype=np.float64).reshape(len(x))


_STEPS, _HIDDEN, _PENALTY, _FINE, _ATTEMPTS = 50, 5, 1e-3, 10, 3
_PYKAN_FUNCTIONS = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]


class PyKANFormula(Searcher):
    """The steps of its tutorial: a sparse fit, pruning, a finer grid, automatic functions, a last fit."""

    name = "pykan"
    module = "kan"
    install = "pykan"
    settings = (
        "as in its tutorial: [n, 5, 1], grid 3; L-BFGS, 50 steps, with lamb 0.001; prune; 50 steps; refine to grid 10; "
        "50 steps; auto_symbolic with the tutorial's ten functions; 50 steps, here with the grids left as they are; "
        "up to three seeds where it fails; no time limit"
    )
    timed = False

    def find(self, table: Table) -> Searched:
        """Return the formula of the first seed whose steps all succeed."""
        for attempt in range(_ATTEMPTS - 1):
            with contextlib.suppress(Exception):  # of all kinds: values that are not finite, layers without nodes
                return _pykan_search(table, table.seed + attempt)
        return _pykan_search(table, table.seed + _ATTEMPTS - 1)

    def warm_up(self) -> None:
        """Import the library only: its steps take seconds on any table."""
        with silenced():
            import kan  # noqa: F401


def _pykan_search(table: Table, seed: int) -> Searched:
    from kan import KAN

    x, y = torch.from_numpy(table.x), torch.from_numpy(table.y)[:, None]
    # Pruning goes by the rows that went through the network last: those of its test.
    rows = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
    names = [sympy.Symbol(name) for name in table.names]
    with default_dtype(torch.float64), silenced():
        model: Any = KAN(width=[len(names), _HIDDEN, 1], grid=3, k=3, seed=seed)
        model.fit(rows, opt="LBFGS", steps=_STEPS, lamb=_PENALTY)
        model = model.prune()
        model.fit(rows, opt="LBFGS", steps=_STEPS)
        model = model.refine(_FINE)
        model.fit(rows, opt="LBFGS", steps=_STEPS)
        model.auto_symbolic(lib=_PYKAN_FUNCTIONS)
        formula = model.symbolic_formula(var=names)[0][0]
        model.fit(rows, opt="LBFGS", steps=_STEPS, update_grid=False)  # splines are gone, and their update fails
        last = model.symbolic_formula(var=names)[0][0]
    formula = formula if last.has(sympy.nan) else last
    return Searched(formula, lambda x: evaluate(formula, table.names, x), f"done, seed {seed}")


SEARCHERS: dict[str, Searcher] = {
    searcher.name: searcher for searcher in (Edgewise(), Operon(), GPLearn(), PyKANFormula())
}
