"""`edgewise reproduce`: the published experiments on these networks, measured here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from edgewise._errors import unknown
from edgewise._replacing import replacing
from edgewise.cli._console import console, progress
from edgewise.cli._figure import Only, Resume, show
from edgewise.cli._output import writable_folder

if TYPE_CHECKING:
    from edgewise.experiments import Experiment
    from edgewise.measure import Row

_ALL = "all"


def reproduce(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT]...", help="Which experiments, or all; the list of them when left out."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes: see that all works.")] = False,
    peers: Annotated[
        bool, typer.Option("--peers", help="Measure pykan too, installed into an environment of its own: hours.")
    ] = False,
    only: Only = "",
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Cases at a time, each on a core of its own; 0: all cores.", min=0)
    ] = 0,
    resume: Resume = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for rows, tables and pictures.")] = Path(
        "edgewise-reproduced"
    ),
) -> None:
    """Measure published experiments, print published figures beside those found here, and draw them."""
    from edgewise.experiments import EXPERIMENTS, MINUTES, MLP, OURS, PYKAN, environment
    from edgewise.measure import Plan, Settings, append, cores, run

    screen = console()
    for name in experiments or ():
        if name not in (*EXPERIMENTS, _ALL):
            raise unknown("experiment", name, (*EXPERIMENTS, _ALL))
    if not experiments:
        _list(screen, list(EXPERIMENTS.values()))
        return
    chosen = list(EXPERIMENTS if _ALL in experiments else dict.fromkeys(experiments))
    models = (OURS, MLP, PYKAN) if peers else (OURS, MLP)
    found: dict[str, Sequence[Row]] = {}
    done: dict[str, float] = {}
    try:
        with writable_folder(out) as folder, progress(screen) as bar:
            if peers:
                bar("installing the peers, the first time", 0.0)
            settings = Settings(models, quick=quick, python=environment() if peers else "")
            began = time.monotonic()

            def finished(name: str, rows: list[Row]) -> None:
                found[name] = EXPERIMENTS[name].ordered(rows)
                done[name] = (time.monotonic() - began) / 60
                _store(folder, EXPERIMENTS[name], found[name])
                if not (only or resume):  # the time of a part tells nothing
                    used = {"cores": cores(), "jobs": plan.jobs, "models": " ".join(models), "rows": len(rows)}
                    append(folder / MINUTES, [{**used, "experiment": name, "minutes": done[name]}])

            plan = Plan(folder, only=only, resume=resume, jobs=jobs or cores())
            run([EXPERIMENTS[name] for name in chosen], settings, plan, bar, finished)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{out} holds the rows so far, and --resume goes on from there") from None
    for name in chosen:
        _show(screen, EXPERIMENTS[name], found[name])
    if not quick:  # tiny sizes keep no limits
        _summary(screen, {EXPERIMENTS[name]: found[name] for name in chosen}, done)
    screen.print(f"Rows, tables and pictures: {out}")


def _list(screen: Console, experiments: Sequence[Experiment]) -> None:
    from edgewise.measure import Cell

    lines = [[Cell(e.name), Cell(e.title), Cell(e.source)] for e in experiments]
    show(screen, "Experiments", ["name", "what", "published in"], lines, texts=3)
    screen.print("edgewise reproduce NAME measures one, edgewise reproduce all every one of them.")


def _show(screen: Console, experiment: Experiment, rows: Sequence[Row]) -> None:
    if not rows:
        screen.print(f"{experiment.name}: nothing to measure here. {experiment.lacks()}".rstrip())
        return
    show(screen, f"{experiment.name}: {experiment.title}", *experiment.table(rows), texts=experiment.texts)
    if experiment.note:
        screen.print(experiment.note)


def _summary(screen: Console, found: Mapping[Experiment, Sequence[Row]], done: Mapping[str, float]) -> None:
    from edgewise.measure import Cell

    lines = [
        [Cell(experiment.name), Cell(claim.what), Cell(claim.published), Cell(claim.limit), claim.found]
        for experiment, rows in found.items()
        for claim in (experiment.claims(rows) if rows else ())
    ]
    show(screen, "Summary", ["experiment", "what", "published", "to reach", "found here"], lines, texts=2)
    times = ", ".join(f"{name} {minutes:.1f}" for name, minutes in done.items())
    screen.print(f"Measured in {max(done.values()):.1f} minutes; done after minute: {times}.")


def _store(folder: Path, experiment: Experiment, rows: Sequence[Row]) -> None:
    """The table and the picture beside the rows."""
    from matplotlib import rc_context

    from edgewise.measure import STYLE, markdown, read

    if not rows:
        return
    stored = read(folder / experiment.file)[-1]
    with rc_context(STYLE), replacing(folder / f"{experiment.name}.svg") as file:
        picture = experiment.picture(rows, stored)
        picture.savefig(file, format="svg", metadata={"Date": None}, facecolor="white")
    lines = [f"# {experiment.title}", "", *markdown(*experiment.table(rows), experiment.texts), "", experiment.note]
    with replacing(folder / f"{experiment.name}.md") as file:
        file.write(("\n".join(lines) + "\n").encode())
