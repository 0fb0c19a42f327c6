"""The pages docs/measured.md, docs/feynman.md and docs/reproduced.md, their pictures, and README's part on the last.

    python benchmarks/draw.py

Of each case the latest rows are taken.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgewise_bench import OURS, Benchmark, Cell, Criterion, Experiment, latest, read
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.formulas import is_true
from edgewise_bench.benchmarks.studies.study import Study
from edgewise_bench.drawing import COLORS, INK, LABELS, SOFT, plain, save, sign
from edgewise_bench.experiments import EXPERIMENTS, MINUTES
from edgewise_bench.tables import markdown, measured_with, paragraph

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs"
PICTURES, PAGE, FORMULAS = DOCS / "pictures", DOCS / "measured.md", DOCS / "feynman.md"
REPRODUCED, README = DOCS / "reproduced.md", HERE.parent / "README.md"

Rows = list[dict[str, str]]


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
        save(partial(draw, pd.read_csv(path)), given.out / f"{name}.svg")
        print(given.out / f"{name}.svg")
    PAGE.write_text(page(given.results))
    print(PAGE)
    for path in (
        *draw_searches(given.results, given.out, FORMULAS),
        *draw_experiments(given.results / "reproduced", given.out, REPRODUCED, README),
    ):
        print(path)


_HEAD = """# Speed and memory

The results of `make bench`, with the limit set for edgewise in each case. **A bold value misses its limit.**
[benchmarks.md](benchmarks.md) describes the measurements. `python benchmarks/draw.py` generates this page from the rows
in `benchmarks/results`.
"""


def page(results: Path) -> str:
    """Return the page: of each benchmark but searches and studies its picture, its table, and where it was measured."""
    parts = [_HEAD]
    for benchmark in BENCHMARKS.values():
        if benchmark.name in SEARCHES or isinstance(benchmark, Study):  # on the page of formulas, or on others
            continue
        rows = latest(read(results / benchmark.file))
        if not rows:
            continue
        picture = benchmark.file.removesuffix(".csv")
        shown = f"![{benchmark.title}](pictures/{picture}.svg)\n" if picture in DRAWINGS else ""
        parts += section(benchmark, benchmark.title, [shown], rows, rows[-1])
    return "\n".join(parts)


def section(
    benchmark: Benchmark, heading: str, above: Sequence[str], rows: Rows, last: dict[str, str],
    notes: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """Return the parts of a section: what stands above the table, the table, notes, where its rows were measured."""
    table = markdown(*benchmark.table(rows), benchmark.text_columns if isinstance(benchmark, Experiment) else 1)
    below = [*notes, *([paragraph(benchmark.note)] if benchmark.note else []), measured_with(benchmark.file, last)]
    return [f"## {heading}\n", *filter(None, above), *table, "", *below]


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
    goal = 1e-5
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
        ax.axhline(goal, color=SOFT, lw=1, ls="--")
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


SEARCHES = ("feynman", "irrelevant", "strogatz")
"""The benchmarks of the page."""
_SEARCH_PICTURE = "feynman.svg"
_SEARCH_HEAD = """# Recovery of known equations

