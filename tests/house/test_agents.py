"""What agents read: the skill, the guide for contributors, llms.txt, and the pages as Markdown."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SKILL = (ROOT / "SKILL.md").read_text(encoding="utf-8")


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What mkdocs calls while it builds, loaded without mkdocs."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "site"))
    for name in ("hooks", "public", "prose", "texts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("hooks")


def navigation() -> list[Any]:
    yaml = pytest.importorskip("yaml")
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text[text.index("\nnav:") :])["nav"]


def test_the_skill_is_short_and_says_when_to_use_it() -> None:
    head = re.match(r"---\nname: edgewise\ndescription: >-\n((?:  .+\n)+)---\n", SKILL)
    assert head, "the front matter has a name and a description"
    assert 100 < len(" ".join(head[1].split())) <= 1024
    assert len(SKILL.split()) <= 3000


def test_the_skill_names_the_outcomes() -> None:
    from edgewise.discovery import Outcome

    for outcome in Outcome:
        assert f"`{outcome.name}`" in SKILL


def test_the_guide_for_contributors_is_short_and_names_commands_that_exist() -> None:
    guide = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    assert len(guide.splitlines()) <= 80
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", guide):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for place in re.findall(r"^\| `([\w/]+)` \|", guide, re.MULTILINE):
        assert (ROOT / place).is_dir(), place


def test_both_are_in_the_source_distribution() -> None:
    assert {"AGENTS.md", "SKILL.md"} <= set((ROOT / "MANIFEST.in").read_text(encoding="utf-8").split())


def test_the_site_has_each_page_as_markdown_and_a_list_of_them(hooks: ModuleType, tmp_path: Path) -> None:
    config = SimpleNamespace(nav=navigation(), site_dir=str(tmp_path), site_name="edgewise", site_description="KANs")
    config = hooks.on_config(config)
    made = hooks.made()
    pages = sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "docs" / "design").glob("*.md"))
    made |= {page.relative_to(ROOT / "docs").as_posix(): page.read_text(encoding="utf-8") for page in pages}
    for uri, text in made.items():
        hooks.on_page_markdown(text, SimpleNamespace(file=SimpleNamespace(src_uri=uri), meta={}))
    hooks.on_post_build(config)

    assert (tmp_path / "SKILL.md").read_text(encoding="utf-8") == SKILL
    listed = (tmp_path / "llms.txt").read_text(encoding="utf-8")
    assert listed.startswith("# edgewise\n\n> KANs\n")
    assert re.findall(r"^## (.+)$", listed, re.MULTILINE)[-1] == "Optional"
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", listed, re.MULTILINE)
    assert set(links) == set(made), "llms.txt lists every page of the navigation, and no other"
    for uri in links:
        text = (tmp_path / uri).read_text(encoding="utf-8")
        assert re.search(r"^# ", text, re.MULTILINE)
        assert ":::" not in text and "<autoref" not in text
    assert "- [From a table to a formula](discovery.md): `discover`: stages" in listed
    solve = (tmp_path / "reference" / "pde.md").read_text(encoding="utf-8").partition("## edgewise.pde.solve\n")[2]
    assert "solve(problem: Problem, model: KAN | None=None" in solve.partition("\n## ")[0]
