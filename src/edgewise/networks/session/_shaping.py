"""What a person can do to the curve of one edge by hand: move it by a bump, flatten a part of it."""

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.networks.session._actions import acting
from edgewise.networks.session._history import History
from edgewise.nn import KAN, Edge, clone, trace
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
        depth, j, i = edge
        layer = model.layers[depth]

        def curve(u: Tensor) -> Tensor:
            return change(u, self._values(edge, u)).unsqueeze(-1)

        with torch.no_grad():
            fitted = fit_curves(curve, layer.basis, layer.knots[i].double(), layer.coefficients.shape[-1])[0]
            layer.coefficients[j, i] = fitted.to(layer.dtype)
            layer.base_weight[j, i] = 0.0
        return self._changed(model)


def curve_at(model: KAN, edge: Edge, u: Tensor) -> Tensor:
    """Return an edge's curve at sites u (s,)."""
    depth, j, i = edge
    layer = model.layers[depth]
    entering = torch.zeros(len(u), layer.n_in, dtype=layer.dtype)
    entering[:, i] = u.to(layer.dtype)
    with torch.no_grad():
        return layer.edges(entering)[:, j, i]
