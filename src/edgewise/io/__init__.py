"""Networks to and from files, and tables from files."""

from __future__ import annotations

from edgewise.io._read_table import read_table as read_table
from edgewise.io._table import Selection as Selection
from edgewise.io._table import Table as Table
