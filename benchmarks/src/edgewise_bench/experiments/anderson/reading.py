"""States of chains, and a formula of their mobility edge: read off a classifier, or found step by step."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise import functions
from edgewise._typing import Array
from edgewise.nn import KAN, Layout, adapt_grid, lock, set_function, unlock
from edgewise.session import Session
from edgewise.train import Options, fit
from edgewise_bench.baselines import lbfgs
from edgewise_bench.datasets import chain
from edgewise_bench.experiments.dataset import predict

SITES, QUICK_SITES = 610, 89


class States(NamedTuple):
    """Inputs (n, 4) of states, the second parameter, energy, lam and phase, and whether each is localized (n,)."""

    inputs: Array
    localized: Array


@dataclass(frozen=True)
class Model:
    """A chain, the ranges of its parameters, the numbers of chains to learn from and to test, and what is drawn.

    fixed: the second parameter of the figure, or of all chains where it has no range.
    """

    name: str
    chain: str
    second: str
    range: tuple[float, float]
    most: float
    fixed: float
    chains: tuple[int, int]

    @property
    def columns(self) -> list[int]:
        """Return the columns of the inputs that a classifier is given."""
        return [1, 2] if self.range[0] == self.range[1] else [0, 1, 2]

    @property
    def names(self) -> list[str]:
        """Return the names of these columns."""
        return [[self.second, "E", "lam", "phi"][k] for k in self.columns]

    def states(self, test: bool, quick: bool = False) -> States:
        """Return all states of chains with uniform parameters and phases."""
        rng = np.random.default_rng([int(test), round(10 * self.fixed)])
        count = (12 if test else 40) if quick else self.chains[test]
        draws = rng.uniform(0, 1, (count, 3))
        lam, phase = self.most * draws[:, 0], 2 * np.pi * draws[:, 1]
        second = self.range[0] + (self.range[1] - self.range[0]) * draws[:, 2]
        return self._of(lam, second, phase, QUICK_SITES if quick else SITES)[0]

    def shown(self) -> tuple[States, Array]:
        """Return the states of the picture, over lam, and their dimensions."""
        chain_count, sites = 25, 55  # chains of a figure, and sites of each
        lam = self.most * (np.arange(chain_count) + 0.5) / chain_count
        return self._of(lam, np.full(chain_count, self.fixed), np.zeros(chain_count), sites)

    def edge(self, inputs: Array) -> Array:
        """Return the exact edge's function at inputs (n, 4): positive where states are localized."""
        model = chain(self.chain)
        second = int(self.fixed) if self.second == "kappa" else inputs[:, 0]
        return model.edge(inputs[:, 1], inputs[:, 2], second)

    def _of(self, lam: Array, second: Array, phase: Array, sites: int) -> tuple[States, Array]:
        localized = 0.5  # dimensions below it
        found = [
            chain(self.chain).states(sites, phi, lam=strength, **{self.second: other})
            for strength, other, phi in zip(lam.tolist(), second.tolist(), phase.tolist(), strict=True)
        ]
        energy, dimension = (np.concatenate(parts) for parts in zip(*found, strict=True))
        inputs = [np.repeat(second, sites), energy, np.repeat(lam, sites), np.repeat(phase, sites)]
        return States(np.column_stack(inputs), dimension < localized), dimension


def subsample(states: States, count: int) -> States:
    """Return that number of states, the same each time."""
    order = np.random.default_rng(0).permutation(len(states.inputs))[:count]
    return States(states.inputs[order], states.localized[order])


def accuracy(positive: Array, states: States) -> float:
    """Return the fraction of states that are localized exactly where a function is positive."""
    return float(np.mean((positive > 0) == states.localized))


_NAMED = (
    Model("generalized", "aubry-andre generalized", "alpha", (-0.9, 0.9), 2.0, 0.5, (200, 40)),
    Model("modified", "aubry-andre modified", "p", (0.5, 3.0), 5.0, 1.5, (200, 40)),
    *(Model(f"mosaic, kappa = {k}", "mosaic", "kappa", (k, k), 2.5, k, (40, 20)) for k in (2, 3, 4, 5)),
)
MODELS = {model.name: model for model in _NAMED}


_LEVELS, _NEAR = 200, 0.05  # steps in which zeros are sought, and the share of the range in which states confirm them

_SEEDS, _PARTS = 4, 4

_LIBRARY = ("x", "x^2", "x^3", "exp", "cosh", "sinh", "sin", "cos", "tanh", "atan")
_REPORTED = {
    "[4, 2, 1, 1]": 75.0, "[4, 3, 1, 1]": 98.4, "a node removed": 97.7, "edges but those of p: x or x^2": 97.7,
    "edges of p: cosh": 96.9, "edges of p: x^2": 95.4,
}  # fmt: skip
_NAMES = ["p", "E", "lam", "phi"]
_LAST, _PHASE, _NODES = (2, 0, 0), 3, 3


