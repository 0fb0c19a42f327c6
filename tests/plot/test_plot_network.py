"""The picture of a network: nothing lies on anything else, what is drawn is what is there, and it can be printed."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch
from matplotlib.text import Text

import edgewise as ew
from edgewise import plot

LONG = ["body mass index (kg/m²)", "age", "average blood pressure (mm Hg)", "lambda", "serum cholesterol"]


def rows(n: int, columns: int, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    unit = torch.rand(n, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return low + (high - low) * unit


def thinned(model: ew.KAN, share: float) -> ew.KAN:
    """The network without that share of its first layer's edges."""
    edges = [(0, j, i) for j, i in model.layers[0].mask.nonzero().tolist()]  # type: ignore[union-attr,operator]
    gone = np.random.default_rng(0).choice(len(edges), round(share * len(edges)), replace=False)
    return ew.nn.remove_edges(model, [edges[k] for k in gone])


def symbolic(widths: list, constants: tuple[float, float, float, float]) -> ew.KAN:
    model, functions = ew.KAN(widths), itertools.cycle(["sin", "x^2", "exp", "x", "x^1.5", "tanh", "1/x^2", "abs"])
    for depth, layer in enumerate(model.layers):
        for j, i in layer.mask.nonzero().tolist():  # type: ignore[union-attr,operator]
            model = ew.nn.set_function(model, depth, j, i, next(functions), constants)
    return model


NEWTON = ["m_1", "m_2", "x_1", "x_2", "y_1", "y_2", "G"]
PLANCK = ["h", "omega", "k_B", "T"]
CASES: dict[str, tuple] = {
    "one edge": (ew.KAN([1, 1]), {}),
    "2 inputs": (ew.KAN([2, 5, 1]), {"names": ["x", "y"], "target": "f"}),
    "6 inputs": (ew.KAN([6, 3, 1]), {"names": ["age", "bmi", "lambda", "theta_1", "x12", "blood pressure"]}),
    "6 inputs, few edges": (thinned(ew.KAN([6, 3, 1]), 0.5), {}),
    "20 inputs": (ew.KAN([20, 5, 1]), {}),
    "20 inputs, a third of the edges": (thinned(ew.KAN([20, 5, 1]), 0.67), {}),
    "20 inputs, long names": (
        ew.KAN([20, 2, 1]),
        {"names": [LONG[k % 5] + f" {k}" for k in range(20)], "target": "disease progression after one year"},
    ),
    "20 inputs, products": (ew.KAN([20, (0, [2, 3]), 2]), {}),
    "20 inputs as levels": (thinned(ew.KAN([20, 3, 1]), 0.3), {"layout": "levels"}),
    "products": (ew.KAN([2, (2, 2), 1]), {}),
    "products of 2 to 5": (ew.KAN([4, (1, [2, 3, 5]), (1, [2]), 1]), {"names": ["m_1", "m_2", "r", "gamma"]}),
    "three hidden layers": (ew.KAN([3, 4, 4, 3, 1]), {}),
    "the same as a grid": (ew.KAN([3, 4, (2, 1), 3, 2]), {"layout": "grid", "target": ["first one", "second one"]}),
    "five outputs": (ew.KAN([3, 4, 5]), {"target": ["pressure", "density", "temperature", "u_x", "u_y"]}),
    "eight long outputs": (ew.KAN([3, 4, 8]), {"target": [f"a rather long output {k}" for k in range(8)]}),
    "one layer of 30 outputs": (ew.KAN([3, 30]), {}),
    "long names": (ew.KAN([3, 2, 1]), {"names": LONG[:3], "target": "quantitative measure of disease progression"}),
    "snake case": (ew.KAN([4, 2, 1]), {"names": [f"a_long_column_name_{k}" for k in range(4)]}),
    "symbols": (symbolic([3, 2, 1], (1.0, 0.0, 1.0, 0.0)), {}),
    "symbols, long constants": (symbolic([3, 2, 1], (1.2345, -9.87e-4, 3.14159e5, -2.71828)), {"names": LONG[:3]}),
    "symbols in a grid": (symbolic([5, 4, 2], (2.5, 0.0, 1.0, -0.5)), {"layout": "grid"}),
    "Newton": (
        ew.symbolic.network_of("G*m_1*m_2/((x_2-x_1)**2+(y_2-y_1)**2)", NEWTON),
        {"names": NEWTON, "target": "F"},
    ),
    "Planck": (
        ew.symbolic.network_of("h*omega**3/(exp(h*omega/(k_B*T))-1)/5", PLANCK),
        {"names": PLANCK, "target": "L_rad"},
    ),
    "mixed": (ew.nn.set_function(ew.KAN([3, (1, [2]), 1]), 0, 0, 0, "sin", (3.0, 0.2, 1.5, 0.0)), {}),
    "edges left out": (ew.KAN([6, 4, 1]), {"least": 0.2}),
}
NARROW = ["2 inputs", "products", "Newton", "Planck", "long names", "symbols", "6 inputs, few edges"]


