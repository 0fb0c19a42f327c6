"""How often forms of a stated weight of evidence are the right ones, from the rows of `edgewise bench claims`.

    edgewise bench claims --seed 1 && python benchmarks/weights.py --part development   # what weights were set on
    edgewise bench claims --seed 2027 && python benchmarks/weights.py --part held-out

Weights are computed from the stored leads by the present rule. With `--fit`, the power of the evidence and the weight
of absent forms that make the rows likeliest are printed for each outcome: what `edgewise.discovery` should hold.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from record import RESULTS
from report import table, verdict
from scipy.optimize import minimize

from edgewise.discovery import Outcome
from edgewise.discovery.judging import Evidence
from edgewise.discovery.results import weights_of

FIFTHS = np.linspace(0, 1, 6)
LIMIT = 0.08  # of the difference between a stated weight and the share that is right
FEWEST = 10  # forms in a fifth from which it is held to the limit


class Front(NamedTuple):
    """The forms of one table: by how much the best leads each and others that were tried, and which are right."""

    outcome: Outcome
    leads: tuple[float, ...]
    others: tuple[float, ...]
    right: tuple[bool, ...]


def fronts(file: Path, part: str) -> list[Front]:
    """Read the tables whose law is known."""
    found = []
    with file.open() as stream:
        for row in csv.DictReader(stream):
            detail = json.loads(row["detail"]) if row["family"] == "tables" and row["part"] == part else {}
            if detail.get("of_form") and detail["leads"]:
                outcome = Outcome[row["said"].upper().replace(" ", "_")]
                found.append(Front(outcome, tuple(detail["leads"]), tuple(detail["others"]), tuple(detail["of_form"])))
    return found


def stated(each: Front) -> np.ndarray:
    """Return the weights (forms,) by the present rule."""
    return weights_of(Evidence(each.leads, each.others), each.outcome)


def surprise(each: Front, power: float, absent: float) -> float:
    """Return minus the logarithm of the weight of what is so: of the right form, or of those that are not shown."""
    leads = np.array([*each.leads, *each.others])
    raw = np.exp(-power * (leads - leads.min()) / 2)
    weights = (1 - absent) * raw[: len(each.leads)] / raw.sum()
    right = float(weights[list(each.right)].sum())
    return -float(np.log(max(right if any(each.right) else 1 - weights.sum(), 1e-12)))


def fitted(group: list[Front]) -> tuple[float, float]:
    """Return the power and the weight of absent forms that make the rows of a group likeliest."""

    def loss(z: np.ndarray) -> float:
        power, absent = np.exp(z[0]), 1 / (1 + np.exp(-z[1]))
        return sum(surprise(each, power, absent) for each in group) - np.log(absent) - np.log(1 - absent)

    tried = [minimize(loss, start, method="Nelder-Mead") for start in ([-1, -2], [-2, 0], [0, 0])]
    best = min(tried, key=lambda found: found.fun)
    return float(np.exp(best.x[0])), float(1 / (1 + np.exp(-best.x[1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["development", "held-out"], default="held-out")
    parser.add_argument("--file", type=Path, default=RESULTS / "claims.csv")
    parser.add_argument("--fit", action="store_true", help="print the power and the weights of absent forms")
    given = parser.parse_args()
    known = fronts(given.file, given.part)
    by: dict[str, list[Front]] = defaultdict(list)
    for each in known:
        by[each.outcome.name if each.outcome.name in ("EXACT", "NOISE", "AMBIGUOUS") else "others"].append(each)
    if given.fit:
        lines = [[name, len(group), *fitted(group)] for name, group in by.items()]
        table("Likeliest", ["outcome", "tables", "power", "absent"], lines)
    weights = np.concatenate([stated(each) for each in known])
    right = np.concatenate([each.right for each in known]).astype(float)
    place = np.clip(np.searchsorted(FIFTHS, weights, side="right") - 1, 0, 4)
    lines, held = [], True
    for k in range(5):
        own = place == k
        mean, share = (float(v[own].mean()) if own.any() else float("nan") for v in (weights, right))
        held &= bool(own.sum() < FEWEST or abs(mean - share) <= LIMIT)
        lines.append([f"{FIFTHS[k]:.1f} to {FIFTHS[k + 1]:.1f}", int(own.sum()), mean, share, share - mean])
    table(f"Forms of {len(known)} tables, {given.part}", ["weight", "forms", "mean", "right", "difference"], lines)
    print(f"  limit: {LIMIT} where there are {FEWEST} forms: {verdict(held)}")
    raise SystemExit(not held)


if __name__ == "__main__":
    main()
