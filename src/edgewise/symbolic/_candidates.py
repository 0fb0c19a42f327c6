"""What one edge could become."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.kernels import one_thread
from edgewise.nn import KAN, clone, edge_of
from edgewise.symbolic._snap_context import Candidate, Edge, SnapContext

LIMIT = 8  #: functions of an edge that `candidates` tries


def candidates(
    model: KAN, x: Data, y: Data, edge: Edge, *, functions: Iterable[str] | None = None, forbid: Iterable[str] = (),
    slack: float | None = None, limit: int = LIMIT,
) -> list[Candidate]:  # fmt: skip
    """Return the functions that an edge (layer, j, i) could become, each tried in the whole network, the best first.

    The library is ranked on the edge's curve, as `snap` does; each of the best `limit` is put on the edge, and the
    whole network is refitted briefly. Those that keep the network's error come first, the simplest first, then those
    with rounder constants; the others follow by error. `str` of one is a line to read; `snap(..., choose={edge: k})`
    takes the k-th.

    Shapes, `functions`, `forbid` and `slack`: see `snap`; `y` may be None. A symbolic edge may be read again.

    Errors: InputError for what `snap` refuses, an edge that is not there or locked, and one that nothing depends on.

    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> fit = ew.fit(ew.KAN([1, 1]), x, torch.sin(3 * x[:, 0]))
    >>> found = ew.symbolic.candidates(fit.model, x, None, (0, 0, 0))
    >>> found[0].function, found[0].accepted, found[0].hazard
    ('sin', True, '')
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise InputError(f"'limit' must be an int >= 1, the number of functions tried. Got {limit!r}.")
    context = SnapContext(model, x, y, functions, forbid, slack)
    with one_thread():
        found = context.candidates(checked_edge(context, edge), limit)
    return [replace(candidate, model=clone(candidate.model, model.dtype)) for candidate in found]


def checked_edge(context: SnapContext, edge: Edge) -> Edge:
    """Return an edge that may become a function, or the error that says why not."""
    if not (isinstance(edge, tuple) and len(edge) == 3 and all(isinstance(k, int) for k in edge)):
        raise InputError(f"An edge is a tuple (layer, j, i): from node i to subnode j. Got {edge!r}.")
    depth, j, i = edge
    layer = edge_of(context.model, depth, j, i)
    if not layer.mask[j, i]:
        raise InputError(f"The edge {edge} was removed. Put a function there with edgewise.nn.set_function.")
    if layer.locked_mask()[j, i]:
        raise InputError(f"The edge {edge} is locked. Unlock it with edgewise.nn.unlock.")
    if context.curve(context.model, edge) is None:
        raise InputError(f"Nothing depends on the edge {edge}: there is no curve to read. Remove it.")
    return edge
