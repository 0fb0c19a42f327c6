"""Whether a search that is killed at any moment and resumed gives the front of one that was not.

    python benchmarks/resume.py

Each of ten searches, in a separate process, is killed after a random part of the processor time that it takes, by a
signal that nothing handles, and gone on with in another process under other hashes. Stored are whether the front is the
same, number by number, and the seconds of processor time from the beginning and from where it was saved.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from determinism import EFFORT, answer, child
from record import RESULTS, append


def measured(number: int, effort: int, part: float, whole: dict[str, object], folder: Path) -> dict[str, object]:
    """Kill a search of a table after a part of its time, go on with it, and return what came of it."""
    kept = folder / f"search-{number}-{part:.6f}.npz"
    process = child(number, effort, ends=part * float(str(whole["process_seconds"])), save=str(kept))
    process.communicate()
    killed = process.returncode < 0
    size = kept.stat().st_size
    found = answer(child(number, effort, hashes=7, resume=str(kept)))
    return {
        "table": number, "effort": effort, "part": part, "killed": killed, "saved_bytes": size,
        "front": found["front"], "same": found["front"] == whole["front"],
        "process_seconds": found["process_seconds"], "process_seconds_whole": whole["process_seconds"],
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=10, help="how many searches are killed")
    parser.add_argument("--tables", type=int, default=2, help="how many tables they are of")
    parser.add_argument("--effort", type=int, default=EFFORT, help="evaluations of each search")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    rng, rows = np.random.default_rng(21), []
    wholes = [answer(child(number, given.effort)) for number in range(given.tables)]
    with tempfile.TemporaryDirectory() as folder:
        for moment in range(given.moments):
            number = moment % given.tables
            row = measured(number, given.effort, float(rng.uniform(0, 1)), wholes[number], Path(folder))
            rows.append(row)
            print(
                f"table {number}, killed: {row['killed']} after {row['part']:.2f} of its time; same: {row['same']}; "
                f"{row['process_seconds']:.1f} s of {row['process_seconds_whole']:.1f} s again", flush=True,
            )  # fmt: skip
    append(given.out / "resume.csv", rows)
    return int(not all(row["same"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
