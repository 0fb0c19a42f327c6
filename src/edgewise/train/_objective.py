"""The mean loss that training a network minimizes, and a quadratic penalty, as functions of its flat parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from edgewise._memory import require
from edgewise.kernels import factor_for
from edgewise.nn import KAN, Block, GaussNewtonMatrix, KANLayer, Layout, Pass, symmetrize
from edgewise.train._data import Rows, Table
from edgewise.train._loss import Curvature, Loss, Squared
from edgewise.train._tuning import TUNING
from edgewise.train.optim import GaussNewtonOperator, NormalEquations


@dataclass(frozen=True)
class Quadratic:
    """A penalty theta' Q theta on the coefficients of splines.

    Parameters
    ----------
    blocks : (E, width, width)
        The matrix Q, for each layer one block for each spline edge. An empty list is no penalty.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.train import Quadratic
    >>> model = ew.KAN([1, 1], grid=3)
    >>> form = Quadratic([torch.eye(6, dtype=torch.float64)[None]])
    >>> torch.equal(form.value(model), model.layers[0].coefficients.square().sum())
    True
    """

    blocks: list[Tensor] = field(default_factory=list)

    def value(self, model: KAN) -> Tensor:
        """Return the value at a network's parameters, differentiable in them.

        Parameters
        ----------
        model
            The network.
        """
        total = model.layers[0].coefficients.new_zeros(())
        for layer, block, q in zip(model.layers, Layout(model).blocks, self.blocks, strict=False):
            c = layer.weights()[tuple(block.spline.T)]
            total = total + torch.einsum("ef,efg,eg->", c, q, c)
        return total

    def at(self, layout: Layout, vector: Tensor) -> float:
        """Return the value at a flat vector.

        Parameters
        ----------
        layout
            Where the network's parameters are in the vector.
        vector : (p,)
            The parameters.
        """
        return float(vector @ self.times(layout, vector))

    def times(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return Q times a flat vector, half the penalty's gradient there.

        Parameters
        ----------
        layout
            Where the network's parameters are in the vector.
        vector : (p,)
            The parameters.
        """
        out = torch.zeros_like(vector)
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            out[block.start : block.middle] = block.flat(torch.einsum("efg,eg->ef", q, block.edges(vector)))
        return out

    def diagonal(self, layout: Layout, vector: Tensor) -> Tensor:
        """Return the diagonal of Q, with the vector's dtype and device.

        Parameters
        ----------
        layout
            Where the network's parameters are in the vector.
        vector : (p,)
            A vector of parameters, for its dtype and device.
        """
        out = torch.zeros_like(vector)
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            out[block.start : block.middle] = block.flat(q.diagonal(dim1=1, dim2=2))
        return out

    def add_to(self, layout: Layout, hessian: Tensor) -> None:
        """Add Q to a matrix, in place.

        Parameters
        ----------
        layout
            Where the network's parameters are in the matrix.
        hessian : (p, p)
            The matrix.
        """
        for block, q in zip(layout.blocks, self.blocks, strict=False):
            square = hessian[block.start : block.middle, block.start : block.middle]
            if block.used is not None:
                _add_each(block, q, square)
            elif len(q):
                edges, width = len(q), block.widest
                size = square.stride()
                diagonal = square.as_strided((edges, width, width), (width * sum(size), *size), square.storage_offset())
                diagonal += q


def _add_each(block: Block, q: Tensor, square: Tensor) -> None:
    """Add the blocks of edges with different numbers of entries to a square of their size, in place."""
    start, edge, place = 0, block.used // block.widest, block.used % block.widest  # type: ignore[operator]
    for e, size in enumerate(block.sizes):
        own = place[edge == e]
        square[start : start + size, start : start + size] += q[e][own][:, own]
        start += size


_ENTRIES = 4_000_000  # of the features of a chunk of rows: 32 MB
_KEPT = 32_000_000  # of the features of all chunks, kept while conjugate gradients run: 256 MB


