"""The page docs/feynman.md and its picture: formulas found, by noise and library, and every miss with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from edgewise_bench import Cell, latest, read
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.formulas import is_true
from edgewise_bench.drawing import COLORS, LABELS, STYLE, plain, sign
from edgewise_bench.tables import markdown, measured_with, paragraph

Rows = list[dict[str, str]]

SEARCHES = ("feynman", "irrelevant", "strogatz")
"""The benchmarks of the page."""
_PICTURE = "feynman.svg"
_LONGEST = 110  # characters of a formula on the page
_OURS = "edgewise"
_HEAD = """# Recovery of known equations

The results of `edgewise bench feynman irrelevant strogatz`, with the limit set for edgewise in each case. **A bold
value misses its limit.** The [description of this benchmark](benchmarks.md#known-equations) explains the columns.

**The search was developed with the AI-Feynman equations in view**: its elimination steps, function lists and thresholds
were tuned on them. Read these rates as training scores. The other libraries were not tuned on these equations here.
They had as much time as edgewise took, but at least 10 seconds.

`python benchmarks/draw.py` generates this page from the rows in `benchmarks/results`.
"""


def draw(results: Path, pictures: Path, page: Path) -> Iterator[Path]:
    """Write the page and its picture where there are rows; the paths written."""
    found = {name: latest(read(results / BENCHMARKS[name].file)) for name in SEARCHES}
    found = {name: rows for name, rows in found.items() if rows}
    if "feynman" in found:
        with rc_context(STYLE):
            shares(found["feynman"]).savefig(pictures / _PICTURE, metadata={"Date": None}, facecolor="white")
        yield pictures / _PICTURE
    if found:
        page.write_text("\n".join([_HEAD, *(part for name, rows in found.items() for part in _section(name, rows))]))
        yield page


def _section(name: str, rows: Rows) -> list[str]:
    benchmark = BENCHMARKS[name]
    parts = [f"## {benchmark.title}\n"]
    if name == "feynman":
        parts.append(f"![Shares of the equations that are solved, by noise and library](pictures/{_PICTURE})\n")
    parts += [*markdown(*benchmark.table(rows)), "", paragraph(benchmark.note), measured_with(benchmark.file, rows[-1])]
    commits = list(dict.fromkeys(row["commit"] for row in rows))
    if len(commits) > 1:
        parts.append(paragraph(f"The rows are of several versions: {', '.join(commits)}"))
    for noise in sorted({float(row["noise"]) for row in rows}):
        parts += _missed(rows, noise)
    return parts


def _missed(rows: Rows, noise: float) -> list[str]:
    """What edgewise missed: without noise, formulas that are not exact; with noise, those of another form."""
    column = "form" if noise else "exact"
    own = [row for row in rows if row["library"] == _OURS and float(row["noise"]) == noise]
    missed: dict[str, Rows] = {}
    for row in own:
        if not is_true(row[column]):
            missed.setdefault(row["equation"], []).append(row)
    if not missed:
        return []
    seeds = len({row["seed"] for row in own})
    lines = [
        [Cell(name), Cell(f"`{worst['truth']}`"), Cell(f"{len(group)} of {seeds}"), Cell(_short(worst["formula"])),
         Cell(reason(worst)), Cell(worst["seconds"])]
        for name, group in missed.items()
        for worst in [min(group, key=lambda row: float(row["r2"] or "-inf"))]
    ]  # fmt: skip
    head = ["equation", "truth", "seeds", "found, at the worst of them", "reason", "s"]
    what = f"noise {noise:g}: another form" if noise else "no noise: not exact"
    return [f"### Missed, {what}\n", *markdown(head, lines, 5), ""]


def reason(row: dict[str, str]) -> str:
    """Why a formula is a miss, in words.

    >>> reason({"r2": "0.5", "outcome": "time limit", "form": "False", "accurate": "False"})
    'R2 0.5: time limit'
    """
    if not row["r2"]:
        return row["outcome"]
    if is_true(row["form"]):
        return f"the right form, its constants off: {row['outcome']}"
    if is_true(row["accurate"]):
        return f"accurate, another form: {row['outcome']}"
    return f"R2 {float(row['r2']):.3g}: {row['outcome']}"


def _short(formula: str) -> str:
    text = formula if len(formula) <= _LONGEST else f"{formula[: _LONGEST - 4]} ..."
    return f"`{text}`" if text else ""


def _label(name: str, own: Rows, rows: Rows) -> str:
    """A library's name, with how many of the equations it was asked about where not all."""
    asked, all_of_them = (len({row["equation"] for row in some}) for some in (own, rows))
    label = LABELS.get(name, name)
    return label if asked == all_of_them else f"{label} ({asked} of {all_of_them} equations)"


def shares(rows: Rows) -> Figure:
    """Percent solved, and percent accurate, at each noise: a line for each library."""
    noises = sorted({float(row["noise"]) for row in rows})
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for ax, (column, title) in zip(panels, (("solved", "solved"), ("accurate", "R² above 0.999")), strict=True):
        for name in [name for name in COLORS if any(row["library"] == name for row in rows)]:
            own = [row for row in rows if row["library"] == name]
            places = [k for k, noise in enumerate(noises) if any(float(row["noise"]) == noise for row in own)]
            groups = [[row for row in own if float(row["noise"]) == noises[k]] for k in places]
            heights = [100 * sum(is_true(row[column]) for row in group) / len(group) for group in groups]
            ours = name == _OURS
            ax.plot(places, heights, "o-", color=COLORS[name], label=_label(name, own, rows), ms=5, mec="white",
                    mew=0.5, lw=1.6 if ours else 1.2, zorder=3 + ours)  # fmt: skip
        ax.set_xticks(range(len(noises)), [f"{noise:g}" for noise in noises])
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("noise over the target's spread")
        ax.set_ylim(-2, 102)
        plain(ax)
    panels[0].set_ylabel("% of the equations")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    sign(figure, rows[-1])
    return figure
