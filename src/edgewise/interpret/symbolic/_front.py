"""A front of whole formulas: several choices on every edge, the simple ones and the accurate ones kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import torch

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._later import LOADERS
from edgewise._typing import Data, Formula
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import shorten
from edgewise.interpret.symbolic._curve import CurveFit, curve_samples, score, without_trivial_constants
from edgewise.interpret.symbolic._gauge import canonicalize, round_network
from edgewise.interpret.symbolic._snap_context import SnapContext
from edgewise.kernels import one_thread
from edgewise.nn import KAN, Edge, clone, layer_of, replace_by_mean
from edgewise.train import error_of, refit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CONSTANT = "constant"  #: the choice for an edge that went


@dataclass(frozen=True)
class Written:
    """One way to write a network: its formulas, and what they cost.

    Parameters
    ----------
    formulas
        One for each output.
    complexity
        The `network_complexity` of `model`.
    error
        Root mean square of the residuals in the target's units.
    choices
        The function of every edge that was read, "constant" where the edge went, None where it stays a spline, a
        function phi_layer_j_i of the formula.
    model
        The network of these formulas.
    """

    formulas: tuple[Formula, ...]
    complexity: int
    error: float
    choices: dict[Edge, str | None]
    model: KAN = field(repr=False)

    @property
    def formula(self) -> Formula | tuple[Formula, ...]:
        """The formula, or the tuple of formulas where there are several outputs."""
        return self.formulas[0] if len(self.formulas) == 1 else self.formulas

    def __str__(self) -> str:
        shown = "; ".join(str(shorten(formula)) for formula in self.formulas)
        return f"{shown}  (error {self.error:.2g}, complexity {self.complexity})"


@dataclass(frozen=True, repr=False)
class Front(Sequence[Written]):
    """Formulas from simple to accurate; each is more accurate than all simpler ones. `front[k]` is the k-th.

    Parameters
    ----------
    written
        The formulas.
    best
        The simplest whose error is within the allowed growth of the network's.
    error_before
        Root mean square of the network's residuals, in the target's units.
    """

    written: list[Written]
    best: Written
    error_before: float

    def __len__(self) -> int:
        return len(self.written)

    def __getitem__(self, index: int) -> Written:
        return self.written[index]

    def table(self) -> pd.DataFrame:
        """Return the front as a table: complexity, error, formula (one column for each output), best."""
        pd = needed("pandas")

        outputs = len(self.best.formulas)
        columns = ["formula"] if outputs == 1 else [f"formula {k + 1}" for k in range(outputs)]
        rows = [(w.complexity, w.error, *map(str, w.formulas), w is self.best) for w in self.written]
        return pd.DataFrame(rows, columns=["complexity", "error", *columns, "best"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw errors against complexity, as `edgewise.plot.pareto` does, and return the axes.

        Parameters
        ----------
        ax
            The axes to draw into; None makes a figure.
        """
        return LOADERS["plot"]().pareto(self, ax)

    def __repr__(self) -> str:
        rows = "\n".join(f"{'>' if w is self.best else ' '} {k}  {w}" for k, w in enumerate(self.written))
        return f"Front of {len(self)} formulas of a network with error {self.error_before:.2g}:\n{rows}"


@dataclass(frozen=True, eq=False)
class _State:
    """A network some of whose edges are decided."""

    model: KAN
    error: float
    complexity: int
    choices: dict[Edge, str | None]


_T = TypeVar("_T", Written, _State)


def front(
    model: KAN, x: Data, y: Data | None = None, *, names: Sequence[str] | None = None,
    functions: Iterable[str] | None = None, forbid: Iterable[str] = (), beam: int = 6, tries: int = 3,
) -> Front:  # fmt: skip
    """Return formulas for a network, from simple to accurate.

    Edges are decided one after another, as in `snap`, but not once and for all: on each, several functions are put
    into each of several networks, the best ones for the accuracy of the network and simpler ones that fit its
    curve to some percent, and a constant where other edges share the node. Everything is refitted after each. Of the
    networks that result, those stay that no simpler one beats. An edge stays a spline where nothing keeps the error.
    At the end constants are polished and rounded. Time grows with edges x beam x tries, each a brief refit.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    y : (n, n_out)
        The targets; (n,) for one output, None for the network's own outputs.
    names
        Names of the inputs in the formulas.
    functions
        Names of functions that edges may become; None for all of the library.
    forbid
        Names of functions that no edge may become.
    beam
        Networks at most that are kept from one edge to the next.
    tries
        Functions that are tried on each edge of each network.

    Raises
    ------
    InputError
        For what `snap` refuses.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> found = ew.symbolic.front(fit.model, x, torch.sin(3 * x[:, 0]), names=["t"])
    >>> found.best.formula, found.best.complexity
    (sin(3*t), 3)
    """
    for what, value in (("beam", beam), ("tries", tries)):
        if not is_int(value, 1):
            raise InputError(f"'{what}' must be an int >= 1. Got {value!r}.")
    context = SnapContext(model, x, y, functions, forbid, None)
    context.model.formula(names, splines="symbols")  # refuses bad names before the work
    with one_thread():
        return _Search(context, beam, tries).run(names, model.dtype)


