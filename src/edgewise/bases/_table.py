"""Bases by name."""

from __future__ import annotations

from typing import Literal

from edgewise._errors import InputError, unknown
from edgewise.bases._basis import Basis
from edgewise.bases._bspline import BSpline
from edgewise.bases._chebyshev import Chebyshev
from edgewise.bases._fourier import Fourier
from edgewise.bases._linear import LINEAR
from edgewise.bases._rbf import RBF

#: the bases that have no degree to choose
_FIXED: dict[str, Basis] = {"linear": LINEAR, "chebyshev": Chebyshev(), "rbf": RBF(), "fourier": Fourier()}

BasisName = Literal["bspline", "linear", "chebyshev", "rbf", "fourier"]

BASES = ("bspline", *_FIXED)
"""The names that `basis` takes."""

CUBIC = 3


def named(name: BasisName, degree: int = CUBIC) -> Basis:
    """Return the basis of a name; `degree`, from 1 to 5, is that of B-splines and no other's.

    >>> named("chebyshev").count(grid=8)
    9

    Errors: InputError for an unknown name, a degree out of range, and a degree where there is none to choose.
    """
    if not isinstance(name, str) or name not in BASES:
        raise unknown("basis", name, BASES)
    if not isinstance(degree, int) or isinstance(degree, bool) or not 1 <= degree <= 5:
        raise InputError(f"The 'degree' parameter of KAN must be an int >= 1 and <= 5. Got {degree!r} instead.")
    if name == "bspline":
        return BSpline(degree)
    found = _FIXED[name]
    if degree not in (CUBIC, found.degree):
        raise InputError(
            f"The 'degree' parameter of KAN is that of basis 'bspline'; {name!r} takes none. Got {degree}."
        )
    return found
