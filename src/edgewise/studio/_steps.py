"""Steps of a session in words, as the history and the report say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewise.interpret import end_names, node_names

if TYPE_CHECKING:
    from edgewise.networks.session import Session, State

_WORDS = {
    "add_bump": "Moved the curve of {edge}", "add_nodes": "Added nodes", "add_variable": "Computed {name} = {formula}",
    "allow": "Allowed {functions}", "compact": "Dropped idle nodes", "fit": "Trained",
    "flatten": "Flattened the curve of {edge}", "forbid": "Forbade {functions}", "lock": "Locked {edges}",
    "lock_node": "Locked {node}", "join_levels": "Joined {levels}",
    "merge": "Joined equal nodes", "monotone": "Made {edge} {direction}",
    "prune": "Pruned {gone}", "prune_edge": "Removed {edge}", "refine": "Made grids finer", "refit": "Refitted",
    "remove_node": "Removed {node}", "require": "Asked for {functions} on {edge}", "restore_edge": "Restored {edge}",
    "round_constants": "Rounded constants", "set_function": "Set {edge} to {function}", "smooth": "Smoothed {edge}",
    "snap_all": "Snapped: {functional} of {left} are functions", "snap_edge": "Made {edge} a function: {function}",
    "to_spline": "Made {edge} a spline", "unlock": "Unlocked {edges}", "unlock_node": "Unlocked {node}",
    "use_formula": "Took the formula {formula}",
}  # fmt: skip
_DIRECTIONS = {"up": "rising", "down": "falling", "any": "free to rise and fall"}


def step_words(session: Session, state: State) -> str:
    """Return what was done in a step, with nodes and edges by their names: "Removed x → h1".

    Parameters
    ----------
    session
        The session.
    state
        One of its states.
    """
    if state.parent is None:
        return "Start"
    before, given = session.states[state.parent], dict(state.arguments)
    model, words = before.situation.model, _WORDS[state.name]
    names = [*session.columns, *(each.name for each in before.situation.variables)]
    nodes = node_names(model, names, session.targets)
    said = {
        **{name: ", ".join(map(str, value)) if isinstance(value, tuple) else value for name, value in given.items()},
        "gone": _counted(before.edges - state.edges), "functional": state.edges - state.splines,
        "left": _counted(state.edges),
    }  # fmt: skip

    def ends(edge: tuple[int, int, int]) -> str:
        layer, j, i = edge
        return f"{nodes[layer][i]} → {end_names(model, nodes, layer)[j]}"

    if "edge" in given:
        layer, j, i = given["edge"]
        said["edge"] = ends(given["edge"])
        said["function"] = given.get("function") or state.situation.model.layers[layer].symbols.get((j, i))
    if "edges" in given:
        said["edges"] = ", ".join(map(ends, given["edges"])) or _counted(0)
    if "direction" in given:
        said["direction"] = _DIRECTIONS[given["direction"]]
    if "node" in given:
        depth, q = given["node"]
        said["node"] = nodes[depth][q]
    return words.format_map(said)


def _counted(count: int) -> str:
    return f"{count or 'no'} edge{'' if count == 1 else 's'}"