class Objective:
    """cost(theta) = mean_n w_n loss(f(x_n; theta), y_n) + theta' Q theta, for a network of fixed shape.

    Memory: the matrix and one chunk of rows. Sums over rows are sums over the rows of all ranks: that is all that the
    ranks of a fit tell each other while a solver runs.

    Parameters
    ----------
    model
        The network; the objective works on it, and `network(theta)` returns it with parameters set.
    table
        The rows.
    penalty
        Q; None for no penalty.
    loss
        The loss; None for the squared error.
    check
        Called before each chunk of rows; it may raise to stop in the middle of a pass.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.train import Objective, Table
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> objective = Objective(ew.KAN([1, 1], grid=3), Table(x, 0 * x, torch.ones(20, dtype=torch.float64)))
    >>> objective.cost(torch.zeros_like(objective.start))
    0.0
    """

    def __init__(
        self, model: KAN, table: Rows, penalty: Quadratic | None = None, loss: Loss | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.model, self.table, self.check, self.ranks = model, table, check, table.ranks
        self.layout = Layout(model)
        self.penalty, self.loss = penalty or Quadratic(), loss or Squared()
        self.start = self.layout.read(model)
        self.matrix = GaussNewtonMatrix(model, self.layout)
        self.chunk = max(64, _ENTRIES // max(1, self.layout.size))
        self._last: tuple[Tensor, _Rows, Pass] | None = None
        self._memory: Tensor | None = None  # allocating the matrix at every step would cost more than filling it

    def network(self, vector: Tensor) -> KAN:
        """Return the network with these parameters: the one that the objective was made with, changed in place.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        self._last = None
        self.layout.write(self.model, vector)
        return self.model

    def _passes(self, vector: Tensor) -> Iterator[tuple[_Rows, Pass]]:
        """Yield each chunk with its forward pass; a single one is kept, as its derivatives follow the cost."""
        if self._last is not None and self._last[0] is vector:
            self.check()
            yield self._last[1:]
            return
        model = self.network(vector)
        for part in self.table.batches(self.chunk):
            forward = Pass(model, part.x)
            rows = _Rows(self.loss, part, forward.outputs)
            self._last = (vector, rows, forward) if len(part) == len(self.table) else None
            self.check()
            yield rows, forward

    def cost(self, vector: Tensor) -> float:
        """Return the mean loss plus the penalty.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        total = weight = 0.0
        with torch.no_grad():
            for rows, _ in self._passes(vector):
                total += rows.value
                weight += rows.weight
        total, weight = self.ranks.total(total, weight)
        return total / weight + self.penalty.at(self.layout, vector)

    def normal_equations(self, vector: Tensor) -> NormalEquations:
        """Return the normal equations; the next call overwrites their matrix.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        if self._memory is None:
            self._memory = vector.new_empty(self.layout.size, self.layout.size)
        hessian = self._memory.zero_()

        def add(forward: Pass, curvature: Curvature) -> None:
            self.matrix.add(forward, curvature, hessian)

        weight, cost, gradient = self._summed(vector, self._passes(vector), add)
        self.ranks.add_lower(hessian)
        hessian /= weight
        self.penalty.add_to(self.layout, hessian)
        return NormalEquations(cost, gradient, hessian)

    def operator(self, vector: Tensor) -> GaussNewtonOperator:
        """Return the normal equations without their matrix: each product with it is a pass over the rows.

        Parameters
        ----------
        vector : (p,)
            The parameters.
        """
        features = sum(x.n_in * block.widest for x, block in zip(self.model.layers, self.layout.blocks, strict=True))
        kept = list(self._passes(vector)) if len(self.table) * features <= _KEPT else None

        def passes() -> Iterator[tuple[_Rows, Pass]]:
            for rows, forward in kept or self._passes(vector):
                self.check()
                yield rows, forward

        diagonal = torch.zeros_like(vector)

        def add(forward: Pass, curvature: Curvature) -> None:
            diagonal.add_(forward.diagonal(self.layout, curvature))

        weight, cost, gradient = self._summed(vector, passes(), add)

        def matvec(direction: Tensor) -> Tensor:
            out = torch.zeros_like(direction)
            with torch.no_grad():
                for rows, forward in passes():
                    change = forward.push(self.layout, direction).unsqueeze(-1)
                    out += forward.pull(self.layout, rows.curvature(change).squeeze(-1))
            self.ranks.add(out)
            return out / weight + self.penalty.times(self.layout, direction)

        self.ranks.add(diagonal)
        diagonal = diagonal / weight + self.penalty.diagonal(self.layout, vector)
        return GaussNewtonOperator(cost, gradient, diagonal, matvec)

    def _summed(
        self, vector: Tensor, passes: Iterator[tuple[_Rows, Pass]], add: Callable[[Pass, Curvature], None]
    ) -> tuple[float, float, Tensor]:
        """Return the weight of all rows, the cost and half its gradient; `add` takes in each chunk's curvature."""
        gradient, total, weight = torch.zeros_like(vector), 0.0, 0.0
        with torch.no_grad():
            for rows, forward in passes:
                total += rows.value
                weight += rows.weight
                gradient += forward.pull(self.layout, rows.gradient)
                add(forward, rows.curvature)
            total, weight = self.ranks.total(total, weight, tensors=[gradient])
            penalty = self.penalty.times(self.layout, vector)
            return weight, total / weight + float(vector @ penalty), gradient / weight + penalty


class _Rows:
    """The weighted loss of a chunk of rows, half its gradient, and half its curvature."""

    def __init__(self, loss: Loss, part: Table, outputs: Tensor) -> None:
        self.loss, self.part, self.outputs = loss, part, outputs

    @property
    def weight(self) -> float:
        return float(self.part.weights.sum())

    @property
    def value(self) -> float:
        return float(self.loss.value(self.outputs, self.part.y) @ self.part.weights)

    @property
    def gradient(self) -> Tensor:
        return self.loss.gradient(self.outputs, self.part.y) * (self.part.weights[:, None] / 2)

    @cached_property
    def curvature(self) -> Curvature:
        product, halves = self.loss.curvature(self.outputs, self.part.y), self.part.weights[:, None, None] / 2
        return lambda vectors: product(vectors) * halves


_SUBSAMPLE = 2000  # rows that the penalties' weights are computed from


def penalty(
    model: KAN, table: Table, sparsity: float, smoothing: float, *, ridge: float = 0.0, loss: Loss | None = None,
    rows: int | None = None,
) -> Quadratic:  # fmt: skip
    """Return the quadratic form of sparsity, smoothing, ridge and continuation at the current network.

    With A_j = d output / d subnode j and the edge's score s_e = sqrt(mean A_j^2 c' Cov(basis) c):

        sparsity:      sum_e s_e, majorised at the present scores by s_e^2 / (2 s_e,now + floor)
        smoothing:     sum_e mean A_j^2 c' R c,  R the roughness of the basis (second differences of B-splines)
        ridge:         sum_e (variance of c + 1 % of its mean square + c' R c)
        rules:         sum_e mean A_j^2 (smooth_e c' R c + 1e4 |D_1 c|^2 over differences that a monotone edge forbids)
        continuation:  sum_e mean A_j^2 w_e sum_m (exp(-rows near m) - 1/100)+ |D_m c|^2,
                       D the differences of order degree + 2

    Scores rather than raw coefficients, because a hidden node can be rescaled freely. Continuation matters only in
    cells with hardly any rows, as at the ends of a hidden node's range: differences there are expected to be as small
    as elsewhere, so w_e = 10 x mean loss / (rows x mean |D c|^2 elsewhere), ten rows' part of the error. Bases with
    global support have no empty cells; there the current roughness of each edge counts as much as one row, which
    constrains coefficients that no row determines. A ridge replaces the continuation. It ignores A_j: once a classifier
    is certain, the A_j change by orders of magnitude from one run to the next.

    Parameters
    ----------
    model
        The network, at whose parameters the form is made.
    table
        The rows that the means are over, of which the first 2,000 are used.
    sparsity
        Factor of the sum of the edges' scores.
    smoothing
        Factor of the smoothing term.
    ridge
        Factor of the ridge.
    loss
        The loss whose mean weights the continuation; None for the squared error.
    rows
        Number of all rows, if `table` is a subsample of them.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.train import Table, penalty
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> form = penalty(ew.KAN([1, 1], grid=3), Table(x, x, torch.ones(20, dtype=torch.float64)), 0.0, 1.0)
    >>> form.blocks[0].shape
    torch.Size([1, 6, 6])
    """
    layout = Layout(model)
    with torch.no_grad():
        forward = Pass(model, table.x[:_SUBSAMPLE])
        error = float((loss or Squared()).value(forward.outputs, table.y[:_SUBSAMPLE]).mean())
        blocks = []
        for depth, layer in enumerate(model.layers):
            splines, count = layout.blocks[depth].spline, layer.coefficients.shape[-1]
            what = f"The penalties on {len(splines)} edges with {count} coefficients each"
            require(8 * 6 * len(splines) * count**2, what, "Use a coarser grid or fewer edges.")
            edges = _Edges(layer, splines, forward.features(depth), forward.sensitivities[depth])
            form = edges.smoothing(smoothing)
            form = form + edges.sparsity(sparsity) if sparsity > 0 else form
            form = form + edges.rules() if layer.rules else form
            rest = edges.ridge(ridge) if ridge > 0 else edges.continuation(error, rows or len(table))
            blocks.append(form + rest)
    return Quadratic(blocks)


class _Edges:
    """The spline edges of one layer on some rows; each method returns one matrix for each edge, (E, width, width)."""

    def __init__(self, layer: KANLayer, index: Tensor, features: Tensor, sensitivity: Tensor) -> None:
        self.layer, self.index, self.features = layer, index, features
        self.scale = sensitivity.square().mean((0, 1))[index[:, 0], None, None]  # mean A_j^2 of each edge
        self.weights, self.count = layer.weights()[tuple(index.T)], layer.coefficients.shape[-1]
        counts = layer.basis.counts(layer.knots, self.count)
        self.counts = torch.tensor(counts, device=features.device)[index[:, 1]]  # functions of each edge
        self.roughness = self._roughness(counts).to(features)

    def _roughness(self, counts: list[int]) -> Tensor:
        """The roughness of the basis, (K, K), or where inputs have different numbers of functions of each edge."""
        basis, count = self.layer.basis, self.count
        if min(counts) == count:
            return basis.roughness(count)
        each = {own: torch.zeros(count, count, dtype=torch.float64) for own in set(counts)}
        for own, form in each.items():
            form[:own, :own] = basis.roughness(own)
        return torch.stack([each[own] for own in self.counts.tolist()] or [basis.roughness(count)[None][:0]])

    def ridge(self, amount: float) -> Tensor:
        count, width = self.count, self.features.shape[-1]
        eye = torch.eye(width, dtype=self.features.dtype, device=self.features.device)
        form = 1.01 * eye / count
        form[:count, :count] -= 1 / count**2
        form = form.repeat(len(self.index), 1, 1)
        form[:, :count, :count] += self.roughness
        return amount * form

    def sparsity(self, amount: float) -> Tensor:
        centered = self.features - self.features.mean(0)
        covariance = torch.einsum("nif,nig->ifg", centered, centered) / len(centered)
        q = self.scale * covariance[self.index[:, 1]]
        score = torch.einsum("ef,efg,eg->e", self.weights, q, self.weights).clamp_min(0).sqrt()
        return q * (amount / (2 * score + TUNING.floor))[:, None, None]

    def smoothing(self, amount: float) -> Tensor:
        return self._padded(amount * self.scale * self.roughness)

    def rules(self) -> Tensor:
        """Return what the rules of single edges ask for: smoothness, and a penalty on differences that violate them."""
        count, weights, roughness = self.count, self.weights, self.roughness
        form = weights.new_zeros(len(weights), count, count)
        for e, (j, i) in enumerate(self.index.tolist()):
            rule = self.layer.rules.get((j, i))
            if rule is None:
                continue
            form[e] += rule.smooth * (roughness if roughness.dim() == 2 else roughness[e])
            if rule.monotone:
                own = int(self.counts[e])
                wrong = self._difference(1)[: own - 1][rule.monotone * weights[e, :own].diff() < 0]
                form[e] += TUNING.forbidden * wrong.T @ wrong
        return self._padded(self.scale * form)

    def continuation(self, error: float, rows: int) -> Tensor:
        count, degree = self.count, self.layer.degree
        c = self.weights[:, :count]
        if degree is None:
            return self._padded(self._global_continuation(c, error / rows))
        if count < degree + 3:
            return self._padded(c.new_zeros(len(c), count, count))
        difference = self._difference(degree + 2)
        mass = self.features[..., :count].sum(0)[self.index[:, 1]] * (rows / len(self.features))
        empty = (torch.exp(-mass.unfold(1, degree + 3, 1).amin(-1).clamp(0, 50)) - TUNING.empty).clamp_min(0)
        place = torch.arange(len(difference), device=c.device)
        there = (place + degree + 2 < self.counts.unsqueeze(1)).to(c)  # of inputs with fewer functions
        empty, full = empty * there, (1 - empty) * there
        squares = (full * (c @ difference.T).square()).sum(1, keepdim=True)
        typical = squares / full.sum(1, keepdim=True).clamp_min(1e-12)
        floor = (1e-11 * c.abs().amax(1, keepdim=True)).square().clamp_min(1e-300)
        weight = 10 * empty * (error / rows) / (torch.maximum(typical, floor) * self.scale[..., 0].clamp_min(1e-300))
        weight = weight * (c != 0).any(1, keepdim=True)  # a new edge, still zero, does not show what to expect
        return self._padded(self.scale * torch.einsum("ma,em,mb->eab", difference, weight, difference))

    def _global_continuation(self, c: Tensor, error: float) -> Tensor:
        """For bases with global support: the current roughness of each edge counts as one row's part of the error."""
        current = torch.einsum("ef,fg,eg->e", c, self.roughness, c)
        floor = (1e-11 * c.abs().amax(1)).square().clamp_min(1e-300)
        weight = error / torch.maximum(current, floor) * (c != 0).any(1)
        return weight[:, None, None] * self.roughness

    def _difference(self, order: int) -> Tensor:
        return torch.eye(self.count, dtype=self.features.dtype, device=self.features.device).diff(order, dim=0)

    def _padded(self, q: Tensor) -> Tensor:
        extra = self.features.shape[-1] - q.shape[-1]
        return torch.nn.functional.pad(q, (0, extra, 0, extra))


def smoothing_by_gcv(
    model: KAN, table: Table, equations: NormalEquations, vector: Tensor, loss: Loss, rows: int
) -> float:
    """Return the smoothing weight with the smallest generalized cross-validation score of the linearized problem.

    gcv(w) = rss(w) / (1 - trace((H + w R)^-1 H) / n)^2, the trace estimated by 16 fixed random probes. Zero if every
    score is far above the current cost, or that cost is next to nothing: smoothing rows without noise would flatten
    curves between the rows.
    """
    if equations.cost < TUNING.noiseless:
        return 0.0
    cost, gradient, hessian = equations.cost, equations.gradient, symmetrize(equations.hessian)
    form = penalty(model, table, 0.0, 1.0, loss=loss, rows=rows)
    layout = Layout(model)
    roughness = torch.zeros_like(hessian)
    form.add_to(layout, roughness)
    shift = form.times(layout, vector)
    generator = torch.Generator().manual_seed(0)
    probes = torch.randint(0, 2, (len(vector), 16), generator=generator).to(hessian) * 2 - 1
    image = hessian @ probes
    ridge = 1e-10 * hessian.diagonal() + 1e-14 * hessian.diagonal().max()
    count = rows * model.n_out
    best, chosen = float("inf"), 0.0
    factor = factor_for(vector)
    for weight in [10.0**e for e in range(-14, 1)]:
        smoothed = hessian + weight * roughness
        if not factor.take(smoothed, smoothed.diagonal() + ridge):
            continue
        step = factor.solve(gradient + weight * shift)
        rss = cost - 2 * float(gradient @ step) + float(step @ (hessian @ step))
        degrees = float((probes * factor.solve(image)).sum()) / 16
        free = 1 - degrees / count
        score = max(rss, 1e-30) / free**2 if free > 0.02 else float("inf")
        if score < best:
            best, chosen = score, weight
    return chosen if best < TUNING.unsmoothed * cost else 0.0
