"""Judge answers: python -m agents.check FOLDER [TASK ...], in the folder benchmarks; one JSON object for each task."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agents.make_data import SEED, TASKS

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder that make_data wrote, with an answer.json in each task's")
    parser.add_argument("tasks", nargs="*", choices=[[], *TASKS], help="which tasks; all by default")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    for name in given.tasks or TASKS:
        verdict = TASKS[name].check(given.folder / name, given.seed)
        sys.stdout.write(verdict.as_json(name) + "\n")
