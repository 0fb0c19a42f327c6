"""The first benchmarks: accuracy, scaling, time compared with pykan, and discovery, each with its limit.

    python benchmarks/first.py --only accuracy scaling --seeds 1

Computes on one thread of one core and appends every measurement, with commit, device and versions, to CSV files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import accuracy
import discovery
import pykan_time
import scaling
from record import RESULTS, pin, provenance
from report import table, verdict

BENCHMARKS = ("accuracy", "scaling", "pykan", "discovery")


def main() -> None:
    given = _arguments()
    pin()
    print("\n".join(f"{name}: {value}" for name, value in provenance().items()))
    chosen = [name for name in BENCHMARKS if name in given.only and (given.baselines or name != "pykan")]
    measures = {
        "accuracy": lambda: accuracy.measure(given.seeds or 5, given.out),
        "scaling": lambda: scaling.measure(given.seeds or 5, given.out),
        "pykan": lambda: pykan_time.measure(
            given.baseline_seeds, given.out, given.baseline_python, given.baseline_schedule, given.baseline_dtype
        ),
        "discovery": lambda: discovery.measure(given.seeds or 3, given.out),
    }
    passed = {name: measures[name]() for name in chosen}
    table("Limits", ["benchmark", ""], [[name, verdict(kept)] for name, kept in passed.items()])
    sys.exit(not all(passed.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(BENCHMARKS)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, metavar="NAME", help=f"of {names}")
    parser.add_argument("--seeds", type=int, help="seeds 0, 1, ... of each target (5; 3 for discovery)")
    parser.add_argument(
        "--baselines", action=argparse.BooleanOptionalAction, default=True, help="whether to run pykan too"
    )
    parser.add_argument(
        "--baseline-python", type=Path, default=pykan_time.PYTHON, help="the python of an environment with pykan"
    )
    parser.add_argument("--baseline-schedule", choices=pykan_time.SCHEDULES, default="notebook")
    parser.add_argument("--baseline-dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--baseline-seeds", type=int, default=1, help="seeds 1, 2, ...; pykan's best run decides")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
