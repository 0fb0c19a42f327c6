"""`edgewise reproduce`: the published KAN experiments, measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from edgewise._errors import unknown
from edgewise.cli.plugin import console, progress, writable_folder
from edgewise_bench.commands._printed import Only, Resume, show, show_measured

if TYPE_CHECKING:
    from edgewise_bench import Row
    from edgewise_bench.experiments import Experiment

_ALL = "all"


def reproduce(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT]...", help="Which experiments, or all; lists them by default."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes, as a smoke test.")] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Measure pykan too, installed into a separate environment: hours.")
    ] = False,
    only: Only = "",
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Cases to run at the same time, one per core; 0: all cores.", min=0)
    ] = 0,
    resume: Resume = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for rows, tables and pictures.")] = Path(
        "edgewise-reproduced"
    ),
) -> None:
    """Reproduce published experiments, and compare published with measured values in tables and pictures."""
    from edgewise_bench import MLP, OURS, PYKAN, Plan, Settings, append, cores, run
    from edgewise_bench.baselines import baseline_environment
    from edgewise_bench.experiments import EXPERIMENTS, MINUTES

    screen = console()
    for name in experiments or ():
        if name not in (*EXPERIMENTS, _ALL):
            raise unknown("experiment", name, (*EXPERIMENTS, _ALL))
    if not experiments:
        _list(screen, list(EXPERIMENTS.values()))
        return
    chosen = list(EXPERIMENTS if _ALL in experiments else dict.fromkeys(experiments))
    models = (OURS, MLP, PYKAN) if baselines else (OURS, MLP)
    found: dict[str, Sequence[Row]] = {}
    done: dict[str, float] = {}
    try:
        with writable_folder(out) as folder, progress(screen) as bar:
            if baselines:
                bar("installing the baselines, the first time", 0.0)
            settings = Settings(models, quick=quick, python=baseline_environment() if baselines else "")
            began = time.monotonic()

            def finished(name: str, rows: list[Row]) -> None:
                found[name] = EXPERIMENTS[name].ordered(rows)
                done[name] = (time.monotonic() - began) / 60
                if rows:
                    EXPERIMENTS[name].write_page(folder, found[name])
                if not (only or resume):  # the time of a part tells nothing
                    used = {"cores": cores(), "jobs": plan.jobs, "models": " ".join(models), "rows": len(rows)}
                    append(folder / MINUTES, [{**used, "experiment": name, "minutes": done[name]}])

            plan = Plan(folder, only=only, resume=resume, jobs=jobs or cores())
            run([EXPERIMENTS[name] for name in chosen], settings, plan, bar, finished)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{out} holds the rows so far, and --resume goes on from there") from None
    for name in chosen:
        experiment = EXPERIMENTS[name]
        otherwise = f"nothing to measure here. {experiment.missing()}"
        show_measured(screen, experiment, found[name], otherwise, experiment.text_columns)
    if not quick:  # tiny sizes keep no limits
        _summary(screen, {EXPERIMENTS[name]: found[name] for name in chosen}, done)
    screen.print(f"Rows, tables and pictures: {out}")


def _list(screen: Console, experiments: Sequence[Experiment]) -> None:
    from edgewise_bench import Cell

    lines = [[Cell(e.name), Cell(e.title), Cell(e.source)] for e in experiments]
    show(screen, "Experiments", ["name", "what", "published in"], lines, texts=3)
    screen.print("edgewise reproduce NAME measures one, edgewise reproduce all every one of them.")


def _summary(screen: Console, found: Mapping[Experiment, Sequence[Row]], done: Mapping[str, float]) -> None:
    from edgewise_bench import Cell

    lines = [
        [Cell(experiment.name), *criterion.cells()]
        for experiment, rows in found.items()
        for criterion in (experiment.criteria(rows) if rows else ())
    ]
    show(screen, "Summary", ["experiment", "what", "published", "to reach", "found here"], lines, texts=2)
    times = ", ".join(f"{name} {minutes:.1f}" for name, minutes in done.items())
    screen.print(f"Measured in {max(done.values()):.1f} minutes; done after minute: {times}.")
