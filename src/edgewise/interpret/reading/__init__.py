"""Formulas read from a fitted additive model: the simplest shape for every curve that its noise allows."""

from edgewise.interpret.reading._joint import Way as Way
from edgewise.interpret.reading._read import ReadFormula as ReadFormula
from edgewise.interpret.reading._read import read_formulas as read_formulas
from edgewise.interpret.reading._table import between_rows as between_rows
from edgewise.interpret.reading._table import beyond_rows as beyond_rows
