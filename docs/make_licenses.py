"""Lists the licenses of what edgewise installs: `python docs/make_licenses.py` writes docs/licenses.md."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

_EXTRAS = ("", "all")
_LONGEST = 60  # a "license" longer than this is the text itself

_PAGE = """# Licenses of the dependencies

edgewise is under the [MIT license](../LICENSE). `pip install 'edgewise[all]'` also installs the packages below: the
requirements of edgewise, those of its extras, and everything that these require in turn. Licenses are given as the
packages state them. edgewise contains none of these packages. The page of the studio contains parts of D3 (ISC and BSD
licenses) and KaTeX (MIT license), with their licenses. Two cases need attention:

- The extra `knots` of `edgewise-bench` installs SnapPy, which is under the GNU General Public License, version 2 or
  later. Only the scripts in `benchmarks/` that compute the table of knots, and their tests, use it.
- On Linux the default build of PyTorch installs NVIDIA's CUDA libraries, which are under NVIDIA's own terms. Its CPU
  build does not.

`python docs/make_licenses.py` generates this page. To list the licenses in your environment, run
`pip install pip-licenses && pip-licenses`.

| package | license | required by |
| --- | --- | --- |
{rows}
"""


def rows() -> list[tuple[str, str, str]]:
    """Return (package, license, what requires it) of every package, direct requirements first."""
    waiting = [("edgewise", extra) for extra in _EXTRAS]
    found: dict[str, tuple[str, str, str]] = {}
    while waiting:
        parent, extra = waiting.pop(0)
        for text in distribution(parent).requires or ():
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            try:
                package = distribution(requirement.name)
            except PackageNotFoundError:
                continue
            name = package.metadata["Name"].lower()
            if name == "edgewise":  # one extra names another
                waiting.extend((name, other) for other in requirement.extras)
            elif name not in found:
                found[name] = (name, _license(package), parent)
                waiting.append((name, ""))
    return list(found.values())


def _license(package: Distribution) -> str:
    """The SPDX expression, or else the classifiers, or else the field that older packages use."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = metadata.get_all("Classifier") or []
    names = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License :: OSI Approved :: ")]
    field = (metadata.get("License") or "").strip()
    if field and field != "UNKNOWN" and len(field) <= _LONGEST:
        return field
    return ", ".join(names) or "see the package"


if __name__ == "__main__":
    lines = "\n".join(f"| {name} | {text} | {parent} |" for name, text, parent in rows())
    (Path(__file__).parent / "licenses.md").write_text(_PAGE.format(rows=lines), encoding="utf-8")
