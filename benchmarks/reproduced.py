"""The page of the published experiments and their part of README.md, made from what `edgewise reproduce` stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib import rc_context

from edgewise.measure import OURS, Cell, Criterion, Experiment, latest, read
from edgewise.measure.drawing import STYLE
from edgewise.measure.experiments import EXPERIMENTS, MINUTES
from edgewise.measure.tables import markdown, measured_with, paragraph

_HEAD = """# Published experiments, reproduced

`edgewise reproduce` runs the experiments of the KAN articles. This page compares the results with the published values
and with baselines measured here. **A bold value misses its criterion.** Times are seconds on one core. The line below a
table lists choices that were made after seeing test results; if there is no such line, none are known.

Sources: Liu et al., KAN: Kolmogorov-Arnold Networks (arXiv 2404.19756) and KAN 2.0 (arXiv 2408.10205), and the
notebooks of pykan 0.2.8. Settings and seeds are in `src/edgewise/measure/experiments`, one experiment per folder.
`python benchmarks/draw.py` generates this page from the rows in `benchmarks/results/reproduced`.
"""
_OPEN, _CLOSE = "<!-- Made by python benchmarks/draw.py. -->\n", "<!-- End of what is made. -->\n"


def draw(results: Path, pictures: Path, page: Path, readme: Path) -> Iterator[Path]:
    """Write the pictures, the page and the marked part of the README, and yield each path."""
    parts, summary, missing, short = [], [], [], []
    for experiment in EXPERIMENTS.values():
        rows = experiment.ordered(latest(read(results / experiment.file)))
        if not any(row["model"] == OURS for row in rows):  # baselines alone make no section
            missing.append(experiment.name)
            continue
        path = pictures / f"reproduced_{experiment.name}.svg"
        with rc_context(STYLE):
            experiment.picture(rows, _last(rows)).savefig(path, metadata={"Date": None}, facecolor="white")
        yield path
        parts += _section(experiment, rows)
        criteria = experiment.criteria(rows)
        summary += [[Cell(f"[{experiment.name}](#{experiment.name})"), *criterion.cells()] for criterion in criteria]
        first, link = criteria[0], Cell(f"[{experiment.name}](docs/{page.name}#{experiment.name})")
        line = [link, Cell(first.description), Cell(first.published), first.found, _passed(criteria)]
        short.append([*line, Cell(experiment.test_informed or "none known")])
    left = [f"Not stored yet: {', '.join(missing)}.\n"] if missing else []
    taken = _taken(results / MINUTES)
    head = ["experiment", "what", "published", "to reach", "found here"]
    page.write_text("\n".join([_HEAD, *left, *taken, *markdown(head, summary, 2), "", *parts]))
    yield page
    before, rest = readme.read_text().split(_OPEN)
    head = ["experiment", "its first value", "published", "here", "criteria passed", "chosen with test results in view"]
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
    text = f"The run of all of them at commit {last['commit']}, MLPs included, took {minutes:.1f} minutes"
    return [paragraph(f"{text} on {last['cores']} cores ({last['device']}; `{path.name}`)")]


def _passed(criteria: Sequence[Criterion]) -> Cell:
    """Return how many of the criteria with a limit are passed."""
    held = [criterion.found.passed for criterion in criteria if criterion.found.passed is not None]
    return Cell(f"{sum(held)} of {len(held)}")


def _section(experiment: Experiment, rows: list[dict[str, str]]) -> list[str]:
    seen = experiment.test_informed
    return [
        f"## {experiment.name}\n",
        paragraph(f"{experiment.title}. Published in {experiment.source}"),
        f"![{experiment.title}](pictures/reproduced_{experiment.name}.svg)\n",
        *markdown(*experiment.table(rows), experiment.text_columns),
        "",
        *([paragraph(f"**Chosen with test results in view**: {seen}")] if seen else []),
        paragraph(experiment.note),
        measured_with(experiment.file, _last(rows)) + _others(rows),
    ]


def _others(rows: list[dict[str, str]]) -> str:
    """Return the commits of the rows that were measured at another commit than the last of edgewise's."""
    last = _last(rows)["commit"]
    found = dict.fromkeys((row["model"], row["commit"]) for row in rows if row["commit"] != last)
    by_model = {model: ", ".join(c for m, c in found if m == model) for model, _ in found}
    text = "; ".join(f"{model} {c}" for model, c in by_model.items())
    return paragraph(f"Of other commits: {text}") if found else ""


def _last(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return the row of edgewise that was measured last."""
    return max((row for row in rows if row["model"] == OURS), key=lambda row: row["date"])