class Drawn:
    """A picture with the extents of everything in it, in pixels."""

    def __init__(self, ax: Axes) -> None:
        figure = ax.get_figure(root=True)
        assert figure is not None
        self.ax, self.figure = ax, figure
        self.renderer = FigureCanvasAgg(figure).get_renderer()
        self.boxes = {str(p.get_gid()): self.outline(p) for p in ax.patches if isinstance(p, FancyBboxPatch)}
        self.texts = {str(t.get_gid()): self.turned(t) for t in ax.texts}
        self.lines = {str(p.get_gid()): self.along(p) for p in ax.patches if str(p.get_gid()).endswith("-line")}
        nodes = [patch for patch in ax.patches if str(patch.get_gid()).startswith("node")]
        self.nodes = {str(patch.get_gid()): self.outline(patch) for patch in nodes}

    def outline(self, patch: Patch) -> np.ndarray:
        return np.asarray(patch.get_window_extent(self.renderer).corners())[[0, 1, 3, 2]]

    def turned(self, text: Text) -> np.ndarray:
        """The corners of a text: its rectangle, turned about its anchor."""
        angle = math.radians(text.get_rotation())
        text.set_rotation(0)
        corners = np.asarray(text.get_window_extent(self.renderer).corners())[[0, 1, 3, 2]]
        text.set_rotation(math.degrees(angle))
        anchor = self.ax.transData.transform(text.get_position())
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        return (corners - anchor) @ turn.T + anchor

    def along(self, patch: Patch) -> np.ndarray:
        """Points along the two parts of an edge's line."""
        path = patch.get_transform().transform_path(patch.get_path())
        step, points = np.linspace(0, 1, 60)[:, None], []
        for part in path.to_polygons(closed_only=False):
            points += [a + (b - a) * step for a, b in itertools.pairwise(np.asarray(part))]
        return np.concatenate(points)


def apart(a: np.ndarray, b: np.ndarray, slack: float) -> bool:
    """Whether two convex polygons have a line between them, or overlap by less than `slack` pixels."""
    for polygon in (a, b):
        for side in np.roll(polygon, -1, axis=0) - polygon:
            axis = np.array([-side[1], side[0]]) / (np.hypot(*side) or 1.0)
            if max((a @ axis).min() - (b @ axis).max(), (b @ axis).min() - (a @ axis).max()) > -slack:
                return True
    return False


def inside(points: np.ndarray, polygon: np.ndarray, slack: float) -> np.ndarray:
    """Which points lie in a rectangle, further than `slack` from its sides."""
    across, up = polygon[1] - polygon[0], polygon[3] - polygon[0]
    found = np.ones(len(points), dtype=bool)
    for side in (across, up):
        length = np.hypot(*side)
        depth = (points - polygon[0]) @ side / length
        found &= (depth > slack) & (depth < length - slack)
    return found


def collisions(picture: Drawn) -> list[str]:
    """What lies on what: names, boxes and nodes on each other, lines in names and in boxes."""
    names = {gid: corners for gid, corners in picture.texts.items() if not gid.endswith("formula")}
    solid = list((names | picture.boxes | picture.nodes).items())
    found = [f"{one} on {two}" for (one, a), (two, b) in itertools.combinations(solid, 2) if not apart(a, b, 1.0)]
    for line, points in picture.lines.items():
        found += [f"{line} in {gid}" for gid, a in names.items() if inside(points, a, 2.0).any()]
        found += [f"{line} in {gid}" for gid, a in picture.boxes.items() if inside(points, a, 1.0).any()]
    return found


@cache
def draw(case: str, **more: Any) -> Drawn:
    model, options = CASES[case]
    return Drawn(plot.network(model, rows(120, model.n_in, 0.5, 1.5), **(options | more)))


