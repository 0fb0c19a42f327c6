"""Whether a studio that is killed at any moment goes on where its page last saw it.

    python benchmarks/studio_kills.py

A real server trains, prunes, snaps, locks, undoes and saves as requests ask it to. It is killed after a random time by
a signal that nothing handles, every second time only when it next writes the file of the session. It is started again
on the file that it left, and must show what the last answer before the kill confirmed: the same states, with networks
that are the same bit for bit. An action that was under way may be there too, whole, if the kill came between saving and
answering. Stored are what was under way, and whether it is there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from record import RESULTS, append

import edgewise as ew

_STARTING = 120.0  # seconds that a server may take to start
_LONGEST = 8.0  # seconds of work before the kill
_KINDS = ["fit", "refit", "prune", "snap_edge", "lock", "unlock", "note", "undo", "redo", "branch"]
_EDGES = [(0, j, i) for j in range(3) for i in range(2)] + [(1, 0, j) for j in range(3)]


class Server:
    """`edgewise studio` on a file, as a process."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-m", "edgewise", "studio", str(file), "--no-browser"]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **threads}
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def ask(self, name: str, /, **given: Any) -> dict[str, Any] | None:
        """The answer; None for what is refused. Errors: OSError once the server is gone."""
        request = urllib.request.Request(
            f"{self.url}ask/{name}", json.dumps(given).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_STARTING) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            if refused.code >= 500:
                raise RuntimeError(refused.read().decode()) from None
            return None

    def kill(self, folder: Path | None = None) -> None:
        """Kill the server: at once, or when there is a file in the folder that is being written."""
        while folder is not None and not partial_files(folder):
            pass
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass
class Page:
    """Who asks, and what was confirmed: the last view, and the bytes of the file as it was then."""

    server: Server
    file: Path
    rng: random.Random
    confirmed: dict[str, Any] = field(default_factory=dict)
    saved: bytes = b""
    doing: str = ""
    answers: int = 0

    def work(self, seconds: float, saving: bool) -> None:
        """Ask until the server is gone, which is killed some seconds after its worker has done something.

        With `saving`, it is killed when it next saves.
        """
        killer = threading.Timer(seconds, self.server.kill, [self.file.parent if saving else None])
        try:
            self._confirm(self.server.ask("view"))
            self._step("refit")
            killer.start()
            while True:
                self._step(self.rng.choice(_KINDS))
        except (OSError, ValueError, HTTPException):
            killer.join()  # the connection, or the answer in it, was cut

    def _step(self, kind: str) -> None:
        self.doing, at = kind, self.confirmed["at"]
        edge = list(self.rng.choice(_EDGES))
        if kind in ("undo", "redo"):
            answer = self.server.ask("move", to=kind)
        elif kind == "note":
            answer = self.server.ask("note", text=f"note {self.answers}")
        elif kind == "branch":
            answer = self.server.ask("branch", name=f"branch {self.answers}")
        else:
            given: dict[str, Any] = {
                "lock": {"edges": [edge]},
                "unlock": {"edges": [edge]},
                "snap_edge": {"edge": edge},
            }
            answer = self.server.ask("act", at=at, name=kind, arguments=given.get(kind, {}))
            if answer is not None and answer.get("job"):
                answer = self._wait()
        if answer is not None:
            self._confirm(answer)
        self.doing = ""

    def _wait(self) -> dict[str, Any] | None:
        while True:
            answer = self.server.ask("view")
            if answer is None or not answer["job"]:
                return answer
            time.sleep(0.02)

    def _confirm(self, view: dict[str, Any] | None) -> None:
        assert view is not None
        self.confirmed, self.saved, self.answers = view, self.file.read_bytes(), self.answers + 1


def killed(folder: Path, seed: int, seconds: float | None = None) -> dict[str, object]:
    """Kill a studio after a time, start it again, and return what came of it."""
    rng, file = random.Random(seed), folder / "a.session"
    start(file)
    page = Page(Server(file), file, rng)
    after, saving = rng.uniform(0, _LONGEST) if seconds is None else seconds, seed % 2 == 1
    page.work(after, saving)
    left = partial_files(folder)
    again = Server(file)
    found = again.ask("view")
    again.kill()
    same, more = compared(page, file, found)
    return {
        "seed": seed, "seconds": after, "saving": saving, "answers": page.answers,
        "states": len(page.confirmed.get("history", ())), "under_way": page.doing, "as_confirmed": same,
        "under_way_is_there": more, "partial_files": len(left),
    }  # fmt: skip


def partial_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def start(file: Path) -> None:
    """Save a session at its start."""
    rng = random.Random(1)
    x = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(1000)]
    y = [a * b + a**2 for a, b in x]
    ew.Session(ew.KAN([2, 3, 1], seed=0), x, y, ["a", "b"], target="y").save(file)


def compared(page: Page, file: Path, found: dict[str, Any] | None) -> tuple[bool, bool]:
    """Whether all that was confirmed is there, as it was, and whether the action that was under way is there too."""
    if not page.confirmed:
        return found is not None, False
    assert found is not None
    if file.read_bytes() == page.saved:
        return same_view(found, page.confirmed), False
    before = file.with_suffix(".before")
    before.write_bytes(page.saved)
    was, now = ew.Session.load(before), ew.Session.load(file)
    before.unlink()
    kept = now.states[: len(was.states)]
    if len(now.states) - len(was.states) not in (0, 1) or not page.doing:
        return False, False
    changed = [k for k, (a, b) in enumerate(zip(was.states, kept, strict=True)) if a.row() != b.row()]
    noted = page.doing in ("note", "branch")
    same = [a for k, (a, b) in enumerate(zip(was.states, kept, strict=True)) if not equal(a, b)]
    return not same and (not changed or (noted and len(changed) == 1)), True


def equal(a: Any, b: Any) -> bool:
    """Whether two states have the same network, bit for bit."""
    one, other = a.situation.model.state_dict(), b.situation.model.state_dict()
    return one.keys() == other.keys() and all(bytes(one[k].numpy()) == bytes(other[k].numpy()) for k in one)


def same_view(found: dict[str, Any], confirmed: dict[str, Any]) -> bool:
    return all(found[key] == confirmed[key] for key in ("at", "branch", "history", "error", "diagram", "can_redo"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=20, help="how many times a studio is killed")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the CSV file")
    given = parser.parse_args()
    rows = []
    for seed in range(given.moments):
        with tempfile.TemporaryDirectory() as folder:
            row = killed(Path(folder), seed)
        rows.append(row)
        print(*(f"{name}: {value}" for name, value in row.items()), sep=", ", flush=True)
    append(given.out / "studio_kills.csv", rows)
    return int(not all(row["as_confirmed"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
