"""Text that is dates as ISO 8601 writes them, wherever a table comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import edgewise as ew
from edgewise.encoding import Category, Dates, Encoder, Inputs
from edgewise.io import iso_dates, read_table

CELLS = {
    "a day": "2013-01-05",
    "a time": "2013-01-05T06:00:00",
    "a time after a space": "2013-01-05 06:00",
    "a zone": "2013-01-05T08:00:00+02:00",
    "UTC": "2013-01-05T06:00:00Z",
    "fractions of a second": "2013-01-05T06:00:00.250000",
}
DAYS = {name: 15710.0 + (0.0 if name == "a day" else 0.25) for name in CELLS}
DAYS["fractions of a second"] += 0.25 / 86400


@pytest.mark.parametrize("name", CELLS)
def test_each_way_to_write_a_date(name: str) -> None:
    table = pd.DataFrame({"when": [CELLS[name], None, "2012-02-29"], "b": ["u", "v", "v"]})
    encoder = Encoder.learn(table)
    assert isinstance(encoder.columns[0], Dates) and isinstance(encoder.columns[1], Category)
    np.testing.assert_allclose(encoder.encode(table)[:, 0], [DAYS[name], np.nan, 15399.0], atol=1e-9)
    np.testing.assert_allclose(encoder.encode(table.iloc[:1])[:, 0], DAYS[name], atol=1e-9)


def test_mixed_ways_and_every_kind_of_table(tmp_path: Path) -> None:
    cells = list(CELLS.values())
    polars = pytest.importorskip("polars")
    for table in (pd.DataFrame({"when": cells}), polars.DataFrame({"when": cells}), np.array(cells)[:, None]):
        np.testing.assert_allclose(Encoder.learn(table).encode(table)[:, 0], list(DAYS.values()), atol=1e-9)
    path = tmp_path / "dates.csv"
    path.write_text("when,y\n" + "\n".join(f"{cell},{k}" for k, cell in enumerate(cells)))
    days = (read_table(path).dates["when"] - np.datetime64(0, "us")) / np.timedelta64(1, "D")
    np.testing.assert_allclose(days, list(DAYS.values()), atol=1e-9)
    assert Inputs.needed(pd.DataFrame({"when": cells})) is not None


@pytest.mark.parametrize("cells", [["2013", "2014"], ["20130105", "20130106"], ["2013-01-05", "unknown"], ["10-20"]])
def test_other_text_stays_text(cells: list[str]) -> None:
    assert isinstance(Encoder.learn(pd.DataFrame({"a": cells})).columns[0], Category)


def test_categories_that_were_asked_for_stay() -> None:
    table = pd.DataFrame({"wave": ["2013-01-05", "2014-01-05"] * 2})
    assert isinstance(Encoder.learn(table, ["wave"]).columns[0], Category)
    assert isinstance(Encoder.learn(table.astype("category")).columns[0], Category)
    with pytest.raises(ew.InputError, match="wave"):
        Encoder.learn(table).encode(pd.DataFrame({"wave": ["later"]}))


def test_discovery_and_estimators_read_them_alike() -> None:
    days = pd.date_range("2013-01-01T00:00:00Z", periods=120, freq="17h")
    a = np.tile([1.0, 2.0, 4.0], 40)
    table = pd.DataFrame({"when": [day.isoformat() for day in days], "a": a})
    y = 3 * a + 0.5 * np.arange(120)
    found = ew.discovery.discover_directly(table, y)
    assert found.best.error < 1e-6, found
    model = ew.estimators.KANRegressor().fit(table, y)
    assert [type(column).__name__ for column in model.encoder_.columns] == ["Dates", "Number"]
    later = pd.DataFrame({"when": ["2013-02-01T12:00:00+01:00"], "a": [2.0]})
    expected = 6 + 0.5 * (31 * 24 + 11) / 17  # hours since the first row
    assert abs(float(found.predict(later)[0]) - expected) < 1e-3
    assert abs(float(model.predict(later)[0]) - expected) < 1.0


def test_gaps_and_other_calendars_of_a_file() -> None:
    assert iso_dates(["2020-01-31", None]) is not None and iso_dates(["2020-13-01"]) is None
