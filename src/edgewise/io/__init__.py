"""Networks to and from files, and tables from files."""

from edgewise.io._config import config_text as config_text
from edgewise.io._config import read_config as read_config
from edgewise.io._config import read_weights as read_weights
from edgewise.io._dates import iso_dates as iso_dates
from edgewise.io._delimited import sniff as sniff
from edgewise.io._excel import sheet_names as sheet_names
from edgewise.io._mixed import MixedSelection as MixedSelection
from edgewise.io._mixed import frame_of as frame_of
from edgewise.io._mixed import select_mixed as select_mixed
from edgewise.io._model import SavedModel as SavedModel
from edgewise.io._model import load as load
from edgewise.io._model import load_with_metadata as load_with_metadata
from edgewise.io._model import model_bytes as model_bytes
from edgewise.io._model import read_model as read_model
from edgewise.io._model import save as save
from edgewise.io._network_inputs import network_inputs as network_inputs
from edgewise.io._numbers import Separator as Separator
from edgewise.io._numbers import Sign as Sign
from edgewise.io._parquet import open_parquet as open_parquet
from edgewise.io._read_table import read_table as read_table
from edgewise.io._schema import is_names as is_names
from edgewise.io._schema import is_units as is_units
from edgewise.io._table import Selection as Selection
from edgewise.io._table import Table as Table
from edgewise.nn import Malformed as Malformed
