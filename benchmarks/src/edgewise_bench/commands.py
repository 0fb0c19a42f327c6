"""The commands `edgewise bench` and `edgewise reproduce`, which this distribution adds to `edgewise`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from edgewise._errors import InputError, unknown
from edgewise.cli.plugin import Command, Json, console, print_json, progress, writable_folder

if TYPE_CHECKING:
    from edgewise_bench import Cell, Row
    from edgewise_bench.experiments import Experiment

Only = Annotated[str, typer.Option(metavar="TEXT", help="Only cases whose name contains this.")]
Resume = Annotated[bool, typer.Option("--resume", help="Skip what DIR already holds of this commit and machine.")]

MISSED = 1
"""The exit code when a limit is missed under --check."""

_ALL = "all"


def bench(  # noqa: PLR0913 (the options of a command)
    benchmarks: Annotated[
        list[str] | None, typer.Argument(metavar="[BENCHMARK]...", help="Which benchmarks; the quick ones by default.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes, as a smoke test.")] = False,
    baselines: Annotated[bool, typer.Option(help="Whether to measure the other libraries that are installed.")] = True,
    threads: Annotated[str, typer.Option(metavar="N,..", help="Thread counts to measure the layers on.")] = "1",
    only: Only = "",
    repeats: Annotated[int, typer.Option(metavar="N", help="Repeats of each timing.", min=1)] = 7,
    patience: Annotated[
        float, typer.Option(metavar="S", help="Seconds for the repeats of one library; a slow one gets fewer.", min=0)
    ] = 60.0,
    budget: Annotated[
        float,
        typer.Option(metavar="S", help="Seconds of a training run or a search; 0: as docs/benchmarks.md says.", min=0),
    ] = 0.0,
    effort: Annotated[
        str, typer.Option(metavar="E", help="Effort of discover on tables: a word or a number; its default if empty.")
    ] = "",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of random laws, made tables and shuffled rows.", min=0)
    ] = 1,
    tuned: Annotated[
        int, typer.Option(metavar="N", help="Settings that each estimator of tabular tries; 0: its defaults.", min=0)
    ] = 0,
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Formula and table cases to run at the same time, one per core.", min=1)
    ] = 1,
    resume: Resume = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with code 1 when a limit is missed.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the CSV files.")] = Path("edgewise-bench"),
    json: Json = False,
) -> None:
    """Measure speed, memory, time to accuracy, formulas found and predictions on tables, and store every row."""
    from edgewise_bench import Plan, Settings, run
    from edgewise_bench.benchmarks import BENCHMARKS, named

    for name in benchmarks or ():
        named(name)
    counts = _parse_threads(threads)
    screen = console(stderr=json)
    chosen = benchmarks or [name for name, benchmark in BENCHMARKS.items() if not benchmark.slow]
    compared = _compared(screen, {BENCHMARKS[name].compares for name in chosen}, baselines)
    searching = {"budget": budget, "effort": effort, "seed": seed, "tuned": tuned}
    settings = Settings(*compared, quick=quick, repeats=repeats, patience=patience, **searching)
    try:
        with writable_folder(out) as folder, progress(screen) as bar:
            rows = run([BENCHMARKS[name] for name in chosen], settings, Plan(folder, counts, only, resume, jobs), bar)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{out} holds the rows so far, and --resume goes on from there") from None
    missed = 0
    for name, found in rows.items():
        missed += show_measured(
            screen, BENCHMARKS[name], found, BENCHMARKS[name].missing() or "nothing to measure here."
        )
    screen.print(f"Rows: {out}")
    if json:
        print_json({"rows": rows, "missed": missed, "folder": out})
    if missed:
        screen.print(f"{missed} limits missed: those marked with an exclamation mark.", style="red")
    if check and missed:
        raise typer.Exit(MISSED)


def _compared(screen: Any, kinds: Set[str], baselines: bool) -> Iterator[tuple[str, ...]]:
    """Yield the libraries, searchers, estimators and regressors to measure; of kinds not asked for, only edgewise."""
    from edgewise_bench import MLP, OURS
    from edgewise_bench.benchmarks.estimators import ESTIMATORS
    from edgewise_bench.benchmarks.formula_tables import REGRESSORS
    from edgewise_bench.benchmarks.libraries import BASELINES, LIBRARIES
    from edgewise_bench.benchmarks.searchers import SEARCHERS

    for kind, known, own in (
        ("libraries", {name: LIBRARIES[name] for name in BASELINES}, (OURS, MLP)),
        ("searchers", {name: SEARCHERS[name] for name in SEARCHERS if name != OURS}, (OURS,)),
        ("estimators", ESTIMATORS, () if "estimators" in kinds else (OURS,)),
        ("regressors", {name: one for name, one in REGRESSORS.items() if name != OURS}, (OURS,)),
    ):
        asked = {name: one for name, one in known.items() if kind in kinds and (baselines or name == OURS)}
        yield own + tuple(_present(screen, asked))


def _present(screen: Any, libraries: Mapping[str, Any]) -> list[str]:
    """Return the libraries that are installed, and print how to install the others."""
    for name, library in libraries.items():
        if not library.installed():
            screen.print(f"{name} is not installed here and is left out: pip install {library.install}")
    return [name for name, library in libraries.items() if library.installed()]


def _parse_threads(text: str) -> tuple[int, ...]:
    """Return the thread counts in a list like "1,2".

    >>> _parse_threads("1, 1")
    (1, 1)
    """
    from edgewise_bench import cores

    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1 or max(counts) > cores():
        raise InputError(
            f"--threads must list whole numbers from 1 to {cores()}, the cores here, like 1,2. Got {text!r}."
        )
    return counts


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
    json: Json = False,
) -> None:
    """Reproduce published experiments, and compare published with measured values in tables and pictures."""
    from edgewise_bench import MLP, OURS, PYKAN, Plan, Settings, append, cores, run
    from edgewise_bench.baselines import baseline_environment
    from edgewise_bench.experiments import EXPERIMENTS, MINUTES

    screen = console(stderr=json)
    for name in experiments or ():
        if name not in (*EXPERIMENTS, _ALL):
            raise unknown("experiment", name, (*EXPERIMENTS, _ALL))
    if not experiments:
        _list(screen, list(EXPERIMENTS.values()))
        _say(json, dict.fromkeys(EXPERIMENTS.values(), ()), None)
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
    _say(json, {EXPERIMENTS[name]: found[name] for name in chosen}, out)


def _say(json: bool, found: Mapping[Experiment, Sequence[Row]], folder: Path | None) -> None:
    """Print the experiments with their rows as JSON, if asked for."""
    if json:
        about = [{"name": e.name, "title": e.title, "source": e.source, "rows": rows} for e, rows in found.items()]
        print_json({"experiments": about, "folder": folder})


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


def show(screen: Console, title: str, head: Sequence[str], lines: Sequence[Sequence[Cell]], texts: int = 1) -> int:
    """Print a table whose first columns are texts; return how many limits are missed."""
    widest, long = 200, 40  # characters of a table, and of a cell that may be wrapped
    grid = Grid(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(head):
        longest = max((len(line[number].text) for line in lines), default=0)
        justify = "right" if number >= texts and longest <= long else "left"
        grid.add_column(heading, justify=justify, no_wrap=longest <= long, overflow="fold")
    for line in lines:
        grid.add_row(*map(_text, line))
    screen.print()
    # As wide as it is: what a narrow terminal wraps can still be read, what is cut off cannot.
    wide = Measurement.get(screen, screen.options.update(max_width=widest), grid).maximum
    screen.width = max(wide, screen.width)
    screen.print(grid)
    return sum(cell.passed is False for line in lines for cell in line)


def show_measured(screen: Console, case: Any, rows: Sequence[Any], otherwise: str, texts: int = 1) -> int:
    """Print the table of a benchmark or an experiment, or why there is none; return how many limits are missed."""
    if not rows:
        screen.print(f"{case.name}: {otherwise}".rstrip())
        return 0
    missed = show(screen, f"{case.name}: {case.title}", *case.table(rows), texts=texts)
    if case.note:
        screen.print(case.note)
    return missed


def _text(cell: Cell) -> Text:
    if cell.passed is None:
        return Text(cell.text)
    return Text(cell.text, "green") if cell.passed else Text(f"{cell.text} !", "red")


BENCH = Command(bench, ("bench --quick", "bench layers --threads 1,2 --only 'G = 20'"))
REPRODUCE = Command(reproduce, ("reproduce grids --out reproduced", "reproduce all --quick"))
