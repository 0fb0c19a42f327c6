"""The bases that come with edgewise, and bases by name."""

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._plugins import add, offered
from edgewise.kernels import BSplineFamily, ChebyshevFamily, FourierFamily, RBFFamily
from edgewise.nn.bases._basis import (
    Basis,
    Curve,
    adapted_knots,
    cell_counts,
    chebyshev_sites,
    joined_rows,
    refined_knots,
    spline_range,
    uniform_knots,
)

HIGHEST_DEGREE = 9
"""The highest degree of B-splines that there are kernels for, and tests of."""


@final
@dataclass(frozen=True)
class BSpline(BSplineFamily, Basis):
    """Splines of a degree from 1 to 9; `grid` is the number of cells G, K = G + degree.

    Each function lives on degree + 1 cells. Knots are (n_in, G + 2 degree + 1), `degree` of them outside each end, and
    may be spaced unevenly. An input with fewer cells than G has fewer knots, then +inf, and its last functions are
    zero. Of degree 1 it is the basis "linear": straight pieces between values at the knots.

    Parameters
    ----------
    degree
        The degree, from 1 to 9.

    Examples
    --------
    >>> from edgewise.bases import BSpline
    >>> BSpline(3).count(grid=5)
    8
    """

    max_grid = 800
    ridge = 0.0

    @property
    def name(self) -> str:  # type: ignore[override]
        return "linear" if self.degree == 1 else "bspline"

    def count(self, grid: int) -> int:
        """Return K = grid + degree.

        Parameters
        ----------
        grid
            The number of cells.
        """
        return grid + self.degree

    def grid(self, count: int) -> int:
        """Return the number of cells that gives a number of functions; below 1 if no grid has that number.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return count - self.degree

    def counts(self, knots: Tensor, count: int) -> list[int]:
        """Return how many functions each input has; the others are zero.

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        """
        return [cells + self.degree for cells in cell_counts(knots, self.degree)]

    def n_knots(self, count: int) -> int:
        """Return the number of knots of an input.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return count + self.degree + 1

    def uniform_knots(self, lo: Tensor, hi: Tensor, grid: int) -> Tensor:
        """Return equally spaced knots (n_in, grid + 2 degree + 1), `degree` of them outside each end.

        Parameters
        ----------
        lo : (n_in,)
            The lower end of the range of each input.
        hi : (n_in,)
            The upper end of the range of each input.
        grid
            The number of cells.
        """
        return uniform_knots(lo, hi, grid, self.degree)

    def adapted_knots(self, x: Tensor, grid: int, margin: float, quantiles: float = 0.0) -> Tensor:
        """Return knots (n_in, grid + 2 degree + 1) over the range of samples.

        Parameters
        ----------
        x : (n, n_in)
            The samples.
        grid
            The number of cells.
        margin
            The fraction of the range by which the knots are widened at each end.
        quantiles
            The weight of the quantiles of the samples, in [0, 0.95]; 0 for uniform knots.
        """
        return adapted_knots(x, grid, self.degree, margin, quantiles)

    def refined_knots(self, knots: Tensor, factor: int) -> Tensor:
        """Return knots whose splines contain those of the old ones: each cell is split into equal ones.

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        factor
            How many cells each cell becomes.
        """
        return refined_knots(knots, self.degree, factor)

    def ends(self, knots: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ends (lo, hi) of the ranges, each (n_in,).

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        """
        return spline_range(knots, self.degree)

    def breakpoints(self, knots: Tensor) -> Tensor:
        """Return where the pieces meet, the ends among them: (n_in, ...).

        Those of an input with fewer cells than the others are followed by +inf.

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        """
        cells = cell_counts(knots, self.degree)
        return joined_rows(cells, lambda count: knots[:, self.degree : self.degree + count + 1])

    def sites(self, knots: Tensor, count: int) -> Tensor:
        """Return Chebyshev points of each cell, (samples, n_in), of inputs that all have as many cells.

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        """
        inner = self.breakpoints(knots)
        cells = torch.stack([inner[:, :-1], inner[:, 1:]], dim=-1)
        each = chebyshev_sites(cells, self.degree + 2)
        lo, hi = self.ends(knots)
        return each.permute(2, 0, 1).flatten(0, 1).clamp(lo, hi).contiguous()

    def approximate(self, curve: Curve, count: int) -> Tensor:
        """Return coefficients (..., K) of a smooth curve on [-1, 1]: its values at evenly spaced places.

        A smooth curve is near its control polygon.

        Parameters
        ----------
        curve
            The curve, which takes sites (s,) and gives (..., s).
        count
            The number of functions K.
        """
        return curve(torch.linspace(-1, 1, count, dtype=torch.float64))

    def constant(self, count: int) -> Tensor:
        """Return ones (K,): B-splines sum to one.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return torch.ones(count, dtype=torch.float64)

    def roughness(self, count: int) -> Tensor:
        """Return R (K, K) with c' R c the sum of the squared second differences of the coefficients.

        Parameters
        ----------
        count
            The number of functions K.
        """
        difference = torch.eye(count, dtype=torch.float64).diff(dim=0).diff(dim=0)
        return difference.T @ difference


@final
@dataclass(frozen=True)
class Chebyshev(ChebyshevFamily, Basis):
    """Polynomials T_0 .. T_G on the range; `grid` is the degree G, K = G + 1.

    For functions that are smooth on the whole range: the error then falls geometrically with the degree.

    Examples
    --------
    >>> from edgewise.bases import Chebyshev
    >>> Chebyshev().count(grid=5)
    6
    """

    max_grid = 100

    def count(self, grid: int) -> int:
        """Return K = grid + 1.

        Parameters
        ----------
        grid
            The degree of the highest polynomial.
        """
        return grid + 1

    def grid(self, count: int) -> int:
        """Return the degree of the highest of a number of polynomials.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return count - 1

    def constant(self, count: int) -> Tensor:
        """Return the coefficients (K,) of one: those of T_0.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return torch.eye(count, dtype=torch.float64)[0]


@final
@dataclass(frozen=True)
class Fourier(FourierFamily, Basis):
    """A constant, and cosines and sines of 1 to `grid` half turns over the range, K = 2 G + 1.

    The range is half a period, so that a function need not be periodic. The functions are nearly dependent there:
    from about 15 harmonics on, many coefficients give the same function to rounding.

    Examples
    --------
    >>> from edgewise.bases import Fourier
    >>> Fourier().count(grid=5)
    11
    """

    max_grid = 50

    def count(self, grid: int) -> int:
        """Return K = 2 grid + 1.

        Parameters
        ----------
        grid
            The number of harmonics.
        """
        return 2 * grid + 1

    def grid(self, count: int) -> int:
        """Return the number of harmonics that gives a number of functions; 0 if no grid has that number.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return (count - 1) // 2 if count % 2 else 0

    def constant(self, count: int) -> Tensor:
        """Return the coefficients (K,) of one: the constant is the first function.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return torch.eye(count, dtype=torch.float64)[0]


@final
@dataclass(frozen=True)
class RBF(RBFFamily, Basis):
    """Gaussians at the ends of `grid` equal cells and at three more places beyond each end, K = G + 7.

    Each is exp(-((x - c)/(1.5 h))^2), with h the width of a cell. However fine the cells, a smooth function is
    reached to about 2e-7 of its size and no closer.

    Examples
    --------
    >>> from edgewise.bases import RBF
    >>> RBF().count(grid=5)
    12
    """

    max_grid = 200
    nested = False

    def count(self, grid: int) -> int:
        """Return K = grid + 7.

        Parameters
        ----------
        grid
            The number of cells.
        """
        return grid + 7  # one more center than cells, and three beyond each end

    def grid(self, count: int) -> int:
        """Return the number of cells that gives a number of functions; below 1 if no grid has that number.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return count - 7


BasisName = Literal["bspline", "linear", "chebyshev", "rbf", "fourier"]
"""Names of the bases that come with edgewise."""

BASES: dict[str, Basis] = {
    "bspline": BSpline(3), "linear": BSpline(1), "chebyshev": Chebyshev(), "rbf": RBF(), "fourier": Fourier()
}  # fmt: skip
"""What `basis` takes, by name; `register` adds to it, and installed distributions do when a name is looked up."""


def register(basis: Basis) -> None:
    """Make a basis known by its name, so that `basis=` takes it and `edgewise.load` reads networks that use it.

    Parameters
    ----------
    basis
        The basis, whose `name` it is known by.

    Raises
    ------
    InputError
        For what is no Basis, and for a name that another basis has.

    Examples
    --------
    >>> from edgewise.bases import Chebyshev, register
    >>> register(Chebyshev())                                 # the same once more changes nothing
    """
    if not isinstance(basis, Basis):
        raise InputError(f"A basis is an object of a class derived from edgewise.bases.Basis. Got {basis!r}.")
    if BASES.setdefault(basis.name, basis) != basis:
        raise InputError(f"There is a basis {basis.name!r} already: choose another name.")


def is_known(name: object) -> bool:
    """Return whether a basis has this name: one of `BASES`, or one that an installed distribution offers."""
    if isinstance(name, str) and name not in BASES:
        add("bases", BASES, register, name)
    return isinstance(name, str) and name in BASES


def named(name: BasisName | str | Basis, degree: int = 3) -> Basis:
    """Return the basis of a name, or a basis as it is.

    Parameters
    ----------
    name
        The name, or the basis.
    degree
        The degree of B-splines, from 1 to 9; it is no other basis's.

    Raises
    ------
    InputError
        For an unknown name, a degree out of range, and a degree where there is none to choose.

    Examples
    --------
    >>> from edgewise.bases import named
    >>> named("chebyshev").count(grid=8)
    9
    """
    if not isinstance(name, Basis) and not is_known(name):
        raise unknown("basis", name, [*BASES, *offered("bases")])
    if not is_int(degree, 1, HIGHEST_DEGREE):
        raise InputError(
            f"The 'degree' parameter of KAN must be an int >= 1 and <= {HIGHEST_DEGREE}. Got {degree!r} instead."
        )
    if name == "bspline":
        return BSpline(int(degree))
    found = name if isinstance(name, Basis) else BASES[name]
    if degree not in (3, found.degree):  # the default, or its own
        raise InputError(
            f"The 'degree' parameter of KAN is that of basis 'bspline'; {found.name!r} takes none. Got {degree}."
        )
    return found
