"""Model cards: what they say is so, and nothing in a name becomes Markdown, HTML or YAML."""

from __future__ import annotations

import hashlib
import math
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew
from edgewise.cli import main
from edgewise.pretrained import About

SECTIONS = ["What it computes", "Architecture", "Errors", "Intended use and limits", "How to load it", "Provenance"]


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).uniform(0.5, 2, (n, 2))
    return x, x[:, 0] * x[:, 1] ** 2


def law() -> ew.KAN:
    """x1 exp(x2)."""
    model = ew.KAN([2, (0, 1), 1])
    for j, i, name in ((0, 0, "x"), (1, 1, "exp")):
        model = ew.nn.set_function(model, 0, j, i, name)
    return ew.nn.set_function(ew.nn.remove_edges(model, [(0, 0, 1), (0, 1, 0)]), 1, 0, 0, "x")


def front(text: str) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_card_has_the_same_sections() -> None:
    for source in (ew.KAN([2, 1]), law(), ew.KAN([40, 30, 2])):
        card = ew.model_card(source)
        assert headings(card.text) == SECTIONS and str(card) == card.text
        assert card.text.startswith("---\n")
        assert (card.picture is not None) == ("](network.png)" in card.text) == (source.n_in == 2)


def test_a_network_of_formulas_is_shown_as_one() -> None:
    card = ew.model_card(law(), names=["mass", "t_1"], target="E", units={"mass": "kg", "E": "J"})
    assert "$$\nE = \\mathit{mass} \\, \\exp\\left(t_{1}\\right)\n$$" in card.text
    assert blocks(card.text, "text")[0] == "E = mass*exp(t_1)\n"
    assert "| `mass` | `kg` | formula only |" in card.text
    assert front(card.text)["tags"] == ["kan", "kolmogorov-arnold-network", "symbolic-regression"]
    two = ew.nn.set_function(ew.nn.set_function(ew.KAN([1, 2]), 0, 0, 0, "log"), 0, 1, 0, "sqrt")
    text = ew.model_card(two, target="y").text
    assert blocks(text, "text") == ["y_1 = log(x1)\ny_2 = sqrt(x1)\n", "x1 > 0\n"]
    assert "y_{1} &= " in text


def test_edges_that_are_no_formulas_are_named() -> None:
    model = ew.nn.set_function(ew.KAN([2, 1, 1]), 0, 0, 0, "exp")
    text = ew.model_card(model, names=["a", "b"]).text
    assert "1 of 3 edges are formulas. These 2 are splines: `b` → `h1`, `h1` → `y`." in text
    assert "y = phi_1_0_0(phi_0_0_1(b) + exp(a))" in text
    assert "| `a` |  | formula only |" in text and "| `b` |  | -1 to 1 |" in text
    assert "These 930" not in ew.model_card(ew.KAN([30, 30, 1])).text


def test_errors_are_those_of_the_rows_given() -> None:
    x, y = rows(60)
    y = y[:, None]
    model = ew.KAN([2, 2, 1])
    card = ew.model_card(model, (x[:40], y[:40]), held_out=(x[35:], y[35:]))
    with torch.no_grad():
        error = (model(torch.from_numpy(x[35:])).numpy() - y[35:])[:, 0]
    r2, rmse = 1 - (error**2).mean() / y[35:].var(), (error**2).mean() ** 0.5
    shown = f"| held-out rows | 25 | `y` | {r2:.6g} | {rmse:.6g} | {abs(error).mean():.6g} | {abs(error).max():.6g} |"
    assert shown in card.text
    assert "**5 of the 25 held-out rows are also training rows.**" in card.text
    found = front(card.text)["model-index"][0]["results"][0]["metrics"]
    assert [(m["type"], m["value"]) for m in found] == [("r2", pytest.approx(r2)), ("rmse", pytest.approx(rmse))]
    assert f"| `x1` |  | {x[:40, 0].min():.6g} to {x[:40, 0].max():.6g} | -1 to 1 |" in card.text


def test_the_digest_can_be_computed_again(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = rows(30)
    text = ew.model_card(ew.KAN([2, 1]), (x, y)).text
    digest = hashlib.sha256(np.column_stack([x, y]).astype("<f8").tobytes()).hexdigest()
    assert f"| training rows | 30, SHA-256 `{digest}` |" in text
    (code,) = (block for block in blocks(text, "python") if "hashlib" in block)
    assert "np.column_stack([x, y])" in code


def test_the_code_of_a_card_runs_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = rows(80)
    for source in (ew.KAN([2, 3, 1], dtype=torch.float32), law(), ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "log")):
        source.save_pretrained(tmp_path, card=ew.model_card(source, (x[:, : source.n_in], y)))
        code = blocks((tmp_path / "README.md").read_text(), "python")[0]
        (tmp_path / "code.py").write_text(code)
        monkeypatch.chdir(tmp_path)
        runpy.run_path("code.py")
        printed = float(re.findall(r"tensor\(\[\[\s*(-?[\d.e+-]+)", capsys.readouterr().out)[0])
        assert printed == pytest.approx(float(code.partition("# about ")[2]), rel=1e-3)
    assert "from_pretrained('ada/kan')" in ew.model_card(law(), about=About(repository="ada/kan")).text


