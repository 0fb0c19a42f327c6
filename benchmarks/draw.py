"""The pages docs/measured.md, docs/feynman.md and docs/reproduced.md, their pictures, and README's part on the last.

    python benchmarks/draw.py

Of each case the latest rows are taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import found
import pandas as pd
import reproduced
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from record import HERE, RESULTS

from edgewise_bench import latest, read
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.drawing import COLORS, INK, LABELS, SOFT, STYLE, plain, sign
from edgewise_bench.tables import markdown, measured_with, paragraph

DOCS = HERE.parent / "docs"
PICTURES, PAGE, FORMULAS = DOCS / "pictures", DOCS / "measured.md", DOCS / "feynman.md"
EXPERIMENTS, README = DOCS / "reproduced.md", HERE.parent / "README.md"
_GOAL = 1e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the CSV files")
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder of the pictures")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        path = given.results / f"{name}.csv"
        if not path.exists():
            print(f"no {path}: `edgewise bench` writes it")
            continue
        with rc_context(STYLE):
            draw(pd.read_csv(path)).savefig(given.out / f"{name}.svg", metadata={"Date": None}, facecolor="white")
        print(given.out / f"{name}.svg")
    PAGE.write_text(page(given.results))
    print(PAGE)
    for path in (
        *found.draw(given.results, given.out, FORMULAS),
        *reproduced.draw(given.results / "reproduced", given.out, EXPERIMENTS, README),
    ):
        print(path)


_HEAD = """# Speed and memory

The results of `make bench`, with the limit set for edgewise in each case. **A bold value misses its limit.**
[benchmarks.md](benchmarks.md) describes the measurements. `python benchmarks/draw.py` generates this page from the rows
in `benchmarks/results`.
"""


def page(results: Path) -> str:
    """Return the page: of each benchmark but those of `found` its picture, its table, and where it was measured."""
    parts = [_HEAD]
    for benchmark in BENCHMARKS.values():
        if benchmark.name in found.SEARCHES:  # on the page of formulas
            continue
        rows = latest(read(results / benchmark.file))
        if not rows:
            continue
        head, lines = benchmark.table(rows)
        parts.append(f"## {benchmark.title}\n")
        picture = benchmark.file.removesuffix(".csv")
        if picture in DRAWINGS:
            parts.append(f"![{benchmark.title}](pictures/{picture}.svg)\n")
        parts += [*markdown(head, lines), ""]
        if benchmark.note:
            parts.append(paragraph(benchmark.note))
        parts.append(measured_with(benchmark.file, rows[-1]))
    return "\n".join(parts)


def layers(rows: pd.DataFrame) -> Figure:
    """Ratios to the MLP's time: a line for each case, a column for each number of threads."""
    rows = rows[rows.batch >= 512]  # a quick run's are smaller
    rows = rows.drop_duplicates(["case", "threads", "library"], keep="last")
    cases, threads = list(rows.case.unique()), sorted(rows.threads.unique())
    figure = Figure(figsize=(2.3 + 3.2 * len(threads), 1.3 + 0.26 * len(cases)), layout="constrained")
    columns = figure.subplots(1, len(threads), sharex=True, sharey=True, squeeze=False)[0]
    for ax, count in zip(columns, threads, strict=True):
        for name, color in [(name, COLORS[name]) for name in COLORS if name in set(rows.library)]:
            part = rows[(rows.threads == count) & (rows.library == name)].dropna(subset=["ratio"])
            heights = [cases.index(case) for case in part.case]
            ours = name == "edgewise"
            ax.plot(part.ratio, heights, "o", color=color, ms=6 if ours else 4.5, mec="white", mew=0.5,
                    zorder=3 + ours, label=LABELS.get(name, name))  # fmt: skip
        limits = [(limit, cases.index(row["case"])) for row in rows[rows.library == "edgewise"].to_dict("records")
                  if (limit := BENCHMARKS["layers"].limit(row)) is not None]  # type: ignore[attr-defined] # fmt: skip
        ax.plot(*zip(*limits, strict=True), "|", color=INK, ms=9, mew=1.3, zorder=2, label="limit for edgewise")
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.axvline(1, color=SOFT, lw=1)
        ax.set_title("one core" if count == 1 else f"{count} cores", fontsize=10, color=INK)
        ax.set_xlabel("time over the MLP's")
        plain(ax)
    columns[0].set_yticks(range(len(cases)), [_short(case) for case in cases])
    columns[0].invert_yaxis()
    figure.legend(*columns[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    sign(figure, rows.iloc[-1].to_dict())
    return figure


def curves(rows: pd.DataFrame) -> Figure:
    """The lowest test error so far against the seconds of training: a panel for each target."""
    rows = rows.dropna(subset=["seconds"])
    rows = rows[rows.date.groupby([rows.target, rows.library, rows.recipe]).transform("max") == rows.date]
    targets = list(rows.target.unique())
    figure = Figure(figsize=(3.2 * len(targets) + 0.4, 3.6), layout="constrained")
    panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    for ax, target in zip(panels, targets, strict=True):
        part = rows[rows.target == target]
        for name, color in COLORS.items():
            _runs_of(ax, part[part.library == name], name, color)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.axhline(_GOAL, color=SOFT, lw=1, ls="--")
        ax.set_title(target, fontsize=10, color=INK)
        ax.set_xlabel("seconds of training")
        plain(ax)
    panels[0].set_ylabel("test RMSE, the lowest so far")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False)
    sign(figure, rows.iloc[-1].to_dict())
    return figure


def _runs_of(ax: Axes, part: pd.DataFrame, name: str, color: str) -> None:
    """A curve for each recipe; of edgewise one curve through its whole fits, each the median of its runs."""
    label = LABELS.get(name, name)
    if name == "edgewise":
        middle = part.groupby("recipe", sort=False)[["seconds", "error"]].median().sort_values("seconds")
        ax.plot(middle.seconds, middle.error.cummin(), "o-", color=color, ms=5, lw=1.6, zorder=4, label=label)
        return
    for recipe, run in part.groupby("recipe", sort=False):
        ax.plot(run.seconds, run.error.cummin(), "-", color=color, lw=1.2, label=label, alpha=0.85, gid=str(recipe))
        label = "_again"


def memory(rows: pd.DataFrame) -> Figure:
    """Bytes of a training step, a bar for each library."""
    rows = rows[rows.batch == rows.batch.max()].drop_duplicates("library", keep="last").dropna(subset=["bytes"])
    figure = Figure(figsize=(5.2, 2.2), layout="constrained")
    ax = figure.subplots()
    names = [name for name in COLORS if name in set(rows.library)]
    sizes = rows.set_index("library").bytes.astype(float)[names] / 1e9
    ax.barh(names, sizes, color=[COLORS[name] for name in names], height=0.6)
    for height, size in enumerate(sizes):
        ax.text(size, height, f" {size:.2g} GB", va="center", color=INK)
    ax.set_yticks(range(len(names)), [LABELS.get(name, name) for name in names])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.15 * sizes.max())
    ax.set_xlabel("peak memory of a step, GB")
    plain(ax)
    sign(figure, rows.iloc[-1].to_dict())
    return figure


def _short(case: str) -> str:
    return case.replace(" x ", " × ").replace(" -> ", " → ")


DRAWINGS: dict[str, Callable[[pd.DataFrame], Figure]] = {"layers": layers, "curves": curves, "memory": memory}

if __name__ == "__main__":
    main()