@pytest.mark.parametrize("case", CASES)
def test_nothing_lies_on_anything_else_and_all_is_within(case: str) -> None:
    picture = draw(case)
    assert collisions(picture) == []
    size = picture.figure.get_size_inches() * picture.figure.dpi
    for gid, corners in (picture.texts | picture.boxes).items():
        assert (corners > -0.5).all() and (corners < size + 0.5).all(), f"{gid} leaves the figure"
    for gid, corners in picture.texts.items():
        if gid.endswith("formula"):
            box = picture.boxes[gid.replace("formula", "box")]
            assert inside(corners, box, -0.5).all(), f"{gid} leaves its box"


@pytest.mark.parametrize("case", NARROW)
def test_small_networks_fit_a_column(case: str) -> None:
    picture = draw(case, width=3.35)
    assert picture.figure.get_figwidth() <= 3.36
    assert collisions(picture) == []


@pytest.mark.parametrize("case", CASES)
def test_it_can_be_read_in_print(case: str) -> None:
    picture = draw(case)
    assert all(float(text.get_fontsize()) >= 6.5 for text in picture.ax.texts)
    sides = [np.ptp(box, axis=0).min() / picture.figure.dpi for box in picture.boxes.values()]
    assert min(sides) > 0.19
    if case not in ("20 inputs, long names", "20 inputs as levels"):
        assert picture.figure.get_figwidth() <= 7.01


def test_wide_layers_become_a_grid_and_one_may_choose() -> None:
    assert plot.diagram(ew.KAN([6, 3, 1])).kind == "levels"
    assert plot.diagram(ew.KAN([20, 5, 1])).kind == "grid"
    assert plot.diagram(ew.KAN([6, 3, 1]), layout="grid").kind == "grid"
    assert plot.diagram(ew.KAN([6, 3, 1]), width=3.35).kind == "grid"
    few = [(0, j, i) for j in range(5) for i in range(20) if (i + j) % 5]
    assert plot.diagram(ew.KAN([20, 5, 1]), hidden=few).kind == "levels"


@pytest.mark.parametrize("layout", ["levels", "grid"])
@pytest.mark.parametrize("widths", [[1, 1], [3, (1, [3, 2]), (0, 1)], [3, 4, 4, 2]], ids=str)
def test_lines_lead_from_node_to_subnode(widths: list, layout: str) -> None:
    model = ew.KAN(widths)
    d = plot.diagram(model, layout=layout)
    nodes = {(node.layer, node.index): node for node in d.nodes}
    assert {edge.key for edge in d.edges} == {
        (depth, j, i)
        for depth, layer in enumerate(model.layers)
        for j, i in layer.mask.nonzero().tolist()  # type: ignore[union-attr,operator]
    }
    for edge in d.edges:
        groups = model.nodes[edge.layer + 1].groups()
        (q,) = [q for q, group in enumerate(groups) if edge.j in group]
        start, end = nodes[edge.layer, edge.i], nodes[edge.layer + 1, q]
        assert edge.start == (start.x, start.y)
        assert edge.end == end.factors[groups[q].index(edge.j)]
        for end in (edge.lines[0][-1], edge.lines[1][0]):  # the lines touch the box
            aside = [abs(p - c) - s / 2 for p, c, s in zip(end, edge.box, edge.size, strict=True)]
            assert max(aside) == pytest.approx(0, abs=1e-9)


def test_hidden_edges_are_left_out_with_a_note() -> None:
    model, x = ew.KAN([6, 4, 1]), rows(200, 6)
    scores = ew.interpret.edge_scores(model, x)
    few = sum(int((layer < 0.2).sum()) for layer in scores)
    picture = Drawn(plot.network(model, x, least=0.2))
    assert 0 < few < 28
    assert len(picture.boxes) == 28 - few
    (note,) = [text.get_text() for text in picture.ax.texts if text.get_gid() == "note"]
    assert note.replace("\n", " ") == f"{few} edges score below 0.2 and are not drawn. Not used: x3, x5"
    assert "note" not in Drawn(plot.network(model, x)).texts


@pytest.mark.parametrize("layout", ["levels", "grid"])
def test_inputs_that_no_edge_leaves_are_named_and_take_no_room(layout: Any) -> None:
    names, x = ["age", "bmi", "lambda", "theta_1", "height"], rows(9, 5)
    gone = [(0, j, i) for j in range(2) for i in range(5) if (j, i) not in ((0, 1), (0, 3))]
    model = ew.nn.compact(ew.nn.remove_edges(ew.KAN([5, 2, 1]), gone), x)
    picture = Drawn(plot.network(model, x, names=names, layout=layout))
    assert {gid for gid in picture.texts if gid.startswith("name-0")} == {"name-0-1", "name-0-3"}
    (note,) = [text.get_text() for text in picture.ax.texts if text.get_gid() == "note"]
    assert note.replace("\n", " ") == "Not used: age, lambda, height"
    alone = Drawn(plot.network(ew.KAN([2, 1, 1]), rows(9, 2), names=["bmi", "theta_1"], layout=layout))
    for part in ("edge-0-0-{}-box", "edge-1-0-0-box"):
        for old, new in ((1, 0), (3, 1)):
            (left, _), size = picture.boxes[part.format(old)][0], alone.boxes[part.format(new)][0]
            assert left == pytest.approx(size[0], abs=1.0)
    assert collisions(picture) == []


