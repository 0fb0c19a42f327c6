"""The numbers that steer a search."""

from dataclasses import dataclass

from edgewise.discovery.tables import JUDGED


@dataclass(frozen=True)
class Tuning:
    """The numbers that steer a search, in groups; docs/design/discovery.md says how they were chosen.

    Errors are over the standard deviation of the target, evidence is in units of the log-likelihood, work in
    evaluations of evolution.
    """

    # rows that parts of the search look at, of many
    judged: int = JUDGED  # that constants are fitted to
    structure: int = 1500  # that symmetries are looked for in
    modeled: int = 5000  # that the network is fitted to
    evolved: int = 400  # that programs are fitted to ...
    hunted: int = 200  # ... and where the table may be exact
    between: int = 200  # points between rows at which constants are fitted to the network
    refit: int = 10  # steps in which constants are fitted again to a fold

    # complexity
    longest: int = 30  # of programs that evolve
    shortest: int = 5  # of the same: where rows are too few for that, none evolves
    readable: int = 30  # of the formula that is recommended
    per_complexity: float = 0.1  # evidence that a unit costs

    # errors
    hopeless: float = 0.2  # of a model: above, it is not taken for noise, and no symmetries are looked for
    lawlike: float = 1.1  # times the least error of a model, up to which what a formula leaves may be noise
    white: float = 0.15  # correlation of neighboring residuals up to which they look like noise ...
    chance: float = 3.0  # ... or up to this number over sqrt(rows)
    convincing: int = 1  # fitted constants of a formula that leaves only noise and ends the search at once

    known: float = 1e-4  # of a law of few constants up to which formulas with more of them only correct it ...
    digit: float = 0.1  # ... if they leave more than that part of its error

    # evidence
    searched: float = 6.0  # that formulas found by evolution must be better by: they were chosen among many
    enumerated: float = 10.0  # that sums of small formulas must be better by: the logarithm of a dictionary's size
    stated: float = 6.0  # that guesses may be worse by: they were stated before the rows were seen
    named: float = 6.0  # that textbook forms may be worse by: they are few, and not made from the rows
    hardly: float = 2.0  # lead of a law over another one, up to which that stays
    more: float = 4.0  # lead that a law needs over another one of fewer constants
    doubt: float = 6.0  # by which the network contradicts a law that leaves only noise ...
    doubt_searched: float = 12.0  # ... and by which another formula does
    improved: float = 0.995  # of the error of simpler formulas, which a longer one on the front must fall below
    earned: float = 1.0  # that it must be better by, with `per_complexity` of each unit

    # rows that claims need
    many: int = 30  # below which a law that leaves only noise is claimed if the noise is known, or small
    per_input: int = 15  # the same for each input
    per_constant: int = 3  # with fewer for each constant, the error on rows left out says nothing
    kept: float = 0.85  # of the rows that were given: with fewer left, no more are set aside

    # work
    per_polynomial: int = 3500  # that one polynomial is worth
    per_enumeration: int = 2500  # that all small formulas of one problem are worth
    per_process: int = 2500  # that one Gaussian process is worth
    per_network: int = 100_000  # that one network as a model is worth
    per_leaf: int = 50_000  # that small networks for a problem that cannot be reduced are worth
    free: int = 35_000  # that models may be worth for any effort
    islands: int = 8  # into which an evolution is split at most
    per_island: int = 7500  # that each island is worth


TUNING = Tuning()
