"""Check the docstrings of every public name with numpydoc's validation: `python docs/check_docstrings.py [package]`.

A docstring has a summary of one line, the parameters (each with its meaning, shape and unit), what is returned, the
errors, an example that runs, and the source, in numpydoc's sections. Each fault is printed as `name: code message`; the
exit code is 1 where there is one.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

sys.path.insert(0, str(Path(__file__).parent / "site"))
import public

_PARAMETERS = {
    "PR01",  # a parameter without an entry
    "PR02",  # an entry without a parameter
    "PR03",  # parameters in another order
}
_CHECKS = {
    *_PARAMETERS,
    "GL06",  # an unknown section
    "GL07",  # sections in another order
    "GL08",  # no docstring
    "PR07",  # a parameter without a description
    "RT03",  # a result without a description
    "SS03",  # a summary without a period
    "SS06",  # a summary of several lines
}
PACKAGES = [*public.packages(), "edgewise.interpret.symmetries"]


def callables(package: str) -> Iterator[tuple[str, Any]]:
    """Return the public classes, functions and methods of a package, each with its name."""
    home = importlib.import_module(package)
    for name in dir(home):
        member = getattr(home, name, None)
        if name.startswith("_") or not getattr(member, "__module__", "").startswith("edgewise"):
            continue
        if inspect.isfunction(member) or inspect.isclass(member):
            yield f"{package}.{name}", member
        if inspect.isclass(member):
            yield from ((f"{package}.{name}.{inner}", method) for inner, method in _methods(member))


def _methods(owner: type) -> Iterator[tuple[str, Any]]:
    """Return the public methods of a class, its bases' too: of each name the first one that has a docstring."""
    for name in dir(owner):
        found = [vars(base)[name] for base in owner.__mro__ if name in vars(base)]
        plain = [each.__func__ if isinstance(each, classmethod | staticmethod) else each for each in found]
        own = [each for each in plain if inspect.isfunction(each) and each.__module__.startswith("edgewise")]
        if own and not name.startswith("_") and own[0].__qualname__.endswith(f".{name}"):
            yield name, next((method for method in own if method.__doc__), own[0])


def faults(member: Any) -> Iterator[tuple[str, str]]:
    """Return code and message of each fault of a docstring. Enumerations and protocols have no constructor."""
    unbuilt = inspect.isclass(member) and (issubclass(member, enum.Enum) or getattr(member, "_is_protocol", False))
    for code, message in validate(get_doc_object(member))["errors"]:
        if code in _CHECKS and not (unbuilt and code in _PARAMETERS):
            yield code, message


def main(packages: list[str]) -> int:
    """Print the faults of the packages, each name once; return the exit code."""
    known: set[int] = set()
    number = 0
    for name, member in (pair for package in packages for pair in callables(package)):
        if id(member) not in known:
            known.add(id(member))
            for code, message in faults(member):
                print(f"{name}: {code} {message}")
                number += 1
    print(f"{len(known)} docstrings, {number} faults", file=sys.stderr)
    return 1 if number else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or PACKAGES))