def test_an_output_stands_above_what_leads_to_it() -> None:
    model, keep = ew.KAN([4, 4, 1]), [(0, 0), (3, 3)]
    gone = [(0, j, i) for j in range(4) for i in range(4) if (j, i) not in keep] + [(1, 0, 1), (1, 0, 2), (1, 0, 3)]
    spots = {(n.layer, n.index): n for n in plot.diagram(ew.nn.remove_edges(model, gone)).nodes}
    (box,) = [e.box for e in plot.diagram(ew.nn.remove_edges(model, gone)).edges if e.layer == 1]
    assert spots[2, 0].x == pytest.approx(spots[1, 0].x, abs=0.6) == pytest.approx(box[0], abs=0.6)
    assert (0, 0) in spots and (0, 3) in spots and (0, 1) not in spots


def test_opacity_follows_the_scores() -> None:
    model, x = ew.KAN([6, 2, 1], seed=1), rows(300, 6)
    scores = ew.interpret.edge_scores(model, x)
    ax = plot.network(model, x)
    for patch in ax.patches:
        gid = str(patch.get_gid())
        if gid.endswith("-line"):
            depth, j, i = map(int, gid.split("-")[1:4])
            opacity = max(0.18, math.tanh(3 * float(scores[depth][j, i])))
            ink = np.array([0x1B, 0x2A, 0x3A]) / 255
            assert np.allclose(patch.get_edgecolor()[:3], 1 - opacity * (1 - ink), atol=1e-6)


def test_curves_are_drawn_over_the_range_of_the_data() -> None:
    model, x = ew.KAN([1, 1], seed=3), rows(200, 1, 0.2, 0.9)
    ax = plot.network(model, x)
    (graph,) = [line for line in ax.lines if line.get_gid() == "edge-0-0-0-curve"]
    (curve,) = ew.interpret.edge_curves(model, x)
    across, up = np.asarray(graph.get_xdata()), np.asarray(graph.get_ydata())
    for drawn, real in ((across, curve.x), (up, curve.y)):
        scaled = (real - real.min()) / np.ptp(real)
        assert np.allclose((drawn - drawn.min()) / np.ptp(drawn), scaled, atol=1e-9)


def test_product_nodes_are_crossed_rings_with_their_factors() -> None:
    picture = draw("products of 2 to 5", layout="levels")
    rings = [
        p for p in picture.ax.patches if str(p.get_gid()).startswith("node") and p.get_facecolor()[:3] == (1, 1, 1)
    ]
    assert {str(ring.get_gid()) for ring in rings} == {"node-1-1", "node-1-2", "node-1-3", "node-2-1"}
    d = plot.diagram(CASES["products of 2 to 5"][0])
    assert [len(node.factors) for node in d.nodes if node.kind == "product"] == [2, 3, 5, 2]
    for node in d.nodes:
        if node.kind == "product":
            assert len(set(node.factors)) == len(node.factors)


def test_formulas_and_names_are_mathematics() -> None:
    texts = {str(t.get_gid()): t.get_text() for t in draw("Planck").ax.texts}
    assert texts["name-0-1"] == r"$\omega$"
    assert texts["name-0-2"] == "$k_{B}$"
    assert r"$1/k_{B}$" in texts.values()
    assert "$e^{h_{1.3}}$" in texts.values()
    assert any(text.startswith("$1/(h_") for text in texts.values())
    long = draw("symbols, long constants").ax.texts
    assert any(t.get_text().startswith(r"$\sim") for t in long)


def test_names_are_literal_unless_they_are_mathematics() -> None:
    names = ["mass_kg", r"$\dot{T}_0$", r"\alpha^{2", "<b>x</b>", "cost $", "$a$ or $b$"]
    ax = plot.network(ew.KAN([6, 2, 1]), rows(50, 6), names=names, target="period_days")
    shown = {text.get_text(): text.get_parse_math() for text in ax.texts}
    assert {name: shown[name] for name in names} == {name: name == names[1] for name in names}
    assert shown["period_days"] is False
    Drawn(ax)


