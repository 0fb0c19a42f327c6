"""The tree of a function: what it says, its network, its picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.structure import Tree

S = ew.structure
Law = Callable[[Tensor], Tensor]


def table(rows: int, columns: int) -> Tensor:
    return 1 + 2 * torch.rand(rows, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def short(node: Tree) -> str:
    """A tree in one line: + * F for sums, products and functions, a bar where one more function follows."""
    if not node.children:
        return node.name
    sign = {"sum": "+", "product": "*", "function": "F"}[node.kind]
    return f"{sign}{'|' if node.outer else ''}({' '.join(map(short, node.children))})"


TREES: list[tuple[Law, int, str]] = [
    (lambda x: torch.sin(x[:, 0]), 1, "x1"),
    (lambda x: x[:, 0] * x[:, 1], 2, "*(x1 x2)"),
    (lambda x: 7 + x[:, 0] * x[:, 1], 2, "*(x1 x2)"),
    (lambda x: x[:, 0] * x[:, 1] + x[:, 2], 3, "+(*(x1 x2) x3)"),
    (lambda x: x[:, 0] + x[:, 1] ** 2 + x[:, 2].exp(), 3, "+(x1 x2 x3)"),
    (lambda x: (x[:, 0] + x[:, 1]) * (x[:, 2] + x[:, 3]), 4, "*(+(x1 x2) +(x3 x4))"),
    (lambda x: torch.sin(x[:, 0] - x[:, 1]), 2, "+|(x1 x2)"),
    (lambda x: torch.sin(x[:, 0] * x[:, 1]) * x[:, 2], 3, "*(*(x1 x2) x3)"),
    (lambda x: ((x[:, 0] - x[:, 1]) ** 2 + (x[:, 2] - x[:, 3]) ** 2).sqrt(), 4, "+|(+(x1 x2) +(x3 x4))"),
    (lambda x: 1 / (1 + torch.exp(-x[:, 0] * (x[:, 1] - x[:, 2]))), 3, "*|(x1 +(x2 x3))"),
    (lambda x: torch.exp(x[:, 0] * x[:, 1] - x[:, 2] / x[:, 3]), 4, "*(*(x1 x2) *(x3 x4))"),
    (lambda x: x[:, 0] * x[:, 1] + x[:, 1] * x[:, 2] + x[:, 0] ** 2 * x[:, 2], 3, "F(x1 x2 x3)"),
    (lambda x: (x[:, 0] - x[:, 1]) ** 2 * x[:, 2] + torch.exp(x[:, 0] - x[:, 1]), 3, "F(+(x1 x2) x3)"),
]


@pytest.mark.parametrize("number", range(len(TREES)))
def test_trees_of_exact_laws(number: int) -> None:
    law, columns, said = TREES[number]
    x = table(200, columns + 1)  # the last column does nothing
    tree = S.tree(S.surrogate(x, law))
    assert short(tree) == said
    assert tree.inputs == columns + 1 and tree.columns == tuple(range(columns))
    _check_columns(tree)


def _check_columns(node: Tree) -> None:
    below = [column for child in node.children for column in child.columns]
    assert not node.children or tuple(sorted(below)) == node.columns
    assert all(finding.holds for finding in node.findings)
    for child in node.children:
        _check_columns(child)


def test_a_noisy_table_gives_its_tree() -> None:
    x = table(500, 4)
    y = x[:, 0] * torch.exp(-((x[:, 1] - x[:, 2]) ** 2)) + x[:, 3]
    noise = torch.randn(500, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tree = S.tree(S.surrogate(x, y + 0.01 * y.std() * noise, names=["a", "b", "c", "d"]))
    assert str(tree).splitlines() == [
        "sum",
        "├─ product",
        "│  ├─ a",
        "│  └─ sum b - c",
        "│     ├─ b",
        "│     └─ c",
        "└─ d",
    ]


@pytest.mark.parametrize(("law", "joined"), [
    (lambda x: torch.exp(x[:, 0] / x[:, 1]), "product x1/x2"),
    (lambda x: torch.sin(x[:, 0] ** 2 * x[:, 1]), "product x1^2 x2"),
    (lambda x: torch.tanh(x[:, 0] ** 2 + 2 * x[:, 1] ** 2), "sum x1^2 + 2 x2^2"),
    (lambda x: torch.tanh(1 / x[:, 0] - 1 / x[:, 1]), "sum x1^-1 - x2^-1"),
])  # fmt: skip
def test_closed_forms_are_named(law: Law, joined: str) -> None:
    tree = S.tree(S.surrogate(table(200, 2), law))
    assert tree.label == f"function of a {joined}"


@pytest.mark.parametrize("number", range(len(TREES)))
def test_the_network_has_the_shape_of_the_tree(number: int) -> None:
    """The output depends on a column only if the tree does, and on the columns of a group through its node alone."""
    law, columns, _ = TREES[number]
    x = table(60, columns + 1)
    tree = S.tree(S.surrogate(x, law))
    model = S.network(tree, grid=3, seed=1)
    assert model.n_in == columns + 1 and model.n_out == 1
    assert len(model.layers) == tree.level + (tree.outer or not tree.children)
    found = S.surrogate(x, model)
    assert S.irrelevant(found, columns).holds
    for child in tree.children:
        if len(child.columns) > 1:
            assert S.separable(found, list(child.columns)).statistic < 1e-9
    if tree.children and tree.kind != "function" and not tree.outer:
        test = S.additive if tree.kind == "sum" else S.offset_product
        assert test(found, list(tree.children[0].columns)).statistic < 1e-9


def test_the_network_of_a_tree_is_fitted() -> None:
    x = table(300, 4)
    y = torch.sqrt(x[:, 0] ** 2 + x[:, 1] ** 2) * x[:, 2]
    model = S.network(S.tree(S.surrogate(x, y)))
    assert model.widths == [4, 2, (0, 1)]
    fit = ew.fit(model, x, y, grids=[5, 10])
    assert fit.train_error < 1e-3 * float(y.std())


def test_what_is_handed_on_stays_as_it_is() -> None:
    x = table(100, 3)
    tree = S.tree(S.surrogate(x, lambda x: torch.sin(x[:, 0] - x[:, 1]) + x[:, 2]))
    model = S.network(tree)
    same = [(j, i) for layer in model.layers[:-1] for (j, i), name in layer.symbols.items() if name == "x"]
    assert same == [(1, 2)]
    fit = ew.fit(model, x, x[:, 0] + x[:, 2] ** 2, grids=[3], options=ew.Options(restarts=1))
    assert fit.model.layers[0].affine[1, 2].tolist() == [1.0, 0.0, 1.0, 0.0]  # type: ignore[index,union-attr]


def test_a_target_of_nothing_has_no_tree() -> None:
    x = table(60, 2)
    noise = torch.randn(60, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    surrogate = S.surrogate(x, noise)
    still = S.Surrogate(lambda p: 0 * surrogate.values(p), surrogate.slopes, x, 1.0, 1.0, ("a", "b"))
    with pytest.raises(ew.InputError, match="No column does anything"):
        S.tree(still)


def test_the_picture_shows_every_node_and_no_names_overlap() -> None:
    x = table(200, 5)
    names = ["amplitude", "a_rather_long_name", "k_B", "$v$ of sound", "T"]

    def law(x: Tensor) -> Tensor:
        return x[:, 0] * torch.exp(-((x[:, 1] - x[:, 2]) ** 2)) + torch.sin(x[:, 3] / x[:, 4])

    tree = S.tree(S.surrogate(x, law, names=names))
    ax = ew.plot.tree(tree)
    figure = ax.figure
    figure.canvas.draw()
    shown = [text.get_text() for text in ax.texts]
    assert {"a_rather_long_name", "$k_{B}$", "$v$ of sound", "a_rather_long_name - k_B"} <= set(shown)
    assert shown.count("+") == 2 and shown.count("×") == 2
    boxes = [text.get_window_extent() for text in ax.texts]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :]), shown[k]
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 + 1
