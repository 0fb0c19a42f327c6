"""Optional packages, and the extra that installs each."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from edgewise._errors import InputError

#: package -> the extra that brings it
_EXTRAS = {
    "anywidget": "studio",
    "joblib": "discover",
    "matplotlib": "plot",
    "onnx": "onnx",
    "optuna": "sweep",
    "pandas": "tables",
    "pint": "units",
    "pyarrow": "tables",
    "rich": "command",
    "sklearn": "tables",
    "starlette": "studio",
    "typer": "command",
    "uvicorn": "studio",
}
_NAMES = {"sklearn": "scikit-learn"}  # packages whose distribution has another name


class MissingPackage(InputError, ModuleNotFoundError):
    """A package that is not installed; the message names the extra that brings it.

    >>> print(MissingPackage("pandas"))
    This needs the package pandas: pip install 'edgewise[tables]'.
    """

    def __init__(self, package: str, extra: str | None = None) -> None:
        super().__init__(
            f"This needs the package {_NAMES.get(package, package)}: "
            f"pip install 'edgewise[{extra or _EXTRAS[package]}]'."
        )
        self.name = package


def needed(module: str) -> Any:
    """Return a module of a package that an extra brings.

    Errors: MissingPackage where it is not installed.

    >>> needed("pandas").DataFrame({"a": [1, 2]}).shape
    (2, 1)
    """
    package = module.partition(".")[0]
    if not installed(package):
        raise MissingPackage(package)
    return importlib.import_module(module)


def installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it.

    >>> installed("numpy"), installed("no_such_package")
    (True, False)
    """
    return find_spec(package) is not None


@contextmanager
def extras(extra: str | None = None) -> Iterator[None]:
    """Report a package that is missing inside the block, with the extra to install: `extra`, or the one that has it.

    Errors: MissingPackage.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS or (extra is None and isinstance(error, MissingPackage)):
            raise
        raise MissingPackage(package, extra) from None
