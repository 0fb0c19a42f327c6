"""Benchmarks that time one call of every library: rows, ratios, limits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgewise.measure import Benchmark, Case, Cell, Quartiles, Row, Settings, interleaved
from edgewise.measure.benchmarks.libraries import BASELINES, Unit

UNIT = "mlp"
"""The library whose time is 1."""

OURS = "edgewise"
_SKIPPED = "skipped: "


class Comparison(Benchmark):
    """Every library on the same data, interleaved; ratios are of medians, to the MLP."""

    @abstractmethod
    def limit(self, row: Row) -> float | None:
        """How many times the MLP's time edgewise may take."""

    @abstractmethod
    def lead(self, row: Row, library: str) -> float | None:
        """How many times edgewise's time a baseline must take."""

    def compare(
        self, case: Case, settings: Settings, build: Callable[[str], Unit], skipped: Mapping[str, str]
    ) -> list[Row]:  # fmt: skip
        units = {name: build(name) for name in settings.libraries if name not in skipped}
        spreads = interleaved({name: unit.call for name, unit in units.items()}, settings.repeats, settings.patience)
        base = spreads[UNIT].median if UNIT in spreads else float("nan")
        rows = [self._row(case, name, units[name].parameters, spread, spread.median / base)
                for name, spread in spreads.items()]  # fmt: skip
        return rows + [self._row(case, name, status=_SKIPPED + reason) for name, reason in skipped.items()]

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self._row(case, name, status=reason) for name in settings.libraries]

    @staticmethod
    def _row(
        case: Case, library: str, parameters: Any = "", times: Quartiles | None = None, ratio: Any = "",
        status: str = "",
    ) -> Row:  # fmt: skip
        seconds, lower, upper, repeats = times or ("", "", "", 0)
        measured = {"parameters": parameters, "seconds": seconds, "lower": lower, "upper": upper, "ratio": ratio}
        return {
            "case": case.label, **case.values, "library": library, **measured, "repeats": repeats, "status": status
        }  # fmt: skip

    note = "edgewise: times the MLP's; the other libraries: times edgewise's"

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        shown = [name for name in BASELINES if any(row["library"] == name for row in rows)]
        head = ["case", "cores", "MLP ms", OURS, "at most", *shown]
        groups: dict[tuple[str, str], dict[str, Row]] = {}
        for row in rows:
            groups.setdefault((row["case"], str(row["threads"])), {})[row["library"]] = row
        return head, [self._line(*key, group, shown) for key, group in groups.items()]

    def _line(self, case: str, threads: str, group: Mapping[str, Row], shown: Sequence[str]) -> list[Cell]:
        ours, unit = (_seconds(group.get(name)) for name in (OURS, UNIT))
        first = group.get(OURS, {"status": "not measured"})
        limit = self.limit(first) if ours else None
        cells = [Cell(case), Cell(threads), Cell(_short(1e3 * unit) if unit else "")]
        if ours and unit:
            cells += [Cell(_short(ours / unit), None if limit is None else ours / unit <= limit)]
        else:
            cells += [Cell(str(first["status"]))]
        cells.append(Cell("" if limit is None else f"{limit:g}"))
        for name in shown:
            theirs = _seconds(group.get(name))
            if ours and theirs:
                least = self.lead(first, name)
                cells.append(Cell(_short(theirs / ours), None if least is None else theirs / ours >= least))
            else:
                cells.append(Cell(str(group[name]["status"]).removeprefix(_SKIPPED) if name in group else ""))
        return cells


def _short(value: float) -> str:
    """Three digits, and no power of ten for large numbers."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(row: Row | None) -> float | None:
    return float(row["seconds"]) if row and row["seconds"] not in ("", None) else None
