"""The numbers that steer `march`, in groups: what each means, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgewise._effort import EffortWord


@dataclass(frozen=True)
class Levels:
    """The levels of accuracy, each a march through all of time."""

    degree: int = 9  # of the splines
    plane_degree: int = 7  # the same in two coordinates of space
    efforts: dict[EffortWord, float] = field(default_factory=lambda: {"quick": 2e5, "normal": 2e6, "thorough": 2e7})
    """Newton steps times cells times unknowns."""
    first: float = 1e-4  # accuracy of the first level
    finest: float = 1e-15  # accuracy
    finer: float = 0.1  # of a level's accuracy: the most of the next
    farthest: float = 1e-4  # of a level's accuracy: the least of the next
    least_finer: float = 0.4  # of a level's accuracy: a next level above it would tell little
    more: float = 1.25  # times the cells, and slabs, of a level, at least: two that are alike would agree on anything
    checked: float = 0.4  # of the effort that remains: for a level that another has to check
    spent: float = 0.8  # the same for the last level
    overtime: float = 1.5  # times the effort: more than that must not be expected
    safety: float = 3.0  # the next level is to be as many times as accurate as the last change asks for
    stalled: float = 0.5  # of the change before: a level that does not fall below it says that rounding is reached
    least_power: float = 0.05  # with which work is taken to grow as accuracy falls
    usual_power: float = 0.8  # of the accuracy with which errors fall, before it is known
    unchecked: float = (
        0.01  # of the change before: what a level that none has checked is trusted to have gained at most
    )
    soon: float = 0.1  # of the whole time: a march that ends before may have too many conditions
    writing: float = 10.0  # of the time that writing a file takes: how long until the next


@dataclass(frozen=True)
class Slabs:
    """The slabs and cells of one march."""

    begin: float = 0.02  # of the whole time: the first slab
    longest: float = 0.125  # of the whole time, of the first level
    shortest: float = 1e-9  # of the whole time
    doubtful: float = 1e-4  # of the whole time: once a slab is that short, the number of conditions is looked at
    many_steps: int = 12  # of a slab: the next is no longer, and would hardly converge
    projections: int = 14  # rounds in which cells are found for initial values
    gauss: int = 3  # points of a cell more than the degree, for projections
    initial: float = 0.1  # of the accuracy, for initial values: all that follows has their error
    share: float = 0.01  # of the largest unknown's size: what others count as, if they are smaller
    difference: float = 1e-3  # of a slab, over which what edges say is differentiated by time
    by_fourier: float = 0.5  # work of a step of a cell by Fourier's transform, over one in one coordinate
    by_factors: float = 4.0  # the same by factors


@dataclass(frozen=True)
class Parts:
    """The parts of time in which what the equation says is nearly a polynomial."""

    halvings: int = 13  # of the whole time at most
    times: int = 8  # in each of the shortest parts
    places: int = 4
    terms: int = 9  # of the polynomial
    missed: float = 0.05  # of its range: what a polynomial may miss of the equation's dependence on time
    longer: float = 2.0  # slabs than the part they begin in, at most
    rounding: float = 1e-12  # of the values' size


@dataclass(frozen=True)
class LineSteps:
    """Newton's steps in one coordinate of space."""

    steps: int = 20
    gauss: int = 4  # points of a cell, of each time
    enough: float = 1e-2  # of the accuracy: steps that are smaller were the last
    small: float = 1e-13  # of a component's size: the same
    slow: float = 0.5  # of the step before: steps that fall no faster do not converge
    rounding: float = 1e-10  # of a component's size: below it steps need not fall


@dataclass(frozen=True)
class PlaneSteps:
    """Newton's steps in two coordinates of space, with factors or by minimal residuals."""

    steps: int = 12
    near: float = 1e-2  # of the accuracy: what is left to Newton's method
    small: float = 1e-13  # of a component's size: steps that are smaller are rounding
    slow: float = 0.3  # a ratio of one step to the one before, above which the slopes are found again
    pivot: float = 0.1  # of the largest entry of a column, at which the diagonal's is taken
    residual: float = 1e-4  # of a solution by minimal residuals; what is left of it Newton's next step sees
    most: int = 20  # steps by minimal residuals, from which it starts again once
    far: float = 0.03  # of what is left, with which that has failed
    preferred: float = 2.0  # a component whose derivative by time an equation has, over others
    rounds: int = 3  # for conditions on edges that are not linear
    rounding: float = 1e-13  # of the largest coefficient: the last of these rounds


@dataclass(frozen=True)
class Ends:
    """How conditions at the ends of space are compared with initial values, and counted."""

    points: int = 25  # of Chebyshev's polynomials
    widest: float = 0.5  # of the interval
    halvings: int = 12  # of that
    rounding: float = 1e-13  # of the largest coefficient: those below it are left out
    disagree: float = 1e-4  # of a condition's terms
    wave: float = 4.0  # a wave number in the length of space, at whose rate of change a step is looked at
    cells: int = 32
    degree: int = 7


LEVELS = Levels()
SLABS = Slabs()
PARTS = Parts()
LINE_STEPS = LineSteps()
PLANE_STEPS = PlaneSteps()
ENDS = Ends()
