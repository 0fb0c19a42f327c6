"""Networks to and from files, and tables from files."""

from __future__ import annotations

from edgewise.io._model import SavedModel as SavedModel
from edgewise.io._model import load as load
from edgewise.io._model import load_with_metadata as load_with_metadata
from edgewise.io._model import save as save
from edgewise.io._parquet import open_parquet as open_parquet
from edgewise.io._read_table import read_table as read_table
from edgewise.io._table import Selection as Selection
from edgewise.io._table import Table as Table
