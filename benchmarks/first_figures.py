"""The first figures: accuracy, scaling, time beside pykan, and discovery, each with its limit.

    python benchmarks/first_figures.py --only accuracy scaling --seeds 1

Computes on one thread of one core and appends every measurement, with commit, device and versions, to CSV files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import accuracy
import discovery
import peer
import scaling
from record import RESULTS, pin, provenance
from report import table, verdict

FIGURES = ("accuracy", "scaling", "peers", "discovery")


def main() -> None:
    given = _arguments()
    pin()
    print("\n".join(f"{name}: {value}" for name, value in provenance().items()))
    chosen = [name for name in FIGURES if name in given.only and (given.peers or name != "peers")]
    measures = {
        "accuracy": lambda: accuracy.measure(given.seeds or 5, given.out),
        "scaling": lambda: scaling.measure(given.seeds or 5, given.out),
        "peers": lambda: peer.measure(
            given.peer_seeds, given.out, given.peer_python, given.peer_schedule, given.peer_dtype
        ),
        "discovery": lambda: discovery.measure(given.seeds or 3, given.out),
    }
    passed = {name: measures[name]() for name in chosen}
    table("Limits", ["figure", ""], [[name, verdict(kept)] for name, kept in passed.items()])
    sys.exit(not all(passed.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(FIGURES)
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=FIGURES, metavar="NAME", help=f"of {names}")
    parser.add_argument("--seeds", type=int, help="seeds 0, 1, ... of each target (5; 3 for discovery)")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="whether to run pykan too")
    parser.add_argument("--peer-python", type=Path, default=peer.PYTHON, help="the python of an environment with pykan")
    parser.add_argument("--peer-schedule", choices=peer.SCHEDULES, default="notebook")
    parser.add_argument("--peer-dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--peer-seeds", type=int, default=1, help="seeds 1, 2, ...; pykan's best run decides")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
