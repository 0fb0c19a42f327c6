"""Benchmarks that time one call of every library: rows, ratios, limits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

from edgewise.measure import Benchmark, Case, Cell, Row, Settings, interleaved
from edgewise.measure.benchmarks.libraries import BASELINES, Unit

UNIT = "mlp"
"""The library whose time is 1."""

OURS = "edgewise"
_SKIPPED = "skipped: "


class Comparison(Benchmark):
    """Every library on the same data, interleaved; ratios are of medians, to the MLP."""

    @abstractmethod
    def limit(self, row: Row) -> float | None:
        """Return the limit for edgewise's time over the MLP's."""

    @abstractmethod
    def lead(self, row: Row, library: str) -> float | None:
        """Return the limit for a baseline's time over edgewise's."""

    def compare(
        self, case: Case, settings: Settings, build: Callable[[str], Unit], skipped: Mapping[str, str]
    ) -> list[Row]:  # fmt: skip
        units = {name: build(name) for name in settings.libraries if name not in skipped}
        times = interleaved({name: unit.call for name, unit in units.items()}, settings.repeats, settings.patience)
        base = times[UNIT].median if UNIT in times else float("nan")
        shared = {name: {"library": name, "parameters": unit.parameters} for name, unit in units.items()}
        rows = [
            self.row(case, **shared[name], **found.columns(), ratio=found.median / base)
            for name, found in times.items()
        ]
        return rows + [self.row(case, library=name, repeats=0, status=_SKIPPED + why) for name, why in skipped.items()]

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self.row(case, library=name, repeats=0, status=reason) for name in settings.libraries]

    columns = ("library", "parameters", "seconds", "lower", "upper", "ratio", "repeats", "status")
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
    """Format with three digits, and no power of ten for large numbers."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(row: Row | None) -> float | None:
    return float(row["seconds"]) if row and row["seconds"] not in ("", None) else None