@dataclass(frozen=True)
class Plan:
    """How the zero set of a model is read: target = f(first) second + h(first), where it has an own term h.

    target, first, second: columns of the inputs. exact: the edge's coefficients of the target, of the product, of the
    own term where there is one, and of 1. functions: the exact f, and h where there is one.
    """

    target: int
    first: int
    second: int
    exact: tuple[float, ...]
    functions: tuple[str, ...]


PLANS = {
    "generalized": Plan(target=2, first=0, second=1, exact=(1.0, 0.5, -1.0), functions=("x",)),
    "modified": Plan(target=1, first=0, second=2, exact=(1.0, -1.0, 1.0, 0.0), functions=("cosh", "exp")),
}


class Reading(NamedTuple):
    """A formula that is zero at the edge, the largest relative error of its coefficients, and its values at rows."""

    text: str
    deviation: float
    at: Array


def learned(model: Model, states: States, quick: bool) -> KAN:
    """Train a classifier of states, the best of some seeds on held-out states; for a mosaic one curve of E and lam."""
    learned_from = 20_000  # states that a classifier learns from
    part = subsample(states, 1000 if quick else learned_from)
    x, y = part.inputs[:, model.columns], part.localized.astype(float)
    if model.name not in PLANS:
        network = set_function(adapt_grid(KAN([2, 1], seed=0), torch.from_numpy(x), 10), 0, 0, 1, "x")
        return fit(
            network, x, y, loss="cross_entropy", grids=[10] if quick else [40, 80], options=Options(test=0)
        ).model
    runs = [
        fit(KAN([3, 3, 1, 1], seed=seed), x, y, loss="cross_entropy", grids=[3, 5], options=Options(seed=seed, test=0))
        for seed in range(1 if quick else _SEEDS)
    ]
    return min(runs, key=lambda run: run.validation_error).model


def zeros(network: torch.nn.Module, inputs: Array, column: int, low: float, high: float) -> tuple[Array, Array]:
    """Return the value of a column at which the network is zero, for rows of inputs, and where it is unique."""
    levels = np.linspace(low, high, _LEVELS)
    rows = np.repeat(inputs[:, None], _LEVELS, axis=1)
    rows[:, :, column] = levels
    found = predict(network, rows.reshape(-1, inputs.shape[1])).reshape(len(inputs), _LEVELS)
    changes = (found[:, 1:] > 0) != (found[:, :-1] > 0)
    at, unique = changes.argmax(1), changes.sum(1) == 1
    before, after = (np.take_along_axis(found, (at + k)[:, None], 1)[:, 0] for k in (0, 1))
    gap = np.where(before == after, 1.0, before - after)
    return levels[at] + (levels[1] - levels[0]) * before / gap, unique


def read(model: Model, network: KAN, states: States, test: States) -> list[Reading]:
    """Return a formula of the classifier's zero set, with coefficients from the labels of all states.

    A second one has them rounded to quarters, if that lowers the accuracy by no more than chance does: two
    standard errors.
    """
    read_from = 15_000  # states whose zeros are sought
    plan, inputs = PLANS[model.name], subsample(states, read_from).inputs[:, :3]
    now = inputs[:, plan.target]
    low, high = float(now.min()), float(now.max())
    zero, unique = zeros(network, inputs, plan.target, low, high)
    near = unique & (np.abs(zero - now) < _NEAR * (high - low))
    chosen = _decided(plan, _proposed(plan, inputs[near], zero[near]), subsample(states, read_from))
    columns = _features(plan, chosen, states.inputs)
    weights = _dividing(columns, states.localized)
    found = [_reading(model, chosen, weights, test)]
    simple = np.round(_PARTS * weights / weights[0]) / _PARTS * np.sign(weights[0])
    before, after = (accuracy(_with_one(columns) @ w, states) for w in (weights, simple))
    chance = 2 * math.sqrt(before * (1 - before) / len(columns))
    return [*found, _reading(model, chosen, simple, test)] if after >= before - chance else found


def _reading(model: Model, chosen: tuple[str, ...], weights: Array, test: States) -> Reading:
    plan, names, scaled = PLANS[model.name], model.names, weights / weights[0]
    first = names[plan.first]
    product, *own = (first if name == "x" else f"{name}({first})" for name in chosen)
    texts = [names[plan.target], f"{product} {names[plan.second]}", *own, ""]
    terms = [f"{value:+.4g} {text}".strip() for value, text in zip(scaled, texts, strict=True) if value]
    known = chosen == plan.functions
    off = max(abs(value / exact - 1) for value, exact in zip(scaled, plan.exact, strict=True) if exact)
    at = _with_one(_features(plan, chosen, test.inputs)) @ weights
    return Reading(" ".join(terms), off if known else math.inf, at)


