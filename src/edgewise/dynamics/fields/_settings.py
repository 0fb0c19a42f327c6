"""What steers the search for equations of fields, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits of the search. Leads and costs are in units of twice the log-likelihood."""

    finer: tuple[float, float] = (1.5, 1.4)
    """The first cells over those of a smooth field, and those of each level over the level before."""
    work: float = 3e10
    """Operations of one step, with the normal effort, beyond which cells are not made finer."""
    tight: float = 0.1
    """What an error of the equation adds up to, over what rows leave uncertain."""
    of_rate: float = 1e-6
    """The least error that an equation may have, over the median of the rates."""
    least_share: float = 3e-4
    """Part of the rates, as root mean squares, that a term must make up."""
    loose: float = 30.0
    """How much looser the equation is in the first steps."""
    most_terms: int = 9
    """Terms of an equation."""
    rounds: int = 6
    """Changes of the terms from one start."""
    growth: float = 12.0
    """Growth of the finest waves, as a power of e over the whole time, beyond which an equation is ill-posed."""
    agree: float = 0.33
    """Standard errors that constants of two levels may be apart."""
    same: float = 1e-5
    """Relative difference of constants of two levels that is none."""
    noise: float = 2.5
    """Standard errors of a standard deviation, up to which what is left is the noise."""
    hopeless: float = 3.0
    """Times the best score, beyond which a start is not tried on finer cells."""
    clear: float = 5000.0
    """Lead in the quadratic model, beyond which an equation with a term less is not fitted."""
    far: float = 60.0
    """The same for an equation with terms exchanged ..."""
    exchanges: int = 6
    """... and how many of these are fitted."""
    lead: float = 8.0
    """The lead that a claim needs over every other set of terms."""
    most_freedom: float = 0.9
    """Part of the rows that the parameters of the field may be, where noise is estimated from what is left."""
    bit: float = 1.4
    """What a bit costs."""
    exact: float = 1e-6
    """Part of a component's deviation that exact equations leave at most, and the least noise that is looked for."""
    small: float = 3e-3
    """Part of it that may be left where it is smooth."""
    plainer: float = 2.0
    """Times as much may be left by fewer terms there."""
    correlated: float = 0.2
    """Correlation of what is left of neighbors, up to which it is white."""
    compared_terms: int = 6
    """Terms of an equation, beyond which too few others were compared for a claim."""


SETTINGS = Settings()
"""The settings of every search."""
