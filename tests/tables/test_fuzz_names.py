"""Columns of any name: every picture, report and formula of theirs is drawn, without an error or a warning."""

from __future__ import annotations

import base64
import io
import logging
import re
import tempfile
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import edgewise as ew
from edgewise import export, plot
from edgewise.plot.report import Candidate, ReportContent, typeset, write_report

HOSTILE = [
    *"&#%$_^~{}\\\"'`<>-=+*/|.,;:!?()[]@ \t\n\r\0\x1b\x7f\x85",
    *("\u00a0", "\u200b", "\u200d", "\u202e", "\u2028", "\ufeff", "\ufffe", "\ud800", "\U0010ffff", "\U000e0041"),
    *("°", "₂", "²", "☉", "é", "e\u0301", "\u0301" * 9, "λ", "ﬁ", "质量", "ا", "😀", "👩\u200d🚀", "\U00020000"),
    *(
        "R&D Spend",
        "<b>",
        "-->",
        "]]>",
        "&amp;",
        "\\mathrm{",
        "\\frac{1}",
        "$x$",
        "$\\dot{x}$",
        "$x^2$",
        "$x\\$",
        "lambda",
    ),
    *("x_1", "log10(M/M☉)", 'size "nominal"', "x" * 300, "word " * 60),
]
NAMES = st.lists(st.sampled_from(HOSTILE) | st.characters(), min_size=1, max_size=6).map("".join)
ENCODED = NAMES.filter(lambda name: not any(unicodedata.category(c) == "Cs" for c in name))  # others are in no file
RNG = np.random.default_rng(0)
ROWS = RNG.uniform(0.5, 2.0, (20, 2))


@contextmanager
def silence() -> Iterator[None]:
    """Require that matplotlib logs nothing; its warnings are errors already."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("matplotlib")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    messages = [record.getMessage() for record in records]
    assert not messages, messages


def svg(figure: Figure | None) -> None:
    """Draw a figure as a picture of pixels and as one that an XML parser reads."""
    assert figure is not None
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    page = io.BytesIO()
    figure.savefig(page, format="svg")
    ElementTree.fromstring(page.getvalue())


def root(ax) -> Figure | None:
    return ax.get_figure(root=True)


def two(name: str, other: str) -> list[str]:
    return [name, other if other != name else f"{name}2"]


@fuzz(25)
@given(ENCODED, ENCODED)
def test_fuzz_names_are_mathematics(name: str, other: str) -> None:
    names = two(name, other)
    if name.isascii():
        assert plot.typesets(f"{plot.math_name(name)}^{{3/2}}")
    with silence():
        x, y = map(sympy.Symbol, names)
        formula = export.latex(sympy.sqrt(x) * sympy.sin(2 * y) / 3 - x**2, names, target="t")
        picture = typeset("t", formula.removeprefix("t = "))
        if picture is not None:
            label = ElementTree.fromstring(picture).get("aria-label") or ""
            assert label.isprintable()
    bare = re.sub(r"\\[^A-Za-z]", "", formula)  # without what is escaped
    assert not set(bare) & set("&#%$~\t\n\r\0")
    assert bare.count("{") == bare.count("}")


@fuzz(2)
@given(NAMES, NAMES)
def test_fuzz_names_in_pictures(name: str, other: str) -> None:
    names = two(name, other)
    model = ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "x^1.5", (1.0, 0.0, 1.0, 0.0))
    model = ew.nn.set_function(model, 0, 0, 1, "gaussian", (2.0, 0.1, 3.0, 0.5))
    columns = tuple(ew.structure.Tree("column", (k,), name=column) for k, column in enumerate(names))
    tree = ew.structure.Tree("sum", (0, 1), columns, name=other)
    line = plot.Line(ROWS[:, 0], ROWS[:, 1], name, rows=ROWS)
    with silence():
        pictures = [
            lambda: root(plot.network(model, ROWS, names=names, target=other)),
            lambda: plot.curves(model, ROWS, names, target=name),
            lambda: plot.fit_quality(ROWS[:, 0], ROWS[:, 1], name=name),
            lambda: plot.residual_panels(ROWS[:, 0], [(name, ROWS[:, 0]), (other, ROWS[:, 1])]),
            lambda: root(plot.curve_among_rows([line, replace(line, label=f"{other} = 1")], names=(name, other))),
            lambda: plot.relations([plot.Tie([0, 1], f"{name} = 2*{other}", name)], names, [[1.0, 0.5]]),
            lambda: root(plot.scores([0.5, -0.2], names)),
            lambda: root(plot.interactions(np.ones((2, 2)), names)),
            lambda: root(plot.tree(tree)),
        ]
        for picture in pictures:
            svg(picture())


@fuzz(2)
@given(ENCODED, ENCODED, ENCODED)
def test_fuzz_names_in_reports(name: str, other: str, target: str) -> None:
    names = two(name, other)
    x, y = map(sympy.Symbol, names)
    formula = export.latex(x * sympy.exp(-y), names)
    fit = plot.fit_quality(ROWS[:, 0], ROWS[:, 0], name=target)
    content = ReportContent(
        f"A law for {target}",
        subtitle=name,
        formula_latex=[(target, formula), (name, formula)],
        formula_text=f"{target} = {x * sympy.exp(-y)}",
        errors=[(name, other)],
        figures=[(name, fit)],
        candidates=[Candidate(0, 1, 0.1, name)],
        notes=names,
        provenance=[(name, other)],
    )
    with silence(), tempfile.TemporaryDirectory() as folder:
        page = write_report(Path(folder) / "r.html", content).read_text(encoding="utf-8")
    assert page.replace("\n", "").isprintable()
    assert "<b>" not in page
    for source in re.findall('src="data:image/svg[+]xml;base64,([^"]*)"', page):
        ElementTree.fromstring(base64.b64decode(source))
    for formula in re.findall("<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(formula)


@pytest.mark.parametrize(
    "name", ["R&D Spend", "Temp (°C)", "CO₂ [ppm]", "log10(M/M☉)", "flow #2", 'a "b"', "a\tb", "a\nb"]
)
def test_names_of_real_tables_are_typeset(name: str) -> None:
    symbol = sympy.Symbol(name)
    assert typeset(name, export.latex(sympy.sqrt(symbol), [name])) is not None
