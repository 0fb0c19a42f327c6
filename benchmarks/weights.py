"""How often forms of a stated weight of evidence are the right ones, from the rows of `edgewise bench claims`.

    python benchmarks/weights.py --seeds 1 2027 --fit    # the rows that the lead and the weights were chosen on
    python benchmarks/weights.py --seeds 5055

Weights are computed from the stored leads by the present rule. Claims of noise are counted by how far they lead. With
`--fit`, the power of the evidence and the weight of absent forms that make the rows likeliest are printed.
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
from edgewise.discovery.judging import LEAD, Evidence
from edgewise.discovery.results import shares, weights_of

FIFTHS = np.linspace(0, 1, 6)
LIMIT = 0.08  # of the difference between a stated weight and the share that is right
FEWEST = 5  # forms in a fifth from which it is held to the limit
APART = ("EXACT", "NOISE", "AMBIGUOUS")


class Front(NamedTuple):
    """The forms of one table: by how much the best leads each and others that were tried, and which are right."""

    outcome: Outcome
    evidence: Evidence
    best: int
    right: tuple[bool, ...]

    @property
    def lead(self) -> float:
        """The lead of the best form over the nearest other one, infinite without one."""
        others = [lead for k, lead in enumerate(self.evidence.leads) if k != self.best]
        return min([*others, *self.evidence.others], default=np.inf)


def fronts(file: Path, seeds: list[int]) -> list[Front]:
    """Read the tables of some seeds whose law is known."""
    found, names = [], tuple(f"tables {seed}." for seed in seeds)
    with file.open() as stream:
        for row in csv.DictReader(stream):
            detail = json.loads(row["detail"]) if row["case"].startswith(names) else {}
            if detail.get("of_form") and detail["leads"]:
                outcome = Outcome[row["said"].upper().replace(" ", "_")]
                evidence = Evidence(tuple(detail["leads"]), tuple(detail["others"]))
                found.append(Front(outcome, evidence, detail["best"], tuple(detail["of_form"])))
    return found


def surprise(each: Front, power: float, absent: float) -> float:
    """Return minus the logarithm of the weight of what is so: of the right form, or of those that are not shown."""
    weights = (1 - absent) * shares(each.evidence, power)
    right = float(weights[list(each.right)].sum())
    return -float(np.log(max(right if any(each.right) else 1 - weights.sum(), 1e-12)))


def fitted(group: list[Front]) -> tuple[float, float]:
    """Return the power and the weight of absent forms that make the rows of a group likeliest."""

    def loss(z: np.ndarray) -> float:
        power, absent = np.exp(np.clip(z[0], -9, 2)), 1 / (1 + np.exp(-np.clip(z[1], -9, 9)))
        return sum(surprise(each, power, absent) for each in group) - np.log(absent) - np.log(1 - absent)

    tried = [minimize(loss, start, method="Nelder-Mead") for start in ([-1, -2], [-2, 0], [0, 0])]
    best = min(tried, key=lambda found: found.fun)
    return float(np.exp(best.x[0])), float(1 / (1 + np.exp(-best.x[1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5055])
    parser.add_argument("--file", type=Path, default=RESULTS / "claims.csv")
    parser.add_argument("--fit", action="store_true", help="print the power and the weights of absent forms")
    given = parser.parse_args()
    known = fronts(given.file, given.seeds)
    if given.fit:
        by: dict[str, list[Front]] = defaultdict(list)
        for each in known:
            by[each.outcome.name if each.outcome.name in APART else "others"].append(each)
        lines = [[name, len(group), *fitted(group)] for name, group in by.items()]
        table("Likeliest", ["outcome", "tables", "power", "absent"], lines)
    claims = [each for each in known if each.outcome is Outcome.NOISE]
    lines = []
    for name, own in (("below", [c for c in claims if c.lead < LEAD]), ("from", [c for c in claims if c.lead >= LEAD])):
        lines.append([f"{name} {LEAD:g}", len(own), sum(each.right[each.best] for each in own)])
    table("Claims of noise whose law is known", ["lead", "claims", "right form"], lines)
    weights = np.concatenate([weights_of(each.evidence, each.outcome) for each in known])
    right = np.concatenate([each.right for each in known]).astype(float)
    place = np.clip(np.searchsorted(FIFTHS, weights, side="right") - 1, 0, 4)
    lines, held = [], True
    for k in range(5):
        own = place == k
        mean, share = (float(v[own].mean()) if own.any() else float("nan") for v in (weights, right))
        held &= bool(own.sum() < FEWEST or abs(mean - share) <= LIMIT)
        lines.append([f"{FIFTHS[k]:.1f} to {FIFTHS[k + 1]:.1f}", int(own.sum()), mean, share, share - mean])
    table(f"Forms of {len(known)} tables", ["weight", "forms", "mean", "right", "difference"], lines)
    print(f"  limit: {LIMIT} where there are {FEWEST} forms: {verdict(held)}")
    raise SystemExit(not held)


if __name__ == "__main__":
    main()