def test_what_a_fit_reports_is_in_its_card() -> None:
    x, y = rows(100)
    result = ew.fit(ew.KAN([2, 2, 1]), x, y, grids=[3, 6], options=ew.Options(restarts=1))
    text = ew.model_card(result, (pd.DataFrame(x, columns=["a", "b"]), y), about=About(seed=3, dataset="made|up")).text
    assert f"The fit reports {result.train_error:.6g} (root mean square)" in text
    assert f"It reports {result.test_error:.6g} over rows that neither trained nor selected it" in text
    assert result.outcome.message in text and "| seed | 3 |" in text and r"| data | made\|up |" in text
    assert len(re.findall(r"^\| \d+ \| [36] \| ", text, re.MULTILINE)) == len(result.history)
    assert "from `a` and `b`" in text
    assert front(text)["model-index"][0]["results"][0]["metrics"][1]["value"] == pytest.approx(result.test_error)


def test_classes_are_measured_as_classes() -> None:
    x, _ = rows(120)
    y = (x[:, 0] > x[:, 1]).astype(float)
    result = ew.fit(ew.KAN([2, 1]), x, y, loss="cross_entropy", grids=[3], options=ew.Options(restarts=1))
    text = ew.model_card(result, (x, y), target="larger").text
    accuracy = (result.predict(x).argmax(1) == y).mean()
    assert f"| training rows | 120 | class | {accuracy:.6g} |" in text
    assert front(text)["pipeline_tag"] == "tabular-classification"
    with pytest.raises(ew.InputError, match="class numbers from 0 to 1"):
        ew.model_card(result, (x, y + 0.5))


# names

NASTY = [
    "a|b", "<script>alert(1)</script>", "`x`", "```", "**bold**", "[x](http://a.b)", "$$", "\\(x\\)", "a\n# b",
    "a: b", "- a", '"q"', "'q'", "&lt;", "{{x}}", "| a | b |", "\u202eabc", "---", "a\\", " a ", "<!--", "größe",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_names_are_shown_as_they_are(name: str, tmp_path: Path) -> None:
    it = pytest.importorskip("markdown_it")
    units = {name: "m|s"}
    model = ew.KAN([2, 2, 1])
    card = ew.model_card(model, rows(20), names=[name, "b"], target=f"{name}!", units=units)
    check_page(it, card.text, name)
    model.save_pretrained(tmp_path, card=card)
    assert ew.pretrained.load(tmp_path).names == [name, "b"]
    formula = ew.model_card(law(), names=[name, "b"], target=f"{name}!")
    check_page(it, formula.text, name)


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(lambda name: name != "b"))
def test_any_name_is_shown_as_it_is(name: str) -> None:
    it = pytest.importorskip("markdown_it")
    model = ew.KAN([2, 101, 1], grid=1, degree=1)  # too many edges for a picture, which costs the time
    check_page(it, ew.model_card(model, names=[name, "b"], target=f"{name}!").text, name)


def check_page(it: Any, text: str, name: str) -> None:
    """Require the six sections, no tag, link or picture of a name's making, and the name in a cell."""
    assert set(front(text)) <= {"library_name", "tags", "pipeline_tag", "model-index", "license"}
    body = text.split("\n---\n", 1)[1]
    body = re.sub(r"^\$\$\n.*?\n\$\$$", "", body, flags=re.MULTILINE | re.DOTALL)
    tokens = it.MarkdownIt("commonmark").enable("table").parse(body)
    shown = "".join(c if c.isprintable() else " " for c in name)
    headings = [tokens[k + 1].content for k, token in enumerate(tokens) if token.type == "heading_open"]
    assert [h for h in headings if h in SECTIONS] == SECTIONS and len(headings) == 7
    cells = [plain(tokens[k + 1]) for k, token in enumerate(tokens) if token.type == "td_open"]
    assert shown.strip() in [cell.strip() for cell in cells]
    inner = [child for token in tokens for child in token.children or ()]
    allowed = {
        "text",
        "code_inline",
        "softbreak",
        "html_inline",
        "image",
        "strong_open",
        "strong_close",
        "text_special",
    }
    assert {child.type for child in inner} <= allowed
    assert {child.content for child in inner if child.type == "html_inline"} <= {"<code>", "</code>"}
    assert [child.attrs["src"] for child in inner if child.type == "image"] in ([], ["network.png"])
    html = [token.content for token in tokens if token.type == "html_block"]
    assert len(html) == 1 and html[0].startswith("<!-- Written by edgewise")


def plain(token: Any) -> str:
    return "".join(child.content for child in token.children if child.type != "html_inline")


