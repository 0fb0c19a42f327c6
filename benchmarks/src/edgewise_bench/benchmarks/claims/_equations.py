"""What `pde.solve` and `pde.march` say of made differential equations whose truth is known."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
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
_TIMES = 5.0  # an estimate may be too small by
_POINTS, _SEED = 4000, 2_718_281
_QUICK = 6


class Kind(NamedTuple):
    """Problems by a parameter, those to develop on and those to look at once, when all else is done."""

    make: Callable[[float], Stated]
    development: tuple[float, ...]
    held_out: tuple[float, ...]


KINDS = (
    Kind(problems.sine, (1, 3), (2, 6)),
    Kind(problems.layer, (0.1, 1e-2, 1e-3), (0.03, 3e-3, 1e-4)),
    Kind(problems.reaction, (), (1e-2, 1e-3, 1e-5)),
    Kind(problems.oscillation, (5, 20, 50), (10, 30, 80)),
    Kind(problems.spike, (0.1, 1e-2, 1e-3), (0.03, 3e-3, 1e-4)),
    Kind(problems.front, (0.1, 1e-2), (1e-3, 1e-4)),
    Kind(problems.bratu, (1, 3, 3.513, 3.52, 3.6, 5), (2, 3.4, 3.51, 3.515, 3.55, 4)),
    Kind(problems.insulated, (1, 0), (-2, 0.1)),
    Kind(problems.fluxes, (), (2, 1, 2.5)),
    Kind(problems.resonance, (1, 2, 1.01, 1.0001), (3, 4, 2.001, 0.99)),
    Kind(problems.robin, (-1, 0.5), (2, 0.4)),
    Kind(problems.missing, (0, 1, 2, 3, 8), (4, 5, 6, 7)),
    Kind(problems.surplus, (0, 1, 4), (2, 3, 5)),
    Kind(problems.beam, (0, 1), (2,)),
    Kind(problems.explosion, (0.8, 1.2), (0.9, 1.5)),
    Kind(problems.impossible, (0,), (1, 2)),
    Kind(problems.relaxation, (10, 1000), (100, 1e4)),
    Kind(problems.van_der_pol, (1, 1000), (5, 100)),
    Kind(problems.arctangent, (), (5, 50, 500)),
    Kind(problems.waves, (1,), (3,)),
    Kind(problems.insulated_plate, (1, 0), (-3,)),
    Kind(problems.resonant_plate, (0, 0.1), (-1, 0.01)),
    Kind(problems.open_plate, (0, 2), (1, 3)),
    Kind(problems.plate_layer, (0.1,), (0.03,)),
    Kind(problems.cubic_plate, (1,), (5,)),
    Kind(problems.heated_strip, (), (0.1, 1)),
    Kind(evolution.heat, (1,), (3,)),
    Kind(evolution.insulated_front, (0.05, 0.03), (0.04, 0.02)),
    Kind(evolution.insulated_bell, (), (1, 2)),
    Kind(evolution.pulse, (1e-2, 1e-4), (1e-3, 3e-5)),
    Kind(evolution.switched_end, (1e-2,), (1e-3, 1e-4)),
    Kind(evolution.quick_reaction, (10, 1e4), (100, 1e6)),
    Kind(evolution.marched_wrong, (0, 1, 2, 3), (4, 5, 6, 7)),
    Kind(evolution.wave, (2,), (5,)),
    Kind(evolution.cantilever, (3,), (1,)),
    Kind(evolution.heat_in_two, (1,), (2,)),
)


def cases(settings: Settings) -> list[Case]:
    """List the cases: those for development with the seeds 1 and 2, else those held out; a few if quick."""
    part = part_of(settings)
    found = [
        Case(f"{kind.make.__name__} {parameter:g}",
             {"family": "equations", "part": part, "number": number, "parameter": parameter})
        for number, kind in enumerate(KINDS)
        for parameter in (kind.development if part == "development" else kind.held_out)
    ]  # fmt: skip
    return found[:_QUICK] if settings.quick else found


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
    truth = stated.truth
    if said == "CONVERGED":
        return not isinstance(truth, str) and error <= max(_TIMES * estimate, stated.tolerance)
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
