"""What packages edgewise outside Python's own tools: the recipe for conda, the paper, the comparison of layers."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import edgewise

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
"""Packages that conda calls otherwise."""


def listed(section: str) -> set[str]:
    """Return the requirements of a section of the recipe, without blanks."""
    (block,) = re.findall(rf"^  {section}:\n((?:    - .*\n)+)", RECIPE, re.MULTILINE)
    return {line.strip(" -").replace(" ", "") for line in block.splitlines()}


def declared(*extras: str) -> set[str]:
    """Return the requirements of edgewise and of extras, as conda calls them."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    parted = [re.fullmatch(r"([\w-]+)(.*)", text) for text in texts if not text.startswith("edgewise[")]
    return {CONDA.get(part[1], part[1]) + part[2] for part in parted if part}


def test_the_recipe_has_the_version_and_the_requirements_of_the_project() -> None:
    assert f'  version: "{edgewise.__version__}"\n' in RECIPE
    assert f'python_min: "{PROJECT["requires-python"].removeprefix(">=")}"' in RECIPE
    brought = declared("command", "discover", "plot", "tables")
    assert listed("run") == {"python>=${{python_min}}"} | brought
    assert listed("run_constraints") == declared("onnx", "studio", "sweep", "units") - brought
    assert PROJECT["description"] in RECIPE


@pytest.mark.parametrize("key", ["description", "authors", "license", "requires-python"])
def test_the_benchmarks_are_packaged_like_edgewise(key: str) -> None:
    text = (ROOT / "benchmarks" / "pyproject.toml").read_text(encoding="utf-8")
    bench = tomllib.loads(text)["project"]
    assert bench["version"] == edgewise.__version__
    assert f"edgewise[all]=={edgewise.__version__}" in bench["dependencies"]
    assert key == "description" or bench[key] == PROJECT[key]


def test_every_number_of_the_paper_is_on_a_page() -> None:
    paper = (ROOT / "paper" / "paper.md").read_text(encoding="utf-8")
    sources = re.findall(r"^<!-- ([\w/]+\.md): (.*) -->$", paper, re.MULTILINE)
    assert len(sources) > 15
    for page, text in sources:
        said = " ".join((ROOT / page).read_text(encoding="utf-8").split())
        assert text in said, f"paper/paper.md quotes what {page} no longer says: {text}"
    cited = set(re.findall(r"@(\w+)", paper))
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper" / "paper.bib").read_text("utf-8"), re.MULTILINE))


def test_the_container_is_described_by_json() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    described = json.loads("".join(line for line in text.splitlines(True) if not line.startswith("//")))
    assert "make setup" in described["postCreateCommand"]


def test_two_commits_are_compared_by_their_ratios(tmp_path: Path) -> None:
    for commit, turn, ratio in [("before", 1, 0.5), ("before", 2, 0.52), ("after", 1, 0.7), ("after", 2, 0.72)]:
        folder = tmp_path / f"{commit}-{turn}"
        folder.mkdir()
        rows = f"case,library,ratio\na,edgewise,{ratio}\na,mlp,1\nsame,edgewise,{1 + turn / 50 - 0.01}\nb,edgewise,\n"
        (folder / "layers.csv").write_text(rows)
    layers = SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "layers.py"), run_name="layers"))
    before, after = layers.ratios(tmp_path, "before"), layers.ratios(tmp_path, "after")
    assert before == {"a": [0.5, 0.52], "same": [1.01, 1.03]}
    said = layers.table(before, after).splitlines()
    assert said[2:4] == [
        "| a | 0.51 (0.50 to 0.52) | 0.71 (0.70 to 0.72) | 1.39 (!) |",
        "| same | 1.02 (1.01 to 1.03) | 1.02 (1.01 to 1.03) | 1.00 |",
    ]
    assert "new" in layers.table({}, after)
