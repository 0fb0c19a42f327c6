"""Everything that a person can do to a network, one public method each."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, cast

import torch

from edgewise import interpret, nn
from edgewise._callbacks import calling
from edgewise._errors import InputError
from edgewise.formulas import functions as library
from edgewise.interpret import Cut, symbolic
from edgewise.kernels import one_thread
from edgewise.networks.session._actions import acting, action
from edgewise.networks.session._history import edges_of, errors_at
from edgewise.networks.session._rows import Variable
from edgewise.networks.session._shaping import Shaping
from edgewise.nn import Direction, Edge, Width
from edgewise.train import FitStep, Options, Outcome, Table, fit, refit

Node = tuple[int, int]
Cuts = Cut | Mapping[str, Any] | Sequence[Cut | Mapping[str, Any]]


def _starts(model: nn.KAN, rows: int) -> int | Literal["auto"]:
    """How many starts a fit tries: fewer of wide networks, whose steps take long beside what a person waits for."""
    most, work = 8, 1e9  # starts; rows times parameters squared of all of them
    size = nn.Layout(model).size
    return "auto" if most * min(rows, 1000) * size**2 <= work else max(2, int(work / (min(rows, 1000) * size**2)))


class Steering(Shaping):
    """One method for each action; every one returns a new session, and leaves this one as it was.

    An edge is (layer, j, i): in that layer from node i to subnode j. A node is (depth, q): node q before layer depth.

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

    def apply(self, name: str, /, *given: Any, **named: Any) -> Self:
        """Do an action of `ACTIONS` by its name and return the session with it done.

        Parameters
        ----------
        name
            Name of the action.
        *given
            Its arguments by position.
        **named
            Its arguments by name.
        """
        row = action(name)
        arguments = row.read(given, named)
        with one_thread():
            done = row.act(self, **arguments).state
        after, arguments = done.situation, {**arguments, **done.arguments}
        return self._grown(after, name, arguments, errors_at(after, self._rows), done.said)

    @property
    def _aims(self) -> Table:
        """The rows with numbers that refits come near to: the targets, or for classes targets of the logits.

        For classes they are f + (indicator - probability) / b with a bound b on the curvature of the cross-entropy, so
        that what is nearer to them than the network is has a smaller cross-entropy.

        Source: Boehning, Ann. Inst. Statist. Math. 44 (1992).
        """
        table = self.table
        if not self._rows.classes:
            return table
        with torch.no_grad():
            outputs = self._now.model(table.x)
            bound = 0.25 if outputs.shape[1] == 1 else 0.5
            return Table(table.x, outputs - self._rows.loss.gradient(outputs, table.y) / bound, table.weights)

    @acting()
    def prune_edge(self, edge: Edge) -> Self:
        """Remove an edge; its mean over the rows stays as a constant.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        """
        self._now.active_edge(edge)
        return self._changed(nn.replace_by_mean(self._now.model, edge, self.table.x))

    @acting()
    def restore_edge(self, edge: Edge) -> Self:
        """Bring a removed edge back with the curve that it had, about mean zero.

        Parameters
        ----------
        edge
            The edge (layer, j, i).

        Raises
        ------
        InputError
            For an edge that is there already.
        """
        if self._now.open_edge(edge).mask[edge[1:]]:
            raise InputError(f"The edge {edge} is there already.")
        return self._changed(nn.center(nn.restore_edges(self._now.model, [edge]), edge, self.table.x))

    @acting()
    def remove_node(self, node: Node) -> Self:
        """Remove a hidden node; what it gave on average stays. Numbers of nodes stay until `compact`.

        Parameters
        ----------
        node
            The node (depth, q).
        """
        (depth, q), model = node, self._now.model
        for edge in nn.edges_of_node(model, depth, q):
            self._now.open_edge(edge)
        if depth < len(model.layers):
            for j in nn.layer_of(model, depth).mask[:, q].nonzero().flatten().tolist():
                self._now.open_edge((depth, j, q))
        return self._changed(nn.remove_node(model, depth, q, self.table.x))

    @acting()
    def add_nodes(self, depth: int, nodes: Width, seed: int = 0) -> Self:
        """Add hidden nodes before a layer, 3 sums or (1, 2), a sum and two products; unused until trained.

        Parameters
        ----------
        depth
            The layer.
        nodes
            How many sums, or how many sums and products.
        seed
            Seed of the new edges.
        """
        return self._changed(nn.widen(self._now.model, depth, nodes, seed=seed))

    @acting()
    def compact(self) -> Self:
        """Drop nodes that are constant or that nothing leaves, and renumber the others."""
        return self._changed(nn.compact(self._now.model, self.table.x))

    @acting()
    def set_function(self, edge: Edge, function: str, affine: Sequence[float] | None = None) -> Self:
        """Make an edge c f(a x + b) + d, with (a, b, c, d) given, or fitted to its curve as it is.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        function
            Name of f, one of `edgewise.functions`.
        affine
            The constants (a, b, c, d); None fits them to the curve.

        Raises
        ------
        InputError
            For a function that is forbidden, and a removed edge without `affine`.
        """
        layer = self._now.open_edge(edge)
        self._now.check_function(edge, function)
        if affine is None:
            if not layer.mask[edge[1:]]:
                raise InputError(f"The edge {edge} is removed and has no curve to fit: give 'affine', (a, b, c, d).")
            affine = self._affine_of(edge, function)
        return self._changed(nn.set_function(self._now.model, *edge, function, affine))

    def _affine_of(self, edge: Edge, function: str) -> tuple[float, ...]:
        """The constants with which a function is nearest to an edge's curve."""
        depth, j, i = edge
        with torch.no_grad():
            seen = nn.trace(self._now.model, self.table.x)
        found = symbolic.fit_curve(function, seen.inputs[depth][:, i], seen.edges[depth][:, j, i])
        if not math.isfinite(found.error):
            where = f"all that reaches the edge {edge}"
            raise InputError(f"{function} cannot be defined on {where}: give 'affine', or another.")
        return found.a, found.b, found.c, found.d

    @acting()
    def to_spline(self, edge: Edge, grid: int | None = None) -> Self:
        """Make a symbolic edge a spline again.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        grid
            Cells of the spline; None for as many as the others have.

        Raises
        ------
        InputError
            For an edge that is a spline already.
        """
        if edge[1:] not in self._now.active_edge(edge).symbols:
            raise InputError(f"The edge {edge} is a spline already.")
        return self._changed(nn.to_splines(self._now.model, self.table.x, [edge], grid=grid))

    @acting(long=True)
    def snap_edge(self, edge: Edge, function: str | None = None) -> Self:
        """Make an edge the best function of `suggest`, or the named one, and refit the network around it.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        function
            Name of the function, one of `edgewise.functions`; None for the best.

        Raises
        ------
        InputError
            Where no function can be defined, or keeps the error unless it is named.
        """
        now, table = self._now, self._aims
        now.active_edge(edge)
        if function is not None:
            now.check_function(edge, function)
        names = function and [function]
        found = symbolic.candidates(now.model, table.x, table.y, edge, functions=names, forbid=now.forbidden, limit=4)
        if not found:
            raise InputError(f"No function can be defined on all that reaches the edge {edge}.")
        if function is None and not found[0].accepted:
            raise InputError(f"No function keeps the error on {edge}. Name one to take it all the same: {found[0]}.")
        return self._changed(found[0].model)

    @acting()
    def lock(self, edges: Edge | Sequence[Edge]) -> Self:
        """Fix the functions of edges: no training, pruning or snapping changes them.

        Parameters
        ----------
        edges
            An edge (layer, j, i), or several.
        """
        return self._changed(nn.lock(self._now.model, cast("Sequence[Edge]", edges)))

    @acting()
    def unlock(self, edges: Edge | Sequence[Edge]) -> Self:
        """Let edges be changed again.

        Parameters
        ----------
        edges
            An edge (layer, j, i), or several.
        """
        return self._changed(nn.unlock(self._now.model, cast("Sequence[Edge]", edges)))

    @acting()
    def lock_node(self, node: Node) -> Self:
        """Fix the functions of all edges that end in a node.

        Parameters
        ----------
        node
            The node (depth, q).
        """
        return self._changed(nn.lock(self._now.model, nn.edges_of_node(self._now.model, *node)))

    @acting()
    def unlock_node(self, node: Node) -> Self:
        """Let the edges that end in a node be changed again.

        Parameters
        ----------
        node
            The node (depth, q).
        """
        return self._changed(nn.unlock(self._now.model, nn.edges_of_node(self._now.model, *node)))

    @acting()
    def forbid(self, functions: str | Sequence[str]) -> Self:
        """Let no edge become one of these functions from now on.

        Parameters
        ----------
        functions
            Name of a function of `edgewise.functions`, or several.

        Raises
        ------
        InputError
            If none would be left, or none of those that an edge has to be one of.
        """
        names = (library.get(name).name for name in functions)
        forbidden = tuple(dict.fromkeys([*self._now.forbidden, *names]))
        if not set(library.names()) - set(forbidden):
            raise InputError("All functions would be forbidden, and no edge could be read: leave one.")
        for depth, layer in enumerate(self._now.model.layers):
            for (j, i), rule in layer.rules.items():
                if rule.functions and set(rule.functions) <= set(forbidden):
                    one_of = ", ".join(rule.functions)
                    raise InputError(f"The edge {(depth, j, i)} has to be one of {one_of}: leave one.")
        return self._changed(self._now.model, forbidden=forbidden)

    @acting()
    def allow(self, functions: str | Sequence[str]) -> Self:
        """Take back what `forbid` said of these functions.

        Parameters
        ----------
        functions
            Name of a forbidden function, or several.

        Raises
        ------
        InputError
            For a function that is not forbidden.
        """
        names = [library.get(name).name for name in functions]
        forbidden = self._now.forbidden
        for name in names:
            if name not in forbidden:
                raise InputError(f"{name!r} is not forbidden. Forbidden: {', '.join(forbidden) or 'none'}.")
        return self._changed(self._now.model, forbidden=tuple(name for name in forbidden if name not in names))

    @acting()
    def require(self, edge: Edge, functions: str | Sequence[str]) -> Self:
        """Let an edge become one of these functions only; [] lets it become any.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        functions
            Name of a function of `edgewise.functions`, or several.

        Raises
        ------
        InputError
            If all of them are forbidden.
        """
        if functions and set(functions) <= set(self._now.forbidden):
            raise InputError(f"{', '.join(functions)}: all of these are forbidden. Allow one first.")
        return self._changed(nn.require(self._now.model, *edge, functions))

    @acting()
    def monotone(self, edge: Edge, direction: Direction) -> Self:
        """Hold the spline of an edge rising ("up") or falling ("down"), or free it ("any").

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        direction
            "up", "down" or "any".
        """
        self._now.active_edge(edge)
        return self._changed(nn.monotone(self._now.model, *edge, direction))

    @acting()
    def smooth(self, edge: Edge, weight: float) -> Self:
        """Put a weight on the roughness of an edge's spline in training; 0 takes it away.

        Parameters
        ----------
        edge
            The edge (layer, j, i).
        weight
            The weight, not negative.
        """
        self._now.active_edge(edge)
        return self._changed(nn.smooth(self._now.model, *edge, weight))

    @acting()
    def add_variable(self, name: str, formula: str) -> Self:
        """Give the network one more input, a column computed from those it has: add_variable("beta", "v/c").

        Parameters
        ----------
        name
            Name of the column.
        formula
            Its formula over the names of the inputs and the variables before it.
        """
        new, rows = Variable(name, formula), self._rows
        rows.check(self._now.variables, new)
        variables = (*self._now.variables, new)
        column = rows.with_variables(variables).x[:, -1]
        return self._changed(nn.add_input(self._now.model, column), variables=variables)

    @acting()
    def use_formula(self, formula: str) -> Self:
        """Replace the network by the exact network of a formula over its inputs: use_formula("2*pi*sqrt(L/g)").

        What was required of single edges goes with them. See `edgewise.symbolic.network_of`.

        Parameters
        ----------
        formula
            The formula over the names of the inputs and variables.

        Raises
        ------
        InputError
            For a locked edge, a network of several outputs, a formula that has no finite value in some row, and a
            forbidden function.
        """
        now, table = self._now, self.table
        if now.model.n_out > 1:
            raise InputError(f"A formula has one value, and this network has {now.model.n_out} outputs.")
        for depth, layer in enumerate(now.model.layers):
            for j, i in layer.locked_mask().nonzero().tolist():
                now.open_edge((depth, j, i))
        made = symbolic.network_of(formula, self._rows.all_names(now.variables))
        used = {name for layer in made.layers for name in layer.active_symbols()}
        refused = sorted(used & set(now.forbidden))
        if refused:
            raise InputError(f"The formula needs {', '.join(refused)}, which you forbade: allow it first.")
        with torch.no_grad():
            bad = int((~torch.isfinite(nn.clone(made, torch.float64)(table.x))).sum())
        if bad:
            raise InputError(f"The formula has no finite value in {bad} of {len(table.x)} rows.")
        return self._changed(nn.clone(made, torch.float64))

    @acting(long=True)
    def refit(self, steps: int = 50) -> Self:
        """Train for some second-order steps, with grids and knots as they are.

        Parameters
        ----------
        steps
            How many, at most.
        """
        return self._changed(refit(self._now.model, self._aims, steps)[0])

    @acting(long=True)
    def fit(
        self, grids: Literal["auto"] | Sequence[int] | None = None, sparsity: float = 0.0, steps: int | None = None
    ) -> Self:
        """Train as `edgewise.fit` does.

        A fit that `edgewise.calling` stops is recorded with the number of steps that it took.

        Parameters
        ----------
        grids
            "auto", a list of cell counts that are trained one after another, or None to keep the network's own.
        sparsity
            Factor of the sum of the edges' scores, in standard deviations of the target.
        steps
            Steps at most; None for no limit.
        """
        table, taken = self.table, 0
        options = Options(progress=False, test=0, restarts=_starts(self._now.model, len(table)))

        def count(seen: FitStep) -> bool:
            nonlocal taken
            taken = seen.step
            return taken == steps

        with calling(count, FitStep):
            found = fit(
                self._now.model, table.x, table.y, loss=self._rows.loss, grids=grids, sparsity=sparsity, options=options
            )
        stopped = found.outcome is Outcome.STOPPED
        return self._changed(found.model, {"steps": taken} if stopped else None, (found.outcome.message,))

    @acting()
    def refine(self, factor: int = 2) -> Self:
        """Split the cells of all grids; no curve changes.

        Parameters
        ----------
        factor
            Into how many cells each is split.
        """
        return self._changed(nn.refine_grid(self._now.model, factor))

    @acting(long=True)
    def prune(
        self, threshold: float | None = None, cuts: Cuts = (), merge: bool = True, slack: float | None = None
    ) -> Self:
        """Remove what scores low or what the cuts say, idle nodes, and merge parallel ones: see `edgewise.prune`.

        Parameters
        ----------
        threshold
            Score below which edges go, in units of the output's standard deviation; None for 1e-2 unless `cuts` say
            what goes.
        cuts
            One or more `edgewise.interpret.Cut`, or their fields, as scripts hold them: {"what": "inputs", "keep": 3}.
        merge
            Whether hidden nodes that others can stand for are joined to them.
        slack
            The factor by which trying hidden nodes may raise the error, as in `edgewise.prune`; None tries none.
        """
        settings: Any = {"threshold": threshold, "merge": merge, "slack": slack}
        settings["cuts"] = [Cut(**cut) for cut in cast("Sequence[Mapping[str, Any]]", cuts)]
        table = self._aims
        return self._changed(interpret.prune(self._now.model, table.x, table.y, **settings).model)

    @acting(long=True)
    def merge(self) -> Self:
        """Join hidden nodes that compute the same, and remove nothing else."""
        table = self._aims
        return self._changed(interpret.prune(self._now.model, table.x, table.y, threshold=0.0).model)

    @acting(long=True)
    def snap_all(self, slack: float | None = None, rounding: bool = True) -> Self:
        """Remove edges that do nothing, and make every other edge a function that may become one.

        See `edgewise.symbolic.snap`. Nodes that nothing enters or leaves go with their edges, as in `prune`.

        Parameters
        ----------
        slack
            The factor by which the network's error may grow; None for 1.5 for accurate networks (error below 1e-4 of
            the targets' standard deviation), else 1.05.
        rounding
            Whether constants are rounded where the error stays.
        """
        nothing = 1e-9  # a score, in units of the output's spread: what rounding leaves
        now, table = self._now, self._aims
        lean = interpret.prune(now.model, table.x, table.y, threshold=nothing, merge=False).model
        model = lean if edges_of(lean) else now.model
        found = symbolic.snap(model, table.x, table.y, forbid=now.forbidden, slack=slack, rounding=rounding)
        return self._changed(found.model, said=self._report(found, edges_of(now.model) - edges_of(model)))

    def _report(self, found: symbolic.SnapResult, gone: int) -> tuple[str, ...]:
        """What snapping came to: how many edges became functions, and the nearest miss of each of the others."""
        snapped, kept = len(found.snapped), len(found.kept)
        said = f"{snapped} of {snapped + kept} edges became functions."
        if gone:
            said += f" {gone} that did nothing {'is' if gone == 1 else 'are'} removed."
        if not kept:
            return (said,)
        names = interpret.node_names(found.model, self._rows.all_names(self._now.variables))
        lines = []
        for depth, j, i in found.kept:
            near = found.misses.get((depth, j, i))
            ends = interpret.end_names(found.model, names, depth)
            text = "no function is defined on all of these rows" if near is None else (
                f"nearest is {near[0]}, with error {near[1]:.3g} instead of {found.error_before:.3g}"
            )  # fmt: skip
            lines.append(f"{names[depth][i]} → {ends[j]}: {text}.")
        stay = "1 stays a spline" if kept == 1 else f"{kept} stay splines"
        return (f"{said} {stay}, since no function keeps the error:", *lines)

    @acting(long=True)
    def round_constants(self) -> Self:
        """Make constants of symbolic edges integers, small fractions and multiples of pi where the error stays."""
        table = self._aims
        deviation = max(float(table.y.std(0).square().mean().sqrt()), 1e-300)
        model, _ = refit(symbolic.canonicalize(self._now.model), table, 100, 1e-12)
        return self._changed(symbolic.round_network(model, table, deviation))
