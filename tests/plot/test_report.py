"""The report: one file, complete in itself, that says what it was given and nothing by accident."""

from __future__ import annotations

import base64
import io
import os
import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import pytest
import sympy
from matplotlib.figure import Figure

import edgewise as ew
from edgewise import plot
from edgewise.plot.report import Candidate, ReportContent, typeset, write_report

NASTY = "<b>x</b>&\"'"


def content(**changes: object) -> ReportContent:
    fields: dict = {
        "title": "Law of period_days",
        "subtitle": "44 rows",
        "formula_latex": [("period_days", r"\frac{2 \pi a^{\frac{3}{2}}}{\sqrt{G}}")],
        "formula_text": "2*pi*a**(3/2)/sqrt(G)",
        "errors": [("relative error", "3.2e-4")],
        "figures": [("The network", Figure()), ("Fit", plot.fit_quality([1, 2, 3], [1, 2, 3.1]))],
        "candidates": [Candidate(0, 1, 0.97, "a"), Candidate(1, 9, 3.2e-4, "a**(3/2)", chosen=True)],
        "notes": ["Fitted in logarithms."],
        "provenance": [("seed", "0"), ("rows", "44")],
    }
    return ReportContent(**{**fields, **changes})


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def written(folder: Path, **changes: object) -> tuple[str, Page]:
    path = write_report(folder / "report.html", content(**changes))
    assert list(folder.iterdir()) == [path]
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_report_says_what_it_was_given(tmp_path: Path) -> None:
    text, page = written(tmp_path)
    for words in (
        "Law of period_days",
        "44 rows",
        "2*pi*a**(3/2)/sqrt(G)",
        "3.2e-4",
        "The network",
        "a**(3/2)",
        "Fitted in logarithms.",
        "seed",
    ):
        assert words in page.text
    assert [tag for tag, _ in page.tags].count("img") == 3
    assert '<svg class="formula"' in text
    order = [text.index(words) for words in ("2*pi", "The network", "Candidates", "How it was found", "Provenance")]
    assert order == sorted(order)


