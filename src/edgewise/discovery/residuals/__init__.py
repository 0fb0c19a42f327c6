"""What the residuals of a fitted formula show: order, inputs, groups, size, outliers."""

from edgewise.discovery.residuals._inspect import Correlation as Correlation
from edgewise.discovery.residuals._inspect import Findings as Findings
from edgewise.discovery.residuals._inspect import inspect as inspect
from edgewise.discovery.residuals._inspect import lack_of_fit as lack_of_fit
from edgewise.discovery.residuals._inspect import serial as serial
from edgewise.discovery.residuals._inspect import white as white
from edgewise.discovery.residuals._repeated import Repeated as Repeated
from edgewise.discovery.residuals._repeated import within_labels as within_labels
