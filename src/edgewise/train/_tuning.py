"""What steers a fit where nothing is asked for: when it starts again, goes on, smooths, and believes what it sees."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """The decisions of `fit`. Errors are in standard deviations of the target where nothing else is said."""

    subsample: int = 50_000  # rows that knots, penalties and starts are computed from
    off_center: float = 2.0  # standard deviations: targets whose mean is further from zero are centered
    far: float = 10.0  # error, and distance of outputs from the target: a solver is helped to get near first
    trained: float = 0.4  # of the error that counts as having learned nothing: below, a network is taken as trained
    nothing: float = 0.95  # of the constant's error: above, smooth curves explain next to nothing

    # starts on numbers: several networks, trained coarsely on few rows
    good_start: float = 1e-2  # error below which no other start is tried
    start_rows: int = 1000
    start_steps: int = 40
    start_tolerance: float = 1e-3  # relative gain of a step
    start_damping: float = 1.0

    # runs on numbers
    coarse: float = 1e-2  # tolerance of a run of few steps
    little: float = 0.4  # error above which a network has learned little, and is freed of its penalties
    promising: float = 1e-6  # error below which the solution may be exact
    exact: float = 1e-13  # error of an exact solution
    given_up: float = 2.0  # times error and scores of a trained network, above which its sparse run is not followed
    smoothed_parameters: int = 2000  # up to which the smoothing is chosen: that factors a dozen matrices

    # penalties
    floor: float = 1e-4  # scores below it count as zero
    empty: float = 1e-2  # exp(-rows in a cell) below it: enough rows to determine the cell
    forbidden: float = 1e4  # weight of the differences that a monotone edge forbids
    noiseless: float = 1e-14  # cost below which rows have no noise to smooth
    unsmoothed: float = 10.0  # times the cost: cross-validation above it shows that rows have no noise

    # classes: weights of the penalty, in nats for coefficients of size one
    weights: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6)
    stronger_weights: tuple[float, ...] = (1e-2, 1e-1)  # tried while the strongest is the best
    weaker_weights: int = 1  # tried after the best
    class_starts: int = 4  # of a network with more than one layer

    # the smoothed sum of curves beside a network
    clearly: float = 1e-2  # of the smoothed error: below, a network is better whatever the rows
    half: float = 0.5  # of the smoothed error: below, one standard error of the gain on held-out rows is enough, else
    lead: float = 2.0  # standard errors are wanted
    overtrained: float = 2.0  # times the smoothed training error: what more training must not end at
    few: int = 10  # held-out rows: fewer choose nothing, no epoch either


TUNING = Tuning()
