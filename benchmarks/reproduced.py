"""The page of the published experiments and their part of README.md, made from what `edgewise reproduce` stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib import rc_context

from edgewise.experiments import EXPERIMENTS, MINUTES, OURS, Claim, Experiment
from edgewise.measure import STYLE, Cell, latest, markdown, measured_with, read

_HEAD = """# The published experiments

What the articles on these networks show, measured again by `edgewise reproduce`, beside the figures that were
published and the peers measured here; **a bold figure misses what was to be reached**. Seconds are those of one core's
computing. Sources: Liu et al., KAN: Kolmogorov-Arnold Networks (arXiv 2404.19756) and KAN 2.0 (arXiv 2408.10205), and
the notebooks of pykan 0.2.8. Set-ups and seeds are in `src/edgewise/experiments`, one experiment a file. Made from the
rows in `benchmarks/results/reproduced` by `python benchmarks/draw.py`.
"""
_OPEN, _CLOSE = "<!-- Made by python benchmarks/draw.py. -->\n", "<!-- End of what is made. -->\n"


def draw(results: Path, pictures: Path, page: Path, readme: Path) -> Iterator[Path]:
    """Write the pictures, the page and the part of the README that is marked; gives what was written."""
    parts, summary, missing, short = [], [], [], []
    for experiment in EXPERIMENTS.values():
        rows = experiment.ordered(latest(read(results / experiment.file)))
        if not any(row["model"] == OURS for row in rows):  # peers alone make no section
            missing.append(experiment.name)
            continue
        path = pictures / f"reproduced_{experiment.name}.svg"
        with rc_context(STYLE):
            experiment.picture(rows, _last(rows)).savefig(path, metadata={"Date": None}, facecolor="white")
        yield path
        parts += _section(experiment, rows)
        claims = experiment.claims(rows)
        summary += [
            [Cell(f"[{experiment.name}](#{experiment.name})"), Cell(claim.what), Cell(claim.published),
             Cell(claim.limit), claim.found]
            for claim in claims
        ]  # fmt: skip
        link = f"[{experiment.name}](docs/{page.name}#{experiment.name})"
        short.append([Cell(link), Cell(claims[0].what), Cell(claims[0].published), claims[0].found, _kept(claims)])
    head = ["experiment", "what", "published", "to reach", "found here"]
    left = [f"Not stored yet: {', '.join(missing)}.\n"] if missing else []
    taken = _taken(results / MINUTES)
    page.write_text("\n".join([_HEAD, *left, *taken, *markdown(head, summary, 2), "", *parts]))
    yield page
    before, rest = readme.read_text().split(_OPEN)
    head = ["experiment", "its first figure", "published", "here", "limits kept"]
    lines = [*markdown(head, short, 2), "", *taken]
    readme.write_text("\n".join([before + _OPEN.rstrip(), *lines, _CLOSE + rest.split(_CLOSE)[1]]))
    yield readme


def _taken(path: Path) -> list[str]:
    """How long the last run of all experiments took, where one is stored."""
    runs: dict[str, dict[str, dict[str, str]]] = {}
    for row in read(path):
        runs.setdefault(row["commit"], {})[row["experiment"]] = row
    whole = [list(run.values()) for run in runs.values() if set(run) >= set(EXPERIMENTS)]
    if not whole:
        return []
    minutes, last = max(float(row["minutes"]) for row in whole[-1]), whole[-1][-1]
    told = f"The run of all of them at commit {last['commit']}, perceptrons included, took {minutes:.1f} minutes"
    return [f"{told} on {last['cores']} cores ({last['device']}; `{path.name}`).", ""]


def _kept(claims: Sequence[Claim]) -> Cell:
    """How many of the figures that have a limit keep it."""
    held = [claim.found.kept for claim in claims if claim.found.kept is not None]
    return Cell(f"{sum(held)} of {len(held)}")


def _section(experiment: Experiment, rows: list[dict[str, str]]) -> list[str]:
    return [
        f"## {experiment.name}\n",
        f"{experiment.title}. Published in {experiment.source}.\n",
        f"![{experiment.title}](pictures/reproduced_{experiment.name}.svg)\n",
        *markdown(*experiment.table(rows), experiment.texts),
        "",
        f"{experiment.note[:1].upper()}{experiment.note[1:]}.\n",
        measured_with(experiment.file, _last(rows)) + _others(rows),
    ]


def _others(rows: list[dict[str, str]]) -> str:
    """The commits that other rows are of than the last of edgewise's."""
    last = _last(rows)["commit"]
    found = dict.fromkeys((row["model"], row["commit"]) for row in rows if row["commit"] != last)
    by_model = {model: ", ".join(c for m, c in found if m == model) for model, _ in found}
    return f"Of other commits: {'; '.join(f'{model} {c}' for model, c in by_model.items())}.\n" if found else ""


def _last(rows: list[dict[str, str]]) -> dict[str, str]:
    """The row of edgewise's that was measured last."""
    return max((row for row in rows if row["model"] == OURS), key=lambda row: row["date"])
