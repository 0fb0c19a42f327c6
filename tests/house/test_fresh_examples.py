"""Every published example runs by itself: in a process that has imported nothing of edgewise before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgewise

DOCS = Path(__file__).parents[2] / "docs"

LIST = """
import inspect, json
from check_docstrings import PACKAGES, callables

known = {name: inspect.getdoc(member) for package in PACKAGES for name, member in callables(package)}
print(json.dumps({name: text for name, text in known.items() if text and ">>> " in text}))
"""

RUN = """
import doctest, json, os, sys
import numpy, torch  # what takes long to import; nothing of edgewise

failed = False
for name, text in json.load(sys.stdin).items():
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, None, 0)
    child = os.fork()
    if child == 0:
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        failures = runner.run(test, clear_globs=False).failed
        sys.stdout.flush()
        os._exit(min(failures, 1))
    failed |= os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
sys.exit(failed)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that begin as copies")
@pytest.mark.timeout(3600)
def test_each_example_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(DOCS), str(Path(edgewise.__file__).parents[1])])
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": paths}, "capture_output": True, "text": True}
    listed = subprocess.run([sys.executable, "-W", "ignore", "-c", LIST], check=True, **options)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", RUN], input=listed.stdout, check=False, **options)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
