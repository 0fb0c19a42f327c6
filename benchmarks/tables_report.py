"""What docs/design/tables.md says of ordinary tables, from the stored rows: ranks, medians, times, intervals.

    python benchmarks/tables_report.py

A figure of a table is the median over its splits, of which one that failed is the worst; coverage, width and
calibration error are means over them. Default and tuned rows are reported apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import gmean

RESULTS = Path(__file__).parent / "results"
OURS = "edgewise"
_SIMPLE = ("constant", "linear")
_GAP, _INSIDE = 0.01, (0.88, 0.92)


def main() -> None:
    for name in ("tabular", "tabular_second"):
        print(f"\n# {name}.csv")
        _report(pd.read_csv(RESULTS / f"{name}.csv").drop_duplicates("case", keep="last"))
    _intervals(pd.read_csv(RESULTS / "scripts" / "tables_intervals.csv"))


def _report(rows: Any) -> None:
    failed = rows.r2.fillna(rows.log_loss).isna()
    rows.loc[failed & (rows.kind == "regression"), "r2"] = -np.inf
    rows.loc[failed & (rows.kind == "classification"), "log_loss"] = np.inf
    for tuned, treated in rows.groupby("tuned"):
        print(f"\n# tuned {tuned}" if tuned else "# defaults")
        for half, own in [("all", treated), *treated.groupby("half")]:
            print(f"\n## {half}, {own.table.nunique()} tables")
            for kind, score in (("regression", "r2"), ("classification", "log_loss")):
                _scores(kind, own[own.kind == kind].pivot_table(score, "table", "library", "median"))
            _ranks(own)
            _times(own.pivot_table("seconds", "table", "library", "median"))
            _page(own)
    for half, own in rows[(rows.kind == "classification") & (rows.tuned == 0)].groupby("half"):
        _calibration(half, own)


def _scores(kind: str, scores: Any) -> None:
    """Print the middle over the tables, and how edgewise compares with each library on the tables that both have."""
    sign = 1 if kind == "regression" else -1
    for name in scores.columns.drop(OURS, errors="ignore"):
        both = scores[[OURS, name]].dropna()
        ahead = sign * (both[OURS] - both[name])
        behind = ", ".join(f"{table} {-gap:.3f}" for table, gap in ahead[ahead < 0].sort_values().items())
        middle = f"median {both[OURS].median():.3f} to {both[name].median():.3f}, of differences {ahead.median():+.3f}"
        mean = f"mean {both[OURS].mean():.3f} to {both[name].mean():.3f}"
        count = f"ahead on {(ahead > 0).sum()}, behind by more than 0.02 on {(ahead < -0.02).sum()}"
        print(f"{kind}, {name}, {len(both)} tables: {middle}; {mean}; {count}; behind: {behind or 'nowhere'}")
        if name in _SIMPLE and (ahead < -_GAP).any():
            print(f"  MORE THAN {_GAP} BELOW {name}: {', '.join(ahead[ahead < -_GAP].index)}")


def _ranks(rows: Any) -> None:
    """Print mean ranks over the tables: among all, and among all but edgewise's rivals that lack tables."""
    deficits = rows.assign(deficit=rows.log_loss.fillna(-rows.r2)).pivot_table("deficit", "table", "library", "median")
    for label, part in (("all tables", deficits.dropna(axis=1)), ("tables that all have", deficits.dropna())):
        ranks = part.rank(axis=1).mean().sort_values()
        print(f"mean rank, {label} ({len(part)}): {', '.join(f'{name} {rank:.2f}' for name, rank in ranks.items())}")


def _times(seconds: Any) -> None:
    times = ", ".join(f"{name} {value:.2g} ({seconds[name].count()})" for name, value in seconds.median().items())
    print(f"seconds of a fit, median over the tables (their number): {times}")
    for name in seconds.columns.intersection(["ebm", "catboost"]):
        ratio = (seconds[OURS] / seconds[name]).dropna()
        worst = f"{ratio.max():.3f} on {ratio.idxmax()}" if len(ratio) else ""
        print(f"  edgewise over {name}, {len(ratio)} tables: median {ratio.median():.3f}, largest {worst}")


def _page(rows: Any) -> None:
    """Print the table of docs/tables.md: each library on the tables that it and edgewise have."""
    r2, loss = (rows.pivot_table(name, "table", "library", "median") for name in ("r2", "log_loss"))
    seconds = rows.pivot_table("seconds", "table", "library", "median")
    r2, loss = (scores.reindex(columns=seconds.columns) for scores in (r2, loss))
    print(f"\n| against | tables | ahead on | R2 | log loss | seconds | of edgewise |\n|---|{'---:|' * 6}")
    for name in seconds.columns.drop(OURS):
        gain = pd.concat([r2[OURS] - r2[name], loss[name] - loss[OURS]]).dropna()
        regressions = gain[r2.index.intersection(gain.index)].median()
        classes = -gain[loss.index.intersection(gain.index)].median()
        times = seconds.loc[gain.index, [name, OURS]].median()
        figures = f"{(gain > 0).sum()} | {regressions:+.3f} | {classes:+.3f} | {times[name]:.2g} | {times[OURS]:.2g}"
        print(f"| {name} | {len(gain)} | {figures} |")


def _calibration(half: str, rows: Any) -> None:
    error = rows.pivot_table("calibration", "table", "library", "mean")
    good = error[OURS] <= error["linear"]
    print(f"\n# {half}, calibration error: at most that of linear on {good.sum()} of {len(good)}")
    print(error.round(4).to_string())


def _intervals(rows: Any) -> None:
    rows = rows.assign(table=rows.case.str.split(",").str[0])
    means = rows.groupby("table")[["coverage", "width", "boosting_coverage", "boosting_width"]].mean()
    inside = means.coverage.between(*_INSIDE)
    narrower = means.width / means.boosting_width
    low, high = _INSIDE
    print(f"\n# 90 % intervals: {low:.0%} to {high:.0%} on {inside.sum()} of {len(means)}")
    print(f"not on {', '.join(means.index[~inside])}; mean coverage {means.coverage.mean():.3f}")
    print(f"narrower on {(narrower < 1).sum()}, widest {narrower.max():.2f}; geometric mean {gmean(narrower):.3f}")
    print(f"mean width {means.width.mean():.3f} to {means.boosting_width.mean():.3f}")
    print(means.round(3).to_string())


if __name__ == "__main__":
    main()
