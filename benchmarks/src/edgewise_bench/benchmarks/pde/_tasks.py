"""The problems of the benchmark: what is solved, what it is compared with, what is asked for, what was published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import pi
from typing import Any

import torch
from torch import Tensor

from edgewise.pde import Problem
from edgewise_bench.benchmarks.pde import _evolution as evolution
from edgewise_bench.benchmarks.pde import _references as references
from edgewise_bench.benchmarks.pde import _steady as steady
from edgewise_bench.benchmarks.pde._cavity import cavity
from edgewise_bench.benchmarks.pde._lshape import lshape
from edgewise_bench.benchmarks.pde._references import Reference


def _value(u: Any) -> Tensor:
    """Return the unknown, or the first of several."""
    return (u[0] if isinstance(u, tuple) else u).value


def _across(s: Any) -> Tensor:
    """Return the horizontal speed of a stream function."""
    return s.y


def _modulus(h: Any) -> Tensor:
    return (h[0].value ** 2 + h[1].value ** 2).sqrt()


@dataclass(frozen=True)
class Task:
    """A problem with its reference.

    limit: the relative L2 error to reach, which is also what is asked for; none for a problem that is only reported.
    marched: solved by `march` rather than by `solve`. published: the lowest figures that were found, with their method.
    main: one of the fourteen that are counted. read: what is compared, a function of the unknown with `order`
    derivatives.
    """

    title: str
    problem: Callable[[], Problem]
    reference: Callable[[], Reference]
    limit: float | None
    marched: bool
    published: str = ""
    main: bool = True
    read: Callable[[Any], Tensor] = _value
    order: int = 0


def _exact(problem: Callable[[], Problem], function: Callable[[Any], Tensor]) -> Callable[[], Reference]:
    return lambda: references.exact(problem().domain, function)


TASKS: dict[str, Task] = {
    "burgers": Task(
        "Burgers, 0.01 / pi", partial(evolution.burgers, 0.01 / pi), partial(references.burgers, 0.01 / pi), 5e-9, True,
        "8.3e-9 (vRBA, SSBroyden); 8.2e-5 (PirateNet)",
    ),
    "burgers-mild": Task(
        "Burgers, 0.01", partial(evolution.burgers, 0.01), partial(references.burgers, 0.01), 1e-12, True,
        "8.0e-14 (DSGNAR)",
    ),
    "allen-cahn": Task(
        "Allen-Cahn, 1e-4", evolution.allen_cahn, references.allen_cahn, 5e-7, True,
        "1.9e-6 (vRBA, SSBroyden); 2.2e-5 (PirateNet); 5.4e-5 (jaxpi)",
    ),
    "kdv": Task(
        "Korteweg-de Vries, 0.022^2", evolution.korteweg, references.korteweg, 1e-9, True,
        "2.2e-6 (vRBA); 4.3e-4 (PirateNet); 2.0e-3 (jaxpi)",
    ),
    "kuramoto": Task(
        "Kuramoto-Sivashinsky, T = 0.5", partial(evolution.kuramoto, 0.5), partial(references.kuramoto, 0.5), 1e-7,
        True, "1.4e-4 (PirateNet); 0.16 (jaxpi); their T may differ",
    ),
    "wave": Task(
        "wave, two modes", evolution.wave, _exact(evolution.wave, evolution.waves), 1e-6, True, "7.2e-7 (DSGNAR)"
    ),
    "schroedinger": Task(
        "Schroedinger, focusing, modulus", evolution.schroedinger, references.schroedinger, 1e-5, True,
        "2.0e-3 (Raissi et al.)", read=_modulus,
    ),
    "advection": Task(
        "advection, speed 30", evolution.advection,
        _exact(evolution.advection, lambda p: torch.sin(p.x - 30 * p.t)), 1e-6, True, "6.9e-4 (jaxpi, speed 80)",
    ),
    "helmholtz": Task(
        "Helmholtz (1, 4)", steady.helmholtz, _exact(steady.helmholtz, steady.ripples), 1e-7, False
    ),
    "poisson": Task(
        "Poisson, sin(pi x) sin(pi y^2)", steady.poisson, _exact(steady.poisson, steady.hills), None, False,
        "7e-4 (KAN article)",
    ),
    "poisson-5d": Task(
        "Poisson in 5 dimensions, product of sines", steady.poisson_5d, _exact(steady.poisson_5d, steady.sines), 1e-6,
        False,
    ),
    "cavity": Task(
        "lid-driven cavity, Re 100", steady.cavity, cavity, 5e-3, False,
        "4.2e-2 (PirateNet, Re 3200); 0.16 (jaxpi, Re 3200)", read=_across, order=1,
    ),
    "disk": Task("disk", steady.disk, _exact(steady.disk, steady.saddle), 1e-8, False),
    "lshape": Task("L-shape", steady.lshape, lshape, 2e-4, False),
    "burgers-sharp": Task(
        "Burgers, 0.001 / pi", partial(evolution.burgers, 0.001 / pi), partial(references.burgers, 0.001 / pi), None,
        True, "2.7e-7 (vRBA, 0.001)", main=False,
    ),
    "kuramoto-chaos": Task(
        "Kuramoto-Sivashinsky, T = 1", partial(evolution.kuramoto, 1.0),
        partial(references.kuramoto, 1.0, steps=64_000), None, True, main=False,
    ),
    "heat": Task("heat", evolution.heat, _exact(evolution.heat, evolution.warmth), None, True, main=False),
    "kovasznay": Task(
        "Kovasznay, Re 40", steady.kovasznay, _exact(steady.kovasznay, steady.kovasznay_flow), None, False, main=False
    ),
}  # fmt: skip
"""The problems by their name; the first ones are the fourteen that are counted."""
