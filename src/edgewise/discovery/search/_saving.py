"""The journal of one discovery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from edgewise.discovery.journal import Codec, Journal, fingerprint
from edgewise.discovery.judging import Candidate
from edgewise.discovery.models import Recalled
from edgewise.discovery.search._assessment import Assessed
from edgewise.discovery.tables import Settings, Table
from edgewise.formulas.programs import Program
from edgewise.interpret.symmetries import Coordinates, Scales

_CLASSES = (Candidate, Assessed, Program, Recalled, Coordinates, Scales)
_FREE = ("limit", "progress", "n_jobs", "save", "resume")  # settings that change nothing but when and where


def journal_of(table: Table, settings: Settings, late: Callable[[], bool]) -> Journal:
    """Return the journal of a search, with what the search that it goes on with had worked out.

    Errors: InputError if that search had another table or other settings, and for files that cannot be used.
    """
    parts = [getattr(table, field.name) for field in fields(table)]
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    asked = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name not in _FREE}
    asked["effort"] = asked.pop("evaluations")
    about = fingerprint([repr(part) for part in parts if not isinstance(part, np.ndarray)], arrays, asked)
    journal = Journal(Codec(_CLASSES), about, late, settings.save or settings.resume)
    begun = settings.resume is not None and (settings.resume != settings.save or settings.resume.exists())
    journal.start(settings.resume if begun else None)
    return journal
