"""Pages of fitted tables: their script computes what the model does, and people can read, try and edit them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from edgewise import InputError
from edgewise.estimators import Edit, KANClassifier, KANRegressor, KANSurvival, page

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest_plugins = ("studio_browser",)

_RNG = np.random.default_rng(0)
_COUNT = 400
TABLE = pd.DataFrame(
    {
        "age": np.where(_RNG.random(_COUNT) < 0.1, np.nan, np.round(_RNG.uniform(18, 80, _COUNT))),
        "area": np.exp(_RNG.normal(4, 1.2, _COUNT)),
        "city": _RNG.choice(["Lyon", "Paris", "Rennes", "Metz <b>"], _COUNT),
        "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(_RNG.integers(0, 900, _COUNT), "D"),
        "paid": _RNG.choice([0, 1, 3], _COUNT),
    }
)
TABLE.loc[5, "city"] = None
SUM = (
    np.sin(TABLE.age.fillna(0) / 10) + 0.5 * np.log(TABLE.area) + 1.5 * (TABLE.city == "Paris")
    + np.where(TABLE.area > 60, 0.7, 0.0) * (TABLE.age.fillna(45) - 45) / 20 + 0.3 * TABLE.paid
    + _RNG.normal(0, 0.2, _COUNT)
).rename("cost")  # fmt: skip

_COUNTS = _RNG.negative_binomial(2, 2 / (2 + np.exp(SUM / 2)))
_TIMES = np.array(
    [*zip(_RNG.random(_COUNT) < 0.7, _RNG.exponential(np.exp(SUM / 2)), strict=True)],
    dtype=[("event", bool), ("time", float)],
)
TARGETS: dict[str, Any] = {
    "amounts": np.maximum(SUM - 2, 0), "spread counts": _COUNTS, "ordered": np.digitize(SUM, [2.5, 3.7]),
    "counts": np.floor(np.exp(SUM / 2)), "three classes": np.digitize(SUM, [2.5, 3.7]),
}  # fmt: skip

MODELS: dict[str, Callable[[], Any]] = {
    "number": lambda: KANRegressor().fit(TABLE, SUM),
    "logarithm": lambda: KANRegressor().fit(TABLE, np.exp(2 * SUM)),
    "counts": lambda: KANRegressor(loss="poisson").fit(TABLE, np.floor(np.exp(SUM / 2))),
    "median": lambda: KANRegressor(loss="absolute", steps=False).fit(TABLE, SUM),
    "hidden node": lambda: KANRegressor(steps=False, select="best").fit(
        TABLE[["age", "area"]], np.exp(-((TABLE.age.fillna(50) / 25 + np.log(TABLE.area) - 6) ** 2))
    ),
    "two classes": lambda: KANClassifier().fit(TABLE, SUM > 3),
    "three classes": lambda: KANClassifier().fit(TABLE, np.digitize(SUM, [2.5, 3.7])),
    "two targets": lambda: KANRegressor(products=2).fit(TABLE, np.column_stack([SUM, -(SUM**2)])),
    "amounts": lambda: KANRegressor("tweedie", power=1.3).fit(TABLE, np.maximum(SUM - 2, 0)),
    "spread counts": lambda: KANRegressor("negative_binomial").fit(TABLE, _COUNTS),
    "ordered": lambda: KANClassifier(ordered=True).fit(TABLE, np.digitize(SUM, [2.5, 3.7])),
    "hazards": lambda: KANSurvival().fit(TABLE, _TIMES),
    "times": lambda: KANSurvival("weibull").fit(TABLE, _TIMES),
    "edited": lambda: KANRegressor().fit(TABLE, SUM).edited(
        [Edit(part="age", change="rising"), Edit(part="city", change="equal", levels=("Paris", "Lyon"))]
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> Callable[[str], Any]:
    """Return a function that returns a model by its name, fitted once."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            known[name] = MODELS[name]()
        return known[name]

    return of


def table_of(model: Any) -> pd.DataFrame:
    return TABLE[list(model.feature_names_in_)]


