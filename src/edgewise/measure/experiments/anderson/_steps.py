"""A person's way to a formula of the modified model's edge, step by step, as the article describes it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from edgewise.measure.experiments._dataset import predict
from edgewise.measure.experiments.anderson._data import Model, States, accuracy, subsample
from edgewise.nn import KAN, Layout, adapt_grid, lock, set_function, unlock
from edgewise.session import Session
from edgewise.train import Options, fit

STEPS = {
    "[4, 2, 1, 1]": 75.0, "[4, 3, 1, 1]": 98.4, "a node removed": 97.7, "edges but those of p: x or x^2": 97.7,
    "edges of p: cosh": 96.9, "edges of p: x^2": 95.4,
}  # fmt: skip
_ROWS = 8000
_NAMES = ["p", "E", "lam", "phi"]
_LAST, _PHASE, _NODES = (2, 0, 0), 3, 3


def steps(model: Model, states: States, test: States, quick: bool) -> Iterator[tuple[str, float, int, str]]:
    """Yield each step with its accuracy, its parameters, and its formula if it has one."""
    part = subsample(states, 500 if quick else _ROWS)

    def described(name: str, session: Session, formula: bool = False) -> tuple[str, float, int, str]:
        found = accuracy(predict(session.model, test.inputs) - 0.5, test)
        return name, found, Layout(session.model).size, _formula(session.model) if formula else ""

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


def _formula(network: KAN) -> str:
    """Return the argument of the sigmoid, with four digits."""
    found = set_function(unlock(network, [_LAST]), *_LAST, "x").formula(_NAMES)
    assert not isinstance(found, list)
    return str(found.evalf(4))
