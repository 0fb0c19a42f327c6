"""The numbers that steer `solve`, `continue_in` and `read`, in groups: what each means, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Race:
    """How networks are chosen, refined and judged. Errors are relative to the solution in L2."""

    grids: tuple[int, ...] = (4, 8, 12, 18, 27, 40, 60, 90, 135)  # cells
    line_grids: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512)  # the same in one coordinate
    starts: int = 3  # starts from a given network: itself, and new initial parameters
    starts_of_a_kind: int = 2  # the same of each of our own kinds
    gain: float = 0.7  # of the error before: a step of refinement that does not reach it helped little
    seconds: float = 80.0  # of steps on one core, about
    alone: float = 0.4  # of the seconds, after which only the best goes on
    good_of_its_kind: float = 1e-3  # estimated error after two grids, below which no other kind is tried
    good_as_a_sum: float = 1e-5  # the same of a sum of functions of one coordinate, which cannot become wider
    tolerance: float = 1e-5  # gain of a step, over the cost, below which three in a row end a run
    overfit: float = 3.0  # fresh residuals over trained ones


@dataclass(frozen=True)
class Refinement:
    """How many points and test functions one network has at one grid, and when it counts as a solution."""

    pool: int = 8  # candidates for each point that is moved
    moved: float = 0.5  # of the points
    per_parameter: int = 12  # points: with 4, residuals between them were seen to be 100 times those at them
    most_per_parameter: int = 48  # points
    most_points: int = 60_000
    least_fresh: int = 2000  # points to judge on
    close: float = 1.5  # fresh residuals over trained ones, above which there are too few points
    turns: int = 2  # runs at a grid, and twice as many at most
    unresolved: float = 0.02  # what is left of the equation over its terms: above it, it is not solved
    at_minimum: float = 0.5  # of what is left: where no correction takes away more, squares are least and not solved
    rounding: float = 1e-9  # of the equation's terms: what is left below it is no more than rounding
    of_noise: float = 0.1  # of a standard error, that refining the grid need not go below
    of_noise_on_line: float = 0.01  # the same in one coordinate
    hardly: float = 1e-3  # weight of an equation whose functions are not known yet
    tests: float = 2.0  # test functions for each parameter
    most_tests: int = 1600  # test functions
    judged_finer: float = 1.3  # cells of the functions that judge, over those of the functions that train
    of_grid: dict[int, float] = field(default_factory=lambda: {1: 2.0, 2: 1.5, 3: 0.0})
    """Cells of the test functions, over those of the network, by the number of coordinates."""


@dataclass(frozen=True)
class Correction:
    """The splines by which the error of a network is estimated."""

    degree: int = 7
    finer: float = 1.5  # cells, over those of the network
    coarser: int = 4  # cells of the network over those of what counts as smooth
    least: int = 12  # cells
    most: dict[int, int] = field(default_factory=lambda: {1: 20_000, 2: 9_000, 3: 2_500})
    """Coefficients at most, by the number of coordinates."""
    points: dict[int, int] = field(default_factory=lambda: {1: 6, 2: 4, 3: 2})
    """Points for each coefficient, by the number of coordinates."""
    tests: int = 2  # test functions for each coefficient
    steps: int = 10  # of a wider network, where a lattice would have too many cells


@dataclass(frozen=True)
class Lattices:
    """Products of splines in one to three coordinates, and damped Newton steps there."""

    cells: dict[int, tuple[int, ...]] = field(default_factory=lambda: {
        1: (20, 30, 45, 67, 100, 150, 225, 340), 2: (8, 12, 18, 27, 40, 60, 90, 135), 3: (4, 6, 8, 10, 12, 15),
    })  # fmt: skip
    """Of each coordinate, where they need as many, by the number of coordinates; so are the following three."""
    degree: dict[int, int] = field(default_factory=lambda: {1: 7, 2: 7, 3: 6})
    moves: dict[int, int] = field(default_factory=lambda: {1: 2, 2: 1, 3: 1})
    """Times that knots move on a lattice with the same number of cells."""
    settling: dict[int, int] = field(default_factory=lambda: {1: 40, 2: 10, 3: 0})
    """Times that knots move, at most, with the second derivatives that layers as wide as a cell need."""
    lost: float = 3.0  # widths of the narrowest cell where layers are: knots that would be wider apart have left them
    near: float = 1e-3  # of the equation's terms: what a solution whose knots are trusted leaves
    still: float = 0.8  # of the narrowest cell before, or of what was left: knots that stay above it have settled
    peclet: float = 3.0  # |a_x| h over |a_xx|, at most, while knots settle
    least: int = 4  # cells
    gauss: dict[int, int] = field(default_factory=lambda: {1: 7, 2: 4, 3: 4})
    """Points of a cell by each coordinate."""
    more_in_cut: dict[int, int] = field(default_factory=lambda: {1: 2, 2: 2, 3: 1})
    """Points more by each coordinate in cells that the boundary cuts."""
    in_cut: float = 1e-5  # of the equation's rows: what the highest derivatives weigh in these cells
    seen_in_cut: int = 4  # the order of the derivatives that knots follow where there are such cells
    on_cell: float = 5.0  # points of a boundary for each width of a cell
    around: dict[int, int] = field(default_factory=lambda: {1: 2, 2: 8, 3: 16})
    """Points of a boundary, at least, for each power of degree + 1, of which it has one coordinate less."""
    on_pairs: int = 8  # points of a condition of two places, for each cell
    stated_weight: float = 100.0  # of a condition: another one counts as much more, or less
    least_beside: float = 1e-3  # of the equation's typical rows: what a condition is measured by, at least
    of_noise: float = 0.5  # of the misfit of measurements over their size: a distance below it is small
    beside: float = 0.25  # of the size of the domain: how far a corner without singular functions is doubted
    doubt: float = 3.0  # the power of the distance from it, over that, by which squares are multiplied then
    scanned: int = 20_000  # random points of one coordinate at which the equation is looked at in the end
    hidden: float = 100.0  # what is left there, over what is left at the points of the same cell, if they missed it
    cached: int = 10_000_000  # numbers of functions at points that are kept: 80 MB
    floor: dict[int, float] = field(default_factory=lambda: {1: 0.15, 2: 0.3, 3: 0.3})
    """Of the mean, added to the density of knots."""
    rounding: float = 1e-13  # of coefficients, in a cell: what moves no knots
    growth: float = 0.7  # of the widths of cells, over the distance between them
    aspect: float = 2.0  # cells of a coordinate, over the mean of both, and the reverse
    far: float = 10.0  # times the median: terms of an equation above which it counts less
    of_mean: float = 1e-2  # of the root mean square of the terms: what the median counts as at least
    corner: float = 0.1  # of the size of the domain: what is near a corner
    seconds: float = 15.0  # of steps on one core, about
    longer: float = 4.0  # times as many while the error is large and the equation is obeyed far better on each lattice
    promises: float = 0.5  # of what the lattice before left of the equation: what such a lattice leaves, at most
    followed: int = 4  # steps, at most, that a first lattice makes expect of the second
    band: int = 40_000_000  # numbers of a band: 320 MB
    falls: float = 0.9  # of what the equation leaves on the lattice before, as there must be where there is a solution
    of_splines: float = 1e-11  # of the terms that splines of the same size may have: less is rounding
    hardly: float = 1e-5  # of a linear equation's terms: what is left below it, where corners may leave as much
    of_units: float = 1e-3  # of the largest unknown in the equation's units: the size of a smaller one, at least
    gain: float = 0.7  # of the least distance of two solutions: another one above it is no gain
    most_rate: float = 0.5  # a distance of two solutions over the one before, above which they tell no later one
    least_rate: float = 0.03  # what it counts as, at least
    expected: float = 1.5  # the error of a solution over what the rate makes of its distance from the one before
    stalled: dict[int, int] = field(default_factory=lambda: {1: 4, 2: 2, 3: 2})
    """Lattices without a gain, by the number of coordinates, after which there are no more."""
    of_sides: float = 5.0  # of how far apart the sides of an interface are read: the error that this makes
    unknown_error: float = 1e-3  # what a larger error counts as there, which may say nothing
    omitted: float = 1e-3  # of the estimated error: what products that are left out may add up to

    tolerance: float = 1e-3  # of the cost: a damped Newton step that gains less is the last
    halvings: int = 8  # of an undamped step, before damping is tried
    contracts: float = 0.9  # of a whole step: the next one, by which a step may raise the cost
    least_damping: float = 1e-15  # tried after none, where rounding makes the matrix indefinite
    nonlinear: float = 1e-6  # damping tried after none, where the equation is not linear
    most_damping: float = 1e6
    cut: float = 30.0  # what the damping falls by after a step
    of_rounding: float = 1e-12  # a damping below it makes up for rounding only
    least_cost: float = 1e-25  # of that at zero: below it there is only rounding
    near_floor: float = 1e4  # of this: a cost below it may be rounding, too


@dataclass(frozen=True)
class Slabs:
    """Radau's method in slabs of one coordinate: coarse ones first, then many at once of more stages."""

    scouts: int = 5  # stages of the coarse slabs
    scouted: float = 1e-5  # the error of a coarse slab
    coarsest: float = 1e-2  # the same where slabs may be longer
    most_stages: int = 16
    least_stages: int = 7
    more: int = 4  # stages by which errors are seen
    unknowns: int = 320  # stages times components, about
    window: int = 32  # slabs at once
    share: float = 1e-3  # of the tolerance: the error of a slab, small for the sake of derivatives
    finest: float = 3e-15  # the smallest error of a slab that is asked for
    parts: int = 4  # of a slab that is too long, at most
    rounds: int = 40  # of shorter slabs
    falls: float = 0.7  # of the errors before: above it shorter slabs do not help
    falls_smooth: float = 0.1  # the same of errors that may be rounding
    stuck: int = 1  # times that they do not help
    rounding: float = 1e-11  # of a component's size: below it Newton's steps and errors may stop falling
    degree: int = 9  # of the splines that the slabs become
    cells: int = 2  # of a slab, at first
    most_cells: int = 24
    narrowest: float = 1e-11  # of the time since the start: a slab below it is part of the one before, in splines
    of_splines: float = 5e-15  # of the solution's size: the rounding of splines
    first: float = 1e-2  # of the whole: the first slab that is tried
    too_short: float = 3.0  # what the first slab might be longer by, if it is tried again
    first_steps: int = 20  # by Newton, to where it begins
    steps: int = 10  # by Newton, in a slab
    enough: float = 0.01  # of the error that is allowed: a step below it is the last
    contraction: float = 0.2  # of a step before: above it the derivatives are found again
    looked_at: int = 3  # points between those of Radau, where the error is seen
    least: float = 1e-10  # of a component's largest size: what its size counts as at least in coarse slabs
    share_of_largest: float = 1e-8  # the same in the others
    exact: float = 1e-15  # of a component's size: a step of Newton's below it is the last
    of_noise: float = 3.0  # what rounding makes of an error: errors below it are rounding
    far: float = 10.0  # times the error that is seen: one that a jump would hide counts above it
    runs: int = 3  # with smaller errors of a slab
    singular: float = 1e-10  # of an equation's largest derivative by a slope: singular values below it are zero
    most: int = 20_000  # slabs


