"""The site, the package and the workflows: what can be checked without building them."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import edgewise

ROOT = Path(__file__).parents[2]


def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_{Path(path).stem}_of_the_site", ROOT / path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


public = module("docs/site/public.py")
prose = module("docs/site/prose.py")


@pytest.mark.parametrize("package", public.packages())
def test_reference_lists_names_that_exist_and_are_documented(package: str) -> None:
    home = edgewise if package == "edgewise" else importlib.import_module(package)
    names = public.names(package)
    assert names
    for name in names:
        assert hasattr(home, name.name)
        assert name.summary, f"{package}.{name.name} has no docstring"


def test_navigation_names_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "design").glob("*.md")]:
        assert re.search(rf"[ :-] {re.escape(page.relative_to(ROOT / 'docs').as_posix())}$", text, re.MULTILINE), page


def test_site_asks_no_other_host() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in text
    assert "://" not in text + (ROOT / "docs" / "site" / "extra.css").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("Return x_1 * x_2.", r"Return x\_1 \* x\_2."),
        ("For |r| <= d.", r"For \|r\| &lt;= d."),
        ("See `a_b`.", "See `a_b`."),
        ("Shapes: x (n,) -> (n,) for x < 0.", "**Shapes:** x (n,) -\\> (n,) for x &lt; 0."),
        ("One.\n\ny  = a x\n+ b", "One.\n\n```text\ny  = a x\n+ b\n```"),
        ("One.\n\n>>> 1 + 1\n2", "One.\n\n```pycon\n>>> 1 + 1\n2\n```"),
        ("See `optim.LM`.", 'See <autoref identifier="edgewise.optim.LM" optional>`optim.LM`</autoref>.'),
    ],
)
def test_docstrings_become_markdown(docstring: str, expected: str) -> None:
    assert prose.markdown(docstring) == expected


SECTIONS = """Fit a curve.

    y  = a x

    Parameters
    ----------
    x, y : (n,)
        The samples, finite.

        a    b
        1    2
    *rows
        More of them.

    Returns
    -------
    train.FitResult
        The curve, for x < 0 too.

    Raises
    ------
    InputError
        For nothing.

    Examples
    --------
    >>> 1 + 1
    2

    References
    ----------
    Smith, A_b (2020).
"""

RENDERED = r"""Fit a curve.

```text
y  = a x
```

**Parameters**

- `x`, `y` (n,): The samples, finite.

    ```text
    a    b
    1    2
    ```
- `*rows`: More of them.

**Returns**

- <autoref identifier="edgewise.train.FitResult" optional>`train.FitResult`</autoref>: The curve, for x &lt; 0 too.

**Raises**

- `InputError`: For nothing.

**Examples**

```pycon
>>> 1 + 1
2
```

**References**

Smith, A\_b (2020)."""


def test_sections_become_lists_and_code() -> None:
    assert prose.markdown(SECTIONS) == RENDERED


README = "![a](b.svg) [c](d.md#e) [f](https://g.h) \n```\n[i](j)\n```"


def test_description_on_an_index_has_no_relative_links() -> None:
    description = module("setup.py").description
    assert description(README, None) == " c [f](https://g.h) \n```\n[i](j)\n```"
    assert description("## A\nb\n\n## Documentation\nc\n### D\ne\n", None) == "## A\nb\n\n### D\ne\n"
    there = description(README, "https://host/owner/name")
    assert "![a](https://host/owner/name/raw/main/b.svg) [c](https://host/owner/name/blob/main/d.md#e)" in there


def test_version_is_the_same_everywhere() -> None:
    version = edgewise.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_workflows_test_every_python_that_is_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [text.rpartition(" ")[2] for text in project["classifiers"] if "Python :: 3." in text]
    tests = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    assert promised == re.findall(r"3\.\d+", re.search(r"python: \[(.*)\]", tests)[1])  # type: ignore[index]
