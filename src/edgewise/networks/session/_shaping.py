"""What a person can do to curves by hand: move one by a bump, flatten a part of it, join the levels of a column."""

import math
import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Self

import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise.formulas.expressions import quoted
from edgewise.networks.session._actions import acting
from edgewise.networks.session._history import History
from edgewise.networks.session._rows import Variable
from edgewise.nn import KAN, Edge, add_input, clone, remove_edges, trace
from edgewise.nn.bases import fit_curves


class Shaping(History):
    """Actions on the curve of a spline; every one returns a new session, and leaves this one as it was.

    Parameters
    ----------
    rows
        The rows of the session.
    states
        All states.
    at
        Number of the present state.
    line
        Branch of the next state.
    undone
        Numbers of the states that `redo` goes forward to, the next one last.
    """

    @acting()
    def add_bump(self, edge: Edge, at: float, by: float, width: float) -> Self:
        """Move an edge's spline by a bump around a place: phi(u) + by exp(-((u - at) / width)^2 / 2).

        The spline comes as near to that as its grid allows: `refine` makes it finer.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        at
            The place, in units of what enters the edge.
        by
            By how much the curve moves there.
        width
            Standard deviation of the bump, positive, in units of what enters the edge.

        Raises
        ------
        InputError
            For an edge that is no spline, and a width that is not positive.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
        >>> session = ew.Session(ew.KAN([1, 1], grid=20), x, x).fit()
        >>> moved = session.add_bump((0, 0, 0), at=0.5, by=0.2, width=0.2)
        >>> round((moved.model(x[37:38]) - session.model(x[37:38])).item(), 2)
        0.2
        """
        if not width > 0:
            raise InputError(f"'width' must be a positive number, in units of what enters the edge. Got {width!r}.")
        return self._reshaped(edge, lambda u, v: v + by * torch.exp(-(((u - at) / width) ** 2) / 2))

    @acting()
    def flatten(self, edge: Edge, low: float | None = None, high: float | None = None) -> Self:
        """Make an edge's spline constant between two places, at its mean there over the rows.

        Outside of them it is moved so that it stays continuous, as near as its grid allows.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        low
            Where the flat part begins; None for the least value that enters.
        high
            Where it ends; None for the largest value that enters.

        Raises
        ------
        InputError
            For an edge that is no spline, and ends that have fewer than two rows between them.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
        >>> flat = ew.Session(ew.KAN([1, 1], grid=20), x, x).fit().flatten((0, 0, 0), low=0.2).model
        >>> bool(flat(x[35:]).std() < 0.02 < flat(x[:20]).std())
        True
        """
        low, high = -math.inf if low is None else low, math.inf if high is None else high
        entering = self._entering(edge)
        inside = entering[(entering >= low) & (entering <= high)]
        if len(inside) < 2:
            part = f"between {low:g} and {high:g}"
            raise InputError(f"Fewer than two rows lie {part} on the edge {edge}: widen the part.")
        first, last = float(inside.min()), float(inside.max())
        mean = self._values(edge, inside).mean()
        ends = self._values(edge, torch.tensor([first, last], dtype=entering.dtype))

        def flat(u: Tensor, v: Tensor) -> Tensor:
            return torch.where(u < first, v - ends[0] + mean, torch.where(u > last, v - ends[1] + mean, mean))

        return self._reshaped(edge, flat)

    @acting()
    def join_levels(self, levels: Sequence[str], name: str | None = None) -> Self:
        """Merge levels of a categorical column into one input, the sum of their indicators.

        The indicators lose their edges. Those of the new input are straight lines, whose slope is the mean effect of
        the levels, weighted by their numbers of rows. To merge a level with the baseline, remove its edges.

        Parameters
        ----------
        levels
            Names of the indicators: inputs that are 0 or 1, no two of them 1 in the same row.
        name
            Name of the new input; None for one made from their names.

        Raises
        ------
        InputError
            For unknown names, fewer than two of them, columns that are no indicators, and locked edges.

        Examples
        --------
        >>> import edgewise as ew, numpy as np
        >>> x = np.eye(3)[np.arange(60) % 3][:, 1:]
        >>> session = ew.Session(ew.KAN([2, 1]), x, x @ [2.0, 2.2], ["fuel_gas", "fuel_oil"]).fit()
        >>> joined = session.join_levels(["fuel_gas", "fuel_oil"])
        >>> joined.names[-1], round(joined.error, 2)
        ('fuel_gas_or_oil', 0.08)
        """
        now, known = self._now, self._rows.all_names(self._now.variables)
        for level in levels:
            if level not in known:
                raise unknown("input", level, known)
        places = [known.index(level) for level in levels]
        x = self.table.x[:, places]
        away, close = torch.minimum(x.abs(), (x - 1).abs()), 1e-9  # computed columns are rounded
        if len({*places}) < 2 or bool((away > close).any()) or bool((x.sum(1) > 1 + close).any()):
            raise InputError(f"'levels' must be inputs that are 0 or 1, two or more, and not 1 together. Got {levels}.")
        new = Variable(name or _joint_name(levels), " + ".join(map(quoted, levels)))
        self._rows.check(now.variables, new)
        variables = (*now.variables, new)
        gone = [(0, j, i) for j, i in now.model.layers[0].mask.nonzero().tolist() if i in places]
        for edge in gone:
            now.open_edge(edge)
        model = add_input(now.model, self._rows.with_variables(variables).x[:, -1])
        joint, shares = model.n_in - 1, (x.mean(0) / x.mean(0).sum()).double()
        unused = []
        for j in range(model.layers[0].n_out):
            there = [(k, i) for k, i in enumerate(places) if (0, j, i) in gone]
            ends = [self._values((0, j, i), torch.tensor([0.0, 1.0], dtype=torch.float64)) for _, i in there]
            low = sum(float(end[0]) for end in ends)
            rise = sum(float(shares[k] * (end[1] - end[0])) for (k, _), end in zip(there, ends, strict=True))
            _set_curve(model, (0, j, joint), lambda u, low=low, rise=rise: low + rise * u)
            unused += [] if there else [(0, j, joint)]
        return self._changed(remove_edges(model, [*gone, *unused]), variables=variables)

    def _entering(self, edge: Edge) -> Tensor:
        """What enters an edge over the rows of training (n,); InputError for one that is no spline."""
        layer = self._now.active_edge(edge)
        if edge[1:] in layer.symbols:
            raise InputError(f"The edge {edge} is a function: make it a spline first, or set its constants.")
        with torch.no_grad():
            return trace(self._now.model, self.table.x).inputs[edge[0]][:, edge[2]]

    def _values(self, edge: Edge, u: Tensor) -> Tensor:
        """The edge's curve at sites (s,)."""
        return curve_at(self._now.model, edge, u)

    def _reshaped(self, edge: Edge, change: Callable[[Tensor, Tensor], Tensor]) -> Self:
        """The session with another curve on an edge: `change` takes sites (s,) and values there, and gives others."""
        self._entering(edge)
        model = clone(self._now.model)
        _set_curve(model, edge, lambda u: change(u, self._values(edge, u)))
        return self._changed(model)


