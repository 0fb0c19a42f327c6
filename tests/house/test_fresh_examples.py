"""Every published example runs by itself: in a process that has imported nothing of edgewise before."""

from __future__ import annotations

import ast
import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import edgewise

_IMPORTS = re.compile(r"^>>> (import|from) edgewise", re.MULTILINE)
SOURCE = Path(edgewise.__file__).parent

RUN = """
import doctest, os, sys
import numpy, torch  # what takes long to import; nothing of edgewise
from test_fresh_examples import examples

failed = 0
for test in examples():
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        os._exit(min(runner.run(test, clear_globs=False).failed, 1))
    failed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
sys.exit(min(failed, 1))
"""


def examples() -> Iterator[doctest.DocTest]:
    """Return the examples of docstrings that begin with an import of edgewise, with no names known."""
    folder = Path(os.environ["EDGEWISE_SOURCE"]) if "EDGEWISE_SOURCE" in os.environ else SOURCE
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node, clean=True) or ""
                if _IMPORTS.search(text):
                    name = f"{path.relative_to(folder)}:{getattr(node, 'name', '')}"
                    yield doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, str(path), 0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that begin as copies")
@pytest.mark.timeout(3600)
def test_each_example_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    environment = os.environ | {
        "EDGEWISE_SOURCE": str(SOURCE),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(SOURCE.parent)]),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
