"""Training: `fit`, its losses, options and result."""

from edgewise.train._choices import SOLVERS as SOLVERS
from edgewise.train._data import Shape as Shape
from edgewise.train._data import as_matrix as as_matrix
from edgewise.train._data import as_rows as as_rows
from edgewise.train._data import as_table as as_table
from edgewise.train._error import error_of as error_of
from edgewise.train._fit import fit as fit
from edgewise.train._loss import Cauchy as Cauchy
from edgewise.train._loss import CrossEntropy as CrossEntropy
from edgewise.train._loss import Huber as Huber
from edgewise.train._loss import Loss as Loss
from edgewise.train._loss import Squared as Squared
from edgewise.train._loss import choose_loss as choose_loss
from edgewise.train._monitor import Monitor as Monitor
from edgewise.train._objective import Objective as Objective
from edgewise.train._options import Options as Options
from edgewise.train._parquet import Parquet as Parquet
from edgewise.train._penalty import penalty as penalty
from edgewise.train._quadratic import Quadratic as Quadratic
from edgewise.train._refit import refit as refit
from edgewise.train._result import FitResult as FitResult
from edgewise.train._result import Outcome as Outcome
from edgewise.train._result import Row as Row
from edgewise.train._starts import rescale_knots as rescale_knots
from edgewise.train._table import Table as Table
from edgewise.train._update import update as update
