"""The public names of edgewise, read from its source text: nothing is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True)
class Name:
    """A public name: where it is defined, and the first line of its docstring."""

    name: str
    package: str  # that documents it
    summary: str


def packages() -> list[str]:
    """Return the documented packages: edgewise itself, and the packages that it names, by their public names."""
    (named,) = (
        node.value
        for node in _tree(_file("edgewise")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PACKAGES"
    )
    return ["edgewise", *(f"edgewise.{name}" for name in sorted(ast.literal_eval(named)))]


def summary(package: str) -> str:
    """Return the first line of a package's docstring."""
    return (ast.get_docstring(_tree(_file(package))) or "").split("\n")[0]


@cache
def names(package: str) -> list[Name]:
    """Return the public names of a package, in alphabetical order, without its subpackages.

    They are those that its `__init__.py` imports as themselves: `from edgewise.nn._layer import KANLayer as KANLayer`.
    """
    found, tree = [], _tree(_file(package))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.names[0].name == "*":
            tree = _tree(_file(node.module))  # the package that has these names inside
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module != "edgewise":
            for alias in node.names:
                home = f"{node.module}.{alias.name}"
                if _file(home).exists():
                    continue  # a package
                if alias.asname == alias.name and not alias.name.startswith("_"):
                    found.append(_name(alias.name, package, node.module or ""))
    return sorted(found, key=lambda name: (name.name.lower(), name.name))


def definition(package: str, name: str) -> ast.FunctionDef | ast.ClassDef | None:
    """Return where a name of a package is defined, as source text parsed; None for what is neither function nor class.

    Re-exports are followed down.
    """
    tree = _tree(_file(package))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("edgewise"):
            star = node.names[0].name == "*"
            if star or any((alias.asname or alias.name) == name for alias in node.names):
                found = definition(node.module, name)
                if found is not None:
                    return found
    return None


def _name(name: str, package: str, module: str) -> Name:
    """Follow re-exports down to the definition: the lowest package on the way documents the name."""
    tree = _tree(_file(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.asname == name for alias in node.names):
            return _name(name, module if module.count(".") == 1 else package, node.module)
    return Name(name, package, _docstring(tree, name).split("\n")[0])


def _docstring(tree: ast.Module, name: str) -> str:
    """Return the docstring of a function or class, or the string after an assignment."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return ast.get_docstring(node) or ""
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and name in ast.unparse(node).split("=")[0].split(":")[0].split()
        ):
            text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and after.value.value
            return text if isinstance(text, str) else ""
    return ""


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _file(module: str) -> Path:
    place = SOURCE.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
