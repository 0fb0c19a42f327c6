"""What the site has in addition to the pages of docs/: the reference, the gallery's cases, the project's own pages.

mkdocs calls these functions while it builds. Links that leave docs/ lead to the page that the site has in their place,
or become plain text. A link whose text is the name of a page gets the page's title as its text.
"""

from __future__ import annotations

import ast
import logging
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Any

import public
import texts
from prose import plain

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "docs" / "gallery"
_PROJECT = {  # file of the repository -> page of the site
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "LICENSE": "project/license.md",
    "SKILL.md": "project/skill.md",
}
_LINK = re.compile(r"(?<!!)\[([^\]\[]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_VERSION = re.compile(r"^version: (\S+)$", re.MULTILINE)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_CELL = re.compile(r"<td.*?</td>", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.\"#-])-?[\d.]+e-\d+(?=[^<>]*<)|-&gt;")
_pages: dict[str, str] = {}  # what each page says, by its file
_log = logging.getLogger("mkdocs.hooks.edgewise")


def on_config(config: Any) -> Any:
    """Fill in the entries of the navigation that end in a star."""
    pages = {"gallery/*": _cases(), "reference/*": [_page(package) for package in public.packages()]}
    config.nav = [_filled(entry, pages) for entry in config.nav]
    version = _VERSION.search((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    config.copyright = f"edgewise {version[1]}, MIT license" if version else None
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for page, text in made().items():
        files.append(File.generated(config, page, content=text))
    return files


def made() -> dict[str, str]:
    """Return the pages that docs/ does not hold."""
    found = {page: (ROOT / name).read_text(encoding="utf-8") for name, page in _PROJECT.items()}
    found |= {_page(package): _reference(package) for package in public.packages()}
    return found | {page: _case(GALLERY / f"{Path(page).stem}.py") for page in _cases()}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead the links of a page to the site's own pages, and set what the theme and the search do with it."""
    uri = page.file.src_uri
    if uri == "index.md":
        page.meta["hide"] = ["navigation"]  # the section of this page has no other
    if uri.startswith(("reference/", "project/")) or uri == "licenses.md":
        page.meta["search"] = {"boost": 0.5}  # guides first
    homes = {made: name for name, made in _PROJECT.items()}
    home = homes.get(uri, f"docs/{uri}")
    if uri == _PROJECT["LICENSE"]:
        _pages[uri] = f"# License\n\n```\n{markdown.strip()}\n```\n"
        return _pages[uri]
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda link: _link(link, home, uri), part) for part in parts[::2]]
    _pages[uri] = "".join(parts)
    return _pages[uri]


def on_post_build(config: Any) -> None:
    """Write the pages as Markdown, llms.txt, and the skill as agents install it."""
    site = Path(config.site_dir)
    texts.write(site, config.nav, _pages, (config.site_name, config.site_description))
    (site / "SKILL.md").write_bytes((ROOT / "SKILL.md").read_bytes())


def on_page_content(html: str, **_: Any) -> str:
    """Keep numbers such as 1e-7, and arrows, on one line in tables."""
    return _CELL.sub(lambda cell: _NUMBER.sub(r'<span class="number">\g<0></span>', cell[0]), html)


def _link(link: re.Match[str], home: str, uri: str) -> str:
    """Return a link of the file `home`, as the page `uri` has it."""
    text, target, part = link[1], link[2], link[3] or ""
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    there = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
    if there in _PROJECT:
        there = _PROJECT[there]
    elif there.startswith("docs/gallery/") and there.endswith(".py"):
        there = there.removeprefix("docs/").removesuffix(".py") + ".md"
    elif there.startswith("docs/"):
        if text == target and there.endswith(".md"):
            text = _title(ROOT / there)
        there = there.removeprefix("docs/")
    else:
        return text if text.startswith("`") else f"`{text}`"
    return f"[{text}]({posixpath.relpath(there, posixpath.dirname(uri) or '.')}{part})"


@cache
def _title(page: Path) -> str:
    found = _TITLE.search(page.read_text(encoding="utf-8"))
    return found[1] if found else page.name


def _filled(entry: Any, pages: dict[str, list[str]]) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((title, below),) = entry.items()
    if isinstance(below, str):
        return entry
    return {
        title: [
            _filled(part, pages)
            for name in below
            for part in (pages.get(name, [name]) if isinstance(name, str) else [name])
        ]
    }


def _page(package: str) -> str:
    return "reference/" + ("index" if package == "edgewise" else package.removeprefix("edgewise.")) + ".md"


def _cases() -> list[str]:
    """Return the pages of the cases, in the order of the gallery."""
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    scripts = sorted(GALLERY.glob("*.py"), key=lambda script: text.find(f"(gallery/{script.name})"))
    return [f"gallery/{script.stem}.md" for script in scripts]


def _reference(package: str) -> str:
    """Return the page of a package: a table of its names, and each of them from its docstring."""
    own = public.names(package)
    text = [f"---\ntitle: {package}\n---\n", f"# {package}\n", f"{public.summary(package)}\n"]
    if package == "edgewise":
        text += ["| package | what it holds |", "|---|---|"]
        text += [f"| [{name}]({Path(_page(name)).name}) | {public.summary(name)} |" for name in public.packages()[1:]]
        text += ["", "## Names at the top\n"]
    text += ["| name | what it is |", "|---|---|"]
    for name in own:
        if not name.summary:
            _log.warning("%s.%s has no docstring", package, name.name)
        page = "" if name.package == package else Path(_page(name.package)).name
        text.append(f"| [`{name.name}`]({page}#{name.package}.{name.name}) | {plain(name.summary)} |")
    text += ["", *(f"::: {package}.{name.name}\n" for name in own if name.package == package)]
    return "\n".join(text)


def _case(script: Path) -> str:
    """Return the page of a worked case: its docstring, its picture, its code."""
    source = script.read_text(encoding="utf-8")
    tree = ast.parse(source)
    title, _, about = (ast.get_docstring(tree) or "").partition("\n")
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()
    picture = f"![{title}](../pictures/gallery_{script.stem}.svg)"
    return f"# {title.rstrip('.')}\n\n{picture}\n\n{about.strip()}\n\n## The script\n\n```python\n{code}\n```\n"
