"""Units that come with a table, as those of the inputs that a search has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgewise._errors import InputError
from edgewise.discovery._asked import Asked
from edgewise.discovery.knowledge import Known
from edgewise.formulas.expressions import dimension
from edgewise.tables.encoding import Dates

TABLE = "table"
"""The value of `units` that asks for those of the data frame."""

_NONE = frozenset({"", "-", "--", "1", "%", "none", "n/a", "dimensionless", "unitless"})


def with_table_units(each: Asked, known: Known, x: Any, y: Any) -> tuple[Asked, Known]:
    """Return what is known with the units of the table in place of `units="table"`, or of a table that has `units`.

    They are `attrs["units"]` of the data frames x and y, or `units` of an `edgewise.io.Table`. An empty cell, as levels
    and gaps, has no dimension. Units are left out, and a note says why, where one cannot be read, or none has a
    dimension.
    """
    asked = known.get("units")
    if isinstance(asked, str) and asked == TABLE:
        given = {**_attached(y), **_attached(x)}
    elif isinstance(getattr(asked, "units", None), Mapping):
        given = {str(name): str(unit) for name, unit in asked.units.items()}  # type: ignore[union-attr]
    else:
        return each, known
    units, note = _read(each, given)
    others: Any = {key: value for key, value in known.items() if key != "units"}
    columns = replace(each.prepared.columns, notes=(*each.prepared.columns.notes, note))
    noted = replace(each, prepared=replace(each.prepared, columns=columns))
    return noted, others if units is None else others | {"units": units}


def _attached(table: Any) -> dict[str, str]:
    """Return the units that a data frame or a series of pandas carries."""
    attrs = getattr(table, "attrs", None)
    units = attrs.get("units") if isinstance(attrs, Mapping) else None
    return {str(name): str(unit) for name, unit in units.items()} if isinstance(units, Mapping) else {}


def _read(each: Asked, given: Mapping[str, str]) -> tuple[dict[str, str] | None, str]:
    """Return the units of the inputs and of the target where all can be read, and a note."""
    columns, target = each.prepared.columns, each.table.target
    by_name = {term.name: term for term in columns.terms}
    units: dict[str, str] = {}
    for name in each.inputs:
        term = by_name[name]
        source = columns.encoder.columns[term.column]
        own = "day" if isinstance(source, Dates) else given.get(source.name, "")
        units[name] = own if term.kind == "number" else ""
    if target in given:
        units[target] = given[target]
    units = {name: "" if unit.strip().lower() in _NONE else unit.strip() for name, unit in units.items()}
    measured = {name: unit for name, unit in units.items() if unit}
    if not measured:
        return None, "Units of the table are not used: no column has one."
    try:
        dimensions = [dimension(unit) for unit in measured.values()]
    except InputError as error:
        return None, f"Units of the table are not used: {error}"
    if not any(dimensions):
        return None, "Units of the table are not used: none has a dimension."
    bare = [name for name, unit in units.items() if not unit]
    listed = ", ".join(f"{name} in {unit}" for name, unit in measured.items())
    return units, f"Units by the table: {listed}{'; without: ' + ', '.join(bare) if bare else ''}."
