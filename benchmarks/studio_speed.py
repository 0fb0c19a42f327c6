"""How fast the studio's page answers, by the browser's clock.

    python benchmarks/studio_speed.py

A network of 4 inputs and 5 hidden nodes on 2000 rows, in Chromium: from the pointer's arrival at an edge to its curve
at large, drawn; from a place of the prune slider to the edges that would go; from a click that prunes or locks an edge
to the network drawn again, its session saved. And the time between two frames while a network of 105 edges is panned.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import sync_playwright
from record import RESULTS, append
from report import table, verdict

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS / "studio_speed.csv")
    out = parser.parse_args().out
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, inputs, measure in (("4 inputs", 4, answers), ("20 inputs", 20, panned)):
            session = trained(inputs)
            with ew.studio.open(session, folder=folder, open_browser=False, wait=False) as studio:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.set_default_timeout(60_000)
                page.goto(studio.url)
                page.locator(".edge").first.wait_for()
                page.wait_for_timeout(2000)
                found |= {f"{what}, {name}": times for what, times in measure(page).items()}
                page.close()
        browser.close()
    rows = [row(what, times) for what, times in found.items()]
    append(out, rows)
    table("The page's answers, milliseconds", list(rows[0]), [list(each.values()) for each in rows])
    for kind, limit in LIMITS.items():
        worst = max(float(each["median_ms"]) for each in rows if str(each["what"]).startswith(kind))
        print(f"{kind}: at most {limit:.0f} ms in the median: {verdict(worst <= limit)}")


def trained(inputs: int) -> ew.Session:
    """Return a session on a network with five hidden nodes that was trained for a few steps."""
    x = np.random.default_rng(0).uniform(-1, 1, (ROWS, inputs))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2) + x[:, 2] * x[:, 3]
    return ew.Session(ew.KAN([inputs, 5, 1], seed=0), x, y).fit(steps=40)


def row(what: str, times: list[float]) -> dict[str, object]:
    ordered = sorted(times)
    return {
        "what": what, "repeats": len(times), "median_ms": round(statistics.median(times), 1),
        "p90_ms": round(ordered[int(0.9 * (len(ordered) - 1))], 1), "largest_ms": round(ordered[-1], 1),
    }  # fmt: skip


def timed(page: Page, kind: str, shown: str, do: Callable[[], object]) -> float:
    """Return the milliseconds from an event that `do` causes until `shown`, an expression, is true."""
    page.evaluate(f"(asked) => {{ window.measured = ({UNTIL})(asked); }}", [kind, shown])
    do()
    return float(page.evaluate("window.measured"))


def answers(page: Page) -> dict[str, list[float]]:
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


def panned(page: Page) -> dict[str, list[float]]:
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


if __name__ == "__main__":
    main()
