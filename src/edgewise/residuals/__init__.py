"""What the residuals of a fitted formula show: order, inputs, groups, size, outliers."""

from edgewise.residuals._findings import Findings as Findings
from edgewise.residuals._inspect import inspect as inspect
from edgewise.residuals._lack_of_fit import lack_of_fit as lack_of_fit
from edgewise.residuals._serial import Correlation as Correlation
from edgewise.residuals._serial import serial as serial
from edgewise.residuals._serial import white as white