@dataclass(frozen=True)
class Examination:
    """How three lattices tell the number of solutions; what is left is over what it was on the lattice before."""

    cells: dict[int, tuple[int, int, int]] = field(default_factory=lambda: {1: (8, 16, 32), 2: (3, 6, 12)})
    """Cells of the three lattices, by the number of coordinates; so are the following."""
    most_unknowns: dict[int, int] = field(default_factory=lambda: {1: 8, 2: 2})
    degrees: dict[int, int] = field(default_factory=lambda: {1: 7, 2: 6})
    gauss: dict[int, int] = field(default_factory=lambda: {1: 5, 2: 3})
    """Points of a cell by each coordinate."""
    open_rim: float = 0.02  # of a boundary: what has no condition, if it counts
    on_sides: int = 6  # points for each cell along a boundary
    coarser: int = 4  # cells, over those of what counts as smooth
    nothing: float = 1e-7  # of an equation's terms: what the weakest function leaves, if it is free
    weaker: float = 0.2  # what a function that is free leaves falls to it
    weak: float = 0.05  # of the terms: what such a function leaves at most
    same: float = 0.85  # what the squares leave stays above it, where there is no solution
    solved: float = 0.1  # of the data: what the squares leave falls to half, and below it
    exact: float = 1e-9  # of the data: what the squares leave below it is nothing
    smooth: float = 0.9  # part of what is left that splines can be
    constant: float = 0.99  # of a function's root mean square, its mean
    no_data: float = 1e-10  # of an equation's terms: data below it are none
    no_terms: float = 1e-5  # of all that is right of the rows: terms below it are none
    open: float = 1e-3  # weight of the unit of an unknown that no equation ties to another
    rounding: float = 1e-15  # of the largest column
    steps: int = 40  # by Levenberg and Marquardt
    gain: float = 1e-4  # of what is left: a step that gains less is the last
    least_damping: float = 1e-6  # tried after none
    most_damping: float = 10.0


