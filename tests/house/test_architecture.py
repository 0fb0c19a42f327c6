"""The shape of the source: no import circles, no private module used from another package, few private names in tests.

Imports are read from the text, so that those inside functions and those for type checkers count as well.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import make_floors
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "src", ROOT / "benchmarks" / "src")
FACES = ("edgewise", "edgewise_bench")
#: names that tests import from private modules; the limit only falls
MOST_PRIVATE_NAMES = 60


def module_name(path: Path) -> str:
    """Return the dotted name of a source file, a package's for its `__init__`."""
    (source,) = (source for source in SOURCES if path.is_relative_to(source))
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for source in SOURCES for path in sorted(source.rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of everything that a file imports from edgewise; "" for a whole module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] in FACES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FACES:
            assert node.level == 0 and node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner, "") if inner in MODULES else (node.module, alias.name)


def is_private(module: str) -> bool:
    """Return whether a module, or a package that it is in, is private."""
    return any(part.startswith("_") for part in module.split("."))


def foreign_imports() -> set[str]:
    """Return "importer: module" for each private module of a package that another package imports."""
    return {
        f"{importer}: {module}"
        for importer, path in MODULES.items()
        for module, _ in imports(path)
        if is_private(module)
        and module.count(".") > 1
        and module.split(".")[1] != importer.partition(".")[2].split(".")[0]
    }


def test_imports_make_no_circle() -> None:
    graph = {name: {module for module, _ in imports(path)} - set(FACES) for name, path in MODULES.items()}
    assert graph["edgewise.nn._network"] >= {"edgewise.nn._layer", "edgewise.nn._formula"}  # also inside functions
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(error.args[1])}")


def test_no_package_imports_a_private_module_of_another() -> None:
    assert not foreign_imports()


def test_tests_import_few_private_names() -> None:
    found = {
        (module, name)
        for folder in (ROOT / "tests", ROOT / "benchmarks" / "tests")
        for path in sorted(folder.rglob("*.py"))
        for module, name in imports(path)
        if is_private(module)
    }
    assert len(found) <= MOST_PRIVATE_NAMES, sorted(found)


def test_the_layers_contract_names_every_package_and_module() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (contract for contract in contracts if contract.get("containers") == ["edgewise"])
    assert contract["exhaustive"]
    named = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    there = {
        path.stem
        for path in (SOURCES[0] / "edgewise").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert named == there - {"__init__"}


def test_the_drawing_of_the_floors_is_that_of_the_contract() -> None:
    text = make_floors.PAGE.read_text(encoding="utf-8")
    assert text == make_floors.page(text), "run python docs/make_floors.py"


def test_each_folder_says_in_twenty_lines_what_it_is_and_names_files_that_exist() -> None:
    folders = [path for path in (SOURCES[0] / "edgewise").iterdir() if (path / "__init__.py").exists()]
    assert len(folders) <= 14
    for folder in folders:
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 20, folder
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", "\n".join(lines)):
            assert (folder / name).exists(), (folder, name)


def test_the_files_that_pages_name_exist() -> None:
    """Private modules in the pages' code spans, by the end of their path."""
    folders = [*SOURCES, *(ROOT / name for name in ("tests", "docs", "benchmarks"))]
    there = {f"/{path.relative_to(folder).as_posix()}" for folder in folders for path in folder.rglob("*.py")}
    missing = []
    for page in [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for name in re.findall(r"`((?:\w+/)*_\w+\.py|(?:\w+/)+_\w+)`", page.read_text(encoding="utf-8")):
            path = name if name.endswith(".py") else f"{name}.py"
            if not any(each.endswith(f"/{path}") for each in there):
                missing.append((page.name, name))
    assert not missing
