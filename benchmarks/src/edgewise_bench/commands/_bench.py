"""`edgewise bench`: speed, memory and accuracy, compared with an MLP and the other installed libraries."""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Annotated, Any

import typer

from edgewise._errors import InputError, unknown
from edgewise.cli.plugin import console, progress, writable_folder
from edgewise_bench.commands._printed import Only, Resume, show_measured

MISSED = 1
"""The exit code when a limit is missed under --check."""


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
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of random laws and of made tables.", min=0)] = 1,
    tuned: Annotated[
        int, typer.Option(metavar="N", help="Settings that each estimator of tabular tries; 0: its defaults.", min=0)
    ] = 0,
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Formula and table cases to run at the same time, one per core.", min=1)
    ] = 1,
    resume: Resume = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with code 1 when a limit is missed.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the CSV files.")] = Path("edgewise-bench"),
) -> None:
    """Measure speed, memory, time to accuracy, formulas found and predictions on tables, and store every row."""
    from edgewise_bench import Plan, Settings, run
    from edgewise_bench.benchmarks import BENCHMARKS

    for name in benchmarks or ():
        if name not in BENCHMARKS:
            raise unknown("benchmark", name, BENCHMARKS)
    counts = _parse_threads(threads)
    screen = console()
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
    if missed:
        screen.print(f"{missed} limits missed: those marked with an exclamation mark.", style="red")
    if check and missed:
        raise typer.Exit(MISSED)


def _compared(screen: Any, kinds: Set[str], baselines: bool) -> Iterator[tuple[str, ...]]:
    """Yield the libraries, searchers, estimators and regressors to measure; of kinds not asked for, only edgewise."""
    from edgewise_bench import MLP, OURS
    from edgewise_bench.benchmarks import BASELINES, ESTIMATORS, LIBRARIES, REGRESSORS, SEARCHERS

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
