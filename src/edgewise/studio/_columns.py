"""The columns of a table as a person chooses from them: kind, range, gaps, a histogram."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from edgewise._errors import InputError
from edgewise.interpret.symbolic import dimension
from edgewise.studio._copies import copies
from edgewise.studio._form import classes_of, why_not
from edgewise.studio._network_view import number, numbers
from edgewise.studio._requests import Answer
from edgewise.tables.io import Table, why_no_class

Array = np.ndarray


@dataclass(frozen=True)
class Bins:
    """The edges of bins and their scale, "linear" or "log"."""

    edges: Array
    scale: str = "linear"

    @classmethod
    def of(cls, values: Array) -> Bins:
        """Return bins for the finite ones of some values: one for each of a few whole numbers, equal ones, or ones on a
        logarithmic scale where a positive column spans more than three decades.

        >>> import numpy as np
        >>> Bins.of(np.array([1.0, 2.0, 3.0])).edges
        array([0.5, 1.5, 2.5, 3.5])
        >>> Bins.of(np.geomspace(1.5, 1e6, 50)).scale
        'log'
        """
        finite, bins = values[np.isfinite(values)], 30
        if not finite.size:
            return cls(np.linspace(0.0, 1.0, 2))
        low, high = float(finite.min()), float(finite.max())
        if high - low < bins and np.array_equal(finite, np.round(finite)):
            return cls(np.arange(low - 0.5, high + 1))
        if low > 0 and np.log10(high) - np.log10(low) > 3 and np.median(finite) < low / 2 + high / 2:
            edges = np.geomspace(low, high, bins + 1)
            edges[0], edges[-1] = low, high
            return cls(edges, "log")
        return cls(np.histogram_bin_edges(finite, bins))

    def counts(self, values: Array) -> list[int]:
        """Return how many of the values lie in each bin; the last one holds its upper end, too."""
        return [int(count) for count in np.histogram(values[np.isfinite(values)], self.edges)[0]]

    def row(self, values: Array) -> dict[str, Any]:
        """Return the bins and the counts of values in them, as plain data."""
        return {"scale": self.scale, "edges": numbers(self.edges, 12), "counts": self.counts(values)}


_NOUNS = {"text": "text", "date": "dates"}
_OPTION = re.compile(r": \w+= \(--\w+\) names another \w+\.$")
_IDENTIFIER = re.compile(r"(?i:(.*[\W_])?(id|ids|identifier|index|row|no|nr|number|code|key))|.*[a-z]ID")
_BRACKETS = re.compile(r".*[(\[]([^()\[\]]{1,20})[)\]]\s*$")
_ENDINGS = re.compile(
    r"([kmcuM]?[gms]|t|lb|mi|ft|au|nm|min|hr?|hours|days?|years?|yr|K|[kM]?Pa|bar|atm|[km]?[NJWVA]|eV|[kMG]?Hz|mol|rad|deg)"
)  # units that names of columns often end in: mass_kg


def columns_view(table: Table, target: str | None = None) -> Answer:
    """Return what a page shows of a table, and a target and inputs to begin with.

    `target` is the one that a person has chosen; without one, the last column is suggested that has more than ten
    values.
    """
    seen: dict[bytes, str] = {}
    columns = [_number_view(table, name, seen) for name in table.names]
    possible = [one["name"] for one in columns if one["why"] is None]
    others = [*table.texts, *table.dates]
    columns += [_other_view(table, name) for name, _ in table.left_out if name in others]
    columns += [_blank_view(table, name, reason) for name, reason in table.left_out if name not in others]
    by_name = {one["name"]: one for one in columns}
    if target is None:
        varied = [name for name in possible if _is_likely(by_name[name], table.n_rows)]
        classes = [one["name"] for one in columns if one["kind"] == "text" and one["why_no_target"] is None]
        target = (varied or possible or classes or [None])[-1]
    elif target not in by_name or by_name[target]["why_no_target"] is not None:
        if target not in by_name:
            table.require(target, "target column")
        raise InputError(f"The column {target!r} cannot be the target: {by_name[target]['why_no_target']}.")
    for one in columns:
        is_number = one["why"] is None and one["kind"] == "number"
        one["correlation"] = _rank_correlation(table, one["name"], target) if is_number else None
    inputs, notes = _inputs(table, columns, target)
    notes += _of_target(table, target) + copies(table, [name for name in possible if name in table.columns])
    left_out = [
        f"Column {one['name']!r} is left out: {one['why']}." for one in columns if one["why"] is not None
    ] + notes
    left = [one for one in columns if one["why"] is None and one["kind"] != "number" and one["name"] != target]
    unticked = [one for one in left if one["name"] not in inputs]
    left_out += [
        f"Column {one['name']!r} is left out: it holds {_NOUNS[one['kind']]}. It can be an input." for one in unticked
    ]
    named = ", ".join(repr(one["name"]) for one in unticked if not any(repr(one["name"]) in note for note in notes))
    if named:
        notes.append(f"Text and dates can be inputs: tick {named}. A text has an input for each level.")
    wide = [repr(one["name"]) for one in columns if one["name"] in {*inputs, target} and _is_wide(one)]
    if wide:
        notes.append(f"More than three decades: {', '.join(wide)}. Tick ln to train on natural logarithms.")
    return {
        "rows": table.n_rows, "columns": columns, "notes": [*map(_on_page, table.notes), *notes], "target": target,
        "inputs": inputs, "left_out": left_out,
    }  # fmt: skip


def _on_page(note: str) -> str:
    """A note without the options of the command that it names."""
    return _OPTION.sub(".", note)


def _is_likely(column: Answer, rows: int) -> bool:
    """Whether a column has more than ten different values, and one in most rows."""
    return column["distinct"] > 10 and column["missing"] <= rows / 2


def _of_target(table: Table, target: str | None) -> list[str]:
    """What a person should know of the target that is chosen, or of there being none."""
    if target is None:
        return ["No column can be a target: that needs numbers that differ, or text of 2 to 12 classes with rows each."]
    classes = classes_of(table, target)
    listed = f"{', '.join(map(repr, classes[:4]))}{', ...' if len(classes) > 4 else ''}"
    return [f"{target!r} is a class ({listed}): the network learns the probability of each."] if classes else []


def _number_view(table: Table, name: str, seen: dict[bytes, str]) -> Answer:
    values = table.columns[name]
    there = values[~np.isnan(values)]
    finite = there[np.isfinite(there)]
    twin = seen.setdefault((values + 0.0).tobytes(), name)
    why, largest = None, 1e150  # of which squares are finite
    if not there.size:
        why = "it is empty"
    elif finite.size < there.size:
        why = f"it has infinite values, {there.size - finite.size} in all"
    elif float(there.min()) == float(there.max()):
        why = f"it is {there[0]:g} in every row"
    elif not 1 / largest <= float(np.abs(there).max()) <= largest:
        why = "its values are too large or too small: change its unit"
    elif twin != name:
        why = f"it equals {twin!r}"
    levels = np.unique(finite)
    return {
        **_row(table, name, "number", why), "why_no_target": why,
        "missing": int(values.size - there.size), "distinct": len(levels),
        "low": number(levels[0]) if len(levels) else None, "high": number(levels[-1]) if len(levels) else None,
        "counter": _counts_rows(values), "whole": np.array_equal(finite, np.round(finite)),
        "histogram": Bins.of(finite).row(finite) if finite.size else None,
    }  # fmt: skip


def _row(table: Table, name: str, kind: str, why: str | None) -> Answer:
    """The fields that every column has."""
    unit, problem = table.units.get(name, "").strip(), None
    bracket = _BRACKETS.fullmatch(name)
    if not unit and bracket:
        unit = bracket[1].strip()
    if unit:
        try:
            dimension(unit)
        except InputError as error:
            problem = str(error)
    ending = re.split(r"[_\s]", name)[-1]
    guess = ending if _ENDINGS.fullmatch(ending) and ending != name else ""
    return {
        "name": name, "kind": kind, "why": why, "missing": 0, "distinct": 0, "low": None, "high": None,
        "counter": False, "whole": False, "histogram": None, "correlation": None, "levels": [],
        "why_no_target": "it cannot be read as numbers" if kind == "text" else "dates are no target",
        "unit": unit, "unit_problem": problem, "unit_guess": guess,
    }  # fmt: skip


def _other_view(table: Table, name: str) -> Answer:
    """A column of text, or of dates."""
    if name in table.texts:
        cells = [cell for cell in table.texts[name] if cell is not None]
        common = Counter(cells).most_common()
        said = _row(table, name, "text", why_not(table, name)) | {"why_no_target": why_no_class(table, name)}
        said |= {"missing": table.n_rows - len(cells), "distinct": len(common)}
        return said | {"levels": [[level[:60], count] for level, count in common[:4]]}
    days = table.dates[name]
    there = np.unique(days[~np.isnat(days)])
    said = _row(table, name, "date", why_not(table, name))
    said |= {"missing": int(np.isnat(days).sum()), "distinct": len(there)}
    return said | {"levels": [[str(day), 1] for day in (there[[0, -1]] if len(there) else [])]}


def _blank_view(table: Table, name: str, reason: str) -> Answer:
    """A column that could not be read."""
    remedy = "; leave such cells empty in the file" if " rows, first " in reason else ""
    return _row(table, name, "text", f"it cannot be read as numbers: {reason}{remedy}")


def _counts_rows(values: Array) -> bool:
    """Whether this is 0, 1, 2, ... or 1, 2, 3, ...: the number of the row."""
    return values.size > 1 and values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _rank_correlation(table: Table, name: str, target: str | None) -> float | None:
    """Spearman's coefficient between a column and the target, over the rows that have both."""
    if target is None or name == target or target not in table.columns:
        return None
    a, b = table.columns[name], table.columns[target]
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return None
    first, second = rankdata(a[both]), rankdata(b[both])
    if min(first.std(), second.std()) == 0:
        return None
    return round(float(np.corrcoef(first, second)[0, 1]), 4)


