"""Whether a tree still gives the answers that were frozen: formulas, solutions, predictions, fits, and their cost.

    python benchmarks/frozen.py --store                    # freeze the answers of this tree (an hour and a half)
    python benchmarks/frozen.py                            # ask this tree again, and print what changed
    python benchmarks/frozen.py --only fits odes --every 3
    python benchmarks/frozen.py --tree ../other            # ask the edgewise of another tree in its place
    python benchmarks/frozen.py --against ../other         # time layers of both trees in turns

Frozen are, in results/frozen.csv: `laws` (120 of SRSD and 100 random ones: the formula, the outcome, the error on rows
left out), `tables` (the 32 real tables of development of `bench claims`), `equations` (those of `bench pde`: error and
CPU seconds), `scores` (ten tables of `bench tabular`), `fits` (ten networks: their errors and first values) and `odes`
(the systems of `bench dynamics`). Searches are limited by work, not by time, so that their answers do not depend on the
machine's load; CPU seconds do.

What may change: 5 % of the formulas, none with another outcome of less worth or with an error on rows left out that is
larger by 2 %; errors of equations and CPU seconds by 10 %; scores by .002; fits by rounding. The exit code is 1 where
more changed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from edgewise_bench import append, read

HERE = Path(__file__).resolve().parent
FROZEN = HERE / "results" / "frozen.csv"
_RANK = ("EXACT", "NOISE", "FLOOR", "AMBIGUOUS", "UNSEEN", "APPROXIMATE", "TOO_FEW_ROWS", "TIME_LIMIT")
RAISED = "raised"
_SCORE, _ROUNDING, _FORMULAS = 0.002, 1e-9, 0.05  # of scores; of values; share of formulas that may change

Answer = dict[str, Any]


class Family(NamedTuple):
    """Cases by name, listed when they are asked about, and what asks about one."""

    names: Callable[[], Iterable[str]]
    ask: Callable[[str], Answer]


def _found(found: Any) -> Answer:
    best = found.best
    return {
        "formula": str(best.expression), "outcome": found.outcome.name, "error": float(best.error),
        "held_out": None if best.held_out is None else float(best.held_out),
    }  # fmt: skip


def _law(case: str) -> Answer:
    import edgewise as ew
    from edgewise_bench.benchmarks.laws import RandomLaw, ScaledLaw

    kind, name = case.split(" ", 1)
    law = ScaledLaw(name) if kind == "srsd" else RandomLaw(name)
    x, y = law.table(1000, 0.0, 0)
    return _found(ew.discover(x, y, names=law.names, effort="quick"))


def laws() -> list[str]:
    from edgewise_bench.datasets import srsd

    return [f"srsd {law.name}" for law in srsd()] + [f"random 1.{k}" for k in range(100)]


def _question(name: str) -> Answer:
    import edgewise as ew
    from edgewise_bench.benchmarks.claims.real import read_question, real_questions

    question = real_questions()[name]
    table = read_question(question)
    return _found(ew.discover(table.x, table.y, target=next(iter(question.target)), effort="quick"))


def tables() -> list[str]:
    from edgewise_bench.benchmarks.claims.real import real_questions

    return [name for name, question in real_questions().items() if question.part == "development"]


def _equation(name: str) -> Answer:
    from edgewise_bench import Case, Settings
    from edgewise_bench.benchmarks import BENCHMARKS

    case = Case(name, {"problem": name, "library": "edgewise", "seed": 0, "setting": "default"})
    (row,) = BENCHMARKS["pde"].measure(case, Settings())
    return {"solution_error": float(row["relative"]), "outcome": row["outcome"], "seconds": float(row["seconds"])}


def equations() -> Iterable[str]:
    from edgewise_bench.benchmarks.pde import TASKS

    return TASKS


def _score(name: str) -> Answer:
    from edgewise_bench import Settings
    from edgewise_bench.benchmarks import BENCHMARKS

    bench = BENCHMARKS["tabular"]
    case = next(
        case for case in bench.cases(Settings())
        if (case.values["table"], case.values["library"], case.values["split"]) == (name, "edgewise", 0)
    )  # fmt: skip
    (row,) = bench.measure(case, Settings())
    return {key: float(row[key]) for key in ("r2", "accuracy", "seconds") if row.get(key) not in (None, "")}


def scores() -> list[str]:
    from edgewise_bench.benchmarks.real_tables import TABLES

    asked = ("airquality", "ais", "babies", "concrete", "hitters", "exam", "penguins", "titanic", "oj", "wine")
    return [table.name for table in TABLES if table.name in asked]


def _fit(name: str) -> Answer:
    import torch

    import edgewise as ew

    shape, settings, target = _NETWORKS[name]
    x = torch.rand(400, shape[0], dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fitted = ew.fit(
        ew.KAN(shape, **settings), x, target(x), grids=[5, 10], options=ew.Options(restarts=1, progress=False)
    )
    values = [float(value) for value in fitted.predict(x[:4]).ravel()]
    return {"error": float(fitted.history[-1].train), "values": values}


def _wave(x: Any) -> Any:
    import torch

    return torch.exp(torch.sin(3 * x[:, 0]) + (x**2).sum(1) / x.shape[1])


_NETWORKS: Mapping[str, tuple[list[int], dict[str, Any], Callable[[Any], Any]]] = {
    f"{shape} {settings}": (shape, settings, _wave)
    for shape, settings in (
        ([1, 1], {}), ([2, 1], {}), ([2, 5, 1], {}), ([3, 4, 1], {"grid": 10}), ([4, 3, 3, 1], {}),
        ([2, 5, 1], {"degree": 5}), ([2, 3, 1], {"basis": "chebyshev"}), ([2, 3, 1], {"basis": "fourier"}),
        ([2, 3, 1], {"basis": "rbf"}), ([6, 8, 1], {"grid": 4}),
    )
}  # fmt: skip


def _ode(case: str) -> Answer:
    import edgewise as ew
    from edgewise_bench.benchmarks.studies.dynamics import SYSTEMS

    name, noise = case.rsplit(" ", 1)
    system = SYSTEMS[name]
    t, x = system.trajectories(float(noise), 0)
    began = time.process_time()
    found = ew.discover_ode(t, x, list(system.names))
    return {
        "formula": found.written.text().replace("\n", "; "), "outcome": found.outcome.name,
        "seconds": time.process_time() - began,
    }  # fmt: skip


def odes() -> list[str]:
    from edgewise_bench.benchmarks.studies.dynamics import SYSTEMS

    return [f"{name} {noise:g}" for name in SYSTEMS for noise in (0.0, 0.01)]


FAMILIES = {
    "fits": Family(lambda: _NETWORKS, _fit), "odes": Family(odes, _ode), "equations": Family(equations, _equation),
    "scores": Family(scores, _score), "laws": Family(laws, _law), "tables": Family(tables, _question),
}  # fmt: skip


def _changes(before: Answer, now: Answer) -> list[str]:
    """Say what changed, beginning with "worse" where it is more than may be."""
    slower, tick = 1.1, 0.5  # times the seconds, or the error of a solution; seconds more
    if RAISED in now:
        return [f"worse: raises {now[RAISED]}"]
    found = []
    for key, old in before.items():
        new = now[key]
        if key == "formula" and old != new:
            found.append(f"formula: {old} -> {new}")
        elif key == "outcome" and old != new:
            known = old in _RANK and new in _RANK
            worse = not known or _RANK.index(new) > _RANK.index(old)
            found.append(f"{'worse ' if worse else ''}outcome: {old} -> {new}")
        elif key == "held_out" and old is not None and (new is None or new > 1.02 * old + 1e-9):
            found.append(f"worse held_out: {old:.4g} -> {new}")
        elif key == "seconds" and new > slower * old + tick:
            found.append(f"worse seconds: {old:.1f} -> {new:.1f}")
        elif key in ("r2", "accuracy") and abs(new - old) > _SCORE:
            found.append(f"{'worse ' if new < old else ''}{key}: {old:.4f} -> {new:.4f}")
        elif key == "values" and max(abs(a - b) for a, b in zip(old, new, strict=True)) > _ROUNDING:
            found.append(f"worse values: {old} -> {new}")
        elif key == "solution_error" and new > slower * old:
            found.append(f"worse error: {old:.3g} -> {new:.3g}")
    return found


def _answered(family: str, name: str) -> tuple[str, str, Answer]:
    try:
        return family, name, FAMILIES[family].ask(name)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is what this tree answers)
        return family, name, {RAISED: f"{type(error).__name__}: {error}"[:200]}


def _stored() -> dict[tuple[str, str], Answer]:
    return {(row["family"], row["case"]): json.loads(row["answer"]) for row in read(FROZEN)}


def pin() -> None:
    """Compute on one thread of one core, this process and those it starts."""
    import torch

    torch.set_num_threads(1)
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def sources(tree: Path) -> str:
    """Return the folder of a tree that has edgewise in it: the tree's `src`, or the folder itself."""
    return str((tree / "src" if (tree / "src").is_dir() else tree).resolve())