def test_the_hub_reads_the_front_matter(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    about = About(title="A: `b` # c", license="mit", tags=["physics", "kan"])
    card = ew.model_card(law(), held_out=rows(20), about=about)
    (tmp_path / "README.md").write_text(card.text)
    data = hub.ModelCard.load(tmp_path / "README.md").data
    assert (data.license, data.library_name) == ("mit", "edgewise")
    assert data.tags == ["kan", "kolmogorov-arnold-network", "symbolic-regression", "physics"]
    assert data.model_name == "A: `b` # c"
    assert [found.metric_type for found in data.eval_results] == ["r2", "rmse"]
    assert "license" not in front(ew.model_card(law()).text)
    small = ew.model_card(law(), held_out=(rows(9)[0], rows(9)[0][:, :1] * np.exp(rows(9)[0][:, 1:]) + 1e-9))
    value = front(small.text)["model-index"][0]["results"][0]["metrics"][1]["value"]
    assert isinstance(value, float) and math.isclose(value, 1e-9, rel_tol=1e-3)


# files


def test_a_card_that_somebody_edited_is_kept(tmp_path: Path) -> None:
    model = ew.KAN([1, 1])
    readme = tmp_path / "README.md"
    model.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path, names=["t"])
    assert "from `t`" in readme.read_text()
    edited = readme.read_text().replace("from `t`", "from the time `t`")
    readme.write_text(edited)
    model.save_pretrained(tmp_path, names=["u"])
    assert readme.read_text() == edited and ew.pretrained.load(tmp_path).names == ["u"]
    model.save_pretrained(tmp_path, card=ew.model_card(model, names=["v"]))
    assert "from `v`" in readme.read_text() and ew.pretrained.load(tmp_path).names == ["v"]


def test_the_columns_of_a_card_are_those_of_the_folder(tmp_path: Path) -> None:
    model = ew.KAN([2, 1])
    card = ew.model_card(model, names=["a", "b"], target="y", units={"a": "m"})
    model.save_pretrained(tmp_path, card=card)
    saved = ew.pretrained.load(tmp_path)
    assert (saved.names, saved.target, saved.units) == (["a", "b"], "y", {"a": "m"})
    with pytest.raises(ew.InputError, match="a model card of this network"):
        ew.KAN([2, 1]).save_pretrained(tmp_path, card=card)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"data": 3}, r"'data' must be a pair \(x, y\)"),
    ({"data": (np.zeros((3, 2)), np.zeros(4))}, "equally many rows. Got 3 and 4"),
    ({"data": (np.zeros((3, 3)), np.zeros(3))}, "takes 2 input columns. The x of 'data' has 3"),
    ({"held_out": (np.zeros((3, 2)), np.zeros((3, 2)))}, "'held_out' must have 2 columns in x and 1 in y"),
    ({"held_out": (np.full((3, 2), np.nan), np.zeros(3))}, "nan in row 0"),
    ({"names": ["a"]}, "'names' must be 2 different texts"),
    ({"target": ["y", "z"]}, "'target' must be a text"),
    ({"units": {"c": "m"}}, "'units' must map"),
    ({"about": {"title": "a"}}, "'about' must be"),
    ({"about": About(title=3)}, "'title' of About"),  # type: ignore[arg-type]
    ({"about": About(tags="kan")}, "'tags' of About"),
    ({"about": About(seed="a")}, "'seed' of About"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[case[1][:30] for case in BAD])
def test_what_a_card_cannot_be_made_of(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.model_card(ew.KAN([2, 1]), **arguments)
    assert "\n" not in str(caught.value)
    with pytest.raises(ew.InputError, match="of a network, or of the result of a fit"):
        ew.model_card(torch.nn.Linear(1, 1))  # type: ignore[arg-type]


def test_the_command_writes_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = rows(50)
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    table[:40].to_csv(tmp_path / "train.csv", index=False)
    table.assign(a=lambda t: t.a.mask(t.index == 49))[40:].to_csv(tmp_path / "test.csv", index=False)
    ew.save(ew.KAN([2, 1]), tmp_path / "m.safetensors", names=["a", "b"], target="y")
    out = tmp_path / "kan"
    command = ["card", str(tmp_path / "m.safetensors"), str(tmp_path / "train.csv"), "--out", str(out)]
    command += ["--held-out", str(tmp_path / "test.csv"), "--license", "mit", "--title", "My KAN"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "1 of 10 rows are left out" in printed.out and "Folder:" in printed.out
    text = (out / "README.md").read_text()
    assert front(text)["license"] == "mit" and "# My KAN" in text
    assert "| training rows | 40 |" in text and "| held-out rows | 9 |" in text
    assert ew.pretrained.load(out).names == ["a", "b"]
    assert main(["card", str(tmp_path / "none.safetensors")]) == 2
    assert main([*command[:2], str(tmp_path / "no.csv"), "--out", str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists()