def test_report_is_complete_in_itself(tmp_path: Path) -> None:
    text, page = written(tmp_path)
    assert not re.search(r"https?://", text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "link" not in {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in text
    assert "@import" not in text
    pictures = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    for source in pictures:
        picture = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode()
        assert picture.rstrip().endswith("</svg>")
        assert not re.search(r'(?:src|xlink:href)="(?!#|data:)', picture)


def test_report_escapes_what_comes_from_outside(tmp_path: Path) -> None:
    text, page = written(
        tmp_path,
        title=NASTY,
        subtitle=NASTY,
        formula_latex=[(NASTY, "x"), (NASTY, r"\begin{cases} < \end{cases}")],
        formula_text=NASTY,
        errors=[(NASTY, NASTY)],
        figures=[(NASTY, plot.network(ew.KAN([1, 1]), names=[NASTY]).figure)],
        candidates=[Candidate(0, 1, 0.5, NASTY)],
        notes=[NASTY],
        provenance=[(NASTY, NASTY)],
    )
    assert "<b>" not in text
    assert "b" not in {tag for tag, _ in page.tags}
    assert page.text.count(NASTY) >= 10


def test_report_is_dark_in_the_dark_and_fits_a_phone_and_a_page(tmp_path: Path) -> None:
    text, _ = written(tmp_path)
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "@media print" in text


def test_formula_that_cannot_be_typeset_is_shown_as_text(tmp_path: Path) -> None:
    text, page = written(tmp_path, formula_latex=[("y", r"\begin{cases} 1 \end{cases}")])
    assert '<svg class="formula"' not in text
    assert "y = 2*pi*a**(3/2)/sqrt(G)" in page.text


def test_a_long_formula_is_set_in_lines(tmp_path: Path) -> None:
    sums = " + ".join(rf"\mathrm{{a\_long\_name\_{k}}} \left(x_{{{k}}} + y\right)" for k in range(6))
    text, page = written(tmp_path, formula_latex=[("y", sums)])
    assert text.count('<svg class="formula"') == 2
    assert f"y = {sums}" in page.text


def test_empty_report_has_no_empty_sections(tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.html", ReportContent("Nothing yet"))
    assert "<h2>" not in path.read_text(encoding="utf-8")


def test_same_content_gives_the_same_file(tmp_path: Path) -> None:
    texts = set()
    for _ in range(2):
        figure = plot.network(ew.KAN([2, 1]), names=["a", "b"]).figure
        texts.add(write_report(tmp_path / "r.html", content(figures=[("n", figure)])).read_text(encoding="utf-8"))
    assert len(texts) == 1


X, Y = sympy.symbols("x y")
LONG = sympy.Symbol("semi_major_axis_au")


@pytest.mark.parametrize(
    "expression",
    [
        sympy.sqrt(X) / Y,
        sympy.exp(sympy.sin(sympy.pi * X) + Y**2),
        sympy.atan(X) + sympy.asin(Y) * sympy.acos(X) - sympy.atanh(X),
        sympy.Abs(X - Y) / (1 + sympy.Abs(1 / X)),
        sympy.log(LONG) * LONG ** sympy.Rational(-3, 2),
        sympy.exp(-(X**2) / (2 * Y**2)) / sympy.sqrt(2 * sympy.pi) / Y,
        1.5e-7 * X - 3e22 * Y,
        sympy.cbrt(X) + sympy.root(Y, 5),
        ((X + Y) / (1 + X * Y)) ** 2,
        sympy.sinh(X) ** 2 + sympy.tanh(sympy.cosh(X)),
        sympy.tan(X / (1 + sympy.sqrt(Y))),
        sympy.Integer(0),
        sympy.Symbol("x_{1") + sympy.Symbol("50 %") * sympy.Symbol("$"),
    ],
    ids=str,
)
def test_formulas_of_every_kind_are_typeset(expression: sympy.Expr) -> None:
    names = {symbol: plot.math_name(symbol.name) for symbol in expression.free_symbols}
    svg = typeset("target_1", sympy.latex(expression, symbol_names=names))
    assert svg is not None
    assert svg.count("<path") == 1
    assert "nan" not in svg


def test_scripts_without_a_font_fall_back_to_text() -> None:
    assert typeset("质量", "x") is None
    assert typeset("Ω", "x") is not None


def test_unwritable_places_are_one_line_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place, words in (
        (tmp_path / "nowhere" / "r.html", "There is no folder"),
        (tmp_path / "file" / "r.html", "There is no folder"),
        (tmp_path, "is a folder: name a file in it"),
        (tmp_path / ("long" * 100), "Cannot write"),
    ):
        with pytest.raises(ew.InputError, match=words) as caught:
            write_report(place, content())
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_failure_amid_writing_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ew.InputError, match="No space left"):
        write_report(path, content())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_reports_in_threads_are_those_of_one_thread(tmp_path: Path) -> None:
    def report(number: int) -> bytes:
        kind = number % 4
        names, target = [f"x_{kind}", "R&D Spend"], f"theta_{kind}"
        figure = plot.network(ew.KAN([2, 1], seed=0), names=names, target=target).figure
        law = (target, rf"\sqrt{{\mathrm{{R\&D}} + x_{{{kind}}}}}")
        path = write_report(
            tmp_path / f"{number}.html",
            ReportContent(target, formula_latex=[law], figures=[(names[0], figure)]),  # type: ignore[list-item]
        )
        return path.read_bytes()

    before = dict(matplotlib.rcParams)
    alone = [report(kind) for kind in range(4)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(report, range(40)))
    assert [together[number] == alone[number % 4] for number in range(40)] == [True] * 40
    assert dict(matplotlib.rcParams) == before


def test_pictures_are_drawn_in_threads_and_in_forked_processes() -> None:
    def picture(number: int) -> bytes:
        figure = plot.network(ew.KAN([2, 1], seed=0), names=[f"x_{number % 3}", "k_B"]).get_figure(root=True)
        assert figure is not None
        page = io.BytesIO()
        figure.savefig(page, format="png", bbox_inches="tight")
        return page.getvalue()

    alone = [picture(number) for number in range(3)]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(picture, range(16))
        children = []
        for number in range(2):  # while the threads draw
            child = os.fork()
            if child == 0:
                os._exit(0 if picture(number) == alone[number] else 1)
            children.append(child)
        assert list(together) == [alone[number % 3] for number in range(16)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


def test_settings_of_the_user_do_not_break_names(tmp_path: Path) -> None:
    """As one who writes articles has them: every text through LaTeX, which this machine need not have."""
    with matplotlib.rc_context({"text.usetex": True, "text.parse_math": True}):
        ax = plot.network(ew.KAN([2, 1]), names=["R&D_Spend", "theta_1"], target="50 %")
        write_report(tmp_path / "r.html", ReportContent("t", figures=[("n", ax.figure)]))  # type: ignore[list-item]


def test_a_formula_of_any_size_is_typeset_or_given_as_text() -> None:
    assert typeset("y", "+".join(["x"] * 50_000)) is None
    assert typeset("y", r"\sqrt{" * 400 + "x" + "}" * 400) is None
