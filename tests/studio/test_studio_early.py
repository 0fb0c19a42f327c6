"""What the studio does before torch and the other heavy packages are there: a line, the page, the list of files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")

HELD = """
import http.client, json, sys, threading
from importlib.machinery import PathFinder
from urllib.parse import urlsplit

class Held:
    "Keeps whoever imports torch waiting, and no other import."
    go = threading.Event()

    def find_spec(self, name, path=None, target=None):
        if name != "torch":
            return None
        spec = PathFinder.find_spec(name, path, target)
        begin = spec.loader.exec_module
        spec.loader.exec_module = lambda module: self.go.wait() and begin(module)
        return spec

sys.meta_path.insert(0, Held())
from edgewise import studio

def ask(path, body=None):
    url = urlsplit(opened.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    connection.request("GET" if body is None else "POST", url.path + path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()

def loaded():
    return hasattr(sys.modules.get("torch"), "Tensor")

opened = studio.serve("orbits", *TARGET, folder=sys.argv[1], open_browser=False)
"""
CHOOSE = (
    HELD.replace("*TARGET", "None")
    + """
print(ask("")[0], ask("static/main.js")[0], *ask("ask/seated", "{}"))
found = json.loads(ask("ask/files", "{}")[1])
print([one["file"] for one in found["tables"]], found["first"], loaded())
Held.go.set()
opened.begun()
print(json.loads(ask("ask/open_table", '{"file": "orbits"}')[1])["rows"], loaded())
opened.stop()
"""
)
BEGIN = (
    HELD.replace("*TARGET", "'period_days'")
    + """
said = []
waiting = threading.Thread(target=lambda: said.append(ask("ask/seated", "{}")))
waiting.start()
print(ask("")[0], said, loaded())
Held.go.set()
waiting.join()
opened.begun()
print(said, opened.session)
opened.stop()
"""
)
WRONG = (
    HELD.replace("*TARGET", "'z'")
    + """
Held.go.set()
try:
    opened.begun()
except Exception as problem:
    print(problem, opened.is_open)
"""
)
FIRST = """
import sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise SystemExit("typer is wanted")

sys.meta_path.insert(0, Gone())
from edgewise.cli import main
main(["studio", "orbits"])
"""


def run(code: str, folder: Path) -> list[str]:
    """The lines that code in a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_page_and_the_list_of_files_do_not_wait_for_torch(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    assert run(CHOOSE, tmp_path) == [
        "200 200 200 b'{\"session\":null}'",
        "['a.csv'] {'file': 'orbits', 'target': None, 'inputs': None} False",
        "44 True",
    ]


def test_a_session_that_is_still_read_is_waited_for(tmp_path: Path) -> None:
    """Otherwise the page would offer to begin another one."""
    said = run(BEGIN, tmp_path)
    assert said[0] == "200 [] False"
    assert said[1].startswith("[(200, b'{\"session\":1}')] Session(1 states")


def test_a_studio_that_cannot_begin_ends(tmp_path: Path) -> None:
    (said,) = run(WRONG, tmp_path)
    assert "'z'" in said and said.endswith(" False")


def test_the_command_says_a_line_before_it_loads_anything(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FIRST], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("The studio starts ...\n", "typer is wanted\n")
