"""Tables as they come, of numbers, dates and text, as matrices of numbers."""

from edgewise.tables.encoding._column import Category as Category
from edgewise.tables.encoding._column import Column as Column
from edgewise.tables.encoding._column import Dates as Dates
from edgewise.tables.encoding._column import Label as Label
from edgewise.tables.encoding._column import Number as Number
from edgewise.tables.encoding._dates import iso_dates as iso_dates
from edgewise.tables.encoding._encoder import Encoder as Encoder
from edgewise.tables.encoding._inputs import Inputs as Inputs
from edgewise.tables.encoding._read import CellTypeError as CellTypeError
from edgewise.tables.encoding._read import as_array as as_array
from edgewise.tables.encoding._read import by_name as by_name
from edgewise.tables.encoding._read import check_names as check_names
from edgewise.tables.encoding._read import column_names as column_names
from edgewise.tables.encoding._read import is_frame as is_frame
from edgewise.tables.encoding._read import warn_of_index as warn_of_index
