"""An additive model as a network: curves on the edges, products and a hidden node on its nodes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from edgewise.nn import KAN, Width, clone, scale_outputs, set_function, shift_outputs
from edgewise.tables.additive._curve import DEGREE, Curve
from edgewise.tables.additive._design import Input, Pair
from edgewise.tables.additive._hidden import outer
from edgewise.tables.additive._knots import refined
from edgewise.tables.additive._levels import Gap
from edgewise.tables.additive._model import AdditiveModel
from edgewise.tables.additive._reml import Matrix, Vector


def network(model: AdditiveModel, places: Sequence[int] | None = None, n_in: int | None = None) -> KAN:
    """Return the network that computes eta (n, K) from `model.design.values(x)`, equal to the model to rounding.

    Steps are not part of it.

    Without products and hidden node it is one layer, [inputs, K]. Otherwise a first layer holds all curves, a sum node
    for each output, a sum node that the hidden curve reads, and product nodes of two factors: a product of two inputs
    of rank r has r of them. `places` are the network's inputs that the model's inputs become, of `n_in`.

    >>> from edgewise.tables.additive import Gaussian, additive
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> fit = additive(x, x[:, 0] * x[:, 1], [False, False], Gaussian())
    >>> made = network(fit.model)
    >>> bool(np.allclose(made(torch.as_tensor(x)).detach().numpy(), fit.model.eta(x)))
    True
    """
    places = range(len(model.design.inputs)) if places is None else places
    first = _FirstLayer(model, list(places), n_in or max(len(model.design.inputs), 1))
    sums = [[beta[:, k] for beta in model.beta] for k in range(model.outputs)]
    for curves in sums:
        first.add(dict(enumerate(curves)))
    if not model.products and model.hidden is None:
        made = first.built([first.n_in, model.outputs])
        return shift_outputs(made, torch.as_tensor(model.intercept)) if model.design.inputs else _constant(made, model)
    shift = np.zeros(model.outputs)
    if model.hidden is not None:
        first.add(dict(enumerate(_split(model.hidden.alpha, model))))
        shift = np.append(shift, -float(model.hidden.mean @ model.hidden.alpha))
    owners = [k for pair, beta in model.products.items() for k in first.add_products(pair, beta)]
    n_sum = model.outputs + (model.hidden is not None)
    width: Width = (n_sum, len(owners)) if owners else n_sum
    made = first.built([first.n_in, width, model.outputs])
    made = _joined(made, model, owners)
    with torch.no_grad():
        for j, value in enumerate(shift.tolist()):
            made.layers[0].coefficients[j, first.anchor] += value
    return shift_outputs(made, torch.as_tensor(model.intercept))


def _constant(made: KAN, model: AdditiveModel) -> KAN:
    """Return the network of a model without inputs."""
    return shift_outputs(
        scale_outputs(made, torch.zeros(model.outputs, dtype=made.dtype)), torch.as_tensor(model.intercept)
    )


def _split(alpha: Vector, model: AdditiveModel) -> list[Vector]:
    at = np.cumsum([0, *(part.n_features for part in model.design.inputs)])
    return [alpha[a:b] for a, b in itertools.pairwise(at)]


def _joined(made: KAN, model: AdditiveModel, owners: Sequence[int]) -> KAN:
    """Return the network with the second layer that adds nodes up: as they are, the hidden one by its curve."""
    second = made.layers[1]
    second.mask[:] = False
    first_product = model.outputs + (model.hidden is not None)
    for k in range(model.outputs):
        nodes = [k, *(first_product + q for q, owner in enumerate(owners) if owner == k)]
        for node in nodes:
            made = set_function(made, 1, k, node, "x")
    if model.hidden is not None:
        second = made.layers[1]
        basis, knots = second.basis, torch.as_tensor(outer().knots)
        gamma = model.hidden.weight * outer().spline(model.hidden.gamma)
        second.knots = basis.uniform_knots(
            *(knots[[DEGREE]].expand(second.n_in), knots[[-DEGREE - 1]].expand(second.n_in)), len(gamma) - DEGREE
        )
        second.coefficients = torch.nn.Parameter(torch.zeros(second.n_out, second.n_in, len(gamma), dtype=made.dtype))
        with torch.no_grad():
            second.coefficients[0, model.outputs] = torch.as_tensor(gamma)
        second.mask[0, model.outputs] = True
    return made


def embedded(made: KAN, model: KAN, x: Tensor) -> KAN | None:
    """Return a network of the shape of `model` that computes what the one layer `made` does, on the rows x.

    Output k is carried through node k of each layer, along the diagonal; further factors of a product are one. None
    where a layer has fewer nodes than outputs.

    >>> import edgewise as ew
    >>> x = torch.rand(50, 2, dtype=torch.float64)
    >>> made, shape = ew.KAN([2, 1]), ew.KAN([2, (1, 2), 4, 1])
    >>> bool(torch.allclose(embedded(made, shape, x)(x), made(x)))
    True
    """
    if any(nodes.n_nodes < made.n_out for nodes in model.nodes[1:]):
        return None
    new, only = clone(model), made.layers[0]
    h = x.to(new.dtype)
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            count = only.coefficients.shape[-1] if depth == 0 else layer.coefficients.shape[-1]
            curves = torch.zeros(layer.n_out, layer.n_in, count, dtype=new.dtype)
            layer.base_weight.zero_()
            layer.knots = only.knots.clone() if depth == 0 else layer.basis.adapted_knots(h, layer.grid, 0.0)
            identity = _greville(layer.knots)
            for k, group in enumerate(nodes.groups()[: made.n_out]):
                if depth == 0:
                    curves[group[0]] = only.coefficients[k]
                else:
                    curves[group[0], k] = identity[k]
                for other in group[1:]:
                    curves[other, 0] = 1.0
            layer.coefficients = torch.nn.Parameter(curves)
            h = nodes.combine(layer(h))
    return new


def _greville(knots: Tensor) -> Tensor:
    """Return the coefficients of the identity on the knots of each input."""
    return knots[:, 1:-1].unfold(1, DEGREE, 1).mean(-1)


@dataclass
class _FirstLayer:
    """Curves of the first layer, subnode by subnode: {input number: spline coefficients}."""

    model: AdditiveModel
    places: list[int]
    n_in: int
    subnodes: list[dict[int, Vector]] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self.model.design.inputs

    @property
    def anchor(self) -> int:
        """The input whose curves take constants."""
        return self.places[0]

    def add(self, curves: dict[int, Vector]) -> None:
        """Add a subnode: the sum of curves with the coefficients given for inputs by number."""
        found = {}
        for number, beta in curves.items():
            part = self.inputs[number]
            if isinstance(part, Gap):
                beta = beta - self._at_gap(part.column, curves)
            if np.any(beta != 0):
                found[number] = part.spline(beta)
        self.subnodes.append(found)

    def add_products(self, pair: Pair, beta: Matrix) -> list[int]:
        """Add two subnodes for each singular value of a product's coefficients; return the outputs they belong to."""
        owners = []
        rank = 1e-10  # smallest singular value, relative to the largest
        for k in range(beta.shape[1]):
            matrix = self.model.design.factor_matrix(pair, beta[:, k])
            left, values, right = np.linalg.svd(matrix, full_matrices=False)
            for r in np.flatnonzero(values > rank * max(values[0], 1e-300)):
                root = np.sqrt(values[r])
                self._add_factor(pair, 0, root * left[:, r])
                self._add_factor(pair, 1, root * right[r])
                owners.append(k)
        return owners

    def _add_factor(self, pair: Pair, side: int, values: Vector) -> None:
        number = pair[side]
        part = self.inputs[number]
        beta = np.zeros(part.n_features)
        beta[self.model.design.factor_numbers(pair, number)] = values
        gaps = [k for k, other in enumerate(self.inputs) if isinstance(other, Gap) and other.column == part.column]
        self.add({number: beta, **({k: np.zeros(1) for k in gaps} if isinstance(part, Curve) else {})})

    def _at_gap(self, column: int, curves: dict[int, Vector]) -> float:
        """Return what the curves of a column add where it is missing and they should add nothing."""
        total = 0.0
        for number, beta in curves.items():
            part = self.inputs[number]
            if isinstance(part, Curve) and part.column == column:
                total += float(part.at_fill() @ beta)
        return total

    def built(self, widths: Sequence[Width]) -> KAN:
        """Return the network with the curves in its first layer."""
        cells = max([len(part.knots) - 2 * DEGREE - 1 for part in self.inputs], default=1)
        made = KAN(widths, grid=cells, degree=DEGREE)
        layer = made.layers[0]
        with torch.no_grad():
            layer.coefficients.zero_()
            on = torch.zeros_like(layer.mask)
            knots = layer.knots.clone()
            for number, (part, place) in enumerate(zip(self.inputs, self.places, strict=True)):
                fine, matrix = refined(part.knots, cells)
                knots[place] = torch.as_tensor(fine)
                for j, curves in enumerate(self.subnodes):
                    if number in curves:
                        layer.coefficients[j, place] = torch.as_tensor(matrix @ curves[number])
                        on[j, place] = True
            layer.knots = knots
            on[~on.any(1), self.places[0] if self.places else 0] = True
            if len(widths) > 2:
                layer.mask.copy_(on)
        return made
