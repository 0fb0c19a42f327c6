"""Write the folders that solvers are given: python -m agents.make_data FOLDER, in the folder benchmarks."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from agents.equations import Bar, Front, Tank
from agents.network import Sensor
from agents.tables import Law, NoLaw, Rentals
from agents.task import Task

SEED = 20261
TASKS: dict[str, Task] = {task.name: task for task in (Law(), NoLaw(), Rentals(), Tank(), Bar(), Front(), Sensor())}


def write(folder: Path, seed: int = SEED) -> None:
    """Write a folder for each task, with its text and data, and nothing that tells the answer."""
    for name, task in TASKS.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).parent / "tasks" / f"{name}.md", place / "task.md")
        task.write(place, seed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    write(given.folder, given.seed)
