"""What steers the search for equations, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits of the search for equations: its starts, chains, supports, contest and verdict.

    Leads, scores and gains are in units of twice the log-likelihood.
    """

    floors: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6)
    """Parts of a state's standard deviation below which errors count as none, from the first search to the last."""
    exact: float = 1e-6
    """Part of a state's standard deviation that equations leave which are exact."""
    windows: tuple[float, ...] = (0.25, 0.5, 1.0, 3.0)
    """The lengths of the stretches of regressions, in distances of turning points."""
    gain: float = 30.0
    """What terms must gain that are added to a library."""

    chain_sizes: tuple[int, int] = (4, 16)
    """Stretches of a chain, before the longest."""
    finalists: int = 3
    """Systems that are fitted in longer chains."""
    growth: float = 1.5
    """Growth of the mean square at which chains are too long: the system is chaotic or wrong."""
    short_stretch: int = 8
    """Rows of a stretch where many systems are compared."""
    near_library: float = 30.0
    """Distance to the best score up to which the supports of a library are improved."""
    hopeless: float = 25.0
    """Mean square over the noise, beyond which single terms do not help."""
    small_jump: float = 1e-2
    """Squared jump over the noise, on average, of a chain that counts as continuous."""

    rounds: int = 8
    """Rounds of changes of the supports of a library."""
    supports_each_round: int = 3
    """Supports that are fitted in each of them."""
    dropped: int = 4
    """Terms that are dropped one by one for the front ..."""
    front_end: float = 40.0
    """... until the score is worse than the best by this."""

    grown: tuple[int, ...] = (1500, 100, 40)
    """Supports of two, three and more terms that grow by another, by the linear model of a fit."""
    branches: int = 40
    """Terms that a support grows by."""
    supports_kept: int = 120
    """Supports of each size whose residuals are computed."""
    hills_kept: int = 12
    """Supports of each size with each Hill function whose residuals are computed."""

    hidden_cost: float = 10.0
    """The cost of a hidden state beyond its starts and constants."""
    family_cost: float = 5.0
    """The cost of each family of functions beyond polynomials and another one."""
    lead_claimed: float = 8.0
    """The lead that a claim needs over every system of another kind."""
    less_than_rest: float = 8.0
    """Twice the log-likelihood by which no other system may be better where a rate of zero is claimed."""
    lead_shown: float = 4.0
    """The lead below which the cheapest system is shown."""
    lead_fitted: float = 16.0
    """The lead in the linear model, below which a system is fitted."""
    fitted_each_round: int = 10
    """Systems of an equation that are fitted in a round of the contest."""
    hills_each_round: int = 3
    """Those with a Hill function of each size (and of each, with one equation) that are fitted though they are far."""
    far: tuple[float, float] = (20.0, 4.0)
    """Sum of the logarithms of squares beyond the best ones, up to which: smooth ones, and white noise."""
    contest_rounds: int = 4
    """Rounds of the contest."""
    more_terms: int = 1
    """Terms that a support may have beyond those of the best system."""
    fewest_terms: int = 3
    """Terms of the supports that are compared at least ..."""
    most_terms: int = 6
    """... and at most."""

    small: float = 3e-3
    """Part of a state's standard deviation that may be left where it is smooth."""
    compared_terms: int = 5
    """Terms of an equation, beyond which too few others of its size were compared for a claim."""
    excess: float = 4.0
    """A forecast's error over its uncertainty, beyond which the form is wrong."""
    useless: float = 1.0
    """Part of a state's standard deviation: the error of a forecast that is no better than the mean."""
    exact_forecast: float = 1e-3
    """Part of a state's standard deviation: the error of the forecast of equations that are exact."""
    tiny_term: float = 2e-4
    """Size of a term over the largest of its equation, below which it is believed only where rows are exact."""
    canceled: float = 10.0
    """Spread of a term over that of its equation, beyond which terms are an expansion of something else."""


SETTINGS = Settings()
"""The settings of every search."""
