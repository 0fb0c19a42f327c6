"""The studio: whether it goes on where its page last saw it when it is killed, and how fast its page answers."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import edgewise as ew
from edgewise_bench import Row, Settings
from edgewise_bench.benchmarks.studies.study import Figure, Study, share

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage

_KINDS = ["fit", "refit", "prune", "snap_edge", "lock", "unlock", "note", "undo", "redo", "branch"]
_EDGES = [(0, j, i) for j in range(3) for i in range(2)] + [(1, 0, j) for j in range(3)]


class StudioKills(Study):
    """A studio that is killed at a random moment, and started again on the file that it left.

    A real server trains, prunes, snaps, locks, undoes and saves as requests ask it to. It is killed by a signal that
    nothing handles, every second time only when it next writes the file of the session. Started again, it must show
    what the last answer before the kill confirmed: the same states, with networks that are the same bit for bit. An
    action that was under way may be there too, whole, if the kill came between saving and answering.
    """

    name = "studio-kills"
    title = "A studio that is killed goes on where its page last saw it"
    needs: ClassVar = {"uvicorn": "uvicorn is not installed: pip install 'edgewise[studio]'"}
    columns = (
        "seconds", "saving", "answers", "states", "under_way", "as_confirmed", "under_way_is_there", "partial_files",
        "status",
    )  # fmt: skip
    parallel = False
    by = ("saving",)
    figures = (
        Figure("as confirmed", "as_confirmed", share, least=1),
        Figure("under way is there", "under_way_is_there", share),
    )
    seeds = 20

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        with tempfile.TemporaryDirectory() as folder:
            return killed(Path(folder), given["seed"])


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
        starting = 120.0  # seconds that a server may take to start
        request = urllib.request.Request(
            f"{self.url}ask/{name}", json.dumps(given).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=starting) as answer:
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


def killed(folder: Path, seed: int, seconds: float | None = None, restart: bool = True) -> dict[str, object]:
    """Kill a studio after a time, start it again, and return what came of it; without `restart` in this process."""
    longest = 8.0  # seconds of work before the kill
    rng, file = random.Random(seed), folder / "a.session"
    start(file)
    page = Page(Server(file), file, rng)
    after, saving = rng.uniform(0, longest) if seconds is None else seconds, seed % 2 == 1
    page.work(after, saving)
    left = partial_files(folder)
    found = view_of(file) if restart else ew.studio.Desk(folder, ew.Session.load(file)).ask("view", {})
    same, more = compared(page, file, found)
    return {
        "seed": seed, "seconds": after, "saving": saving, "answers": page.answers,
        "states": len(page.confirmed.get("history", ())), "under_way": page.doing, "as_confirmed": same,
        "under_way_is_there": more, "partial_files": len(left),
    }  # fmt: skip


def view_of(file: Path) -> dict[str, Any] | None:
    """What a studio shows of a file."""
    server = Server(file)
    try:
        return server.ask("view")
    finally:
        server.kill()


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


ROWS, REPEATS = 2000, 12
LIMITS = {"preview": 150.0, "click": 300.0, "frame": 1000 / 60 * 1.05}  # milliseconds, medians
#: resolves with the milliseconds from the first event of a kind until the page shows something
UNTIL = """([kind, shown]) => new Promise((resolve) => {
    const look = new Function(`return ${shown}`);
    addEventListener(kind, (event) => {
        const wait = () => look() ? resolve(performance.now() - event.timeStamp) : requestAnimationFrame(wait);
        requestAnimationFrame(wait);
    }, { capture: true, once: true });
})"""
FRAMES = """() => new Promise((resolve) => {
    const times = [];
    const tick = (now) => times.push(now) < 121 ? requestAnimationFrame(tick) : resolve(times);
    requestAnimationFrame(tick);
})"""


class StudioSpeed(Study):
    """The page's answers by the browser's clock, in Chromium, a network of 4 inputs and 5 hidden nodes on 2000 rows.

    From the pointer's arrival at an edge to its curve at large, drawn; from a place of the prune slider to the edges
    that would go; from a click that prunes or locks an edge to the network drawn again, its session saved. And the time
    between two frames while a network of 105 edges is panned.
    """

    name = "studio-speed"
    title = "How fast the studio's page answers, in milliseconds"
    needs: ClassVar = {"playwright": "playwright is not installed: pip install playwright"}
    columns = ("what", "repeats", "median_ms", "p90_ms", "largest_ms", "status")
    parallel = False
    by = ("what",)
    figures = (
        Figure("median ms", "median_ms", max, most=lambda row: LIMITS.get(str(row["what"]).split(":")[0], np.inf)),
        Figure("90 %", "p90_ms", max), Figure("largest", "largest_ms", max),
    )  # fmt: skip
    seeds = 0
    grid: ClassVar = {"inputs": (4, 20)}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Iterator[Row]:
        from playwright.sync_api import sync_playwright

        inputs = given["inputs"]
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            with ew.studio.open(trained(inputs), folder=folder, open_browser=False, wait=False) as studio:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.set_default_timeout(60_000)
                page.goto(studio.url)
                page.locator(".edge").first.wait_for()
                page.wait_for_timeout(2000)
                for what, times in (answers if inputs == 4 else panned)(page).items():
                    median, late, largest = np.quantile(times, [0.5, 0.9, 1.0], method="nearest").tolist()
                    found = {"median_ms": round(median, 1), "p90_ms": round(late, 1), "largest_ms": round(largest, 1)}
                    yield {"what": f"{what}, {inputs} inputs", "repeats": len(times), **found}
                page.close()
            browser.close()


def trained(inputs: int) -> ew.Session:
    """Return a session on a network with five hidden nodes that was trained for a few steps."""
    x = np.random.default_rng(0).uniform(-1, 1, (ROWS, inputs))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2) + x[:, 2] * x[:, 3]
    return ew.Session(ew.KAN([inputs, 5, 1], seed=0), x, y).fit(steps=40)


def timed(page: BrowserPage, kind: str, shown: str, do: Callable[[], object]) -> float:
    """Return the milliseconds from an event that `do` causes until `shown`, an expression, is true."""
    page.evaluate(f"(asked) => {{ window.measured = ({UNTIL})(asked); }}", [kind, shown])
    do()
    return float(page.evaluate("window.measured"))


def answers(page: BrowserPage) -> dict[str, list[float]]:
    """Edges that are pointed at, a slider that is moved, clicks that change the network."""
    found: dict[str, list[float]] = {"preview: edge": [], "slider": [], "click: lock": [], "click: prune": []}
    keys = [(1, 0, j) for j in range(5)] + [(0, j, i) for j in range(5) for i in range(4)]
    for layer, j, i in (keys * 2)[:REPEATS]:
        page.mouse.move(5, 790)
        page.wait_for_timeout(150)
        box = page.locator(f".edge[data-edge='{layer},{j},{i}']").bounding_box()
        assert box is not None
        place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate("document.querySelector('.plot-place svg')?.setAttribute('data-old', '')")
        shown = "document.querySelector('.plot-place svg:not([data-old])')?.checkVisibility() === true"
        found["preview: edge"].append(timed(page, "pointerover", shown, lambda place=place: page.mouse.move(*place)))
    page.mouse.move(5, 790)
    page.get_by_role("tab", name="Network").click()
    slider = page.locator(".prune input[type=range]")
    for k in range(REPEATS):
        slider.fill("0")
        page.locator(".edge.going").first.wait_for(state="detached")
        shown = "document.querySelector('.edge.going') !== null"
        found["slider"].append(timed(page, "input", shown, lambda k=k: slider.fill(str(150 + 2 * k))))
    slider.fill("0")
    page.get_by_role("tab", name="Selected").click()
    for key in keys[5:10]:
        name = ",".join(map(str, key))
        page.click(f".edge[data-edge='{name}']")
        page.locator(".suggestions button").first.wait_for(timeout=60_000)
        lock = page.locator(".edge-panel").get_by_role("button", name="Lock", exact=True)
        shown = f"""document.querySelector(".edge[data-edge='{name}'] .padlock") !== null"""
        found["click: lock"].append(timed(page, "click", shown, lock.click))
        unlock = page.locator(".edge-panel").get_by_role("button", name="Unlock", exact=True)
        unlock.click()
        page.locator(f".edge[data-edge='{name}'] .padlock").wait_for(state="detached")
        prune = page.locator(".edge-panel").get_by_role("button", name="Prune", exact=True)
        shown = f"""document.querySelector(".edge[data-edge='{name}']") === null"""
        found["click: prune"].append(timed(page, "click", shown, prune.click))
        page.keyboard.press("Control+z")
        page.locator(f".edge[data-edge='{name}']").wait_for()
    return found


def panned(page: BrowserPage) -> dict[str, list[float]]:
    """The time between frames while the diagram is dragged to and fro."""
    box = page.locator("svg.stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 12
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(f"() => {{ window.frames_seen = ({FRAMES})(); }}")
    for k in range(150):
        page.mouse.move(x + 40 * np.sin(k / 8), y + 20 * np.cos(k / 8))
    times = page.evaluate("window.frames_seen")
    page.mouse.up()
    return {"frame: panning": np.diff(times).tolist()}
