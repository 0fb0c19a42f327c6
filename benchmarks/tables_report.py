"""What docs/design/tables.md says of ordinary tables, from the stored rows: ranks, medians, times, intervals.

    python benchmarks/tables_report.py

A figure of a table is the median over its splits, of which one that failed is the worst; coverage, width and
calibration error are means over them. A library that has some of the splits is compared on these. Default and tuned
rows are reported apart.
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
        _report(_stored(name))
    _repeated()
    _intervals(pd.read_csv(RESULTS / "scripts" / "tables_intervals.csv"))


def _stored(name: str) -> Any:
    return pd.read_csv(RESULTS / f"{name}.csv").drop_duplicates("case", keep="last")


def _repeated() -> None:
    """Print edgewise and linear on the tables that were shuffled four times, over all twelve splits of these."""
    more, first = _stored("tabular_repeated"), _stored("tabular_second")
    first = first[(first.tuned == 0) & first.library.isin([OURS, "linear"]) & first.table.isin(more.table.unique())]
    rows = pd.concat([first, more])
    print("\n# twelve splits")
    for kind, score in (("regression", "r2"), ("classification", "log_loss")):
        _scores(kind, _cells(rows[rows.kind == kind], score))
    for half, own in rows[rows.kind == "classification"].groupby("half"):
        _calibration(half, own)


def _report(rows: Any) -> None:
    failed = rows.r2.fillna(rows.log_loss).isna()
    rows.loc[failed & (rows.kind == "regression"), "r2"] = -np.inf
    rows.loc[failed & (rows.kind == "classification"), "log_loss"] = np.inf
    for tuned, treated in rows.groupby("tuned"):
        print(f"\n# tuned {tuned}" if tuned else "# defaults")
        for half, own in [("all", treated), *treated.groupby("half")]:
            print(f"\n## {half}, {own.table.nunique()} tables")
            for kind, score in (("regression", "r2"), ("classification", "log_loss")):
                _scores(kind, _cells(own[own.kind == kind], score))
            _ranks(own)
            _times(_cells(own, "seconds"))
            _page(own)
    for half, own in rows[(rows.kind == "classification") & (rows.tuned == 0)].groupby("half"):
        _calibration(half, own)


def _cells(rows: Any, figure: str) -> Any:
    """Return a figure by table and split, a column for each library."""
    return rows.pivot_table(figure, ["table", "split"], "library")


def _both(cells: Any, name: str) -> Any:
    """Return a figure of edgewise and of another library by table, over the splits that both have."""
    return cells.reindex(columns=[OURS, name]).dropna().groupby("table").median()


def _scores(kind: str, scores: Any) -> None:
    """Print the middle over the tables, and how edgewise compares with each library on the tables that both have."""
    sign = 1 if kind == "regression" else -1
    for name in scores.columns.drop(OURS, errors="ignore"):
        both = _both(scores, name)
        ahead = sign * (both[OURS] - both[name])
        behind = ", ".join(f"{table} {-gap:.3f}" for table, gap in ahead[ahead < 0].sort_values().items())
        middle = f"median {both[OURS].median():.3f} to {both[name].median():.3f}, of differences {ahead.median():+.3f}"
        mean = f"mean {both[OURS].mean():.3f} to {both[name].mean():.3f}"
        count = f"ahead on {(ahead > 0).sum()}, behind by more than 0.02 on {(ahead < -0.02).sum()}"
        print(f"{kind}, {name}, {len(both)} tables: {middle}; {mean}; {count}; behind: {behind or 'nowhere'}")
        if name in _SIMPLE and (ahead < -_GAP).any():
            print(f"  MORE THAN {_GAP} BELOW {name}: {', '.join(ahead[ahead < -_GAP].index)}")


def _ranks(rows: Any) -> None:
    """Print mean ranks: of the libraries that have all tables, and with each of the others on what that one has."""
    cells = _cells(rows.assign(deficit=rows.log_loss.fillna(-rows.r2)), "deficit")
    complete = cells.groupby("table").median().dropna(axis=1)
    parts = {"all tables": complete}
    for name in cells.columns.difference(complete.columns):
        own = cells[cells[name].notna()]
        parts[f"tables of {name}"] = own[[*complete.columns, name]].groupby("table").median()
    for label, part in parts.items():
        ranks = part.rank(axis=1).mean().sort_values()
        print(f"mean rank, {label} ({len(part)}): {', '.join(f'{name} {rank:.2f}' for name, rank in ranks.items())}")


def _times(cells: Any) -> None:
    seconds = cells.groupby("table").median()
    times = ", ".join(f"{name} {value:.2g} ({seconds[name].count()})" for name, value in seconds.median().items())
    print(f"seconds of a fit, median over the tables (their number): {times}")
    for name in seconds.columns.intersection(["ebm", "catboost"]):
        both = _both(cells, name)
        ratio = both[OURS] / both[name]
        worst = f"{ratio.max():.3f} on {ratio.idxmax()}" if len(ratio) else ""
        print(f"  edgewise over {name}, {len(ratio)} tables: median {ratio.median():.3f}, largest {worst}")


def _page(rows: Any) -> None:
    """Print the table of docs/tables.md: each library on the tables that it and edgewise have."""
    r2, loss, seconds = (_cells(rows, figure) for figure in ("r2", "log_loss", "seconds"))
    print(f"\n| against | tables | ahead on | R2 | log loss | seconds | of edgewise |\n|---|{'---:|' * 6}")
    for name in seconds.columns.drop(OURS):
        regressions, classes = (both[OURS] - both[name] for both in (_both(r2, name), _both(loss, name)))
        times = _both(seconds, name).median()
        ahead, tables = (regressions > 0).sum() + (classes < 0).sum(), len(regressions) + len(classes)
        middle = f"{regressions.median():+.3f} | {classes.median():+.3f}"
        print(f"| {name} | {tables} | {ahead} | {middle} | {times[name]:.2g} | {times[OURS]:.2g} |")


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
