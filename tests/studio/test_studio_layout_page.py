"""The page at three widths: no text lies on another, nothing is wider than the window, letters can be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from studio_requests import LETTERS

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)
PATIENCE = 20_000  # milliseconds
LEAST = 10  # pixels of a letter
OVERLAPS = """
() => {
  const root = document.querySelector('dialog[open]') ?? document.body;
  const every = { contentVisibilityAuto: true, opacityProperty: true, visibilityProperty: true };
  const shown = (one) => one.checkVisibility(every) && !one.closest('.unseen, .katex-mathml, title, option');
  function seen(one, { left, top, right, bottom, width, height }) {
    if (!width || !height) return null;
    for (let place = one; place; place = place.parentElement) {
      const drawn = place instanceof SVGElement, whole = place instanceof SVGSVGElement;
      if (drawn ? !whole : getComputedStyle(place).overflowX === 'visible') continue;
      const within = place.getBoundingClientRect();
      [left, top] = [Math.max(left, within.left), Math.max(top, within.top)];
      [right, bottom] = [Math.min(right, within.right), Math.min(bottom, within.bottom)];
    }
    return right - left > 1 && bottom - top > 1 ? { left, top, right, bottom } : null;
  }
  const found = [], add = (one, words, box) => box && found.push({ one, words: words.trim().slice(0, 40), box });
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(one) || one.closest('.stage, .still, .katex-html')) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const box of range.getClientRects()) add(one, walker.currentNode.data, seen(one, box));
  }
  for (const one of root.querySelectorAll('.katex-html, button, input:not([type=range]), select, summary')) {
    if (shown(one)) add(one, one.textContent || one.ariaLabel || one.tagName, seen(one, one.getBoundingClientRect()));
  }
  const above = (one) => one.closest('.bar, .status, .start-buttons'); // these stay in sight, over what scrolls
  const said = [];
  found.forEach((a, k) => found.slice(k + 1).forEach((b) => {
    if (a.one.contains(b.one) || b.one.contains(a.one) || above(a.one) !== above(b.one)) return;
    const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const along = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    if (across > 2 && along > 3) said.push(`${a.words} | ${b.words}`);
  }));
  return said;
}
"""


@pytest.mark.parametrize("width", [390, 1440, pytest.param(1024, marks=pytest.mark.slow)])
def test_all_that_is_shown_can_be_read(
    open_studio: Callable[..., Any], look: Callable[..., Page], tmp_path: Path, width: int
) -> None:
    problems: list[str] = []

    def check(page: Page, part: str) -> None:
        page.wait_for_timeout(400)
        problems.extend(f"{part}: {one}" for one in page.evaluate(OVERLAPS))
        if page.evaluate("document.documentElement.scrollWidth") > width:
            problems.append(f"{part}: wider than the window")
        problems.extend(
            f"{part}: {size:.1f} px, {text}" for size, text in page.evaluate(LETTERS, "body") if size < LEAST - 0.05
        )

    random = np.random.default_rng(0)
    x = 1 + random.random((80, 7))
    names = ["body weight (kg)", "order of the animal", "sleep (h)", "gestation (days)", "length_m", "danger", "age"]
    rows = "\n".join([",".join(names), *(",".join(f"{value:.4f}" for value in row) for row in x)])
    (tmp_path / "animals.csv").write_text(rows)
    page = look(open_studio(), width=width, height=800)
    page.get_by_role("button", name="animals.csv").wait_for(timeout=PATIENCE)
    check(page, "files")
    page.get_by_role("button", name="animals.csv").click()
    page.get_by_label("Hidden nodes").wait_for()
    check(page, "columns")
    session = ew.Session(
        ew.KAN([7, 3, 1], grid=3, seed=0),
        x,
        x[:, 0] * x[:, 1] + x[:, 4],
        names,
        target="brain weight (g)",
        held_out=0.2,
    )
    session = session.refit(20).prune(cuts={"what": "inputs", "keep": 3}).snap_edge((1, 0, 0), "exp")
    page = look(open_studio(session), width=width, height=800)
    page.locator(".edge").first.wait_for(timeout=PATIENCE)
    for tab in ("Network", "History", "Rows", "Compare", "Discover"):
        page.get_by_role("tab", name=tab).click()
        check(page, tab)
    page.locator(".diagram .edge:not(.symbolic)").first.click()
    page.locator(".suggestions button").first.wait_for(timeout=PATIENCE)
    for fold in page.locator(".edge-panel summary").all():
        fold.click()
    check(page, "edge")
    page.locator(".diagram .node").last.click()
    check(page, "node")
    for window in ("Open", "Export"):
        page.locator(".hands").get_by_role("button", name=window).click()
        check(page, window)
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    check(page, "keys")
    assert not problems, "\n".join(dict.fromkeys(problems))