def test_endless_names_lose_their_middle() -> None:
    picture = Drawn(plot.network(ew.KAN([2, 1]), names=["a" * 500, "b c " * 200], target="z" * 61))
    shown = {str(text.get_gid()): text.get_text() for text in picture.ax.texts}
    assert shown["name-0-0"] == "a" * 30 + "…" + "a" * 30
    assert shown["name-1-0"] == "z" * 30 + "…" + "z" * 30
    assert collisions(picture) == []
    assert picture.figure.get_figwidth() < 7


def test_frames_name_their_columns() -> None:
    frame = pd.DataFrame(rows(9, 2).numpy(), columns=["speed", "mass"])
    assert {"speed", "mass"} <= {text.get_text() for text in plot.network(ew.KAN([2, 1]), frame).texts}


def test_given_axes_are_filled_and_texts_shrink_with_them() -> None:
    figure = Figure(figsize=(3, 1.2))
    ax = figure.add_axes((0, 0, 1, 1))
    assert plot.network(ew.KAN([6, 3, 1], dtype=torch.float32), rows(9, 6).numpy(), ax=ax) is ax
    assert collisions(Drawn(ax)) == []
    assert max(float(text.get_fontsize()) for text in ax.texts) < 8
    large = Figure(figsize=(6, 6)).add_axes((0, 0, 1, 1))
    plot.network(ew.KAN([2, 1]), ax=large)
    assert collisions(Drawn(large)) == []
    assert max(float(text.get_fontsize()) for text in large.texts) > 10


def test_networks_without_edges_still_show_their_nodes() -> None:
    model = ew.nn.remove_edges(ew.KAN([2, 2, 1]), [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)])
    for layout in ("levels", "grid"):
        picture = Drawn(plot.network(model, rows(9, 2), layout=layout))
        assert {"name-0-0", "name-0-1", "name-1-1", "name-2-0"} <= set(picture.texts)
        assert collisions(picture) == []


@pytest.mark.parametrize(
    "x",
    [torch.zeros(5, 2), torch.tensor([[-1.0, 2.0]]), torch.tensor([[1e-9, 1e12], [1e3, -1e12]])],
    ids=["constant", "one row", "far out"],
)
def test_odd_data_is_drawn_without_warnings(x: torch.Tensor) -> None:
    model = ew.nn.set_function(ew.KAN([2, 2, 1]), 0, 0, 0, "log", (1e-3, 0.0, math.pi / 3, 1e-300))
    figure = plot.network(model, x).get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": rows(9, 3)}, "takes 2 input columns. x has 3"),
        ({"names": ["a"]}, "'names' parameter must list 2 names"),
        ({"names": "ab"}, "'names' parameter must list 2 names"),
        ({"target": ["u", "v"]}, "'target' parameter must list 1 names"),
        ({"x": [[1.0, math.nan]]}, "x has nan in row 0"),
        ({"layout": "gird"}, "Unknown layout 'gird'. Known: grid"),
        ({"least": -1.0}, "'least' parameter must be a number between 0"),
        ({"least": "a"}, "'least' parameter must be a number"),
        ({"least": math.nan}, "'least' parameter must be a number"),
        ({"width": 0.0}, "'width' parameter must be a number between 1 "),
        ({"width": True}, "'width' parameter must be a number between 1 "),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        plot.network(ew.KAN([2, 1]), **arguments)


def test_svg_has_an_id_for_every_part_and_is_reproducible(tmp_path: Path) -> None:
    import matplotlib

    model, options = CASES["mixed"]
    pages = []
    for number in range(2):
        path = tmp_path / f"{number}.svg"
        figure = plot.network(model, rows(50, 3), **options).get_figure(root=True)
        assert figure is not None
        with matplotlib.rc_context({"svg.hashsalt": "edgewise", "svg.fonttype": "none"}):
            figure.savefig(path, metadata={"Date": None})
        pages.append(path.read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    root = ElementTree.fromstring(pages[0])
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for depth, layer in enumerate(model.layers):
        for j, i in layer.mask.nonzero().tolist():
            assert {f"edge-{depth}-{j}-{i}-{part}" for part in ("line", "box", "curve")} <= set(ids)
    assert "edge-0-0-0-formula" in ids
    assert {"node-0-0", "name-0-0", "node-1-1", "name-2-0"} <= set(ids)
    assert root.get("width", "").endswith("pt")
