"""The stages of a discovery, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from edgewise.discovery.judging import Candidate
from edgewise.discovery.search import _walk as steps
from edgewise.discovery.search._walk import Walk
from edgewise.discovery.tables import EXACT


class Ends(Enum):
    """What ends the search after a stage."""

    NEVER = "nothing: what the stage found is for those after it"
    LAW = "a law that the stage found"
    UNDOUBTED = "a law that the stage found, unless the network or the rows speak against it"
    EXACT = "an exact formula, whichever stage found it"
    ALWAYS = "the end of the stage"
    AGAIN = "nothing; after another view of the rows, the list is walked again from its beginning"


@dataclass(frozen=True)
class Stage:
    """A stage: what it does, what ends the search after it, when it takes place, and its share of the evaluations.

    `run` returns the law that it found, if any: a formula that is exact, or leaves only noise. Models have no share:
    each is worth some evaluations, and the effort bounds their number (`_elimination.py`).
    """

    name: str
    run: Callable[[Walk], Candidate | None]
    ends: Ends
    when: Callable[[Walk], bool] = lambda walk: True
    share: float = 0.0


def has_template(walk: Walk) -> bool:
    """Return whether the form is known but for some parts."""
    return walk.informed.known.template is not None


def has_guesses(walk: Walk) -> bool:
    """Return whether a person has guessed formulas."""
    return bool(walk.informed.known.guesses)


def has_categories(walk: Walk) -> bool:
    """Return whether there are inputs of 0 and 1, and others."""
    return 0 < len(steps.numeric_places(walk)) < len(walk.table.names)


def has_claim(walk: Walk) -> bool:
    """Return whether a formula can be claimed, which is exact or leaves only noise."""
    return walk.inquiry.pool.claim() is not None


def has_law(walk: Walk) -> bool:
    """Return whether the stage before found a law."""
    return walk.law is not None


def has_groups(walk: Walk) -> bool:
    """Return whether formulas of dimensionless groups are some of many."""
    return bool(walk.informed.ways) and not walk.informed.only_groups


def has_only_groups(walk: Walk) -> bool:
    """Return whether every formula is one of dimensionless groups."""
    return walk.informed.only_groups


def shows_outliers(walk: Walk) -> bool:
    """Return whether the network is far better without some rows."""
    return walk.recognized is not None and walk.recognized.restart


def shows_noise(walk: Walk) -> bool:
    """Return whether the network shows other weights, or another kind of noise."""
    return walk.recognized is not None and walk.recognized.table is not walk.table


def is_lawful(walk: Walk) -> bool:
    """Return whether a model explains enough of the table, and rows are enough, to look for symmetries."""
    return walk.lawful


def is_relative_to_measured(walk: Walk) -> bool:
    """Return whether errors are relative to measured values, which favors small ones, and no law is exact."""
    best = walk.inquiry.pool.best() if walk.table.relative and walk.approximation.ceiling is None else None
    return best is not None and best.error >= EXACT


DIRECT = (
    Stage("what anyone would try first", steps.plainest, Ends.NEVER),
    Stage("your guesses", steps.guesses, Ends.LAW, has_guesses),
    Stage("straight from columns of numbers", steps.quick_of_numbers, Ends.LAW, has_categories),
    Stage("straight from the table", steps.quick_of_all, Ends.LAW),
)
"""What needs no model."""

STAGES = (
    Stage("unknown parts of a template", steps.template, Ends.ALWAYS, has_template, share=1.0),
    *DIRECT,
    Stage("a network for the law", steps.check, Ends.ALWAYS, has_claim, share=0.8),
    Stage("rows of isolated cells", steps.set_isolated_aside, Ends.AGAIN),
    Stage("dimensionless groups", steps.groups, Ends.LAW, has_groups, share=0.5),
    Stage("nothing but dimensionless groups", steps.groups, Ends.LAW, has_only_groups, share=1.0),
    Stage("a network to compare with", steps.compare, Ends.ALWAYS, has_only_groups),
    Stage("exact formulas by evolution", steps.hunt, Ends.LAW, share=0.2),
    Stage("symmetries seen by polynomials, and algebra", steps.polynomials, Ends.EXACT),
    Stage("a network for the law", steps.check, Ends.ALWAYS, has_law, share=0.8),
    Stage("an additive network", steps.network, Ends.NEVER),
    Stage("rows far from the network", steps.set_far_aside, Ends.AGAIN, shows_outliers),
    Stage("kind of noise", steps.weigh, Ends.NEVER, shows_noise),
    Stage("curves, and formulas read from the network", steps.read, Ends.UNDOUBTED),
    Stage("symmetries seen by Gaussian processes", steps.processes, Ends.UNDOUBTED, is_lawful),
    Stage("formulas by evolution", steps.evolve, Ends.NEVER, share=0.8),
    Stage("kind of noise by the best formula", steps.weigh_again, Ends.LAW),
    Stage("regressions and small networks", steps.approach, Ends.LAW, is_lawful),
    Stage("symmetries seen by networks", steps.networks, Ends.LAW, is_lawful),
    Stage("regressions and small networks again", steps.approach, Ends.ALWAYS, is_lawful),
)
"""A whole search. The choice among what was found follows (`_ranking.py`)."""

CLOSING = (
    Stage("weights by the best formula", steps.weigh_by_formula, Ends.NEVER, is_relative_to_measured),
    Stage("noise by the best formula", steps.settle, Ends.NEVER),
)
"""What follows when a search is over, or its time is."""


def go_through(walk: Walk, stages: Sequence[Stage]) -> None:
    """Go through a list of stages, up to one that ends the search."""
    for stage in stages:
        if not stage.when(walk):
            continue
        before, walk.share = walk.inquiry, stage.share
        walk.course.enter(stage.name, stage.share, walk.least_error())
        walk.law = stage.run(walk)
        match stage.ends:
            case Ends.ALWAYS:
                return
            case Ends.LAW if walk.law is not None:
                return
            case Ends.UNDOUBTED if walk.law is not None and not walk.doubted():
                return
            case Ends.EXACT if walk.inquiry.pool.exact() is not None:
                return
            case Ends.AGAIN if walk.inquiry is not before:
                return go_through(walk, STAGES)
