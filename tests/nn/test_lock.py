"""Edges with rules: locked ones keep their functions in every training, monotone ones their direction."""

from __future__ import annotations

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew
from edgewise.nn import Layout, Pass, Rule, layer_of

QUICK = ew.Options(restarts=2)


def rows(n: int = 150, d: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1


def target(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(torch.sin(x[:, 0])) + x[:, 1] ** 2


def edge_values(model: ew.KAN, edge: tuple[int, int, int], h: torch.Tensor) -> torch.Tensor:
    depth, j, i = edge
    layer = layer_of(model, depth)
    with torch.no_grad():
        return layer.edges(h.unsqueeze(1).repeat(1, layer.n_in))[:, j, i]


SPLINE, SYMBOLIC, LAST = (0, 0, 1), (0, 1, 0), (1, 0, 1)


@pytest.fixture
def locked_network():
    """A network of a spline and a symbolic edge in the first layer and a spline in the last, all three locked."""

    def make(basis: str = "bspline", base: str | None = None, **more) -> ew.KAN:
        model = ew.KAN([2, 2, 1], grid=4, basis=basis, base=base, seed=3, domain=(-1.5, 3.5), **more)
        model = ew.nn.set_function(model, *SYMBOLIC, "sin", (1.1, 0.2, 0.9, -0.1))
        return ew.nn.lock(model, [SPLINE, SYMBOLIC, LAST])

    return make


SOLVERS = {
    "lm": "lm",
    "cg": ew.optim.CG(steps=4),
    "lbfgs": ew.optim.LBFGS(steps=12),
    "adam": ew.optim.Adam(epochs=3, batch=50, weight_decay=0.1),
    "adam32": ew.optim.Adam(epochs=3, batch=50, precision="float32"),
}


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("grids", ["auto", [6], [4, 8]], ids=str)
def test_fit_leaves_locked_functions_alone(locked_network, solver, grids) -> None:
    if grids == "auto" and solver in ("cg", "adam32"):
        grids = None
    model, x = locked_network(), rows()
    before = torch.linspace(-6, 8, 200, dtype=torch.float64)
    fit = ew.fit(model, x, target(x), grids=grids, solver=SOLVERS[solver], options=QUICK)
    for edge in (SPLINE, SYMBOLIC, LAST):
        old, new = edge_values(model, edge, before), edge_values(fit.model, edge, before)
        assert (new - old).abs().max() <= 1e-12 * old.abs().max(), edge
    assert torch.equal(fit.model.layers[0].affine[1, 0], model.layers[0].affine[1, 0])
    others = [(0, 0, 0), (0, 1, 1), (1, 0, 0)]
    assert any((edge_values(fit.model, e, before) - edge_values(model, e, before)).abs().max() > 1e-3 for e in others)


@pytest.mark.parametrize("basis", ew.bases.BASES)
@pytest.mark.parametrize("base", [None, "silu"])
def test_grids_do_not_move_under_a_locked_spline_of_any_basis(locked_network, basis, base) -> None:
    model, x = locked_network(basis, base), rows(300) * 5
    h = torch.linspace(-20, 30, 300, dtype=torch.float64)
    for grid in (None, 3, 4, 8, 11, 12):
        moved = ew.nn.adapt_grid(model, x, grid)
        for edge in (SPLINE, LAST):
            old, new = edge_values(model, edge, h), edge_values(moved, edge, h)
            assert (new - old).abs().max() <= 1e-11 * old.abs().max()
        assert moved.layers[0].grid == (4 if basis == "rbf" else 4 * max(1, (grid or 4) // 4))
        lo, hi = moved.layers[0].basis.ends(moved.layers[0].knots)
        assert lo[0] < -4 and hi[0] > 14  # the other input's knots follow the rows
        assert (float(lo[1]), float(hi[1])) == (-1.5, 3.5)
    fine = ew.nn.refine_grid(model, 3)
    old, new = edge_values(model, SPLINE, h), edge_values(fine, SPLINE, h)
    assert (new - old).abs().max() <= 1e-11 * old.abs().max()


def test_adapting_at_the_same_grid_keeps_the_bits(locked_network) -> None:
    model = locked_network()
    moved = ew.nn.adapt_grid(model, rows())
    assert torch.equal(moved.layers[0].coefficients[0, 1], model.layers[0].coefficients[0, 1])
    assert torch.equal(moved.layers[0].knots[1], model.layers[0].knots[1])


def test_the_flat_vector_and_the_jacobian_leave_locked_edges_out(locked_network) -> None:
    model, x = locked_network(), rows(30)
    free = ew.nn.unlock(model, [SPLINE, SYMBOLIC, LAST])
    layout = Layout(model)
    assert Layout(free).size == layout.size + 2 * 7 + 4
    vector = layout.read(model)
    jacobian = Pass(model, x).jacobian(layout)[:, 0]
    for k in range(layout.size):
        moved = ew.nn.clone(model)
        moved_vector = vector.clone()
        moved_vector[k] += 1e-6
        layout.write(moved, moved_vector)
        slope = (moved(x) - model(x))[:, 0].detach() / 1e-6
        torch.testing.assert_close(slope, jacobian[:, k], rtol=1e-4, atol=1e-5)
    spare = ew.nn.clone(model)
    layout.write(spare, torch.zeros(layout.size, dtype=torch.float64))
    assert torch.equal(spare.layers[0].coefficients[0, 1], model.layers[0].coefficients[0, 1])
    assert torch.equal(spare.layers[0].affine[1, 0], model.layers[0].affine[1, 0])


def test_a_network_of_locked_edges_only_is_returned_as_it_is() -> None:
    x = rows(60, 1)
    model = ew.nn.lock(ew.KAN([1, 1]), [(0, 0, 0)])
    for solver in ("auto", "lm", "cg", ew.optim.Adam(epochs=2), ew.optim.LBFGS(steps=2)):
        fit = ew.fit(model, x, torch.sin(x[:, 0]), solver=solver)
        assert torch.equal(fit.model(x), model(x))
    table = ew.train.as_table(x, x[:, 0], None, 1, 1)
    assert torch.equal(ew.train.refit(model, table, 5)[0](x), model(x))


def test_fresh_starts_and_draws_spare_locked_edges(locked_network) -> None:
    model = locked_network(base="silu")
    layer = ew.nn.clone(model).layers[0]
    layer.reset_parameters(torch.Generator().manual_seed(9))
    assert torch.equal(layer.coefficients[0, 1], model.layers[0].coefficients[0, 1])
    assert torch.equal(layer.base_weight[0, 1], model.layers[0].base_weight[0, 1])
    assert not torch.equal(layer.coefficients[0, 0], model.layers[0].coefficients[0, 0])


def test_rules_travel_with_their_edges(locked_network, tmp_path) -> None:
    model = ew.nn.require(locked_network(), 1, 0, 0, ["sin", "x^2/3"])
    model = ew.nn.smooth(ew.nn.monotone(model, 1, 0, 1, "down"), 0, 0, 0, 0.5)
    rules = [dict(layer.rules) for layer in model.layers]
    assert rules[1] == {(0, 0): Rule(functions=("sin", "x^2/3")), (0, 1): Rule(locked=True, monotone=-1)}
    ew.save(model, tmp_path / "m.safetensors")
    other = ew.KAN([2, 2, 1], grid=4)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for again in (ew.load(tmp_path / "m.safetensors"), other, ew.nn.clone(model)):
        assert [layer.rules for layer in again.layers] == rules
    other.layers[0].set_extra_state({"basis": "bspline", "symbols": []})  # as of an older edgewise
    assert other.layers[0].rules == {}
    mask = ew.nn.remove_edges(model, [(1, 0, 0)])
    slim = ew.nn.compact(mask, rows())
    assert slim.widths == [2, 1, 1]
    assert slim.layers[0].rules == {(0, 0): Rule(locked=True)}  # what was (1, 0)
    assert slim.layers[1].rules == {(0, 0): Rule(locked=True, monotone=-1)}


def test_constants_go_to_an_edge_that_is_free() -> None:
    model = ew.nn.lock(ew.KAN([3, 1]), [(0, 0, 0)])
    ew.nn.add_constant(model.layers[0], torch.tensor([2.0]))
    assert torch.equal(model.layers[0].coefficients[0, 0], ew.KAN([3, 1]).layers[0].coefficients[0, 0])
    x = rows(9, 3)
    torch.testing.assert_close(model(x), ew.KAN([3, 1])(x) + 2)


def test_nodes_are_locked_by_the_edges_that_enter_them() -> None:
    model = ew.nn.remove_edges(ew.KAN([2, (1, 1), 1]), [(0, 1, 0)])
    assert ew.nn.edges_of_node(model, 1, 1) == [(0, 1, 1), (0, 2, 0), (0, 2, 1)]
    assert ew.nn.edges_of_node(model, 2, 0) == [(1, 0, 0), (1, 0, 1)]
    for depth, q, message in [(0, 0, "layers 1 to 2"), (3, 0, "layers 1 to 2"), (1, 2, "are 0 to 1"), ("a", 0, "Got")]:
        with pytest.raises(ew.InputError, match=message):
            ew.nn.edges_of_node(model, depth, q)  # type: ignore[arg-type]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_the_nearest_ascending_numbers_are_those_of_pooling(values: list[float]) -> None:
    from scipy.optimize import isotonic_regression

    from edgewise.nn import ascending

    given_values = torch.tensor(values, dtype=torch.float64)
    found = ascending(given_values)
    assert bool((found.diff() >= 0).all())
    expected = torch.from_numpy(isotonic_regression(values).x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * (1 + float(given_values.abs().max())))


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_a_monotone_edge_ends_monotone_and_near_the_best_one(direction, solver) -> None:
    sign = 1 if direction == "up" else -1
    x = torch.linspace(-1, 1, 200, dtype=torch.float64).unsqueeze(1)
    y = sign * (x[:, 0] + 0.6 * torch.sin(6 * x[:, 0]))
    model = ew.nn.monotone(ew.KAN([1, 1], grid=8), 0, 0, 0, direction)
    chosen = solver if solver == "lm" else ew.optim.LBFGS(steps=200)
    fit = ew.fit(model, x, y, grids=[8], solver=chosen)
    fine = torch.linspace(-1.5, 1.5, 3000, dtype=torch.float64).unsqueeze(1)
    with torch.no_grad():
        assert bool((sign * fit.model(fine)[:, 0].diff() >= -1e-12).all())
    from scipy.optimize import isotonic_regression

    best = float((torch.from_numpy(isotonic_regression(sign * y).x) - sign * y).square().mean().sqrt())
    assert fit.train_error < (1.25 if solver == "lm" else 2.0) * best


def test_a_monotone_target_is_fitted_as_well_as_without_the_rule() -> None:
    x = rows(200, 2)
    y = torch.exp(x[:, 0]) + torch.sin(2 * x[:, 1])
    held = ew.nn.monotone(ew.KAN([2, 1]), 0, 0, 0, "up")
    errors = [ew.fit(model, x, y, grids=[10]).train_error for model in (held, ew.KAN([2, 1]))]
    assert errors[0] < 1.01 * errors[1]


def test_refit_holds_shapes_too() -> None:
    x = torch.linspace(-1, 1, 100, dtype=torch.float64).unsqueeze(1)
    y = torch.sin(5 * x[:, 0])
    table = ew.train.as_table(x, y, None, 1, 1)
    model = ew.nn.monotone(ew.KAN([1, 1], grid=8), 0, 0, 0, "up")
    new, error = ew.train.refit(model, table, 20)
    assert bool((new.layers[0].coefficients.diff(dim=-1) >= 0).all())
    assert error == pytest.approx(ew.train.error_of(new, table))
    rough, smooth = (
        ew.train.refit(ew.nn.smooth(ew.KAN([1, 1], grid=20), 0, 0, 0, weight), table, 30)[0] for weight in (0.0, 10.0)
    )
    bends = [float(m.layers[0].coefficients.detach().diff(2).square().sum()) for m in (rough, smooth)]
    assert bends[1] < 0.1 * bends[0]


def test_a_symbolic_edge_a_wave_and_a_base_are_not_held_in_shape() -> None:
    symbolic = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin")
    for call in (lambda: ew.nn.monotone(symbolic, 0, 0, 0, "up"), lambda: ew.nn.smooth(symbolic, 0, 0, 0, 1.0)):
        with pytest.raises(ew.InputError, match="is sin: only splines"):
            call()
    for model in (ew.KAN([1, 1], basis="fourier"), ew.KAN([1, 1], base="silu")):
        with pytest.raises(ew.InputError, match="Only splines without a base"):
            ew.nn.monotone(model, 0, 0, 0, "up")
    with pytest.raises(ew.InputError, match="Known: up"):
        ew.nn.monotone(ew.KAN([1, 1]), 0, 0, 0, "upp")
    for weight in (-1.0, float("nan"), True, "much"):
        with pytest.raises(ew.InputError, match="'weight' must be"):
            ew.nn.smooth(ew.KAN([1, 1]), 0, 0, 0, weight)  # type: ignore[arg-type]
    with pytest.raises(ew.InputError, match="list of names"):
        ew.nn.require(ew.KAN([1, 1]), 0, 0, 0, "sin")
    with pytest.raises(ew.InputError, match="Unknown function 'sine'"):
        ew.nn.require(ew.KAN([1, 1]), 0, 0, 0, ["sine"])
    with pytest.raises(ew.InputError, match=r"Layer 0 has edges"):
        ew.nn.lock(ew.KAN([1, 1]), [(0, 1, 0)])


@pytest.mark.parametrize(
    "row", [{"lock": True}, {"locked": 1}, {"monotone": True}, {"smooth": -1}, {"functions": "x"}, 3]
)
def test_a_rule_that_says_nonsense_is_refused(row) -> None:
    with pytest.raises(ValueError, match=r"fields|values|functions"):
        Rule.of(row)


def test_replaced_edges_leave_their_mean_and_come_back() -> None:
    model, x = ew.KAN([3, 2, 1], seed=1), rows(50, 3)
    cut = ew.nn.replace_by_mean(model, (0, 1, 2), x)
    edges = ew.nn.trace(model, x).edges[0]
    torch.testing.assert_close(
        ew.nn.trace(cut, x).subnodes[0][:, 1], edges[:, 1, :2].sum(-1) + edges[:, 1, 2].mean(), rtol=1e-12, atol=1e-12
    )
    back = ew.nn.center(ew.nn.restore_edges(cut, [(0, 1, 2)]), (0, 1, 2), x)
    torch.testing.assert_close(back(x), model(x), rtol=1e-12, atol=1e-12)
    with pytest.raises(ew.InputError, match="removed already"):
        ew.nn.replace_by_mean(cut, (0, 1, 2), x)
    only = ew.nn.remove_edges(model, [(1, 0, 0)])
    with pytest.raises(ew.InputError, match="only one into its node"):
        ew.nn.replace_by_mean(only, (1, 0, 1), x)


def test_removed_nodes_leave_their_mean() -> None:
    model, x = ew.KAN([2, (1, 2), 1], seed=1), rows(50)
    less = ew.nn.remove_node(model, 1, 1, x)
    edges = ew.nn.trace(model, x).edges[1][:, 0]
    torch.testing.assert_close(less(x)[:, 0], edges[:, 0] + edges[:, 2] + edges[:, 1].mean(), rtol=1e-12, atol=1e-12)
    assert ew.nn.compact(less, x).widths == [2, (1, 1), 1]
    for depth, q, message in [(2, 0, "Outputs"), (1, 1, "removed already"), (0, 0, "layers 1")]:
        with pytest.raises(ew.InputError, match=message):
            ew.nn.remove_node(less, depth, q, x)
    with pytest.raises(ew.InputError, match="all that subnode 0"):
        ew.nn.remove_node(ew.KAN([2, 1, 1]), 1, 0, x)


@pytest.mark.parametrize("basis", ["bspline", "chebyshev"])
def test_an_edge_that_is_zero_learns_where_cells_are_empty(basis) -> None:
    """Continuation expects of empty cells what the others are like, which a new edge does not know yet."""
    x = rows(60, 1).square()
    x[0] = 40.0
    model = ew.nn.add_input(ew.KAN([1, 1], grid=5, basis=basis), x[:, 0] / 3)
    both = torch.cat([x, x / 3], dim=1)
    fit = ew.fit(ew.nn.remove_edges(model, [(0, 0, 0)]), both, torch.sin(x[:, 0] / 20), grids=None)
    assert fit.train_error < 1e-2


def test_a_new_input_changes_nothing_until_it_is_trained() -> None:
    x = rows(120)
    beta = x[:, 0] / (x[:, 1] + 3)
    model = ew.nn.lock(ew.nn.set_function(ew.KAN([2, 2, 1], seed=2), 0, 1, 0, "sin"), [(0, 0, 0)])
    wide = ew.nn.add_input(model, beta)
    both = torch.cat([x, beta.unsqueeze(1)], dim=1)
    assert torch.equal(wide(both), model(x))
    assert wide.layers[0].rules == model.layers[0].rules and wide.layers[0].symbols == model.layers[0].symbols
    assert ew.fit(wide, both, torch.sin(beta), grids=[4], options=QUICK).train_error < 1e-2
    for bad in (beta.unsqueeze(1), beta[:0], beta * float("nan")):
        with pytest.raises(ew.InputError, match="column of finite numbers"):
            ew.nn.add_input(model, bad)