def ask_all(families: list[str], every: int, jobs: int, store: bool) -> int:
    """Ask this tree, and store its answers or print what changed; returns how much changed more than may be."""
    frozen = _stored()
    cases = [(family, name) for family in families for name in list(FAMILIES[family].names())[::every]]
    cases = [case for case in cases if (case not in frozen) == store]
    counts: dict[str, list[int]] = {family: [0, 0, 0] for family in families}
    forms = 0
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=pin) as pool:
        for done in as_completed(pool.submit(_answered, *case) for case in cases):
            family, name, answer = done.result()
            if store and RAISED in answer:
                print(f"{family}, {name}: not frozen, it raises {answer[RAISED]}", flush=True)
                continue
            if store:
                append(FROZEN, [{"family": family, "case": name, "answer": json.dumps(answer)}])
                print(f"{family}, {name}: {json.dumps(answer)[:150]}", flush=True)
                continue
            changes = _changes(frozen[family, name], answer)
            forms += any(change.startswith("formula") for change in changes)
            worse = any(change.startswith("worse") for change in changes)
            counts[family] = [a + b for a, b in zip(counts[family], (1, bool(changes), worse), strict=True)]
            if changes:
                print(f"{family}, {name}: {'; '.join(changes)}", flush=True)
    for family, (asked, changed, worse) in counts.items():
        if asked:
            print(f"{family}: {asked} asked, {changed} changed, {worse} worse than allowed")
    if store:
        return 0
    asked = sum("formula" in frozen[case] for case in cases)
    print(f"{forms} of {asked} formulas changed; at most {_FORMULAS:.0%} may")
    return sum(worse for _, _, worse in counts.values()) + (forms > _FORMULAS * asked)