class _Search:
    def __init__(self, context: SnapContext, beam: int, tries: int) -> None:
        self.context, self.beam, self.tries = context, beam, tries
        self.before = error_of(context.model, context.few)

    def run(self, names: Sequence[str] | None, dtype: torch.dtype) -> Front:
        context = self.context
        start = _State(context.model, self.before, network_complexity(context.model), {})
        edges = context.splines(context.model)
        edges.sort(key=lambda edge: context.ranking(start.model, edge, start.error)[1])
        states = [start]
        for edge in edges:
            states = self._kept(new for state in states for new in self._grown(state, edge))
        shown = _undominated((self._written(state, names, dtype) for state in states), 1e-14 * context.spread)
        before = error_of(context.model, context.table)
        best = next((w for w in shown if w.error <= context.limit(before)), shown[-1])
        return Front(shown, best, before)

    def _grown(self, state: _State, edge: Edge) -> Iterator[_State]:
        """Yield networks by what an edge is: functions, a constant, the spline where none of these keeps the error."""
        depth, j, _ = edge
        layer = layer_of(state.model, depth)
        below = state.complexity - layer.coefficients.shape[-1]
        limit, stays = self.context.limit(state.error), True
        if int(layer.mask[j].sum()) > 1:
            model, error = refit(replace_by_mean(state.model, edge, self.context.few.x), self.context.few, 25)
            yield _State(model, error, below, {**state.choices, edge: CONSTANT})
            stays = error > limit
        for fit in self._fits(state, edge):
            trial = self.context.trial(state.model, edge, fit, math.inf)
            if trial.accepted:
                choices = {**state.choices, edge: trial.function}
                yield _State(trial.model, trial.network_error, below + trial.complexity, choices)
                stays = stays and trial.network_error > limit
        if stays:
            yield _State(state.model, state.error, state.complexity, {**state.choices, edge: None})

    def _fits(self, state: _State, edge: Edge) -> list[CurveFit]:
        """Return the most accurate function for an edge's curve, the best of simpler ones, and what comes next."""
        relative = (1e-2, 1e-1)  # relative errors of a curve at which simpler functions are looked for too
        context = self.context
        data = context.curve(state.model, edge)
        if data is None:
            return []
        own = context.floor(state.error, data)
        fits = context.fits(state.model, edge, data, own)
        floors = [own, *(floor for floor in relative if floor > own)]
        ranked = [sorted(fits, key=lambda fit: (score(fit, floor), fit.error)) for floor in floors]
        firsts: dict[str, CurveFit] = {}
        for row in zip(*ranked, strict=True):
            for fit, floor in zip(row, floors, strict=True):
                if len(firsts) < self.tries and fit.function.name not in firsts:
                    firsts[fit.function.name] = without_trivial_constants(fit, curve_samples(*data), floor)
        return list(firsts.values())

    def _kept(self, states: Iterable[_State]) -> list[_State]:
        """Half of the beam for the networks that cost least, the other for those that no simpler one beats.

        A decade of error costs as much as four units of complexity.
        """
        decade = 4.0  # units of complexity that a decade of error is worth during the search
        floor = max(self.context.limit(self.before), 1e-13 * self.context.spread)
        ordered = sorted(states, key=lambda s: s.complexity + decade * math.log10(max(s.error, floor)))
        kept, others = ordered[: (self.beam + 1) // 2], ordered[(self.beam + 1) // 2 :]
        chain = [s for s in _undominated(ordered, floor) if s in others]
        room = self.beam - len(kept)
        return kept + (chain if len(chain) <= room else [chain[(k + 1) * len(chain) // room - 1] for k in range(room)])

    def _written(self, state: _State, names: Sequence[str] | None, dtype: torch.dtype) -> Written:
        """Polish and round the constants of a decided network, and write it down."""
        table, model = self.context.table, state.model
        model, _ = refit(model, table, 100, 1e-12)
        if not model.spline_edges():
            model, _ = refit(canonicalize(model), table, 100, 1e-12)
        model = round_network(model, table, self.context.spread)
        formulas = model.formula(names, splines="symbols")
        return Written(
            tuple(formulas) if isinstance(formulas, list) else (formulas,), network_complexity(model),
            error_of(model, table), state.choices, clone(model, dtype),
        )  # fmt: skip


def _undominated(found: Iterable[_T], exact: float) -> list[_T]:
    """Return those that no simpler or equally simple one beats, simplest first; below the exact error all are equal."""
    out: list[_T] = []
    for one in sorted(found, key=lambda w: (w.complexity, w.error)):
        if not out or (one.error < 0.98 * out[-1].error and out[-1].error > exact):
            out.append(one)
    return out


def network_complexity(model: KAN) -> int:
    """Return what it takes to write a network down: its edges, and the additions and products that join them.

    A symbolic edge counts as its function, plus one for each constant that is not trivial (see `CurveFit.complexity`);
    an edge whose constant c is zero counts one, for its constant d. A spline edge counts its coefficients. A subnode of
    n edges is n - 1 additions, a product of r subnodes r - 1 multiplications. A node that is used twice counts once.

    Parameters
    ----------
    model
        The network.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.symbolic import network_complexity
    >>> from sympy import Symbol, exp
    >>> x, y = Symbol("x"), Symbol("y")
    >>> network_complexity(ew.symbolic.network_of(exp(x) * y, ["x", "y"])), network_complexity(ew.KAN([2, 1], grid=5))
    (4, 17)
    """
    total = 0
    for depth, nodes in enumerate(model.nodes[1:]):
        layer = layer_of(model, depth)
        splines = layer.spline_mask()
        total += int(splines.sum()) * layer.coefficients.shape[-1]
        for name, edges in layer.active_symbols().items():
            row = library.get(name)
            for j, i in edges:
                a, b, c, d = layer.affine[j, i].tolist()
                total += CurveFit(row, a, b, c, d, 0.0).complexity if c != 0 else 1
        total += int((layer.mask.sum(1) - 1).clamp_min(0).sum())
        total += sum(len(group) - 1 for group in nodes.groups())
    return total