def _proposed(plan: Plan, inputs: Array, target: Array) -> list[tuple[str, ...]]:
    """Return the functions f and h with which f(first) second + h(first) + 1 is near the zeros."""
    nearly = 1.5  # times the least error of a proposal: within, the labels decide
    errors = {}
    for chosen in itertools.product(_LIBRARY, repeat=len(plan.functions)):
        columns = _with_one(_features(plan, chosen, inputs)[:, 1:])
        found = columns @ np.linalg.lstsq(columns, target, rcond=None)[0]
        errors[chosen] = float(np.median(np.abs(found - target)))
    least = min(errors.values(), default=0.0)
    return [chosen for chosen, error in errors.items() if error <= nearly * least]


def _decided(plan: Plan, proposed: list[tuple[str, ...]], states: States) -> tuple[str, ...]:
    """Return the proposal that classifies most states correctly."""
    if len(proposed) == 1:
        return proposed[0]

    def right(chosen: Sequence[str]) -> float:
        columns = _features(plan, chosen, states.inputs)
        return accuracy(_with_one(columns) @ _dividing(columns, states.localized), states)

    return max(proposed, key=right)


def _features(plan: Plan, chosen: Sequence[str], inputs: Array) -> Array:
    """Return the target, the product and the own term at inputs, (n, 2 or 3)."""
    first = torch.from_numpy(inputs[:, plan.first])
    product, *own = (functions.get(name).torch(first).numpy() for name in chosen)
    return np.stack([inputs[:, plan.target], product * inputs[:, plan.second], *own], axis=1)


def _with_one(columns: Array) -> Array:
    return np.concatenate([columns, np.ones((len(columns), 1))], axis=1)


def _dividing(columns: Array, localized: Array) -> Array:
    """Return the weights of columns, and of 1, whose sign misclassifies the fewest states.

    Each state counts by a sigmoid of its distance to the wrong side, which gets steeper: at the ends of a chain there
    are localized states of any energy, which a logistic regression would follow.
    """
    lbfgs_steps = 100  # of L-BFGS at each
    soft = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # widths of the sigmoid over the distances' std
    inputs, side = torch.from_numpy(_with_one(columns)), torch.from_numpy(np.where(localized, 1.0, -1.0))
    weights = torch.linalg.lstsq(inputs, side[:, None]).solution[:, 0]
    for width in soft:
        edge = torch.nn.Linear(len(weights), 1, bias=False, dtype=weights.dtype)
        edge.weight.data[0] = weights / (inputs @ weights).std()

        def wrong(edge: torch.nn.Linear = edge, width: float = width) -> Tensor:
            distance = edge(inputs)[:, 0]
            return torch.sigmoid(-side * distance / distance.std() / width).mean()

        lbfgs(edge, wrong, lbfgs_steps)()
        weights = edge.weight.detach()[0]
    return weights.numpy()


def steps(model: Model, states: States, test: States, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield each step with its accuracy, its parameters, and its formula if it has one."""
    step_rows = 8000
    part = subsample(states, 500 if quick else step_rows)

    def described(name: str, session: Session, formula: bool = False) -> dict[str, Any]:
        found = {
            "accuracy": accuracy(predict(session.model, test.inputs) - 0.5, test),
            "published": _REPORTED[name],
        }
        text = _argument(session.model) if formula else ""
        return {"stage": name, "parameters": Layout(session.model).size, "formula": text, **found}

    for nodes in (2, _NODES):
        session = _begun(nodes, part)
        yield described(f"[4, {nodes}, 1, 1]", session)
    for node in range(_NODES):
        session = session.prune_edge((0, node, _PHASE))
    tried = [session.remove_node((1, node)).compact().refit() for node in range(_NODES)]
    session = min(tried, key=lambda one: one.error)
    yield described("a node removed", session)
    for edge in ((1, 0, 0), (1, 0, 1), (0, 0, 1), (0, 0, 2), (0, 1, 1), (0, 1, 2)):
        best = session.require(edge, ["x", "x^2"]).suggest(edge, 2)[0]
        session = session.snap_edge(edge, best.function)
    yield described("edges but those of p: x or x^2", session)
    for name in ("cosh", "x^2"):
        snapped = session.snap_edge((0, 0, 0), name).snap_edge((0, 1, 0), name).refit()
        yield described(f"edges of p: {name}", snapped, formula=True)


def _begun(nodes: int, states: States) -> Session:
    """Begin a session with a network of the probability that a state is localized: a classifier, then refitted."""
    x, y = states.inputs, states.localized.astype(float)
    network = adapt_grid(KAN([4, nodes, 1, 1], seed=0), torch.from_numpy(x), 3)
    network = lock(set_function(network, *_LAST, "x"), [_LAST])
    network = fit(network, x, y, loss="cross_entropy", grids=[3, 5], options=Options(test=0)).model
    network = lock(set_function(unlock(network, [_LAST]), *_LAST, "logistic"), [_LAST])
    return Session(network, x, y, _NAMES)


def _argument(network: KAN) -> str:
    """Return the argument of the sigmoid, with four digits."""
    found = set_function(unlock(network, [_LAST]), *_LAST, "x").formula(_NAMES)
    assert not isinstance(found, list)
    return str(found.evalf(4))
