"""Sessions: every step is a new value, says what it cost, keeps locks and rules, and refuses what cannot be done."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from steering import begin, rows

import edgewise as ew
from edgewise.session import ACTIONS, Session, acting


def test_every_action_is_a_method_and_every_method_an_action() -> None:
    from edgewise.session import Steering

    own = [each for each in Steering.__mro__ if each.__module__.endswith(("._steering", "._shaping"))]
    methods = {name for each in own for name in vars(each) if not name.startswith("_")} - {"apply"}
    assert methods == set(ACTIONS)
    for name, row in ACTIONS.items():
        method = inspect.signature(getattr(Steering, name))
        taken = [p.replace(annotation=inspect.Parameter.empty) for p in list(method.parameters.values())[1:]]
        assert taken == list(row.takes.values()), name
        assert getattr(Steering, name).__doc__, name


def test_a_person_finds_a_law_in_the_original_variables() -> None:
    x, y = rows()
    session = Session(ew.KAN([2, 1], grid=5), x, y, ["a", "b"], target="z", units={"a": "", "b": "", "z": ""})
    session = session.add_variable("r", "exp(a)/b").fit()
    assert session.names == ["a", "b", "r"]
    session = session.prune_edge((0, 0, 0)).fit()
    assert "x" in [found.function for found in session.suggest((0, 0, 2)) if found.accepted]
    session = session.snap_edge((0, 0, 2), "x").snap_edge((0, 0, 1), "sin").round_constants()
    a, b = sympy.symbols("a b")
    assert sympy.simplify(session.formula() - sympy.exp(a) / b - sympy.sin(2 * b)) == 0
    assert session.error < 1e-12
    assert session.unit_problem() is None


def test_variables_may_stand_on_variables_and_are_checked() -> None:
    session = begin().add_variable("p", "a*b").add_variable("q", "p + a")
    assert session.names == ["a", "b", "p", "q"]
    x, _ = rows()
    column = session.table.x[:, 3]
    torch.testing.assert_close(column, x[:, 0] * x[:, 1] + x[:, 0])
    for name, formula, message in [
        ("a", "b", "taken"), ("y", "b", "taken"), ("2x", "b", "word like"), ("c", "zz + a", "zz"),
        ("c", "1/(a - a)", "divides by zero"), ("c", "log(a - 5)", "finite in 40 of 40 rows"), ("c", "3", "every row"),
        ("c", "__import__('os')", "c|import"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            session.add_variable(name, formula)


@pytest.mark.parametrize("formula", ["a + pi*a", "a*b + sqrt(2)*b*a", "a + sin(a) + exp(sin(a))"])
def test_the_column_of_a_variable_is_its_formula(formula: str) -> None:
    session = begin().add_variable("c", formula)
    x, _ = rows()
    column = session.table.x[:, 2]
    a, b = x[:, 0], x[:, 1]
    truth = {"a + pi*a": a * (1 + torch.pi), "a*b + sqrt(2)*b*a": a * b * (1 + 2**0.5)}
    torch.testing.assert_close(column, truth.get(formula, a + a.sin() + a.sin().exp()))


def test_units_refuse_a_variable_that_does_not_fit() -> None:
    x, y = rows()
    session = Session(ew.KAN([2, 1]), x, y, ["v", "t"], target="s", units={"v": "m/s", "t": "s", "s": "m"})
    assert session.add_variable("d", "v*t").names[-1] == "d"
    with pytest.raises(ew.InputError, match=r"units of d = v \+ t do not fit: t has dimension \[time\]"):
        session.add_variable("d", "v + t")
    law = session.set_function((0, 0, 0), "x", (1, 0, 1, 0)).prune_edge((0, 0, 1))
    problem = law.set_function((0, 0, 0), "x", (1, 0, 2, 0)).unit_problem()
    assert problem is not None and "[time]" in problem
    with pytest.raises(ew.InputError, match="still splines"):
        session.unit_problem()
    with pytest.raises(ew.InputError, match="'units' names 'w'"):
        Session(ew.KAN([2, 1]), x, y, ["v", "t"], units={"w": "m"})
    with pytest.raises(ew.InputError, match="no unit that is known"):
        Session(ew.KAN([2, 1]), x, y, ["v", "t"], units={"v": "parrot"})
    bare = Session(law.model, x, y, ["v", "t"], units={"t": "s"}).set_function((0, 0, 0), "x", (1, 0, 1, 0))
    with pytest.raises(ew.InputError, match="No unit is given for 'v'"):
        bare.unit_problem()


def test_locked_edges_refuse_hands_and_training() -> None:
    session = begin().refit(20).lock([(0, 0, 0), (1, 0, 0)]).lock_node((1, 1))
    kept = session.model
    for call in [
        lambda s: s.prune_edge((0, 0, 0)), lambda s: s.set_function((0, 0, 0), "x"), lambda s: s.snap_edge((0, 0, 0)),
        lambda s: s.remove_node((1, 0)), lambda s: s.remove_node((1, 1)), lambda s: s.monotone((0, 1, 1), "up"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match="is locked: unlock it first"):
            call(session)
    with pytest.raises(ew.InputError, match="locked"):
        session.suggest((0, 0, 0))
    after = session.refit(5).fit().snap_all().refit(5).model
    for depth, j, i in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 1)]:
        assert torch.equal(after.layers[depth].coefficients[j, i], kept.layers[depth].coefficients[j, i])
        assert (j, i) not in after.layers[depth].symbols
    free = session.unlock((0, 0, 0)).unlock_node((1, 1))
    assert free.prune_edge((0, 0, 0)).error > 0


def test_snapping_removes_what_does_nothing_and_says_so() -> None:
    x = 1 + torch.rand(120, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    session = ew.Session(ew.KAN([2, 4, 1], grid=3, seed=0), x, x[:, 0] + x[:, 1] ** 2, ["a", "b"], target="z")
    model = session.fit().prune(cuts={"what": "nodes", "keep": 1}).model
    idle = ew.KAN([2, 4, 1], grid=int(model.layers[0].grid), seed=0, dtype=torch.float64)
    with torch.no_grad():
        for layer in idle.layers:
            layer.coefficients.zero_()
            layer.base_weight.zero_()
        for new, old in zip(idle.layers, model.layers, strict=True):
            new.coefficients[:1, : old.n_in] = old.coefficients
            new.base_weight[:1, : old.n_in] = old.base_weight
            new.knots[: old.n_in] = old.knots
            new.knots[old.n_in :] = old.knots[:1]
    begun = ew.Session(idle, x, x[:, 0] + x[:, 1] ** 2, ["a", "b"], target="z")
    assert begun.state.edges == 12
    snapped = begun.snap_all()
    assert (snapped.state.edges, snapped.state.splines, snapped.model.widths) == (3, 0, [2, 1, 1])
    assert snapped.state.said == ("3 of 3 edges became functions. 9 that did nothing are removed.",)
    locked = begun.lock([(0, 3, 0)]).snap_all()
    assert locked.state.edges >= 4 and any("splin" in line for line in locked.state.said)


def test_forbidden_and_required_functions_hold_by_hand_and_by_snapping() -> None:
    session = begin((2, 1)).add_variable("r", "exp(a)/b").fit().forbid(["x", "sin"])
    assert session.forbidden == ("x", "sin")
    with pytest.raises(ew.InputError, match="'x' is forbidden"):
        session.set_function((0, 0, 2), "x")
    assert not {"x", "sin"} & {found.function for found in session.suggest((0, 0, 2))}
    assert session.allow("x").set_function((0, 0, 2), "x").forbidden == ("sin",)
    with pytest.raises(ew.InputError, match="'exp' is not forbidden"):
        session.allow("exp")
    with pytest.raises(ew.InputError, match="leave one"):
        session.forbid(ew.functions.names())
    held = session.require((0, 0, 1), ["cos", "tanh"])
    with pytest.raises(ew.InputError, match="one of cos, tanh: leave one"):
        held.forbid(["tanh", "cos"])
    with pytest.raises(ew.InputError, match="x, sin: all of these are forbidden"):
        session.require((0, 0, 1), ["x", "sin"])
    with pytest.raises(ew.InputError, match="has to be one of cos, tanh"):
        held.snap_edge((0, 0, 1), "exp")
    assert {found.function for found in held.suggest((0, 0, 1))} <= {"cos", "tanh"}
    assert held.require((0, 0, 1), []).snap_edge((0, 0, 1), "exp").error > 0


def test_an_edge_pruned_and_restored_is_what_it_was() -> None:
    session = begin().fit()
    back = session.prune_edge((0, 1, 0)).restore_edge((0, 1, 0))
    x, _ = rows()
    torch.testing.assert_close(back.model(x), session.model(x), rtol=1e-10, atol=1e-10)
    spline = session.set_function((0, 1, 0), "x").to_spline((0, 1, 0))
    assert spline.error == pytest.approx(session.set_function((0, 1, 0), "x").error, rel=1e-2)
    assert spline.model.layers[0].symbols == {}


def test_branches_go_their_own_ways() -> None:
    session = begin()
    one = session.refit(2).refit(2)
    two = one.goto(1).branch("other").prune_edge((0, 0, 0)).note("without a").refit(2)
    three = two.undo().refit(1)  # the branch has gone on: this is one of its own
    assert [state.branch for state in three.states] == ["main", "main", "main", "other", "other", "branch 2"]
    assert [state.parent for state in three.states] == [None, 0, 1, 1, 3, 3]
    assert three.branches() == ["main", "other", "branch 2"]
    assert [state.id for state in three.path()] == [0, 1, 3, 5]
    assert three.goto("other").state.id == 4 and three.goto("main").state.id == 2
    assert three.goto(3).state.note == "without a"
    assert len(one.states) == 3  # the session before is what it was
    table = three.history()
    assert " ".join(table.columns) == "id parent branch action error held_out parameters edges splines note here"
    assert table["here"].tolist() == [False] * 5 + [True] and table["note"][3] == "without a"
    assert "# without a" in three.log() and three.log().count("\n") == 3
    assert repr(three).startswith("Session(6 states, at 5 on 'branch 2'")
    found = three.compare(2, 3)
    assert found.edges == (6, 5) and found.became == {(0, 0, 0): ("spline", "removed")}
    assert "edge (0, 0, 0): spline -> removed" in str(found)
    assert three.compare(4, 4).moved == 0.0 and three.compare(4, 4).curves == {}


def test_a_formula_takes_the_place_of_the_network(tmp_path) -> None:
    session = begin().add_variable("r", "exp(a)/b").fit().forbid("tan")
    exact = session.use_formula("r + sin(2*b)")
    assert exact.error < 1e-12 and exact.state.splines == 0 and exact.names == ["a", "b", "r"]
    a, b = sympy.symbols("a b")
    assert sympy.simplify(exact.formula() - sympy.exp(a) / b - sympy.sin(2 * b)) == 0
    assert exact.forbidden == ("tan",) and exact.undo().state is session.state
    far = session.use_formula("1.1*r + sin(2*b)")
    assert far.error > 0.1 and far.fit().error < 1e-10  # its constants are trained
    far.to_spline((0, 0, 2)).save(tmp_path / "s")
    again = Session.load(tmp_path / "s")
    assert again.state.call == "to_spline(edge=(0, 0, 2), grid=None)" and again.error == far.to_spline((0, 0, 2)).error
    assert "use_formula(formula='1.1*r + sin(2*b)')" in again.script()


def test_a_formula_that_cannot_be_the_network_is_refused() -> None:
    session = begin().forbid("tan").lock((0, 1, 0))
    for formula, message in [
        ("c + a", "character 1: Unknown name 'c'. Known: a, b"), ("a +", "expected a number"),
        ("gamma(a)", "Unknown function 'gamma'"), ("log(a - 5)", "no finite value in 40 of 40 rows"),
        ("tan(a)", "needs tan, which you forbade"), (3, "'formula' must be a text"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            session.unlock((0, 1, 0)).use_formula(formula)
    with pytest.raises(ew.InputError, match=r"The edge \(0, 1, 0\) is locked"):
        session.use_formula("a + b")
    x, _ = rows()
    with pytest.raises(ew.InputError, match="this network has 2 outputs"):
        Session(ew.KAN([2, 2]), x, x, ["a", "b"]).use_formula("a")


BAD_CALLS = [
    ("prune_edge", ((0, 3, 0),), r"Layer 0 has edges \(0..1, 0..1\). Got \(3, 0\)"),
    ("prune_edge", ((2, 0, 0),), "layers 0 to 1. Got 2"),
    ("prune_edge", ((0, 0),), r"An edge is \(layer, j, i\)"),
    ("prune_edge", ((0, 0, True),), r"An edge is \(layer, j, i\)"),
    ("prune_edge", ("edge",), r"An edge is \(layer, j, i\)"),
    ("prune_edge", (), r"prune_edge takes \(edge\): missing"),
    ("prune_edge", ((0, 0, 0), 3), "too many"),
    ("prune_ege", (), "Unknown action 'prune_ege'. Known: prune_edge"),
    ("restore_edge", ((0, 0, 0),), "is there already"),
    ("remove_node", ((0, 0),), "Nodes that edges enter"),
    ("remove_node", ((2, 0),), "Outputs cannot"),
    ("remove_node", ((1, 7),), "nodes before layer 1 are 0 to 1"),
    ("set_function", ((0, 0, 0), "sine"), "Unknown function 'sine'"),
    ("set_function", ((0, 0, 0), None), "'function' must|Unknown function None"),
    ("set_function", ((0, 0, 0), "sin", (1, 2)), "four finite numbers"),
    ("set_function", ((0, 0, 0), "sin", (1, 2, 3, float("nan"))), "finite number"),
    ("to_spline", ((0, 0, 0),), "is a spline already"),
    ("refit", (0,), "'steps' must be an int >= 1. Got 0"),
    ("refit", (1.5,), "'steps' must be an int >= 1"),
    ("refine", ("2",), "'factor' must be"),
    ("fit", ("fine",), "'grids' must be"),
    ("fit", ([0],), "'grids' must be"),
    ("fit", (None, -1.0), "'sparsity' must be"),
    ("prune", (2.0,), "'threshold' must be"),
    ("prune", (None, "edges"), "'cuts' must be"),
    ("prune", (None, {"wat": "edges"}), "Unknown field of a Cut 'wat'. Known: what"),
    ("prune", (None, {"what": "edges"}), "needs a limit"),
    ("prune", (None, (), 1), "'merge' must be"),
    ("prune", (None, (), True, 0.5), "'slack' must be"),
    ("snap_all", (0.5,), "'slack' must be"),
    ("snap_all", (None, 1), "'rounding' must be"),
    ("monotone", ((0, 0, 0), "sideways"), "Unknown direction"),
    ("smooth", ((0, 0, 0), -1), "'weight' must be"),
    ("forbid", ("sine",), "Unknown function 'sine'"),
    ("forbid", (3,), "names of functions"),
    ("require", ((0, 0, 0), [3]), "names of functions"),
    ("add_nodes", (1, 0), "width of KAN"),
    ("add_nodes", (0, 1), "'depth' must be"),
    ("add_nodes", ("one", 1), "'depth' must be an int"),
    ("lock", ([],), r"An edge is \(layer, j, i\)"),
]


@pytest.mark.parametrize(("name", "given", "message"), BAD_CALLS, ids=range(len(BAD_CALLS)))
def test_a_step_that_cannot_be_taken_says_why(name, given, message) -> None:
    with pytest.raises(ew.InputError, match=message) as caught:
        begin().apply(name, *given)
    assert "\n" not in str(caught.value)


def test_places_that_are_not_there_are_refused() -> None:
    session = begin()
    for call, message in [
        (lambda: session.undo(), "This is the start"), (lambda: session.redo(), "nothing to redo"),
        (lambda: session.undo(0), "'steps' must"), (lambda: session.goto(1), "states 0 to 0. Got 1"),
        (lambda: session.goto(-1), "states 0 to 0"), (lambda: session.goto("mane"), "Unknown branch 'mane'"),
        (lambda: session.branch("main"), "a branch 'main' already"), (lambda: session.branch(""), "name is a text"),
        (lambda: session.compare(0, 3), "states 0 to 0. Got 3"), (lambda: session.note(3), "note is a text"),
        (lambda: session.suggest((0, 9, 9)), "Layer 0 has edges"), (lambda: session.suggest("a"), "An edge is"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            call()


def test_rows_that_do_not_fit_are_refused() -> None:
    x, y = rows()
    bad = y.clone()
    bad[3] = float("nan")
    model = ew.KAN([2, 1])
    for arguments, message in [
        ((model, x[:, :1], y), "takes 2 input columns"), ((model, x, y[:5]), "equally many rows"),
        ((model, x, bad), "row 3"), ((model, x, y, ["a"]), "2 names"), ((model, x, y, ["a", "a"]), "different texts"),
        (("model", x, y), "begins with an edgewise.KAN"), ((model, x[:1], y[:1]), "at least 3 rows"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            Session(*arguments)


def test_names_come_from_a_data_frame_and_the_start_is_a_copy() -> None:
    x, y = rows()
    model = ew.KAN([2, 1], dtype=torch.float32)
    session = Session(model, pd.DataFrame(x.numpy(), columns=["mass", "speed"]), np.asarray(y))
    assert session.names == ["mass", "speed"] and session.model.dtype == torch.float64
    with torch.no_grad():
        model.layers[0].coefficients.zero_()
        session.model.layers[0].coefficients.zero_()
    assert bool(session.model.layers[0].coefficients.any())


def test_several_outputs_have_several_formulas() -> None:
    x, _ = rows()
    session = Session(ew.KAN([2, 2]), x, x.flip(1), ["a", "b"], target=["p", "q"])
    for j in range(2):
        session = session.prune_edge((0, j, j)).set_function((0, j, 1 - j), "x", (1, 0, 1, 0))
    assert [str(f) for f in session.formula()] == ["b", "a"]
    assert session.error < 1e-12 and "target=['p', 'q']" in session.script()


def test_an_action_whose_argument_nobody_reads_is_refused_where_it_is_made() -> None:
    def sharpen(self: Any, strength: float) -> None: ...

    with pytest.raises(TypeError, match="The action sharpen takes 'strength': say in READERS"):
        acting()(sharpen)
    assert "sharpen" not in ACTIONS
