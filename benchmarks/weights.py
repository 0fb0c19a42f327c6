"""How often forms of a stated weight of evidence are the right ones, from the rows of `edgewise bench claims`.

    python benchmarks/weights.py --seeds 1 2027 5055 6066 7077
    python benchmarks/weights.py --seeds 1 2027 5055 6066 7077 --fit    # rules fitted on all seeds but one

Weights are computed from the stored leads by the present rule. Claims of noise are counted by how far they lead. With
`--fit`, the rules that make the rows of all seeds but one likeliest are printed, and each seed's weights are those of
the rule that did not see it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from edgewise.cli.plugin import console
from edgewise.discovery import Outcome
from edgewise.discovery.judging import LEAD, Evidence
from edgewise.discovery.results import RULE, Rule, weights_of
from edgewise_bench import Cell, read
from edgewise_bench.commands import show

CLAIMS = Path(__file__).parent / "results" / "claims.csv"
FIFTHS = np.linspace(0, 1, 6)
LIMIT = 0.08  # of the difference between a stated weight and the share that is right
FEWEST = 5  # forms in a fifth from which it is held to the limit
LEAST = 0.02  # weight that counts for what is so: a search that was led far astray says nothing of the others


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
    for row in read(file):
        detail = json.loads(row["detail"]) if row["case"].startswith(names) else {}
        if detail.get("of_form") and detail["leads"]:
            outcome = Outcome[row["said"].upper().replace(" ", "_")]
            evidence = Evidence(tuple(detail["leads"]), tuple(detail["others"]))
            found.append(Front(outcome, evidence, detail["best"], tuple(detail["of_form"])))
    return found


def surprise(each: Front, rule: Rule) -> float:
    """Return minus the logarithm of the weight of what is so: of the right form, or of those that are not shown."""
    weights = rule.shares(each.evidence)
    right = float(weights[list(each.right)].sum())
    return -float(np.log(max(right if any(each.right) else 1 - weights.sum(), LEAST)))


def fitted(group: list[Front]) -> Rule:
    """Return the rule of the present power that makes the rows of a group likeliest."""

    def rule(z: np.ndarray) -> Rule:
        absent, doubt = 1 / (1 + np.exp(-z[:2]))
        return RULE._replace(absent=float(absent), doubt=float((1 - absent) * doubt), clear=float(np.exp(z[2])))

    def loss(z: np.ndarray) -> float:
        return sum(surprise(each, rule(z)) for each in group) + 0.02 * float(z @ z)

    starts = np.array([-1.5, -0.5, 3.0]), np.array([-0.8, -0.2, 1.5])
    return rule(min((minimize(loss, z, method="Nelder-Mead") for z in starts), key=lambda found: found.fun).x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5055])
    parser.add_argument("--file", type=Path, default=CLAIMS)
    parser.add_argument("--fit", action="store_true", help="fit rules, each on all seeds but one")
    given, screen = parser.parse_args(), console()
    by = {seed: fronts(given.file, [seed]) for seed in given.seeds}
    known = [each for seed in by for each in by[seed]]
    weights = [weights_of(each.evidence, each.outcome) for each in known]
    if given.fit:
        doubted = {seed: [each for each in own if each.outcome is not Outcome.EXACT] for seed, own in by.items()}
        rules: dict[object, Rule] = {
            seed: fitted([each for s in by if s != seed for each in doubted[s]]) for seed in by
        }
        shown = {**rules, "all": fitted([each for s in by for each in doubted[s]])}
        cells = [[Cell(str(seed)), *(Cell(f"{value:.4g}") for value in rule)] for seed, rule in shown.items()]
        show(screen, "Likeliest on the others", ["seed", *Rule._fields], cells)
        known = [each for s in by for each in doubted[s]]
        weights = [rules[s].shares(each.evidence) for s in by for each in doubted[s]]
    claims = [each for each in known if each.outcome is Outcome.NOISE]
    lines = []
    for name, own in (("below", [c for c in claims if c.lead < LEAD]), ("from", [c for c in claims if c.lead >= LEAD])):
        right = sum(each.right[each.best] for each in own)
        lines.append([Cell(f"{name} {LEAD:g}"), Cell(str(len(own))), Cell(str(right))])
    show(screen, "Claims of noise whose law is known", ["lead", "claims", "right form"], lines)
    stated = np.concatenate(weights)
    right = np.concatenate([each.right for each in known]).astype(float)
    place = np.clip(np.searchsorted(FIFTHS, stated, side="right") - 1, 0, 4)
    lines = []
    for k in range(5):
        own = place == k
        mean, share = (float(v[own].mean()) if own.any() else float("nan") for v in (stated, right))
        texts = [f"{FIFTHS[k]:.1f} to {FIFTHS[k + 1]:.1f}", str(own.sum()), f"{mean:.3f}", f"{share:.3f}"]
        held = abs(mean - share) <= LIMIT if own.sum() >= FEWEST else None
        lines.append([*map(Cell, texts), Cell(f"{share - mean:+.3f}", held)])
    head = ["weight", "forms", "mean", "right", "difference"]
    raise SystemExit(bool(show(screen, f"Forms of {len(known)} tables; limit {LIMIT:g}", head, lines)))


if __name__ == "__main__":
    main()