def _inputs(table: Table, columns: list[Answer], target: str | None) -> tuple[list[str], list[str]]:
    """Return the inputs to begin with, and what a person should know of the choice."""
    rows = table.n_rows
    usable = [one for one in columns if one["why"] is None and one["kind"] == "number" and one["name"] != target]
    kept, notes = usable, []
    reasons = (
        ("counts the rows", _is_counter), ("numbers the rows, as its name says", _is_identifier),
        ("has gaps in more than half of the rows", _is_sparse),
    )  # fmt: skip
    for said, drops in reasons:
        left = [one for one in kept if not drops(one, rows)]
        if left:
            notes += [f"Column {one['name']!r} {said}, and is not ticked." for one in kept if one not in left]
            kept = left
    most = 20  # inputs that are suggested
    if len(kept) > most:
        order = sorted(kept, key=lambda one: -abs(one["correlation"] or 0))[:most]
        notes.append(
            f"{len(kept)} columns could be inputs: the {most} whose ranks correlate most with {target!r} are ticked."
        )
        kept = [one for one in kept if one in order]
    texts = []
    for one in columns:
        if one["why"] is not None or not _has_few_levels(one) or one["name"] == target:
            continue
        same = next((other["name"] for other in kept if _tells_the_same(table, one["name"], other["name"])), None)
        if same is None:
            texts.append(one)
        else:
            notes.append(f"Column {one['name']!r} tells the same as {same!r}, and is not ticked.")
    if len(kept) + len(texts) <= most:
        kept = [one for one in columns if one in kept or one in texts]
    return [one["name"] for one in kept], notes


def _has_few_levels(column: Answer) -> bool:
    """Whether this is text in which each of a few levels has an input."""
    return column["kind"] == "text" and column["distinct"] <= 12


def _tells_the_same(table: Table, text: str, number: str) -> bool:
    """Whether each level of a text has one value of a number, and each value one level."""
    pairs = {*zip(table.texts[text], table.columns[number].tolist(), strict=True)}
    return len(pairs) == len({level for level, _ in pairs}) == len({value for _, value in pairs})


def _is_identifier(column: Answer, rows: int) -> bool:
    """Whether a column has nearly as many whole numbers as there are rows, and the name of an identifier."""
    return column["whole"] and column["distinct"] > 0.8 * rows and bool(_IDENTIFIER.fullmatch(column["name"]))


def _is_wide(column: Answer) -> bool:
    return bool(column["histogram"]) and column["histogram"]["scale"] == "log"


def _is_counter(column: Answer, rows: int) -> bool:
    return column["counter"]


def _is_sparse(column: Answer, rows: int) -> bool:
    return column["missing"] > rows / 2
