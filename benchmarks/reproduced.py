"""The page of the published experiments, made from the rows that `edgewise reproduce` stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib import rc_context

from edgewise.experiments import EXPERIMENTS, OURS, Experiment
from edgewise.measure import STYLE, Cell, latest, markdown, measured_with, read

_HEAD = """# The published experiments

What the articles on these networks show, measured again by `edgewise reproduce`, beside the figures that were
published and the peers measured here; **a bold figure misses what was to be reached**. Seconds are those of one core's
computing. Sources: Liu et al., KAN: Kolmogorov-Arnold Networks (arXiv 2404.19756) and KAN 2.0 (arXiv 2408.10205), and
the notebooks of pykan 0.2.8. Set-ups and seeds are in `src/edgewise/experiments`, one experiment a file. Made from the
rows in `benchmarks/results/reproduced` by `python benchmarks/draw.py`.
"""


def draw(results: Path, pictures: Path, page: Path) -> Iterator[Path]:
    """Write the pictures and the page; gives what was written."""
    parts, summary, missing = [], [], []
    for experiment in EXPERIMENTS.values():
        rows = experiment.ordered(latest(read(results / experiment.file)))
        if not any(row["model"] == OURS for row in rows):  # peers alone make no section
            missing.append(experiment.name)
            continue
        path = pictures / f"reproduced_{experiment.name}.svg"
        with rc_context(STYLE):
            experiment.picture(rows, rows[-1]).savefig(path, metadata={"Date": None}, facecolor="white")
        yield path
        parts += _section(experiment, rows)
        summary += [
            [Cell(f"[{experiment.name}](#{experiment.name})"), Cell(claim.what), Cell(claim.published),
             Cell(claim.limit), claim.found]
            for claim in experiment.claims(rows)
        ]  # fmt: skip
    head = ["experiment", "what", "published", "to reach", "found here"]
    left = [f"Not stored yet: {', '.join(missing)}.\n"] if missing else []
    page.write_text("\n".join([_HEAD, *left, *markdown(head, summary, 2), "", *parts]))
    yield page


def _section(experiment: Experiment, rows: list[dict[str, str]]) -> list[str]:
    return [
        f"## {experiment.name}\n",
        f"{experiment.title}. Published in {experiment.source}.\n",
        f"![{experiment.title}](pictures/reproduced_{experiment.name}.svg)\n",
        *markdown(*experiment.table(rows), experiment.texts),
        "",
        f"{experiment.note[:1].upper()}{experiment.note[1:]}.\n",
        measured_with(experiment.file, rows[-1]),
    ]