@dataclass(frozen=True)
class Noise:
    """How smooth unknown functions are, and how much measurements count."""

    exact: float = 1e-3  # what the equation may leave, over its terms, for the misfit of noisy measurements
    fall: float = 100.0  # what a weight may fall by at once
    sweeps: int = 2  # over several functions
    decades: float = 3.0  # that a factor moves at once
    ridge: float = 1e-12  # of a matrix' diagonal


@dataclass(frozen=True)
class Continuation:
    """The steps along a branch of solutions."""

    halvings: int = 8  # of the step between two values that are wanted
    finer: float = 1.5  # cells of a finer grid, over those before
    refinements: int = 3  # of a grid for one value
    gain: float = 0.7  # of the error before: a finer grid that does not reach it does not help
    near: float = 0.1  # estimated error above which a finer grid does not help, since the step was too long


@dataclass(frozen=True)
class Formulas:
    """How an unknown function is read as a formula; scores are in units of chi-square."""

    tried: int = 8  # functions fitted to the measurements
    rounded: int = 6  # functions of which constants are made simple
    steps: int = 25  # with a new function
    steps_again: int = 6  # with a constant made simple
    tolerance: float = 1e-5  # gain of a step over the cost
    per_parameter: int = 12  # points
    least: int = 400  # points
    boundary: int = 200  # points
    close: float = 2.5  # standard errors within which a constant is made simple
    unit: float = 2.0  # what one unit of a function's complexity counts
    denominator: int = 12  # the largest of a simple constant


RACE = Race()
REFINEMENT = Refinement()
CORRECTION = Correction()
LATTICES = Lattices()
EXAMINATION = Examination()
SLABS = Slabs()
NOISE = Noise()
CONTINUATION = Continuation()
FORMULAS = Formulas()
