"""The studio in a notebook: the widget's messages, its page, its picture, and all of it in a real JupyterLab."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from steering import begin

import edgewise as ew

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'edgewise[studio]'")
pytest_plugins = ("studio_browser",)

PATIENCE = 60.0  # seconds that JupyterLab may take to start, or its kernel
FRAME = "iframe[title='edgewise studio']"
CELLS = (
    "import torch, edgewise as ew\n"
    "x = 1 + torch.rand(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))\n"
    "session = ew.Session(ew.KAN([2, 2, 1], grid=3, seed=1), x, x[:, 0] * x[:, 1], names=['a', 'b'], target='z')\n"
    "cell = ew.studio.widget(session)\ncell",
    "print(cell.session.state.call, cell.session.state.edges)",
)


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Any]:
    widget = ew.studio.widget(begin(), folder=tmp_path)
    yield widget
    widget.desk.close()


@pytest.fixture
def sent(cell: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the widget sends to the page, as it comes."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(cell, "send", lambda content, buffers=None: messages.append(content))
    return messages


def ask(cell: Any, **message: Any) -> None:
    """Let the page send a message, as ipywidgets passes it on."""
    cell._msg_callbacks(cell, message, [])


def test_requests_are_answered_as_the_desk_answers_them(cell: Any, sent: list[dict[str, Any]]) -> None:
    ask(cell, id=1, name="view", body={})
    ask(cell, id=2, name="act", body={"at": 0, "name": "prune_edge", "arguments": {"edge": [0, 0, 0]}})
    answers = {message["id"]: message["answer"] for message in sent if "id" in message}
    assert answers[1]["at"] == 0 and answers[2]["at"] == 1
    assert cell.session.state.call == "prune_edge(edge=(0, 0, 0))"
    json.dumps(answers, allow_nan=False)


def test_what_cannot_be_done_is_a_problem_and_says_whether_the_page_is_behind(
    cell: Any, sent: list[dict[str, Any]]
) -> None:
    ask(cell, id=1, name="nothing", body={})
    ask(cell, id=2, name="act", body={"at": 7, "name": "compact", "arguments": {}})
    ask(cell, id=3)
    first, second, third = (message for message in sent if "id" in message)
    assert "Unknown request" in first["problem"] and not first["moved"]
    assert "look at it again" in second["problem"] and second["moved"]
    assert "Unknown request" in third["problem"]


def test_the_page_loads_nothing(cell: Any, sent: list[dict[str, Any]]) -> None:
    ask(cell, page=True)
    (page,) = (message["page"] for message in sent if "page" in message)
    plain = re.sub(r"data:[a-z/0-9-]+;base64,[A-Za-z0-9+/=]*", "", page)
    assert not re.search(r'(src|href)="(?!#)', plain)
    assert not re.search(r"@import|https?://(?!www\.w3\.org)", plain)


def test_a_saved_notebook_holds_a_picture(cell: Any) -> None:
    data, _ = cell._repr_mimebundle_()
    picture = base64.b64decode(data["image/png"])
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_height_is_checked_and_read_only_refuses(tmp_path: Path) -> None:
    with pytest.raises(ew.InputError, match="'height' must be an int >= 200"):
        ew.studio.widget(begin(), folder=tmp_path, height=3)
    cell = ew.studio.widget(begin(), folder=tmp_path, read_only=True)
    with pytest.raises(ew.InputError, match="only shows"):
        cell.desk.ask("move", {"to": 0})
    cell.desk.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A JupyterLab in an empty folder with one notebook: its address, and the notebook."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: pip install jupyterlab")
    nbformat = pytest.importorskip("nbformat")
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "a.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    homes = {f"JUPYTER_{what}_DIR": str(folder / f".{what.lower()}") for what in ("CONFIG", "DATA", "RUNTIME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--IdentityProvider.token=secret",
         f"--ServerApp.root_dir={folder}", "--allow-root", "--LabApp.news_url=None"],
        env={**os.environ, **homes}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    _wait_for(f"{url}/api?token=secret")
    yield f"{url}/lab/tree/a.ipynb?token=secret", folder / "a.ipynb"
    process.terminate()
    process.wait(30)


def _wait_for(url: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < until, "JupyterLab did not start"
            time.sleep(0.3)


def _run(page: Page, cell: Locator) -> None:
    """Run a cell of the notebook once its kernel is ready, and see that it has run."""
    until = time.monotonic() + PATIENCE
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(state="attached")
    # Keys that come while JupyterLab still arranges its panels go nowhere: only the cell's number says that it has run.
    while not re.search(r"\[[\d*]", cell.locator(".jp-InputPrompt").inner_text()):
        assert time.monotonic() < until, f"the cell was not run: {cell.inner_text()}"
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(1000)
    while not re.search(r"\[\d", cell.locator(".jp-InputPrompt").inner_text()):
        assert time.monotonic() < until, f"the cell did not end: {cell.inner_text()}"
        page.wait_for_timeout(200)
    assert "Traceback" not in cell.inner_text(), cell.inner_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_in_jupyterlab_a_click_prunes_the_same_edge(chromium: Browser, lab: tuple[str, Path]) -> None:
    url, notebook = lab
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(url)
    first, second = page.locator(".jp-CodeCell").first, page.locator(".jp-CodeCell").nth(1)
    _run(page, first)
    inside = page.frame_locator(FRAME)
    inside.locator(".edge[data-edge='0,0,1']").click()
    inside.get_by_role("button", name="Prune", exact=True).click()
    inside.locator(".removed li").first.wait_for(state="attached")
    _run(page, second)
    second.get_by_text("prune_edge(edge=(0, 0, 1)) 5").wait_for()
    page.keyboard.press("Control+s")
    until = time.monotonic() + PATIENCE
    while "image/png" not in notebook.read_text(encoding="utf-8"):
        assert time.monotonic() < until, "the notebook was not saved with a picture"
        page.wait_for_timeout(200)
    page.close()


def test_a_widget_takes_a_frame_and_a_target_as_discover_does(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0], "b": [2.0, 1.0, 0.5, 3.0, 1.0]})
    for series, target in ((frame.a * frame.b, "y"), ((frame.a * frame.b).rename("z"), "z")):
        made = ew.studio.widget(frame, series, folder=tmp_path)
        assert (list(made.session.names), list(made.session.targets)) == (["a", "b"], [target])
        made.desk.close()
    with pytest.raises(ew.InputError, match=r"must have shape \(5,\)"):
        ew.studio.widget(frame, [1.0, 2.0], folder=tmp_path)
