"""Products of splines on the cells that a domain touches, and a problem as a sum of squares of their coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.nn import KAN
from edgewise.pde.solving._even_lattice import Known, units
from edgewise.pde.solving._patches import (
    Held,
    Patch,
    by_piece,
    grouped,
    inside,
    patches_of,
    places_of,
    powers_of,
    stabilized,
    widths_at,
)  # fmt: skip
from edgewise.pde.solving._settings import LATTICES, REFINEMENT
from edgewise.pde.splines._local import Local, spline_jets
from edgewise.pde.splines._networks import network_of
from edgewise.pde.splines._space import Products
from edgewise.pde.splines._systems import Normal
from edgewise.pde.statement._condition import Condition, Equation, Integral, Measured
from edgewise.pde.statement._interface import Pieced, count_of, pieces_at
from edgewise.pde.statement._problem import Problem
from edgewise.pde.statement._terms import Linearized, left, linearized

Source = Tensor | Known


class LatticeObjective:
    """cost(vector) = sum of weighted squares of what the equation and its conditions leave at points.

    The vector holds coefficients (functions, unknowns), flattened, and the unknown constants. Conditions weigh as much
    as the equation does at the same points, by the norms of the rows of both: values h^-3 and fluxes h^-1 in one of
    second order. Equations and unknowns have units in which rows have norms as near to one as can be.

    Source: Aziz, Kellogg and Stephens, Mathematics of Computation 44 (1985), for such weights.
    """

    def __init__(self, problem: Problem, products: Products, seed: int, *, raised: bool = False) -> None:
        self.problem, self.products, self.names = problem, products, list(problem.numbers)
        self.raised, self.raises, self.linear = raised, False, False
        m = problem.unknowns
        self.size = len(products) * m
        self.start = torch.zeros(self.size + len(self.names), dtype=torch.float64)
        count = LATTICES.gauss[len(products.lines)]
        self.inner = self._pieces(inside(products, problem, count), problem.residual)
        self.measure = float(sum(held.patch.weights.sum() for held in self.inner))
        self.held, self.integrals = list(self.inner), []
        for condition in problem.conditions:
            if isinstance(condition, Integral):
                points, rule = condition.rule
                self.integrals.append(Held(condition.equation, grouped(products, [points], rule), condition))
            else:
                patches = patches_of(condition, products, self.measure, seed)
                self.held += self._pieces(patches, condition.equation, condition)
        touched = np.zeros((len(products), m), dtype=bool)
        for held in self.held:
            for numbers, outputs in zip(self._numbers(held), held.outputs(problem), strict=True):
                touched[numbers[:, :, None], outputs.numpy()] = True
        self.places = places_of(problem, products, touched)
        self.band = max(map(self._reach, self.held))
        self.kept, self.rows_in_cut = 0, None

    @property
    def seconds(self) -> float:
        """About the time that a step takes on one core."""
        wide = (self.products.degree + 1) ** len(self.products.lines) * self.problem.unknowns
        rows = sum(held.patch.weights.numel() for held in self.held) * self.problem.unknowns
        return rows * (7e-6 + 3e-10 * wide**2) + 4e-11 * self.size * self.band**2

    def begin(self, coefficients: Tensor, constants: Mapping[str, float]) -> None:
        """Start at coefficients (functions, unknowns) and constants."""
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self.start = torch.cat([coefficients.flatten(), own])
        for held in self.held:
            held.scales = []

    def follow(self, known: Known, constants: Mapping[str, float]) -> None:
        """Start from a solution that is known at points: at the step from it, or where that is worse, near it."""
        own = torch.tensor([float(constants[name]) for name in self.names], dtype=torch.float64)
        self._relate(known, own)
        self._weigh(known, own)
        self.start = torch.cat([torch.zeros(self.size, dtype=torch.float64), own])
        if not self.linear:
            self._step_from(known, own)
        for held in (*self.held, *self.integrals):
            held.known.clear()

    def _step_from(self, known: Known, own: Tensor) -> None:
        normal, near = self._normal(known, own)
        for aim in (near - normal.residual, near):
            change = normal.solved(aim)
            if change is None:
                continue
            trial = torch.cat([change[: self.size], own + change[self.size :]])
            if self.cost(trial) < self.cost(self.start):
                self.start = trial

    def _relate(self, known: Known, constants: Tensor) -> None:
        """Let the equation count less where its terms are far larger than in most of the domain.

        There errors that are small relative to them would outweigh all else. The squares, and those of conditions in
        the same cells but for the ends of a line, are multiplied by
        (1 + (T / 10 M)^2)^-p,  T the root mean square of the terms in a cell, M its median over the domain, or a small
        part of its mean away from corners. p = 2 near corners, where terms may be infinite, and while knots settle; p =
        1/2 elsewhere.
        """
        each, areas, powers = [], [], []
        for held in self.inner:
            area = held.patch.weights.sum(1)
            sizes = torch.cat([self._terms(held, part, known, constants)[1] for part in self._parts(held)])
            each.append((sizes * held.patch.weights).sum(1) / area)
            areas.append(area)
            powers.append(powers_of(self.problem, held.patch.sides[0][:, 0], raised=self.raised))
        whole, over = torch.cat(each), torch.cat(areas)
        rising = whole.argsort()
        middle = whole[rising][over[rising].cumsum(0) >= over.sum() / 2][0]
        usual = over * (torch.cat(powers) < 2)
        middle = middle.clamp_min(LATTICES.of_mean**2 * float((whole * usual).sum() / usual.sum().clamp_min(1e-300)))
        if float(middle) > 0:
            by_cell = torch.ones(self.products.counts, dtype=torch.float64)
            for held, own, power in zip(self.inner, each, powers, strict=True):
                by_cell[self._cells(held)] = (1 + own / (LATTICES.far**2 * middle)) ** -power
            for held in self.held if len(self.products.lines) > 1 else self.inner:
                held.patch = Patch(held.patch.sides, held.patch.weights * by_cell[self._cells(held)].unsqueeze(1))

    def _cells(self, held: Held) -> tuple[Tensor, ...]:
        """The cells of groups of points, by their number in each coordinate."""
        return tuple(torch.from_numpy(self.products.cell_of(held.patch.sides[0][:, 0].numpy())).T)

    def doubt(self, corners: Sequence[tuple[float, float]]) -> None:
        """Reduce the weights near some corners, by a power of the distance from them."""
        low, high = self.problem.domain.ends
        reach = LATTICES.beside * float((high - low).norm())
        for held in self.held:
            for corner in corners:
                far = (held.patch.sides[0] - torch.tensor(corner, dtype=torch.float64)).norm(dim=2) / reach
                less = far.clamp_max(1.0) ** LATTICES.doubt
                held.patch = Patch(held.patch.sides, held.patch.weights * less)

    def constants(self, vector: Tensor) -> dict[str, float]:
        return dict(zip(self.names, vector[self.size :].tolist(), strict=True))

    def coefficients(self, vector: Tensor) -> Tensor:
        return vector[: self.size].view(len(self.products), -1)

    def known(self, vector: Tensor) -> Known:
        return lambda points: spline_jets(self.products, self.coefficients(vector), points, self.problem.orders)

    def network(self, vector: Tensor, accuracy: float) -> KAN:
        """A network, to an accuracy of each unknown relative to its size in the domain, not to that around it."""
        low, high = self.problem.domain.ends
        squares = torch.zeros(self.problem.unknowns, dtype=torch.float64)
        for held in self.inner:
            (outputs,) = held.outputs(self.problem)
            for part in self._parts(held):
                values = self._jets(held, part, vector)[0][()][:, outputs]
                squares[outputs] += (held.measures[part].flatten()[:, None] * values.square()).sum(0)
        sizes = (squares / (high - low).prod()).sqrt().clamp_min(1e-300)
        return network_of(self.products, self.coefficients(vector), (accuracy * sizes).tolist())

    def cost(self, vector: Tensor) -> float:
        left = self.residuals(vector)
        total = float(left @ left)
        return total if total == total else float("inf")

    def residuals(self, vector: Tensor) -> Tensor:
        """What all equations leave, weighed, in the order of the rows of `normal`."""
        if not self.held[0].scales:
            self._weigh(self.start, self.start[self.size :])
        found = []
        for held in self.held:
            for part in self._parts(held):
                shape, rests = held.patch.weights[part].shape, self._rests(held, part, vector)
                each = [(scale[part] * rest.view(shape)) for scale, rest in zip(held.scales, rests, strict=True)]
                found.append(torch.cat(each, 1).flatten())
        found += [(rows @ vector[columns].unsqueeze(2)).flatten() for columns, rows in self._smooth()]
        for held in self.integrals:
            found.append(torch.tensor(self._integral(held, vector, vector[self.size :])[1], dtype=torch.float64))
        return torch.cat(found).detach()

    def normal(self, vector: Tensor) -> Normal:
        """The rows at a vector."""
        return self._normal(vector, vector[self.size :])[0]

    def residual(self, vector: Tensor, patches: Sequence[Patch] = ()) -> float:
        """The root mean square of what the equation leaves, at its own points or at others."""
        over, measure, count = 0.0, 0.0, 1
        for held in [Held(self.problem.residual, patch) for patch in patches] or self.inner:
            for part in self._parts(held):
                rests = self._rests(held, part, vector)
                weights, count = held.measures[part].flatten(), len(rests)
                over += sum(float((rest.square() * weights).sum()) for rest in rests)
            measure += float(held.measures.sum())
        return (over / count / measure) ** 0.5

    def relative(self, vector: Tensor) -> float:
        """What the equation leaves over the size of its terms, as root mean squares with the weights of `follow`.

        It is 0 where rounding alone may leave as much, of splines as large as these. Where that is more, what an
        integral leaves over the size of what is integrated.
        """
        over, size, rounding, constants = 0.0, 0.0, 0.0, vector[self.size :]
        if not self.held[0].scales:
            self._weigh(vector, constants)
        for held in self.inner:
            for part in self._parts(held):
                squares, terms = self._terms(held, part, vector, constants)
                weights, values = held.patch.weights[part], self._jets(held, part, vector)[0][()]
                least = (LATTICES.of_splines * values * self.norms[held.piece]).square().sum(1)
                over += float((squares * weights).sum())
                size += float((terms * weights).sum())
                rounding += float((least.view_as(weights) * weights).sum())
        return max((over / size) ** 0.5 if size > 0 and over > rounding else 0.0, self._of_integrals(vector))

    def _of_integrals(self, vector: Tensor) -> float:
        """The largest part that integrals are off by."""
        found = [0.0]
        for held in self.integrals:
            assert isinstance(held.condition, Integral)
            rule, equals = held.patch.weights.flatten(), float(held.condition.equals)
            for rest in self._rests(held, slice(0, len(held.patch.weights)), vector):
                size = float(rule.abs() @ (rest + equals / rule.sum()).abs()) + abs(equals)
                found.append(abs(float(rule @ rest)) / max(size, 1e-300))
        return max(found)

    def moves_integrals(self) -> bool:
        """Whether integrals change with the unknowns at the start, as that of a square does not at zero."""
        start = self.start
        rows = [row for held in self.integrals for row in self._integral(held, start, start[self.size :])[0]]
        return all(bool(np.any(row[: self.size])) for row in rows)

    def hill(self) -> Tensor:
        """Coefficients (functions, unknowns) of a hill over the box around the domain, which is not symmetric."""
        waves = [np.pi * (np.arange(len(line)) + 0.5) / len(line) for line in self.products.lines]
        each = [np.sin(wave) * (1 + 0.5 * np.cos(wave)) for wave in waves]
        whole = torch.from_numpy(reduce(np.multiply.outer, each).ravel())
        return whole.unsqueeze(1).repeat(1, self.problem.unknowns)

    def misfit(self, vector: Tensor) -> float:
        """The root mean square of what measurements leave, over that of their values."""
        found = [(each, each.condition.values.abs()) for each in self.held if isinstance(each.condition, Measured)]
        rests = [rest for each, _ in found for part in self._parts(each) for rest in self._rests(each, part, vector)]
        return float(torch.cat(rests).norm() / torch.cat([own for _, own in found]).norm().clamp_min(1e-300))

    def missed(self, vector: Tensor, seed: int) -> float:
        """What is left in cells of a line whose points do not show it, over the terms, as means of absolute values.

        Far more is left there at some of many random points, as of a source that is narrower than their distance.
        """
        if len(self.products.lines) > 1:
            return 0.0
        points = self.problem.domain.points(LATTICES.scanned, seed + 9, "random")
        whole = torch.full((len(points), 1), self.measure / len(points), dtype=torch.float64)
        found = []
        for group in (self.inner, [Held(self.problem.residual, Patch([points.unsqueeze(1)], whole))]):
            most, total, terms = np.zeros(self.products.size), np.zeros(self.products.size), 0.0
            for held in group:
                every, weights = slice(0, len(held.patch.weights)), held.patch.weights.flatten().numpy()
                both = self._terms(held, every, vector, vector[self.size :])
                left, size = (np.sqrt(part.flatten().numpy()) for part in both)
                cells = self.products.cell_of(held.patch.flat()[0].numpy())[:, 0]
                np.maximum.at(most, cells, left)
                total += np.bincount(cells, weights * left, self.products.size)
                terms += float((weights * size).sum())
            found.append((most, total, terms))
        (own, _, terms), (there, total, others) = found
        hidden = there > LATTICES.hidden * own + REFINEMENT.rounding * there.max()
        return float(total[hidden].sum() / max(terms, others, 1e-300))

    def _pieces(
        self, patches: Sequence[Patch], equation: Equation, condition: Condition | None = None
    ) -> list[Held]:  # fmt: skip
        """An equation at the points of each piece of the domain; at points that were given, of all at once."""
        if not isinstance(self.problem, Pieced) or (condition is not None and isinstance(condition.where, Tensor)):
            return [Held(equation, patch, condition) for patch in patches]
        return [
            Held(equation, own, condition, pieces) for patch in patches for own, pieces in by_piece(self.problem, patch)
        ]

    def _numbers(self, held: Held) -> list[Array]:
        """The numbers of the functions that live at groups of points, of each side (C, K)."""
        products = self.products
        return [products.index(products.cell_of(side[:, 0].numpy())) for side in held.patch.sides]

    def _reach(self, held: Held) -> int:
        """How far apart the numbers of unknowns are that one equation sees."""
        m = self.problem.unknowns
        if len(self.products.lines) == 1:  # rows of two places far apart count as two; an interface may be a knot
            return (self.products.degree + count_of(self.problem)) * m - 1
        sides = zip(self._numbers(held), held.outputs(self.problem), strict=True)
        places = self.places.reshape(-1, m)
        own = np.concatenate(
            [places[numbers][:, :, outputs].reshape(len(numbers), -1) for numbers, outputs in sides], 1
        )
        return int((own.max(1) - own.min(1)).max()) if len(own) else 0

    def _parts(self, held: Held) -> Iterator[slice]:
        groups, each = held.patch.weights.shape
        if held.condition is not None and isinstance(held.condition.where, Tensor):
            yield slice(0, groups)
            return
        functions = (self.products.degree + 1) ** len(self.products.lines)
        wide = functions * self.problem.unknowns
        step = max(1, 4_000_000 // (max(each, 1) * wide))  # numbers that are held for a part of the points
        for k in range(0, groups, step):
            yield slice(k, k + step)

    def _local(self, held: Held, part: slice) -> list[Local]:
        """The functions at a part of the points, which are kept where they are few."""
        orders, sides = self.problem.orders, [side[part] for side in held.patch.sides]
        if (place := (part.start, part.stop)) not in held.local:
            found = [Local.at(self.products, side, orders) for side in sides]
            self.kept += sum(local.kept for local in found)
            if self.kept > LATTICES.cached:
                return found
            held.local[place] = found
        return held.local[place]

    def _jets(self, held: Held, part: slice, source: Source) -> list[Jets]:
        """The unknowns' jets at a part of the points, of a vector or of functions that are known at points."""
        if isinstance(source, Tensor):
            return [local.jets(self.coefficients(source)) for local in self._local(held, part)]
        if (place := (part.start, part.stop)) not in held.known:
            held.known[place] = [source(side) for side in held.term(part).points]
        return held.known[place]

    def _rests(self, held: Held, part: slice, vector: Tensor) -> list[Tensor]:
        """What an equation leaves at a part of the points, each (C Q,)."""
        jets = self._jets(held, part, vector)
        term, constants = held.term(part), vector[self.size :]
        if self.raised and held.condition is None:
            rows = self._linearized(held, part, jets, constants)
            return [row.residual for row in rows]
        return list(left(self.problem, self.names, term, jets, constants.expand(len(term), -1)))

    def _linearized(self, held: Held, part: slice, jets: list[Jets], constants: Tensor) -> list[Linearized]:
        rows = linearized(self.problem, self.names, held.term(part), jets, constants)
        if self.raised and held.condition is None:
            widths = torch.from_numpy(widths_at(self.products, held.patch.sides[0][part].flatten(0, 1).numpy()))
            changed = [stabilized(row, jets[0], widths) for row in rows]
            self.raises = self.raises or any(own.more for own in changed)
            return [own.equation for own in changed]
        return rows

    def _terms(self, held: Held, part: slice, source: Source, constants: Tensor) -> tuple[Tensor, Tensor]:
        """The squares of what the equations leave, and of the sizes of what they add up: each (C, Q)."""
        shape, term = held.patch.weights[part].shape, held.term(part)
        jets = self._jets(held, part, source)
        over, whole = torch.zeros(shape).double(), torch.zeros(shape).double()
        for row in linearized(self.problem, self.names, term, jets, constants):
            over += row.residual.square().view(shape)
            whole += row.sizes(jets).square().view(shape)
        return over, whole

    def _norms(self, rows: list[Linearized], known: list[Local]) -> Tensor:
        """Norms of rows by each unknown: (equations, n, unknowns)."""
        found = []
        for row in rows:
            total = torch.zeros(len(row.residual), self.problem.unknowns, dtype=torch.float64)
            for local, by in zip(known, row.by, strict=True):
                entries = local.entries(by)
                total += entries.view(len(total), -1, total.shape[1]).square().sum(1)
            found.append(total.sqrt())
        return torch.stack(found)

    def _weigh(self, source: Source, constants: Tensor) -> None:
        """Give all equations their weights, by the norms of their rows."""
        squares: list[Tensor | float] = [0.0] * count_of(self.problem)
        measures = [0.0] * len(squares)
        for held in self.inner:
            for part in self._parts(held):
                own, jets = self._local(held, part), self._jets(held, part, source)
                norms = self._norms(self._linearized(held, part, jets, constants), own)
                measure = held.patch.weights[part].flatten()
                squares[held.piece] = squares[held.piece] + (norms.square() * measure[:, None]).sum(1)
                measures[held.piece] += float(measure.sum())
        each = [(torch.as_tensor(own) / max(over, 1e-300)).sqrt() for own, over in zip(squares, measures, strict=True)]
        mean = torch.cat(each)  # the equations of each piece, one after the other
        by_equation, by_unknown = map(torch.from_numpy, units(mean.numpy()))
        by_equation = by_equation / by_equation[0]
        self.typical = float((by_equation[:, None] * mean * by_unknown).max())
        self.by_unknown, by_equation = by_unknown, by_equation.view(len(each), -1)
        self.norms = torch.stack([own.amax(0) for own in each])
        for held in self.inner:
            root = (held.patch.weights / self.measure).sqrt()
            held.scales = [float(r) * root for r in by_equation[held.piece]]
        for held in self.held:
            condition = held.condition
            stated = 1.0 if condition is None else condition.weight / LATTICES.stated_weight
            if isinstance(condition, Measured):  # noise is to be left, and not the equation
                held.scales = [(stated * held.patch.weights / self.measure).sqrt()]
            elif condition is not None:
                held.scales = self._beside(held, source, constants, by_equation, stated)

    def _beside(
        self, held: Held, source: Source, constants: Tensor, by_equation: Tensor, stated: float
    ) -> list[Tensor]:  # fmt: skip
        """The weights of a condition, by what the equation weighs at the same points."""
        every = slice(0, len(held.patch.weights))
        term, local, jets = held.term(every), self._local(held, every), self._jets(held, every, source)
        own = self._norms(linearized(self.problem, self.names, term, jets, constants), local)
        own = (own * self.by_unknown).amax(2)
        there = Held(self.problem.residual, Patch(held.patch.sides[:1], held.patch.weights))
        rows = self._linearized(there, every, jets[:1], constants)
        equation = (self._norms(rows, local[:1]) * self.by_unknown).amax(2)
        own_equation = by_equation[pieces_at(self.problem, there.patch.flat()[0])]
        size = (equation * own_equation.T).amax(0).nan_to_num(nan=self.typical, posinf=self.typical)
        size = size.clamp_min(LATTICES.least_beside * self.typical)
        root = (stated * held.patch.weights / self.measure).sqrt()
        return [root * (size / each.clamp_min(1e-300)).view_as(root) * (each > 0).view_as(root) for each in own]

    def _smooth(self) -> list[tuple[Tensor, Tensor]]:
        """Columns (C, K) and rows (C, 1, K) of the highest derivatives in cells that the boundary cuts.

        They weigh little, and determine what points in a small part of a cell hardly see.
        """
        if self.rows_in_cut is not None:
            return self.rows_in_cut
        m, found = self.problem.unknowns, []
        for held in self.inner:
            cut = (held.patch.weights == 0).any(1)
            weights, points = held.patch.weights[cut], held.patch.sides[0][cut]
            if not len(weights):
                continue
            middle = ((weights.unsqueeze(2) * points).sum(1) / weights.sum(1, keepdim=True)).numpy()
            counted = weights.sum(1) / held.measures[cut].sum(1)  # less near corners
            areas = torch.from_numpy(widths_at(self.products, middle)).prod(1) * counted
            highest = [(k,) * self.products.degree for k in range(len(self.products.lines))]
            local = Local.at(self.products, torch.from_numpy(middle).unsqueeze(1), highest)
            for order in highest:
                values = local.values(order)
                values = values / values.norm(dim=1, keepdim=True).clamp_min(1e-300)
                weight = LATTICES.in_cut * self.typical * (areas / self.measure).sqrt()
                for k in held.outputs(self.problem)[0].tolist():
                    rows = values * (weight / self.by_unknown[k]).unsqueeze(1)
                    found.append((local.numbers * m + k, rows.unsqueeze(1)))
        self.rows_in_cut = found
        return found

    def _integral(self, held: Held, source: Source, constants: Tensor) -> tuple[list[Array], list[float], list[float]]:
        """The dense rows of an integral, what it leaves, and what the rows make of the unknowns; all weighed."""
        every = slice(0, len(held.patch.weights))
        term, (local,), jets = held.term(every), self._local(held, every), self._jets(held, every, source)
        m, rule = self.problem.unknowns, held.patch.weights.flatten()
        rule = rule / rule.abs().sum()
        columns = (local.numbers.unsqueeze(2) * m + torch.arange(m)).flatten(1)
        columns = columns.repeat_interleave(held.patch.weights.shape[1], 0)
        rows, rests, near = [], [], []
        assert held.condition is not None
        stated = (held.condition.weight / LATTICES.stated_weight) ** 0.5
        for row in linearized(self.problem, self.names, term, jets, constants):
            entries = local.entries(row.by[0]) * rule[:, None]
            dense = np.bincount(columns.flatten().numpy(), entries.flatten().numpy(), self.size)
            size = float(np.sqrt(((dense.reshape(-1, m) * self.by_unknown.numpy()) ** 2).sum(0)).max())
            weight = stated * self.typical / max(size, 1e-300) if size > 0 else stated
            dense = np.concatenate([dense, (rule @ row.constants).numpy()])
            rows.append(weight * dense)
            rests.append(weight * float(rule @ row.residual))
            near.append(weight * float(rule @ row.value(jets)))
        return rows, rests, near

    def _normal(self, source: Source, constants: Tensor) -> tuple[Normal, Array]:
        """The rows at functions that are known at points, and what they make of these functions themselves."""
        if not self.held[0].scales:
            self._weigh(source, constants)
        m, near = self.problem.unknowns, []
        d = len(self.products.lines)
        seen = (self.products.degree + 1) ** d * len(self.held[0].outputs(self.problem)[0])
        normal = Normal(self.places, self.band, len(self.names), seen, orthogonal=d == 1)
        for held in self.held:
            for part in self._parts(held):
                shape, local = held.patch.weights[part].shape, self._local(held, part)
                jets = self._jets(held, part, source)
                outputs = held.outputs(self.problem)
                seen_by = list(zip(local, outputs, strict=True))
                columns = torch.cat([(own.numbers.unsqueeze(2) * m + which).flatten(1) for own, which in seen_by], 1)
                rows, others, rests, values = [], [], [], []
                for row, scale in zip(self._linearized(held, part, jets, constants), held.scales, strict=True):
                    s = scale[part].flatten()
                    entries = [
                        own.entries({o: slope[:, which] for o, slope in by.items()})
                        for (own, which), by in zip(seen_by, row.by, strict=True)
                    ]
                    rows.append((torch.cat(entries, 1) * s[:, None]).view(*shape, -1))
                    others.append((row.constants * s[:, None]).view(*shape, -1))
                    rests.append((row.residual * s).view(shape))
                    values.append((row.value(jets) * s).view(shape))
                normal.add(columns, torch.cat(rows, 1), torch.cat(others, 1), torch.cat(rests, 1).flatten())
                near.append(torch.cat(values, 1).flatten().numpy())
        for columns, rows in self._smooth():
            left = (
                (rows @ source[columns].unsqueeze(2)).flatten()
                if isinstance(source, Tensor)
                else rows.new_zeros(len(rows))
            )
            normal.add(columns, rows, rows.new_zeros(len(rows), 1, len(self.names)), left)
            near.append(left.numpy())
        for held in self.integrals:
            rows, rests, values = self._integral(held, source, constants)
            for dense, rest in zip(rows, rests, strict=True):
                normal.add_dense(dense, rest)
            near.append(np.array(values))
        return normal, np.concatenate(near) if near else np.zeros(0)
