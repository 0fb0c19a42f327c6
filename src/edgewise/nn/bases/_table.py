"""Bases by name."""

from typing import Literal

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.nn.bases._basis import Basis
from edgewise.nn.bases._bspline import HIGHEST_DEGREE, BSpline
from edgewise.nn.bases._chebyshev import Chebyshev
from edgewise.nn.bases._fourier import Fourier
from edgewise.nn.bases._rbf import RBF

BasisName = Literal["bspline", "linear", "chebyshev", "rbf", "fourier"]
"""Names of the bases that come with edgewise."""

BASES: dict[str, Basis] = {
    "bspline": BSpline(3), "linear": BSpline(1), "chebyshev": Chebyshev(), "rbf": RBF(), "fourier": Fourier()
}  # fmt: skip
"""What `basis` takes, by name; `register` adds to it."""

_CUBIC = 3


def register(basis: Basis) -> None:
    """Make a basis known by its name, so that `basis=` takes it and `edgewise.load` reads networks that use it.

    >>> register(Chebyshev())                                 # the same once more changes nothing

    Errors: InputError for what is no Basis, and for a name that another basis has.
    """
    if not isinstance(basis, Basis):
        raise InputError(f"A basis is an object of a class derived from edgewise.bases.Basis. Got {basis!r}.")
    if BASES.setdefault(basis.name, basis) != basis:
        raise InputError(f"There is a basis {basis.name!r} already: choose another name.")


def named(name: BasisName | str | Basis, degree: int = _CUBIC) -> Basis:
    """Return the basis of a name, or a basis as it is; `degree`, from 1 to 9, is that of B-splines and no other's.

    >>> named("chebyshev").count(grid=8)
    9

    Errors: InputError for an unknown name, a degree out of range, and a degree where there is none to choose.
    """
    if not isinstance(name, Basis) and (not isinstance(name, str) or name not in BASES):
        raise unknown("basis", name, BASES)
    if not is_int(degree, 1, HIGHEST_DEGREE):
        raise InputError(
            f"The 'degree' parameter of KAN must be an int >= 1 and <= {HIGHEST_DEGREE}. Got {degree!r} instead."
        )
    if name == "bspline":
        return BSpline(int(degree))
    found = name if isinstance(name, Basis) else BASES[name]
    if degree not in (_CUBIC, found.degree):
        raise InputError(
            f"The 'degree' parameter of KAN is that of basis 'bspline'; {found.name!r} takes none. Got {degree}."
        )
    return found
