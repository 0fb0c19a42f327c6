"""The run, its processes and rows, and the comparisons with other libraries."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgewise_bench
from edgewise.cli import main
from edgewise_bench import Case, Cell, Plan, Quartiles, Settings, Worker, interleaved, peak_memory, read, run
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.libraries import LIBRARIES
from edgewise_bench.benchmarks.library import Race, Shape, hidden_width, layer_parameters

INSTALLED = [name for name, library in LIBRARIES.items() if library.installed()]
TINY = Shape(16, 3, 2, 5, "float64")


def silent(stage: str, fraction: float) -> None:
    assert 0 <= fraction <= 1
    assert stage


def test_timing_runs_every_call_the_same_number_of_times() -> None:
    counts = {"a": 0, "b": 0}

    def calling(name: str) -> Callable[[], None]:
        def call() -> None:
            counts[name] += 1

        return call

    spreads = interleaved({name: calling(name) for name in counts}, repeats=3, patience=60)
    assert [spread.repeats for spread in spreads.values()] == [3, 3]
    assert min(counts.values()) > 3
    assert all(spread.lower <= spread.median <= spread.upper for spread in spreads.values())


def test_a_slow_call_gets_fewer_repeats() -> None:
    assert interleaved({"a": lambda: None}, repeats=5, patience=0.0)["a"].repeats == 1
    assert Quartiles.of([4.0]) == Quartiles(4.0, 4.0, 4.0, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the high-water mark is reset on Linux only")
def test_peak_sees_what_is_freed_again() -> None:
    """In its own process: memory that other tests have freed may be reused."""
    code = f"from {peak_memory.__module__} import peak_memory; print(peak_memory(lambda: b'1' * 64_000_000))"
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True).stdout
    assert 60e6 < int(said) < 200e6


@pytest.mark.parametrize("grid", [5, 20, 100])
@pytest.mark.parametrize("sizes", [(64, 64), (256, 256), (784, 64), (512, 512)])
def test_the_mlp_has_as_many_parameters(sizes: tuple[int, int], grid: int) -> None:
    n_in, n_out = sizes
    wanted = layer_parameters(n_in, n_out, grid)
    assert wanted == n_in * n_out * (grid + 4)
    hidden = hidden_width(n_in, n_out, wanted)
    assert abs(hidden * (n_in + n_out + 1) + n_out - wanted) < 0.03 * wanted


@pytest.mark.parametrize("name", INSTALLED)
def test_a_layer_gives_gradients_of_its_input_and_parameters(name: str) -> None:
    library = LIBRARIES[name]
    unit = library.layer(TINY)
    assert unit.parameters >= 3 * 2 * 8 - 6
    unit.call()
    if not hasattr(library, "module_layer"):
        return
    module: Any = library.module_layer(TINY)
    assert unit.parameters == library.parameters(module)  # type: ignore[attr-defined]
    x = TINY.data()[0]
    assert module(torch.from_numpy(x)).shape == (16, 2)


@pytest.mark.parametrize("name", INSTALLED)
def test_adam_steps_change_the_parameters_counted(name: str) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (16, 2))
    unit = LIBRARIES[name].step([2, 3, 1], 5, x, x[:, :1])
    for _ in range(3):
        unit.call()
    assert unit.parameters > 50
    LIBRARIES[name].layer(TINY, adam=True).call()


def test_the_quick_benchmarks_store_every_row(tmp_path: Path) -> None:
    settings = Settings(quick=True, repeats=2)
    rows = run([BENCHMARKS["steps"]], settings, Plan(tmp_path), silent)["steps"]
    assert [row["library"] for row in rows] == ["edgewise", "mlp"]
    assert rows[1]["ratio"] == 1
    assert rows[0]["repeats"] == 2
    stored = read(tmp_path / "steps.csv")
    assert [row["library"] for row in stored] == ["edgewise", "mlp"]
    assert {"commit", "date", "device", "cores", "threads", "versions", "seconds", "lower", "upper"} <= set(stored[0])
    again = run([BENCHMARKS["steps"]], settings, Plan(tmp_path, resume=True), silent)["steps"]
    assert again == stored  # nothing was measured again
    assert len(read(tmp_path / "steps.csv")) == 2
    head, (line,) = BENCHMARKS["steps"].table(again)
    assert len(head) == len(line)


@pytest.mark.slow
def test_a_case_whose_process_fails_is_stored_as_failed() -> None:
    benchmark = BENCHMARKS["steps"]
    (case,) = benchmark.cases(Settings(quick=True))
    broken = Case("broken", {"network": "?"})
    worker = Worker()
    try:
        failed, found = (worker.rows(benchmark, one, Settings(quick=True, repeats=1)) for one in (broken, case))
    finally:
        worker.close()
    assert "KeyError" in failed[0]["status"]
    assert found[0]["seconds"] > 0


def test_only_chooses_cases_by_their_name(tmp_path: Path) -> None:
    assert run([BENCHMARKS["layers"]], Settings(quick=True), Plan(tmp_path, only="nothing like it"), silent) == {
        "layers": []
    }


def layer_row(library: str, seconds: float, grid: int = 20, **others: object) -> dict[str, Any]:
    shape = Shape(1024, 64, 64, grid, "float32")._asdict()
    return {
        "case": f"G = {grid}",
        "threads": 1,
        **shape,
        "library": library,
        "seconds": seconds,
        "status": "",
        **others,
    }


def test_the_table_marks_missed_limits() -> None:
    rows = [
        layer_row("edgewise", 0.8),
        layer_row("mlp", 1.0),
        layer_row("efficient-kan", 2.0),
        layer_row("pykan", 20.0),
    ]
    head, (line,) = BENCHMARKS["layers"].table(rows)
    cells = dict(zip(head, line, strict=True))
    assert cells["edgewise"] == Cell("0.8", True)
    assert cells["at most"] == Cell("0.9")
    assert cells["efficient-kan"] == Cell("2.5", False)
    assert cells["pykan"] == Cell("25", True)
    assert "jaxkan" not in cells
    _, (line,) = BENCHMARKS["layers"].table([layer_row("edgewise", 1.3, 5), layer_row("mlp", 1.0, 5)])
    assert line[3] == Cell("1.3", False)


def test_what_was_skipped_says_why() -> None:
    skipped = layer_row("pykan", 0, status="skipped: needs 40 GB") | {"seconds": ""}
    head, (line,) = BENCHMARKS["layers"].table([layer_row("edgewise", 0.8), layer_row("mlp", 1.0), skipped])
    assert dict(zip(head, line, strict=True))["pykan"] == Cell("needs 40 GB")


def race(budget: float = 60.0, goal: float = 0.1) -> Race:
    rows = np.zeros((4, 1))
    return Race([1, 1], rows, rows[:, 0], rows, rows[:, 0], budget, goal)


def test_a_race_ends_at_its_goal_and_counts_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    run = race()
    run.start()
    now[0] = 2.0
    with run.paused():
        now[0] = 50.0

    def slow(x: np.ndarray) -> np.ndarray:
        now[0] += 7.0
        return np.full(len(x), 0.5)

    run.point(slow)
    assert run.points == [(2.0, 0.5)]
    assert run.seconds == 2.0
    assert not run.over
    run.point(lambda x: np.full(len(x), math.nan))
    assert run.points[-1].error == math.inf
    run.point(lambda x: np.full(len(x), 0.05))
    assert run.over


def test_the_command_stores_and_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = {"layers": [layer_row("edgewise", 1.3, 5), layer_row("mlp", 1.0, 5)]}
    asked: list[Any] = []

    def stub(benchmarks: Any, settings: Settings, plan: Plan, watch: Any) -> dict[str, Any]:
        asked.append(([benchmark.name for benchmark in benchmarks], settings, plan))
        return rows

    monkeypatch.setattr(edgewise_bench, "run", stub)
    out = str(tmp_path / "out")
    assert main(["bench", "layers", "--no-baselines", "--out", out]) == 0
    assert main(["bench", "layers", "--no-baselines", "--check", "--out", out]) == 1
    assert asked[0] == (["layers"], Settings(("edgewise", "mlp")), Plan(tmp_path / "out"))
    rows["layers"][0]["seconds"] = 0.5
    assert main(["bench", "layers", "--check", "--quick", "--out", out]) == 0
    assert asked[-1][1].quick


def test_the_command_says_what_is_missing_and_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(edgewise_bench, "run", lambda *_: {})
    monkeypatch.setattr(type(LIBRARIES["pykan"]), "installed", classmethod(lambda _: False))
    monkeypatch.chdir(tmp_path)
    assert main(["bench"]) == 0
    assert "pykan is not installed here and is left out: pip install pykan" in capsys.readouterr().out
    assert main(["bench", "layrs"]) == 2
    assert "Unknown benchmark 'layrs'. Known: layers" in capsys.readouterr().err
    assert main(["bench", "--threads", "two"]) == 2
    assert "--threads must list whole numbers" in capsys.readouterr().err


def test_an_interrupted_run_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(edgewise_bench, "run", stopped)
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "--no-baselines"]) == 130
    assert (
        "interrupted; edgewise-bench holds the rows so far, and --resume goes on from there" in capsys.readouterr().err
    )


def point(library: str, recipe: str, seconds: float, error: float, turn: str = "", run: int = 0) -> dict[str, Any]:
    shared = {"target": "f", "library": library, "turn": turn, "budget": 60.0, "status": "", "case": "f"}
    return {**shared, "recipe": recipe, "run": run, "seconds": seconds, "error": error}


def test_the_accuracy_table_compares_the_first_to_arrive() -> None:
    benchmark = BENCHMARKS["accuracy"]
    ours = [point("edgewise", recipe, s, e, turn) for turn in ("before", "after")
            for recipe, s, e in (("grid 5", 0.1, 1e-3), ("to 20", 0.5, 8e-6), ("default", 2.0, 1e-9))]  # fmt: skip
    slow = [point("pykan", "its notebook", s, e) for s, e in ((10.0, 1e-3), (40.0, 9e-6), (50.0, 1e-6))]
    stuck = [point("mlp", "Adam", s, e) for s, e in ((10.0, 1e-2), (60.0, 2e-3))]
    _, (line,) = benchmark.table([*ours, *stuck])
    assert [cell.text for cell in line] == ["f", "0.5", "2", "1e-09", "error 0.002", "mlp, Adam", "never", "50"]
    assert [cell.passed for cell in line if cell.passed is not None] == [True]
    _, (line,) = benchmark.table([*ours, *stuck, *slow])
    assert line[4:7] == [Cell("40"), Cell("pykan, its notebook"), Cell("80", True)]
    _, (line,) = benchmark.table([*ours[:1], *slow])
    assert line[1] == Cell("not reached", False)


def test_a_baseline_gets_its_time_from_what_edgewise_took() -> None:
    benchmark = BENCHMARKS["accuracy"]
    first, *baselines, last = benchmark.cases(Settings(("edgewise", "mlp")))[:6]
    assert (first.values["turn"], last.values["turn"]) == ("before", "after")
    rows = [{**point("edgewise", "to 20", seconds, 1e-6), "target": first.values["target"]} for seconds in (2.0,)]
    assert benchmark.prepare(baselines[0], rows).values["budget"] == 120
    assert benchmark.prepare(baselines[0], []).values["budget"] == 300
    assert benchmark.prepare(first, rows) == first
    given = benchmark.cases(Settings(("edgewise", "mlp"), budget=5.0))[1]
    assert benchmark.prepare(given, rows).values["budget"] == 5


@pytest.mark.slow
def test_a_quick_race_and_a_second_order_step(tmp_path: Path) -> None:
    settings = Settings(quick=True, repeats=1, budget=0.1)
    rows = run([BENCHMARKS["accuracy"]], settings, Plan(tmp_path, only="edgewise, before"), silent)["accuracy"]
    assert [row["recipe"] for row in rows] == ["grid 3, no rows held out"]
    assert rows[0]["error"] < 0.1
    steps = run([BENCHMARKS["lm"]], settings, Plan(tmp_path), silent)["lm"]
    assert [row["parameters"] for row in steps] == [360, 1560, 448, 448, 510]
    assert not any(row["status"] for row in steps)


@pytest.mark.parametrize("name", [name for name in INSTALLED if name != "edgewise"])
def test_every_recipe_ends_with_its_time(name: str) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    for recipe in LIBRARIES[name].recipes:
        racing = Race([2, 1, 1], x, x[:, 0], x, x[:, 0], budget=0.2, goal=1e-9)
        LIBRARIES[name].train(recipe, racing)
        assert racing.points or racing.over


@pytest.mark.slow
def test_routes_are_timed_and_the_chosen_one_is_told(tmp_path: Path) -> None:
    rows = run([BENCHMARKS["routes"]], Settings(quick=True, repeats=2), Plan(tmp_path), silent)["routes"]
    assert {(row["operation"], row["route"]) for row in rows} == {("matrix", "dense"), ("matrix", "sparse")}
    assert all(float(row["seconds"]) > 0 for row in rows)
    (chosen,) = [row["route"] for row in rows if int(row["chosen"])]
    (line,) = BENCHMARKS["routes"].table(rows)[1]
    assert line[4].text.startswith(chosen) and line[4].passed is None  # a quick run has no limits


def test_a_route_that_was_chosen_and_is_slow_is_a_miss() -> None:
    shared = {"case": "one", "rows": 1024, "operation": "contract", "reason": "", "status": ""}
    rows = [{**shared, "route": "dense", "seconds": 1.0, "chosen": 0}]
    rows.append({**shared, "route": "sparse", "seconds": 1.6, "chosen": 1})
    (line,) = BENCHMARKS["routes"].table(rows)[1]
    assert line[4] == Cell("sparse, 1.6", False)


def test_an_operation_of_one_route_has_blanks_for_the_other() -> None:
    shared = {"case": "knots", "rows": 1024, "operation": "basis", "reason": "", "status": ""}
    (line,) = BENCHMARKS["routes"].table([{**shared, "route": "sparse", "seconds": 0.5, "chosen": 1}])[1]
    assert [cell.text for cell in line] == ["knots", "basis", "", "500", "sparse, 1", "1.5"]
    (line,) = BENCHMARKS["routes"].table([{**shared, "route": "dense", "seconds": 0.5, "chosen": 0}])[1]
    assert [cell.text for cell in line[2:]] == ["500", "", "", "1.5"] and line[4].passed is None


def class_row(library: str, seed: int, accuracy: float, seconds: float) -> dict[str, Any]:
    shared = {"case": "moons", "table": "moons", "library": library, "parameters": 9, "seed": seed, "status": ""}
    return {**shared, "accuracy": accuracy, "seconds": seconds}


def test_the_classes_table_compares_medians_and_marks_misses() -> None:
    benchmark = BENCHMARKS["classification"]
    ours = [class_row("edgewise", seed, *found) for seed, found in enumerate([(0.9, 9.0), (0.99, 0.5), (1.0, 0.1)])]
    theirs = [class_row("mlp", seed, *found) for seed, found in enumerate([(0.98, 0.4), (0.98, 0.4), (1.0, 0.4)])]
    head, (line,) = benchmark.table(ours + theirs)
    cells = dict(zip(head, line, strict=True))
    assert (cells["edgewise"], cells["MLP"]) == (Cell("0.99", True), Cell("0.98"))
    assert (cells["edgewise s"], cells["MLP s"]) == (Cell("0.5", False), Cell("0.4"))
    swapped = [row | {"library": {"edgewise": "mlp", "mlp": "edgewise"}[row["library"]]} for row in ours + theirs]
    _, (line,) = benchmark.table(swapped)
    assert [cell.passed for cell in line if cell.passed is not None] == [False, True]
    assert line[3:5] == [Cell("0.98", False), Cell("0.99")]
    (case,) = benchmark.cases(Settings())[:1]
    _, (line,) = benchmark.table(benchmark.failed(case, Settings(), "failed: no such table"))
    assert line[3] == Cell("failed: no such table")


@pytest.mark.slow
def test_classes_are_measured_on_the_tables_themselves(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rows = run([BENCHMARKS["classification"]], Settings(quick=True), Plan(tmp_path), silent)["classification"]
    assert [(row["table"], row["library"]) for row in rows] == [
        (table, library) for table in ("two moons", "breast cancer", "digits") for library in ("edgewise", "mlp")
    ]
    assert not any(row["status"] for row in rows)
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        n_in, n_out = {"two moons": (2, 1), "breast cancer": (30, 1), "digits": (64, 10)}[ours["table"]]
        assert abs(ours["parameters"] - theirs["parameters"]) <= (n_in + n_out + 1) / 2
        assert min(ours["accuracy"], theirs["accuracy"]) > 0.6  # of 60 rows
    head, lines = BENCHMARKS["classification"].table(read(tmp_path / "classification.csv"))
    assert {len(line) for line in lines} == {len(head)}


def test_without_scikit_learn_the_classes_are_left_out_and_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert BENCHMARKS["classification"].cases(Settings()) == []
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "classification", "--no-baselines", "--check"]) == 0
    assert "not installed here: pip install scikit-learn" in capsys.readouterr().out


@pytest.mark.slow
def test_calls_of_a_few_rows_are_compared_with_an_mlp(tmp_path: Path) -> None:
    rows = run([BENCHMARKS["calls"]], Settings(quick=True, repeats=2), Plan(tmp_path, only="1 x 64"), silent)["calls"]
    assert [row["what"] for row in rows] == ["mlp", "edgewise", "frozen"]
    shared = {"case": "compiled, 1024 x 64 -> 64", "status": ""}
    timed = {"eager, forward": 2.0, "compiled, forward": 2.1, "eager, forward and backward": 4.0}
    timed["compiled, forward and backward"] = 5.0
    _, lines = BENCHMARKS["calls"].table([{**shared, "what": what, "seconds": value} for what, value in timed.items()])
    assert [(line[3].text, line[3].passed) for line in lines] == [("1.25", False), ("1.05", True)]
