"""The stages of a discovery, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum

from edgewise.discovery.judging import Candidate
from edgewise.discovery.search._walk import Walk


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


DIRECT = (
    Stage("what anyone would try first", Walk.try_baselines, Ends.NEVER),
    Stage("your guesses", Walk.guess, Ends.LAW, lambda walk: len(walk.known.guesses) > 0),
    Stage(
        "straight from columns of numbers", Walk.try_numbers, Ends.LAW,
        lambda walk: 0 < len(walk.numeric) < len(walk.table.names),
    ),
    Stage("straight from the table", Walk.try_directly, Ends.LAW),
    Stage("small formulas, outer operations undone", Walk.undo, Ends.LAW),
    Stage("functions of one variable", Walk.try_functions, Ends.LAW, lambda walk: len(walk.table.names) == 1),
    Stage("textbook forms", Walk.try_forms, Ends.LAW),
)  # fmt: skip
"""What needs no model."""

STAGES = (
    Stage(
        "unknown parts of a template", Walk.fill_template, Ends.ALWAYS,
        lambda walk: walk.known.template is not None, share=1.0,
    ),
    *DIRECT,
    Stage(
        "a network for the law", Walk.check, Ends.ALWAYS,
        lambda walk: walk.inquiry.pool.claim() is not None, share=0.8,
    ),
    Stage("rows of isolated cells", Walk.set_isolated_aside, Ends.AGAIN),
    Stage("dimensionless groups", Walk.group, Ends.LAW, lambda walk: walk.informed.groups == "some", share=0.5),
    Stage("dimensionless groups alone", Walk.group, Ends.LAW, lambda walk: walk.informed.groups == "only", share=1.0),
    Stage("a network to compare with", Walk.compare, Ends.ALWAYS, lambda walk: walk.informed.groups == "only"),
    Stage("noise left by a direct formula", Walk.postpone, Ends.NEVER),
    Stage("all small formulas", Walk.enumerate, Ends.LAW, lambda walk: not walk.postponed),
    Stage("exact formulas by evolution", Walk.hunt, Ends.LAW, lambda walk: not walk.postponed, share=0.2),
    Stage(
        "symmetries seen by polynomials, and algebra", Walk.reduce_exactly, Ends.EXACT,
        lambda walk: not walk.postponed,
    ),
    Stage("longer formulas", Walk.enumerate_longer, Ends.LAW, lambda walk: not walk.postponed),
    Stage("a network for the law", Walk.check, Ends.ALWAYS, lambda walk: walk.law is not None, share=0.8),
    Stage("a network to compare a law with", Walk.compare, Ends.ALWAYS, lambda walk: walk.corrected),
    Stage("an additive network", Walk.see, Ends.NEVER),
    Stage("logarithms of the target", Walk.search_logarithms, Ends.LAW),
    Stage(
        "rows far from the network", Walk.set_far_aside, Ends.AGAIN,
        lambda walk: walk.recognized is not None and walk.recognized.restart,
    ),
    Stage(
        "kind of noise", Walk.weigh, Ends.NEVER,
        lambda walk: walk.recognized is not None and walk.recognized.table is not walk.table,
    ),
    Stage("curves, sums of small formulas, and formulas read from the network", Walk.read, Ends.UNDOUBTED),
    Stage("exact formulas by evolution, postponed", Walk.hunt, Ends.LAW, lambda walk: walk.postponed, share=0.2),
    Stage(
        "symmetries seen by polynomials, and algebra, postponed", Walk.reduce_exactly, Ends.EXACT,
        lambda walk: walk.postponed,
    ),
    Stage("symmetries seen by Gaussian processes", Walk.reduce_smoothly, Ends.UNDOUBTED, lambda walk: walk.lawful),
    Stage("formulas by evolution", Walk.evolve, Ends.NEVER, share=0.8),
    Stage("kind of noise by the best formula", Walk.weigh_again, Ends.LAW),
    Stage("regressions and small networks", Walk.approach, Ends.LAW, lambda walk: walk.lawful),
    Stage("symmetries seen by networks", Walk.reduce_by_networks, Ends.LAW, lambda walk: walk.lawful),
    Stage("regressions and small networks again", Walk.approach, Ends.ALWAYS, lambda walk: walk.lawful),
)  # fmt: skip
"""A whole search. The choice among what was found follows (`_ranking.py`)."""

CLOSING = (
    Stage("weights by the best formula", Walk.weigh_by_formula, Ends.NEVER, lambda walk: walk.relative_to_measured),
    Stage("noise by the best formula", Walk.settle, Ends.NEVER),
)
"""What follows when a search is over, or its time is."""


_LEFT_OUT: ContextVar[frozenset[str]] = ContextVar("stages that are left out", default=frozenset())


@contextmanager
def leaving_out(*names: str) -> Iterator[None]:
    """Have searches of this thread leave out stages, by their names, as long as the context lasts: for measurements."""
    before = _LEFT_OUT.set(_LEFT_OUT.get() | {*names})
    try:
        yield
    finally:
        _LEFT_OUT.reset(before)


def go_through(walk: Walk, stages: Sequence[Stage]) -> None:
    """Go through a list of stages, up to one that ends the search."""
    for stage in stages:
        if stage.name in _LEFT_OUT.get() or not stage.when(walk):
            continue
        before, walk.share = walk.inquiry, stage.share
        walk.course.enter(stage.name, stage.share, walk.least_error)
        walk.law = stage.run(walk)
        match stage.ends:
            case Ends.ALWAYS:
                return
            case Ends.LAW if walk.law is not None:
                return
            case Ends.UNDOUBTED if walk.law is not None and not walk.doubted:
                return
            case Ends.EXACT if walk.inquiry.pool.exact() is not None:
                return
            case Ends.AGAIN if walk.inquiry is not before:
                return go_through(walk, STAGES)
