"""The candidates of a fit, each as a model, for those who read one instead of the average."""

import numpy as np

from edgewise.tables.additive._candidates import Candidates
from edgewise.tables.additive._family import Gaussian
from edgewise.tables.additive._model import AdditiveModel, summed


def alternatives(source: Candidates) -> dict[str, AdditiveModel]:
    """Return every candidate by its name as a model without a covariance; none unless the family is Gaussian."""
    if not isinstance(source.family, Gaussian):
        return {}
    return {name: summed(source, [each], np.ones(1), np.zeros(1)) for name, each in source.found.items()}
