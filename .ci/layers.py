"""Print how the times of layers differ between two commits, from rows of `edgewise bench layers`.

python .ci/layers.py ROWS, with ROWS/before-1/layers.csv, ROWS/after-1/layers.csv, ROWS/before-2/layers.csv, ...
Each row's ratio is the layer's time by that of an MLP of as many parameters, measured in turns in one process.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from statistics import median

NOTABLE = 0.1  # differences of less are usual between two runs of one commit on a shared machine


def ratios(folder: Path, commit: str) -> dict[str, list[float]]:
    """Return edgewise's ratios to the MLP of one commit, by case."""
    found: dict[str, list[float]] = {}
    for path in sorted(folder.glob(f"{commit}-*/layers.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["library"] == "edgewise" and row["ratio"]:
                    found.setdefault(row["case"], []).append(float(row["ratio"]))
    return found


def table(before: dict[str, list[float]], after: dict[str, list[float]]) -> str:
    """Return the comparison in Markdown: medians and extremes of both commits, and what they differ by."""
    lines = ["| layer | before, by the MLP | after, by the MLP | after by before |", "|---|---|---|---|"]
    for case in after:
        if case not in before:
            lines.append(f"| {case} | | {_shown(after[case])} | new |")
            continue
        change = median(after[case]) / median(before[case])
        apart = min(after[case]) > max(before[case]) or max(after[case]) < min(before[case])
        mark = " (!)" if apart and abs(change - 1) > NOTABLE else ""
        lines.append(f"| {case} | {_shown(before[case])} | {_shown(after[case])} | {change:.2f}{mark} |")
    lines.append("\nMedians of the turns, with the least and the largest. (!): no turn overlaps, and more than 10 %.")
    return "\n".join(lines)


def _shown(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(table(ratios(place, "before"), ratios(place, "after")))
