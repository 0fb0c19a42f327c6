"""The parts of the packaging that pyproject.toml cannot say: the README as an index shows it, and the wheel's size.

On a package index, links and pictures by relative paths lead nowhere. They become links into the repository if
`[project.urls]` in pyproject.toml names one as Repository; otherwise a link keeps its text, and a picture is left out.
Sections that list pages of the repository are left out there.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel

_ROOT = Path(__file__).parent
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+://)([^)\s]+)\)")
_LISTS = re.compile(
    r"^#+ (The published experiments, reproduced|Documentation)\n.*?(?=^##+ |\Z)", re.MULTILINE | re.DOTALL
)
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def description(readme: str, repository: str | None) -> str:
    """Return the README without relative links, and without the sections that list pages."""
    parts = _FENCE.split(_LISTS.sub("", readme))
    parts[::2] = [_LINK.sub(lambda link: _absolute(*link.groups(), repository), part) for part in parts[::2]]
    return "".join(parts)


def _absolute(mark: str, text: str, target: str, repository: str | None) -> str:
    if repository is None:
        return "" if mark else text
    place = "raw" if mark else "blob"
    return f"{mark}[{text}]({repository}/{place}/main/{target})"


class Wheel(bdist_wheel):
    """A wheel whose files are compressed as far as its format allows."""

    def run(self) -> None:
        """Build the wheel, and write its files again at the highest level of compression."""
        super().run()
        (path,) = (path for command, _, path in self.distribution.dist_files if command == "bdist_wheel")
        with ZipFile(path) as wheel:
            files = [(info, wheel.read(info)) for info in wheel.infolist()]
        with ZipFile(path, "w") as wheel:
            for info, content in files:
                wheel.writestr(info, content, ZIP_DEFLATED, 9)


if __name__ == "__main__":
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=description(
            (_ROOT / "README.md").read_text(encoding="utf-8"), project.get("urls", {}).get("Repository")
        ),
        long_description_content_type="text/markdown",
        cmdclass={"bdist_wheel": Wheel},
    )