def _set_curve(model: KAN, edge: Edge, curve: Callable[[Tensor], Tensor]) -> None:
    """Make an edge's spline a function of sites (s,), in place, as near as its grid allows."""
    depth, j, i = edge
    layer = model.layers[depth]
    with torch.no_grad():
        knots, count = layer.knots[i].double(), layer.coefficients.shape[-1]
        fitted = fit_curves(lambda u: curve(u).unsqueeze(-1), layer.basis, knots, count)[0]
        layer.coefficients[j, i] = fitted.to(layer.dtype)
        layer.base_weight[j, i] = 0.0


def _joint_name(levels: Sequence[str]) -> str:
    """A name for several levels: what they begin with alike once, then what tells them apart.

    >>> _joint_name(["fuel_gas", "fuel_oil"])
    'fuel_gas_or_oil'
    """
    alike = takewhile(lambda letters: len({*letters}) == 1, zip(*levels, strict=False))
    start = "".join(letters[0] for letters in alike).rpartition("_")[0]
    ends = [level.removeprefix(f"{start}_") if start else level for level in levels]
    name = re.sub(r"\W", "_", "_or_".join(ends) if not start else f"{start}_{'_or_'.join(ends)}")
    return name if name.isidentifier() else f"level_{name}"


def curve_at(model: KAN, edge: Edge, u: Tensor) -> Tensor:
    """Return an edge's curve at sites u (s,)."""
    depth, j, i = edge
    layer = model.layers[depth]
    entering = torch.zeros(len(u), layer.n_in, dtype=layer.dtype)
    entering[:, i] = u.to(layer.dtype)
    with torch.no_grad():
        return layer.edges(entering)[:, j, i]
