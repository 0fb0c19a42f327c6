"""Tests of structure on forty laws of known structure: the confusion of each kind, without noise and with 1 %.

    python benchmarks/structure.py
    python benchmarks/structure.py --calibrate

Every kind is asked about as often where it holds as where it does not, spread over the laws; "all" asks every question
there is, of which few hold. What is unclear counts as not found. `--derive` writes the answers anew from the formulas.
`--calibrate` shows, on random functions that have nothing to do with the laws, what the thresholds let through.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from record import HERE, RESULTS, append, clock, pin
from report import table, verdict
from structure_laws import KINDS, LAWS, Question, questions
from structure_random import random_functions

import edgewise as ew

QUESTIONS = HERE / "structure_questions.csv"
ROWS = 1000
EACH = 20  # questions of a kind where it holds, and as many where not
LIMITS = {0.0: (0.95, 0.90), 0.01: (0.90, 0.80)}  # noise -> least precision, least recall

Answers = dict[tuple[str, str, tuple[int, ...]], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="tables drawn of each law")
    parser.add_argument("--derive", action="store_true", help="derive the true answers from the formulas")
    parser.add_argument("--calibrate", action="store_true", help="random functions instead of the laws")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    pin()
    if given.derive:
        write(QUESTIONS, [question for law in LAWS for question in questions(law)])
    if given.calibrate:
        calibrate(given.out)
        return
    asked = read(QUESTIONS)
    passed = [_measure(asked, noise, given.seeds, given.out) for noise in LIMITS]
    raise SystemExit(0 if all(passed) else 1)


def _measure(asked: Sequence[Question], noise: float, seeds: int, out: Path) -> bool:
    """Ask everything of every law at one level of noise; print, store, and say whether the limits are met."""
    chosen = balanced(asked)
    counts: dict[str, dict[str, Counter[str]]] = {name: defaultdict(Counter) for name in ("balanced", "all")}
    with clock() as spent:
        for seed in range(seeds):
            answers = answered(noise, seed)
            for name, some in (("balanced", chosen), ("all", asked)):
                for question in some:
                    said = answers.get((question.law, question.kind, question.columns), False)
                    counts[name][question.kind][_outcome(question.holds, said)] += 1
                    if said and not question.holds:
                        print(f"  false: {question.law}, {question.kind} {question.columns}, noise {noise}, {name}")
    passed = True
    for name, kinds in counts.items():
        rows = [_row(kind, kinds[kind]) for kind in KINDS]
        rows.append(_row("total", sum((kinds[kind] for kind in KINDS), Counter())))
        common = {
            "questions": name,
            "noise": noise,
            "seeds": seeds,
            "seconds_per_law": spent.process / seeds / len(LAWS),
        }
        append(out / "structure.csv", [{**common, **row} for row in rows])
        table(f"Structure, {name} questions, noise {noise}", list(rows[0]), [list(row.values()) for row in rows])
        if name == "balanced":
            precision, recall = LIMITS[noise]
            passed = rows[-1]["precision"] >= precision and rows[-1]["recall"] >= recall
            print(f"  precision >= {precision}, recall >= {recall}: {verdict(passed)}")
    return passed


def answered(noise: float, seed: int, laws: Iterable[str] | None = None) -> Answers:
    """What `find` says of every law: (law, kind, columns) -> whether it holds."""
    answers: Answers = {}
    for law in LAWS:
        if laws is not None and law.name not in laws:
            continue
        x, y = law.sample(ROWS, np.random.default_rng(seed), noise)
        live = [i for i, symbol in enumerate(law.inputs) if law.formula.has(symbol)]
        found = ew.structure.find(x, y, seed=seed)
        for finding in found:
            # What stands on either side of a split matters, not where a column that does nothing stands.
            inside = tuple(i for i in finding.columns if i in live)
            if finding.kind != "irrelevant" and len(inside) < len(finding.columns):
                continue
            keys = [inside]
            if finding.kind in ("additive", "multiplicative"):
                keys.append(tuple(i for i in live if i not in inside))
            for key in keys if finding.kind != "irrelevant" else [finding.columns]:
                answers[law.name, finding.kind, key] = finding.holds
    return answers


def balanced(asked: Sequence[Question]) -> list[Question]:
    """Of each kind up to EACH questions where it holds and as many where not, taken from the laws in turn."""
    out = []
    for kind in KINDS:
        sides = [_in_turn([q for q in asked if q.kind == kind and q.holds is holds]) for holds in (True, False)]
        size = min(EACH, *map(len, sides))
        out += [question for side in sides for question in side[:size]]
    return out


def _in_turn(asked: Sequence[Question]) -> list[Question]:
    """The questions in random order, a second one about a law only after one about every other."""
    order = np.random.default_rng(0).permutation(len(asked))
    seen: Counter[str] = Counter()
    ranked = []
    for k in order:
        ranked.append((seen[asked[k].law], len(ranked), asked[k]))
        seen[asked[k].law] += 1
    return [question for _, _, question in sorted(ranked, key=lambda item: item[:2])]


def _outcome(true: bool, said: bool) -> str:
    return ("true" if said == true else "false") + (" positive" if said else " negative")


def _row(kind: str, counts: Counter[str]) -> dict[str, str | int | float]:
    right, wrong, missed = counts["true positive"], counts["false positive"], counts["false negative"]
    return {
        "kind": kind,
        "true_positive": right,
        "false_positive": wrong,
        "false_negative": missed,
        "true_negative": counts["true negative"],
        "precision": right / (right + wrong) if right + wrong else 1.0,
        "recall": right / (right + missed) if right + missed else 1.0,
    }


def calibrate(out: Path) -> None:
    """False positives on random functions without structure, misses on those with it, at several levels of noise."""
    rows = []
    for noise in (0.0, 0.001, 0.01, 0.03, 0.1):
        for name, kinds in random_functions().items():
            said: Counter[str] = Counter()
            excess = []
            for x, y, truth in kinds:
                rng = np.random.default_rng(0)
                found = ew.structure.find(x, y + noise * y.std() * rng.standard_normal(len(y)))
                for finding in found:
                    true = truth(finding.kind, finding.columns)
                    said[_outcome(true, finding.holds)] += 1
                    if true:
                        excess.append(finding.statistic / finding.threshold)
            worst = float(np.quantile(excess, 0.95)) if excess else 0.0
            row = _row(name, said)
            rows.append({"noise": noise, **row, "statistic_over_threshold_95": worst})
    append(out / "structure_calibration.csv", rows)
    table("Calibration: random functions", list(rows[0]), [list(row.values()) for row in rows])


def read(path: Path) -> list[Question]:
    with path.open(newline="") as file:
        return [
            Question(row["law"], row["kind"], tuple(map(int, row["columns"].split())), row["holds"] == "yes")
            for row in csv.DictReader(file)
        ]


def write(path: Path, asked: Iterable[Question]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["law", "kind", "columns", "holds"])
        for q in asked:
            writer.writerow([q.law, q.kind, " ".join(map(str, q.columns)), "yes" if q.holds else "no"])


if __name__ == "__main__":
    main()
