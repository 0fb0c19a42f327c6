"""What `pde.solve` and `pde.march` say of made differential equations whose truth is known."""

from __future__ import annotations

import math
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from edgewise import InputError, Options
from edgewise.pde import march, solve
from edgewise_bench import Case, Settings
from edgewise_bench.benchmarks.claims import _evolutions as evolution
from edgewise_bench.benchmarks.claims import _problems as problems
from edgewise_bench.benchmarks.claims._problems import MANY, NONE, Stated
from edgewise_bench.benchmarks.claims._tables import in_words, part_of

_SECONDS = 60.0  # after which a case is given up
_POINTS, _SEED = 4000, 2_718_281


class Kind(NamedTuple):
    """Problems by a parameter, those to develop on and those to look at once, when all else is done."""

    make: Callable[[float], Stated]
    development: tuple[float, ...]
    held_out: tuple[float, ...]


def _kinds() -> Iterator[Kind]:
    """Yield the kinds in the order of the file next to this one."""
    rows = tomllib.loads(Path(__file__).with_name("equations.toml").read_text(encoding="utf-8"))
    for name, row in rows.items():
        make = getattr(problems, name, None) or getattr(evolution, name)
        yield Kind(make, tuple(row["development"]), tuple(row["held_out"]))


KINDS = tuple(_kinds())


def cases(settings: Settings) -> list[Case]:
    """List the cases: those for development with the seeds 1 and 2, else those held out; a few if quick."""
    quick = 6
    part = part_of(settings)
    found = [
        Case(f"{kind.make.__name__} {parameter:g}",
             {"family": "equations", "part": part, "number": number, "parameter": parameter})
        for number, kind in enumerate(KINDS)
        for parameter in (kind.development if part == "development" else kind.held_out)
    ]  # fmt: skip
    return found[:quick] if settings.quick else found


def measure(case: Case) -> dict[str, Any]:
    """Solve a case; return what is said of it, and whether that is right.

    right: of CONVERGED, whether there is a solution that is determined, at a distance of at most five times the
    estimated error, or below the tolerance that was asked for; of NO_SOLUTION, UNDETERMINED, and of a refusal whether
    that is so. It is empty where nothing is claimed. seconds: of the processor.
    """
    stated = KINDS[case.values["number"]].make(case.values["parameter"])
    run: Any = march if stated.march else solve
    began = time.process_time()
    estimate, error, status = math.nan, math.nan, ""
    try:
        found = run(stated.problem, tolerance=stated.tolerance, options=Options(time_limit=_SECONDS))
        said, estimate, error = found.outcome.name, found.error, _distance(found, stated)
    except InputError as refused:
        said, status = "REFUSED", str(refused)
    except Exception as raised:  # noqa: BLE001 (an error from inside is what is looked for)
        said, status = "RAISED", f"{type(raised).__name__}: {raised}"[:200]
    seconds = time.process_time() - began
    right = _right(said, stated, error, estimate)
    return {"kind": KINDS[case.values["number"]].make.__name__, "said": in_words(said), "right": right,
            "seconds": seconds, "status": status, "estimate": estimate, "true_error": error}  # fmt: skip


def _right(said: str, stated: Stated, error: float, estimate: float) -> bool | str:
    """Whether what is said is right; empty where nothing is claimed."""
    times = 5.0  # an estimate may be too small by
    truth = stated.truth
    if said == "CONVERGED":
        return not isinstance(truth, str) and error <= max(times * estimate, stated.tolerance)
    if said in ("NO_SOLUTION", "UNDETERMINED"):
        return truth == (NONE if said == "NO_SOLUTION" else MANY)
    if said == "REFUSED":
        return isinstance(truth, str)
    return False if said == "RAISED" else ""


def _distance(found: Any, stated: Stated) -> float:
    """The relative L2 distance of the first unknown from the nearest true solution, as far as there is one."""
    if isinstance(stated.truth, str):
        return math.nan
    domain = stated.problem.domain
    points = domain.points(_POINTS, _SEED)
    if stated.march:
        points = points[points[:, domain.names.index("t")] <= found.reached]
    values = found(points).reshape(len(points), -1)[:, 0]
    place = SimpleNamespace(**dict(zip(domain.names, points.T, strict=True)))
    true = [exact(place) for exact in stated.truth]
    return min(float((values - own).norm() / own.norm().clamp_min(1e-300)) for own in true)