def values_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="values">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def asked(text: str, code: str, folder: Path) -> Any:
    """Return what JavaScript code prints as JSON; `values` and the functions of the page are there for it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine: apt-get install nodejs")
    here = Path(page.__file__).parent
    for name in ("sums", "edits"):
        (folder / f"{name}.mjs").write_text((here / f"{name}.js").read_text())
    (folder / "values.json").write_text(json.dumps(values_of(text)))
    (folder / "ask.mjs").write_text(
        'import { readFileSync } from "node:fs";\n'
        'import * as s from "./sums.mjs";\nimport * as e from "./edits.mjs";\n'
        'const values = s.decoded(JSON.parse(readFileSync("values.json", "utf8")));\n'
        "const row = (k) => values.rows.x.slice(k * values.columns.length, (k + 1) * values.columns.length);\n"
        f"const found = (() => {{ {code} }})();\nconsole.log(JSON.stringify(found));\n"
    )
    said = subprocess.run([node, "ask.mjs"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


EVERYTHING = """
return values.fits.map((fit, number) => Array.from({ length: values.rows.count }, (_, k) => {
  const parts = s.contributions(fit, row(k)), width = s.widthOf(fit);
  const rest = values.rows.rest[number].subarray(k * width, (k + 1) * width);
  return { parts: parts.map((part) => [...part]), out: s.prediction(fit.link, s.sums(fit, parts, rest)) };
}));
"""


@pytest.mark.parametrize("name", MODELS)
def test_the_page_computes_contributions_and_predictions(
    name: str, fitted: Callable[[str], Any], tmp_path: Path
) -> None:  # fmt: skip
    model = fitted(name)
    x = table_of(model)
    text = model.to_html(x, rows=_COUNT)
    found = asked(text, EVERYTHING, tmp_path)
    predicted = model.predict_proba(x) if hasattr(model, "classes_") else model.predict(x).reshape(_COUNT, -1)
    out = np.hstack([[row["out"] for row in fit] for fit in found])
    assert np.abs(out - predicted).max() < 1e-5 * predicted.std()
    explained = model.explain(x)
    for each in values_of(text)["sums"]:
        own = explained[int(each["label"])] if explained.columns.nlevels > 1 else explained
        parts = np.array([row["parts"] for row in found[each["fit"]]])[:, :, each["k"]]
        assert np.abs(parts - own.drop(columns="baseline").to_numpy()).max() < 1e-5 * own.to_numpy().std()


LOSSES = """
const fit = values.fits[0];
return Array.from({ length: values.rows.count }, (_, k) => {
  const width = s.widthOf(fit), rest = values.rows.rest[0].subarray(k * width, (k + 1) * width);
  const total = s.sums(fit, s.contributions(fit, row(k)), rest);
  return s.loss(fit.loss, total, values.rows.y[0][k], fit.link);
});
"""


@pytest.mark.parametrize("name", TARGETS)
def test_the_page_computes_the_losses_of_edits(name: str, fitted: Callable[[str], Any], tmp_path: Path) -> None:
    model, y = fitted(name), TARGETS[name]
    found = asked(model.to_html(TABLE, y, rows=_COUNT), LOSSES, tmp_path)
    without = model.edited(Edit(part="paid", change="removed"), TABLE, y)
    assert np.mean(found) == pytest.approx(without.edits_["given_before"].iloc[0], rel=1e-5)
    assert np.isfinite(without.edits_["held_out_after"].iloc[0])
    explained = without.explain(TABLE)
    own = explained.xs("paid", axis=1, level=-1) if explained.columns.nlevels > 1 else explained["paid"]
    assert np.ptp(own.to_numpy()) == 0


def test_times_have_pages_without_edits(fitted: Callable[[str], Any], see: Callable[..., Page]) -> None:
    model = fitted("hazards")
    view = see(model, _TIMES)
    assert view.locator(".answer").inner_text().startswith("Risk")
    assert view.locator("#edits").count() == 0
    with pytest.raises(InputError, match="times that may be censored"):
        model.edited(Edit(part="age", change="rising"))


def test_what_is_left_out_is_one_sum(
    fitted: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    model = fitted("number")
    whole = values_of(model.to_html(TABLE))
    monkeypatch.setattr(page._content, "BYTES", 2000)
    text = model.to_html(TABLE, rows=_COUNT)
    assert len(values_of(text)["fits"][0]["tables"]) < len(whole["fits"][0]["tables"])
    assert "left out" in values_of(text)["left"]
    found = asked(text, EVERYTHING, tmp_path)
    assert np.abs(np.array([row["out"][0] for row in found[0]]) - model.predict(TABLE)).max() < 1e-5


def test_the_page_is_whole_and_safe(fitted: Callable[[str], Any], tmp_path: Path) -> None:
    model = fitted("number")
    text = model.to_html(TABLE, SUM, title="<script>alert(1)</script>")
    assert "<script>alert" not in text and "Metz <b>" not in text
    assert not re.search(r'(src|href)="', text)
    assert len(text) < 1_000_000
    assert model.to_html(TABLE, SUM, tmp_path / "page.html") is None
    assert (tmp_path / "page.html").read_text() == model.to_html(TABLE, SUM)
    assert model.summary().partition(" ")[0] in text
    none = values_of(model.to_html(TABLE, SUM, rows=0))
    assert none["rows"]["count"] == 0 and none["rows"]["names"] == []


def test_errors_say_what_is_wrong(fitted: Callable[[str], Any]) -> None:
    with pytest.raises(InputError, match="number of rows >= 0"):
        fitted("number").to_html(TABLE, rows=-1)


@pytest.fixture
def see(look: Callable[..., Page], tmp_path: Path) -> Callable[..., Page]:
    """Return a function that opens the page of a model: see(model, y, width=1280, dark=False)."""

    def opened(model: Any, y: Any = None, **options: Any) -> Page:
        path = tmp_path / "page.html"
        model.to_html(table_of(model), y, path)
        return look(SimpleNamespace(url=path.as_uri()), **options)

    return opened


@pytest.mark.parametrize("name", ["number", "three classes", "two targets"])
@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_the_page_fits_the_screen(
    name: str, width: int, dark: bool, fitted: Callable[[str], Any], see: Callable[..., Page]
) -> None:  # fmt: skip
    view = see(fitted(name), width=width, dark=dark)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert "computes what predict does" in view.inner_text("#agreement")
    assert view.locator("#curves figure").count() >= 3


def test_other_values_are_tried(fitted: Callable[[str], Any], see: Callable[..., Page]) -> None:
    model = fitted("number")
    view = see(model, SUM)
    first = values_of(model.to_html(TABLE, SUM))["rows"]["names"][0]
    row = TABLE.loc[[int(first)]]
    answer = view.locator(".answer strong")
    assert float(answer.inner_text()) == pytest.approx(model.predict(row)[0], rel=1e-3)
    view.get_by_label("age", exact=True).fill("33")
    view.get_by_label("city", exact=True).select_option("Paris")
    changed = row.assign(age=33.0, city="Paris")
    assert float(answer.inner_text()) == pytest.approx(model.predict(changed)[0], rel=1e-3)
    view.get_by_label("age, slider").press("ArrowRight")
    assert float(answer.inner_text()) == pytest.approx(model.predict(changed.assign(age=34.0))[0], rel=1e-3)
    view.get_by_role("button", name="Values of the row again").click()
    assert float(answer.inner_text()) == pytest.approx(model.predict(row)[0], rel=1e-3)


def test_edits_of_the_page_are_those_of_the_model(
    fitted: Callable[[str], Any], see: Callable[..., Page], tmp_path: Path
) -> None:  # fmt: skip
    model = fitted("number")
    view = see(model, SUM)
    edits = view.locator("#edits")
    edits.get_by_label("Part").select_option(label="age")
    edits.get_by_label("Change").select_option("rising")
    edits.get_by_label("Reason").fill("grows with age")
    edits.get_by_role("button", name="Apply").click()
    edits.get_by_label("Part").select_option(label="city")
    edits.get_by_label("levels").select_option(["Paris", "Lyon"])
    edits.get_by_role("button", name="Apply").click()
    edits.get_by_label("Part").select_option(label="seen")
    edits.get_by_label("Change").select_option("flat")
    edits.get_by_label("from").fill("2021-01-01")
    edits.get_by_role("button", name="Apply").click()
    assert edits.locator("li").all_inner_texts()[0] == "age: rising (grows with age)"
    with view.expect_download() as saved:
        edits.get_by_role("button", name="Download the edits").click()
    path = tmp_path / "edits.json"
    saved.value.save_as(path)
    edited = model.edited(path)
    assert [str(edit) for edit in edited.applied_edits()] == [
        "age: rising", "city: equal at Lyon, Paris", "seen: flat from 2021-01-01 on",
    ]  # fmt: skip
    said = edits.locator("p[aria-live]").inner_text()
    numbers = re.search(r"from ([\d.]+) to ([\d.]+) .*out of fold", said)
    assert numbers
    table = edited.edits_
    assert float(numbers[1]) == pytest.approx(table["held_out_before"].iloc[0], rel=1e-3)
    rise = table["held_out_after"].iloc[-1] - table["held_out_before"].iloc[0]
    assert float(numbers[2]) - float(numbers[1]) == pytest.approx(rise, rel=0.1)
    edits.get_by_role("button", name="Undo").click()
    assert edits.locator("li").count() == 2


ODD = pd.DataFrame(
    {
        "same": 1.0,
        "none": np.nan,
        "flag": _RNG.random(120) > 0.5,
        "span": pd.to_timedelta(_RNG.integers(0, 99, 120), "h"),
        "one": "a",
        "text": _RNG.choice(["ä<b>", '"q"', "x" * 60, "None"], 120),
        "heavy": np.where(_RNG.random(120) < 0.5, 0, _RNG.lognormal(5, 2, 120)),
    }
)
ODD.loc[3:9, "text"] = None


@pytest.mark.parametrize("given", ["all", "one row", "no rows", "unknown values", "constants"])
def test_odd_tables_have_pages(given: str, look: Callable[..., Page], tmp_path: Path) -> None:
    y = ODD.flag * 2 + np.log1p(ODD.heavy) * 0.3 + (ODD.text == "None")
    table = ODD[["same", "one"]] if given == "constants" else ODD
    model = KANRegressor().fit(table, y)
    shown = {"one row": table[:1], "unknown values": table.assign(text="new", heavy=np.nan)}.get(given, table)
    path = tmp_path / "page.html"
    model.to_html(shown, y[: len(shown)], path, rows=0 if given == "no rows" else 50)
    view = look(SimpleNamespace(url=path.as_uri()), width=390)
    edits = view.locator("#edits")
    for part in edits.get_by_label("Part").locator("option").all_inner_texts()[:8]:
        edits.get_by_label("Part").select_option(label=part)
        edits.get_by_label("Change").select_option("removed")
        edits.get_by_role("button", name="Apply").click()
    assert "NaN" not in view.inner_text("main")
    assert view.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(dark: bool, fitted: Callable[[str], Any], see: Callable[..., Page]) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install axe-playwright-python"
    )
    view = see(fitted("number"), SUM, dark=dark, bypass_csp=True)
    found = axe.Axe().run(view).response["violations"]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found] == []