The results of `edgewise bench feynman irrelevant strogatz`, with the limit set for edgewise in each case. **A bold
value misses its limit.** The [description of this benchmark](benchmarks.md#known-equations) explains the columns.

**The search was developed with the AI-Feynman equations in view**: its elimination steps, function lists and thresholds
were tuned on them. Read these rates as training scores. The other libraries were not tuned on these equations here.
They had as much time as edgewise took, but at least 10 seconds.

`python benchmarks/draw.py` generates this page from the rows in `benchmarks/results`.
"""


def draw_searches(results: Path, pictures: Path, page: Path) -> Iterator[Path]:
    """Write the page and its picture where there are rows; the paths written."""
    found = {name: latest(read(results / BENCHMARKS[name].file)) for name in SEARCHES}
    found = {name: rows for name, rows in found.items() if rows}
    if "feynman" in found:
        save(lambda: shares(found["feynman"]), pictures / _SEARCH_PICTURE)
        yield pictures / _SEARCH_PICTURE
    if found:
        page.write_text(
            "\n".join([_SEARCH_HEAD, *(part for name, rows in found.items() for part in _search_section(name, rows))])
        )
        yield page


def _search_section(name: str, rows: Rows) -> list[str]:
    alt = "Shares of the equations that are solved, by noise and library"
    above = [f"![{alt}](pictures/{_SEARCH_PICTURE})\n"] if name == "feynman" else []
    parts = section(BENCHMARKS[name], BENCHMARKS[name].title, above, rows, rows[-1])
    commits = list(dict.fromkeys(row["commit"] for row in rows))
    if len(commits) > 1:
        parts.append(paragraph(f"The rows are of several versions: {', '.join(commits)}"))
    for noise in sorted({float(row["noise"]) for row in rows}):
        parts += _missed(rows, noise)
    return parts


def _missed(rows: Rows, noise: float) -> list[str]:
    """What edgewise missed: without noise, formulas that are not exact; with noise, those of another form."""
    column = "form" if noise else "exact"
    own = [row for row in rows if row["library"] == OURS and float(row["noise"]) == noise]
    missed: dict[str, Rows] = {}
    for row in own:
        if not is_true(row[column]):
            missed.setdefault(row["equation"], []).append(row)
    if not missed:
        return []
    seeds = len({row["seed"] for row in own})
    lines = [
        [Cell(name), Cell(f"`{worst['truth']}`"), Cell(f"{len(group)} of {seeds}"), Cell(_shortened(worst["formula"])),
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


def _shortened(formula: str) -> str:
    longest = 110  # characters of a formula on the page
    text = formula if len(formula) <= longest else f"{formula[: longest - 4]} ..."
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
            ours = name == OURS
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


_EXPERIMENT_HEAD = """# Published experiments, reproduced

`edgewise reproduce` runs the experiments of the KAN articles. This page compares the results with the published values
and with baselines measured here. **A bold value misses its criterion.** Times are seconds on one core. The line below a
table lists choices that were made after seeing test results; if there is no such line, none are known.

Sources: Liu et al., KAN: Kolmogorov-Arnold Networks (arXiv 2404.19756) and KAN 2.0 (arXiv 2408.10205), and the
notebooks of pykan 0.2.8. Settings and seeds are in `edgewise_bench.experiments`.
`python benchmarks/draw.py` generates this page from the rows in `benchmarks/results/reproduced`.
"""
_OPEN, _CLOSE = (
    "<!-- Generated by python benchmarks/draw.py. -->\n",
    "<!-- End of the generated part. -->\n",
)


def draw_experiments(results: Path, pictures: Path, page: Path, readme: Path) -> Iterator[Path]:
    """Write the pictures, the page and the marked part of the README, and yield each path."""
    parts, summary, missing, short = [], [], [], []
    for experiment in EXPERIMENTS.values():
        rows = experiment.ordered(latest(read(results / experiment.file)))
        if not any(row["model"] == OURS for row in rows):  # baselines alone make no section
            missing.append(experiment.name)
            continue
        path = pictures / f"reproduced_{experiment.name}.svg"
        save(partial(experiment.picture, rows, _last(rows)), path)
        yield path
        parts += _experiment_section(experiment, rows)
        criteria = experiment.criteria(rows)
        summary += [[Cell(f"[{experiment.name}](#{experiment.name})"), *criterion.cells()] for criterion in criteria]
        first, link = criteria[0], Cell(f"[{experiment.name}](docs/{page.name}#{experiment.name})")
        line = [link, Cell(first.description), Cell(first.published), first.found, _passed(criteria)]
        short.append([*line, Cell(experiment.test_informed or "none known")])
    left = [f"Not stored yet: {', '.join(missing)}.\n"] if missing else []
    taken = _taken(results / MINUTES)
    head = ["experiment", "what", "published", "to reach", "found here"]
    page.write_text("\n".join([_EXPERIMENT_HEAD, *left, *taken, *markdown(head, summary, 2), "", *parts]))
    yield page
    before, rest = readme.read_text().split(_OPEN)
    head = ["experiment", "first criterion", "published", "here", "criteria passed", "chosen after seeing test results"]
    lines = [*markdown(head, short, 2), "", *taken]
    readme.write_text("\n".join([before + _OPEN.rstrip(), *lines, _CLOSE + rest.split(_CLOSE)[1]]))
    yield readme


def _taken(path: Path) -> list[str]:
    """Return how long the last stored run of all experiments took."""
    runs: dict[str, dict[str, dict[str, str]]] = {}
    for row in read(path):
        runs.setdefault(row["commit"], {})[row["experiment"]] = row
    whole = [list(run.values()) for run in runs.values() if set(run) >= set(EXPERIMENTS)]
    if not whole:
        return []
    minutes, last = max(float(row["minutes"]) for row in whole[-1]), whole[-1][-1]
    text = f"All experiments, with the MLP baselines, took {minutes:.1f} minutes at commit {last['commit']}"
    return [paragraph(f"{text} on {last['cores']} cores ({last['device']}; `{path.name}`)")]


def _passed(criteria: Sequence[Criterion]) -> Cell:
    """Return how many of the criteria with a limit are passed."""
    held = [criterion.found.passed for criterion in criteria if criterion.found.passed is not None]
    return Cell(f"{sum(held)} of {len(held)}")


def _experiment_section(experiment: Experiment, rows: list[dict[str, str]]) -> list[str]:
    seen, picture = experiment.test_informed, f"![{experiment.title}](pictures/reproduced_{experiment.name}.svg)\n"
    above = [paragraph(f"{experiment.title}. Published in {experiment.source}"), picture]
    notes = [paragraph(f"**Chosen after seeing test results**: {seen}")] if seen else []
    *parts, measured = section(experiment, experiment.name, above, rows, _last(rows), notes)
    return [*parts, measured + _others(rows)]


def _others(rows: list[dict[str, str]]) -> str:
    """Return the commits of the rows that were measured at another commit than the last of edgewise's."""
    last = _last(rows)["commit"]
    found = dict.fromkeys((row["model"], row["commit"]) for row in rows if row["commit"] != last)
    by_model = {model: ", ".join(c for m, c in found if m == model) for model, _ in found}
    text = "; ".join(f"{model} {c}" for model, c in by_model.items())
    return paragraph(f"Rows of other commits: {text}") if found else ""


def _last(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return the row of edgewise that was measured last."""
    return max((row for row in rows if row["model"] == OURS), key=lambda row: row["date"])


if __name__ == "__main__":
    main()