_TIMED = """
import sys, time, torch, edgewise as ew
torch.set_num_threads(1)
layers = [(ew.nn.KANLayer(i, o).float(), torch.rand(n, i) * 2 - 1) for i, o, n in %r]
def step(layer, x):
    began = time.perf_counter()
    layer(x).sum().backward()
    return time.perf_counter() - began
for layer, x in layers: [step(layer, x) for _ in range(5)]
for line in sys.stdin:
    print(*[min(step(layer, x) for _ in range(5)) for layer, x in layers], flush=True)
"""


def against(other: Path) -> None:
    """Time layers of this tree and of another in turns, each in a process of its own."""
    turns = 15
    layers = ((64, 64, 256), (256, 256, 256), (1024, 256, 64))  # inputs, outputs, rows
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _TIMED % (layers,)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": sources(tree)},
        )
        for tree in (HERE.parent, other)
    ]  # fmt: skip
    ratios: list[list[float]] = [[] for _ in layers]
    for _ in range(turns):
        seconds = []
        for worker in workers:
            assert worker.stdin and worker.stdout
            worker.stdin.write("\n")
            worker.stdin.flush()
            seconds.append([float(each) for each in worker.stdout.readline().split()])
        for k, (mine, theirs) in enumerate(zip(*seconds, strict=True)):
            ratios[k].append(mine / theirs)
    for worker in workers:
        worker.communicate()
    for (inputs, outputs, rows), own_ratios in zip(layers, ratios, strict=True):
        spread = statistics.stdev(own_ratios) / math.sqrt(turns)
        print(
            f"{inputs} x {outputs}, {rows} rows: {statistics.median(own_ratios):.3f} of the other's time ± {spread:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", action="store_true", help="freeze what is not frozen yet")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--every", type=int, default=1, help="ask every K-th case only")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--tree", type=Path, help="the folder of another tree, whose edgewise is asked")
    parser.add_argument("--against", type=Path, help="the folder of another tree, for the times of layers")
    given = parser.parse_args()
    if given.tree is not None:  # what is asked is imported when a process begins
        asked = ["--only", *given.only, "--every", str(given.every), "--jobs", str(given.jobs)]
        path = os.pathsep.join([sources(given.tree), str(HERE / "src")])
        command = [sys.executable, __file__, *asked, *["--store"] * given.store]
        raise SystemExit(subprocess.run(command, env=os.environ | {"PYTHONPATH": path}).returncode)
    if given.against is not None:
        against(given.against)
        return
    raise SystemExit(bool(ask_all(given.only, given.every, given.jobs, given.store)))


if __name__ == "__main__":
    main()
