"""The search that a table asks for: of its groups, of some of its columns, or of all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewise._deadline import Deadline, cut, now
from edgewise._typing import Array
from edgewise.discovery._asked import Asked
from edgewise.discovery.groups import GroupSearch
from edgewise.discovery.judging import Outcome
from edgewise.discovery.results import Discovery, fitted_to_all
from edgewise.discovery.search import MANY, Search, journal_of, screen
from edgewise.discovery.tables import Settings, Table

_DIRECTLY, _SCREENING = 0.4, 0.2  # of the time, at most: for laws straight from the table, and for choosing columns
_LISTED = 5


def searched(asked: Asked, settings: Settings, *, models: bool = True) -> Discovery:
    """Search formulas for one table, and return them for tables as that one came."""
    columns, began = asked.prepared.columns, now()
    if asked.prepared.codes is not None:
        return GroupSearch(asked.table, asked.prepared, settings).run().of(columns)
    if models and len(settings.knowledge.names or asked.table.names) > MANY and settings.knowledge.empty:
        return _of_many(asked, settings)
    allowed = asked.table.of_columns(settings.knowledge.names or asked.table.names)
    found = _whole(Search(allowed, settings).run(models=models), asked.table)
    if settings.knowledge.empty and settings.loss == "squared":
        found = fitted_to_all(found, lambda: now() - began > settings.limit)
    return found if asked.prepared.plain and not columns.notes else found.of(columns)


def _whole(found: Discovery, table: Table) -> Discovery:
    """Return what was found without forbidden columns as formulas of all columns."""
    if found.names == table.names:
        return found
    every = {c.expression: replace(c, names=table.names) for c in (*found.candidates, found.best)}
    return replace(
        found, candidates=[every[c.expression] for c in found.candidates], best=every[found.best.expression],
        names=table.names, x=table.x,
    )  # fmt: skip


def _of_many(asked: Asked, settings: Settings) -> Discovery:
    """Search some of many columns, unless a law is found in all of them straight from the table."""
    table, columns, began = asked.table, asked.prepared.columns, now()
    journal = journal_of(table, settings, Deadline.after(settings.limit).passed)
    found = Search(table, replace(settings, limit=_DIRECTLY * settings.limit), journal).run(models=False)
    if found.outcome in (Outcome.EXACT, Outcome.INTERRUPTED):
        return found.of(columns) if columns.notes else found
    kept = np.arange(len(table.names))
    try:
        chosen: list[Array] = []
        cut(Deadline.after(_SCREENING * settings.limit), lambda: chosen.append(screen(table, settings.seed)))
        kept = chosen[0] if chosen else kept
    except KeyboardInterrupt:
        return replace(found, outcome=Outcome.INTERRUPTED)
    if len(kept) < len(table.names):
        others = [name for k, name in enumerate(table.names) if k not in {*kept.tolist()}]
        listed = ", ".join(map(repr, others[:_LISTED])) + (", ..." if len(others) > _LISTED else "")
        note = (
            f"Of {len(table.names)} inputs {len(kept)} were searched: a network's values depend on the others little, "
            f"and they are not among the most correlated ({listed})."
        )
        table, columns = table.keep(kept), columns.keep(kept, note)
    left = settings.limit - (now() - began)
    if left <= 0:  # no other forms were tried, so nothing is claimed
        found, columns = replace(found, outcome=Outcome.TIME_LIMIT), asked.prepared.columns
        return found.of(columns) if columns.notes else found
    inner = replace(settings, limit=left, knowledge=settings.knowledge.inside(table.names))
    found = Search(table, inner, journal).run()
    if settings.loss == "squared":
        found = fitted_to_all(found, lambda: now() - began > settings.limit)
    return found.of(columns) if columns.notes else found
