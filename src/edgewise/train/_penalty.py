"""Penalties on spline edges, each measured in units of the network's output."""

import torch
from torch import Tensor

from edgewise._memory import require
from edgewise.kernels import factor_for
from edgewise.nn import KAN, KANLayer, Layout, Pass, symmetrize
from edgewise.train._data import Table
from edgewise.train._loss import Loss, Squared
from edgewise.train._objective import Quadratic
from edgewise.train.optim import NormalEquations

_FLOOR = 1e-4  # scores below this fraction of the target's standard deviation count as zero
_EMPTY = 1e-2  # exp(-rows in a cell) below it: enough rows to determine the cell
_FORBIDDEN = 1e4  # weight of the differences that a monotone edge forbids
_WORSE = 10.0  # times the cost: scores above it show that the rows have no noise
_NOISELESS = 1e-14  # cost below which rows have no noise to smooth
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
        return q * (amount / (2 * score + _FLOOR))[:, None, None]

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
                form[e] += _FORBIDDEN * wrong.T @ wrong
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
        empty = (torch.exp(-mass.unfold(1, degree + 3, 1).amin(-1).clamp(0, 50)) - _EMPTY).clamp_min(0)
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
    if equations.cost < _NOISELESS:
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
    return chosen if best < _WORSE * cost else 0.0
