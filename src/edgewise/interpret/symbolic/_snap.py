"""Spline edges replaced by named functions, each accepted by the whole network's error."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.formulas import functions as library
from edgewise.interpret.symbolic._curve import CurveFit, fit_curve
from edgewise.interpret.symbolic._gauge import canonicalize, round_network
from edgewise.interpret.symbolic._snap_context import Candidate, SnapContext
from edgewise.kernels import one_thread
from edgewise.nn import KAN, Edge, clone, edge_of, set_function
from edgewise.train import error_of, refit

Choice = str | int | Candidate | None
_LIMIT = 8  # functions of an edge that `candidates` tries


class Snapped(NamedTuple):
    """One edge that became a function.

    Parameters
    ----------
    layer
        Its layer.
    j
        The subnode that it ends in.
    i
        The node that it starts from.
    function
        Name of the function.
    curve_error
        Error of the curve alone, relative to its standard deviation.
    network_error
        Root mean square of the network's residuals then, in the target's units.
    """

    layer: int
    j: int
    i: int
    function: str
    curve_error: float
    network_error: float


@dataclass(frozen=True)
class SnapResult:
    """The network after snapping. Errors are root mean squares in the target's units.

    Parameters
    ----------
    model
        The network.
    snapped
        The edges that became functions, in order.
    kept
        Edges (layer, j, i) that are splines still.
    error_before
        The error of the given network.
    error_after
        The error of the network after snapping.
    misses
        For edges of `kept` the function that came nearest to keeping the error, and the error with it.
    """

    model: KAN
    snapped: list[Snapped]
    kept: list[Edge]
    error_before: float
    error_after: float
    misses: Mapping[Edge, tuple[str, float]] = field(default_factory=dict)

    def report(self) -> str:
        """Return one line for each edge, then the error before and after."""
        lines = [
            f"edge ({s.layer}, {s.j}, {s.i}) -> {s.function}: curve {s.curve_error:.1e}, network {s.network_error:.3e}"
            for s in self.snapped
        ]
        for edge in self.kept:
            near = self.misses.get(edge)
            tried = "" if near is None else f"; {near[0]} comes nearest: network {near[1]:.3e}"
            lines.append(f"edge {edge} stays a spline: no function that it may become keeps the error{tried}")
        lines.append(f"error {self.error_before:.3e} -> {self.error_after:.3e}")
        return "\n".join(lines)


def snap(
    model: KAN, x: Data, y: Data | None = None, *, functions: Iterable[str] | None = None, forbid: Iterable[str] = (),
    choose: Mapping[Edge, Choice] | None = None, slack: float | None = None, rounding: bool = True,
) -> SnapResult:  # fmt: skip
    """Replace spline edges by functions c f(a x + b) + d and return the symbolic network.

    For each edge, surest first: the library is ranked by fit and complexity on the edge's curve, weighted by what the
    output feels; the best four are put into the network, everything is refitted briefly, and of those that keep the
    whole network's error within `slack` times the error before the simplest is taken. Functions with a pole among the
    data are left out. At the end the constants are polished. Locked edges stay, and rules of edges
    (`edgewise.nn.require`) hold.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    y : (n, n_out)
        The targets; (n,) for one output. None for the network's own outputs, which may change by a thousandth of their
        standard deviation.
    functions
        Names of functions that edges may become; None for all of the library.
    forbid
        Names of functions that no edge may become.
    choose
        Decides edges first, whatever that costs: {edge: name, number in `candidates` of the given network, Candidate,
        or None to keep it as it is}.
    slack
        The factor by which the network's error may grow; None for 1.5 for accurate networks (error below 1e-4 of the
        targets' standard deviation), else 1.05.
    rounding
        Whether constants are made integers, small fractions and multiples of pi where the error stays.

    Raises
    ------
    InputError
        For wrong shapes, unknown function names, and choices that cannot be made.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> ew.symbolic.snap(fit.model, x, torch.sin(3 * x[:, 0])).model.formula(["t"])
    sin(3*t)
    """
    if choose is not None and not isinstance(choose, Mapping):
        raise InputError(f"'choose' must be a dict from edges (layer, j, i) to choices. Got {choose!r}.")
    if not isinstance(rounding, bool):
        raise InputError(f"'rounding' must be True or False. Got {rounding!r}.")
    context = SnapContext(model, x, y, functions, forbid, slack)
    with one_thread():
        result = _Snapping(context, choose or {}).run(rounding)
    return replace(result, model=clone(result.model, model.dtype))


class _Snapping:
    def __init__(self, context: SnapContext, choose: Mapping[Edge, Choice]) -> None:
        self.context, self.model = context, context.model
        self.before = error_of(self.model, context.table)
        self.error = error_of(self.model, context.few)
        self.snapped: list[Snapped] = []
        self.left: list[Edge] = []
        self._decide({edge: _start(context, edge, choice) for edge, choice in choose.items()})
        self.decided = len(self.snapped)

    def run(self, rounding: bool) -> SnapResult:
        table, free = self.context.table, [e for e in self.context.splines(self.model) if e not in self.left]
        order = sorted(free, key=lambda edge: self.context.ranking(self.model, edge, self.error)[1])
        again = order
        while again:  # edges that failed may succeed once others are exact
            progress = len(self.snapped)
            again = [edge for edge in again if not self._snap_edge(edge)]
            if len(self.snapped) == progress:
                break
        if not self.context.is_loose(self.model, self.error):
            self.model, _ = refit(self.model, table, 100, 1e-12)
        kept = self.model.spline_edges()
        if not kept:
            self._straighten()
            self.model, _ = refit(canonicalize(self.model), table, 100, 1e-12)
        if rounding and self.snapped:
            self.model = round_network(self.model, table, self.context.spread)
        misses = {edge: near for edge, near in self.context.misses.items() if edge in kept}
        return SnapResult(self.model, self.snapped, kept, self.before, error_of(self.model, table), misses)

    def _decide(self, starts: dict[Edge, CurveFit | None]) -> None:
        """Put the chosen functions in, all before one refit."""
        self.left = [edge for edge, fit in starts.items() if fit is None]
        chosen = {edge: fit for edge, fit in starts.items() if fit is not None}
        for (depth, j, i), fit in chosen.items():
            self.model = set_function(self.model, depth, j, i, fit.function.name, (fit.a, fit.b, fit.c, fit.d))
        if chosen:
            self.model, self.error = refit(self.model, self.context.few, 50)
            if self.error == float("inf"):
                shown = ", ".join(f"{fit.function.name!r} on {edge}" for edge, fit in chosen.items())
                raise InputError(f"With {shown} the network is not finite on these rows. Choose otherwise.")
            self.snapped += [Snapped(*e, fit.function.name, fit.error, self.error) for e, fit in chosen.items()]

    def _straighten(self) -> None:
        """Make edges x whose functions are straight over the rows, where that keeps the error.

        While other edges were splines, it may have been refused: two that bend against each other need both.
        """
        straight = 0.1  # error of a straight line over a curve's spread: above, x is not tried
        self.error = error_of(self.model, self.context.few)
        for number, was in enumerate(self.snapped[self.decided :], self.decided):
            edge, data = was[:3], self.context.curve(self.model, was[:3])
            if was.function == "x" or data is None or "x" not in self.context.names_of(self.model, edge):
                continue
            fit = fit_curve("x", *data)
            if fit.error > straight:
                continue
            found = self.context.trial(self.model, edge, fit, self.context.limit(self.error))
            if found.accepted:
                self.model, self.error = found.model, min(self.error, found.network_error)
                self.snapped[number] = Snapped(*edge, "x", found.curve_error, found.network_error)

    def _snap_edge(self, edge: Edge) -> bool:
        tried = 4  # functions of an edge that are tried in the whole network
        found = self.context.chosen(self.model, self.error, edge, tried)
        if found is None:
            return False
        self.model = found.model
        reached = self.context.without_overfit(found.network_error, found.model)
        self.error = max(min(reached, self.error), 1e-16 * self.context.spread)
        self.snapped.append(Snapped(*edge, found.function, found.curve_error, found.network_error))
        return True


def _start(context: SnapContext, edge: Edge, choice: Choice) -> CurveFit | None:
    """Return where a chosen function starts; None for an edge that stays as it is."""
    _checked_edge(context, edge)
    if choice is None:
        return None
    if isinstance(choice, str):
        data = context.curve(context.model, edge)
        assert data is not None
        fit = fit_curve(choice, *data)
        if fit.error == float("inf"):
            raise InputError(f"{choice!r} is not defined on all values that enter the edge {edge}. Choose another.")
        return fit
    if not isinstance(choice, Candidate):
        if not is_int(choice):
            raise InputError(f"'choose' takes a name, a number, a Candidate or None for an edge. Got {choice!r}.")
        found = context.candidates(edge, _LIMIT)
        if not 0 <= choice < len(found):
            raise InputError(f"The edge {edge} has {len(found)} candidates, counted from 0. Got {choice}.")
        choice = found[choice]
    return CurveFit(library.get(choice.function), *choice.affine, choice.curve_error)


def candidates(
    model: KAN, x: Data, y: Data, edge: Edge, *, functions: Iterable[str] | None = None, forbid: Iterable[str] = (),
    slack: float | None = None, limit: int = _LIMIT,
) -> list[Candidate]:  # fmt: skip
    """Return the functions that an edge could become, each tried in the whole network, the best first.

    The library is ranked on the edge's curve, as `snap` does; each of the best is put on the edge, and the
    whole network is refitted briefly. Those that keep the network's error come first, the simplest first, then those
    with rounder constants; the others follow by error, of which 12 % weigh as much as one unit of complexity. `str` of
    one is a line to read; `snap(..., choose={edge: k})` takes the k-th.

    Parameters
    ----------
    model
        The network.
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame.
    y : (n, n_out)
        The targets; (n,) for one output, None for the network's own outputs.
    edge
        The edge (layer, j, i); a symbolic one may be read again.
    functions
        Names of functions that the edge may become; None for all of the library.
    forbid
        Names of functions that it may not become.
    slack
        The factor by which the network's error may grow; None for 1.5 for accurate networks (error below 1e-4 of the
        targets' standard deviation), else 1.05.
    limit
        How many functions are tried, at most.

    Raises
    ------
    InputError
        For what `snap` refuses, an edge that is not there or locked, and one that nothing depends on.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> found = ew.symbolic.candidates(fit.model, x, None, (0, 0, 0))
    >>> found[0].function, found[0].accepted, found[0].hazard
    ('sin', True, '')
    """
    if not is_int(limit, 1):
        raise InputError(f"'limit' must be an int >= 1, the number of functions tried. Got {limit!r}.")
    context = SnapContext(model, x, y, functions, forbid, slack)
    with one_thread():
        found = context.candidates(_checked_edge(context, edge), limit)
    return [replace(candidate, model=clone(candidate.model, model.dtype)) for candidate in found]


def _checked_edge(context: SnapContext, edge: Edge) -> Edge:
    """Return an edge that may become a function, or the error that says why not."""
    if not (isinstance(edge, tuple) and len(edge) == 3 and all(map(is_int, edge))):
        raise InputError(f"An edge is a tuple (layer, j, i): from node i to subnode j. Got {edge!r}.")
    depth, j, i = map(int, edge)
    layer = edge_of(context.model, depth, j, i)
    if not layer.mask[j, i]:
        raise InputError(f"The edge {edge} was removed. Put a function there with edgewise.nn.set_function.")
    if layer.locked_mask()[j, i]:
        raise InputError(f"The edge {edge} is locked. Unlock it with edgewise.nn.unlock.")
    if context.curve(context.model, edge) is None:
        raise InputError(f"Nothing depends on the edge {edge}: there is no curve to read. Remove it.")
    return edge
