"""What the article's table 2 prints for its dimensionless equations: shapes of networks and test errors."""

from typing import Any, NamedTuple


class Published(NamedTuple):
    """Shapes: designed by people, the smallest pruned one with an error below 1e-2, the pruned one of least error.

    The numbers are the lowest test RMSE of the human network, of pruned and unpruned networks, and of an MLP.
    """

    designed: list[int]
    smallest: list[int]
    pruned_shape: list[int]
    human: float
    pruned: float
    unpruned: float
    mlp: float

    @property
    def best(self) -> float:
        """Return the lowest error of a KAN."""
        return min(self.human, self.pruned, self.unpruned)


PUBLISHED = {
    "I.6.2": Published([2, 2, 1, 1], [2, 2, 1], [2, 2, 1, 1], 7.66e-5, 2.86e-5, 4.60e-5, 1.45e-4),
    "I.6.2b": Published([3, 2, 2, 1, 1], [3, 4, 1], [3, 2, 2, 1, 1], 1.22e-3, 4.45e-4, 1.25e-3, 7.40e-4),
    "I.9.18": Published([6, 4, 2, 1, 1], [6, 4, 1, 1], [6, 4, 1, 1], 1.48e-3, 8.62e-3, 6.56e-3, 1.59e-3),
    "I.12.11": Published([2, 2, 2, 1], [2, 2, 1], [2, 2, 1], 2.07e-3, 1.39e-3, 9.13e-4, 6.71e-4),
    "I.13.12": Published([2, 2, 1], [2, 2, 1], [2, 2, 1], 7.22e-3, 4.81e-3, 2.72e-3, 1.42e-3),
    "I.15.3x": Published([2, 2, 1, 1], [2, 1, 1], [2, 2, 1, 1, 1], 7.35e-3, 1.58e-3, 1.14e-3, 8.54e-4),
    "I.16.6": Published([2, 2, 2, 2, 2, 1], [2, 2, 1], [2, 2, 1], 1.06e-3, 1.19e-3, 1.53e-3, 6.20e-4),
    "I.18.4": Published([2, 2, 2, 1, 1], [2, 2, 1], [2, 2, 1], 3.92e-4, 1.50e-4, 1.32e-3, 3.68e-4),
    "I.26.2": Published([2, 2, 2, 1, 1], [2, 2, 1], [2, 2, 2, 1, 1], 1.22e-4, 7.90e-4, 8.63e-4, 1.24e-4),
    "I.27.6": Published([2, 2, 1, 1], [2, 1, 1], [2, 1, 1], 2.22e-4, 1.94e-4, 2.14e-4, 2.46e-4),
    "I.29.16": Published([3, 2, 2, 3, 2, 1, 1], [3, 2, 2, 1], [3, 2, 3, 1], 2.36e-1, 3.99e-3, 3.20e-3, 4.64e-3),
    "I.30.3": Published([2, 3, 2, 2, 1, 1], [2, 4, 3, 1], [2, 3, 2, 3, 1, 1], 3.85e-1, 1.03e-3, 1.11e-2, 1.50e-2),
    "I.30.5": Published([2, 1, 1], [2, 1, 1], [2, 1, 1, 1, 1, 1], 2.23e-4, 3.49e-5, 6.92e-5, 9.45e-5),
    "I.37.4": Published([2, 3, 2, 1], [2, 2, 1], [2, 2, 1], 7.57e-5, 4.91e-6, 3.41e-4, 5.67e-4),
    "I.40.1": Published([2, 1, 1], [2, 2, 1], [2, 2, 1, 1, 1, 2, 1], 3.45e-3, 5.01e-4, 3.12e-4, 3.99e-4),
    "I.44.4": Published([2, 2, 1], [2, 2, 1], [2, 2, 1], 2.30e-5, 2.43e-5, 1.10e-4, 3.99e-4),
    "I.50.26": Published([2, 2, 3, 1], [2, 3, 1], [2, 3, 2, 1], 1.52e-4, 5.82e-4, 4.90e-4, 1.53e-3),
    "II.2.42": Published([2, 2, 1], [2, 2, 1], [2, 2, 2, 1], 8.54e-4, 7.22e-4, 1.22e-3, 1.81e-4),
    "II.6.15a": Published([3, 2, 2, 2, 1], [3, 2, 1, 1], [3, 2, 1, 1], 2.61e-3, 3.28e-3, 1.35e-3, 5.92e-4),
    "II.11.7": Published([3, 3, 3, 2, 2, 1], [3, 3, 1, 1], [3, 3, 1, 1], 7.10e-3, 8.52e-3, 5.03e-3, 5.92e-4),
    "II.11.27": Published([2, 2, 1, 2, 1], [2, 1, 1], [2, 2, 1], 2.67e-5, 4.40e-5, 1.43e-5, 7.18e-5),
    "II.35.18": Published([2, 1, 1], [2, 1, 1], [2, 1, 1, 1], 4.13e-4, 1.58e-4, 7.71e-5, 7.92e-5),
    "II.36.38": Published([3, 3, 1], [3, 2, 1], [3, 2, 1], 2.85e-3, 1.15e-3, 3.03e-3, 2.15e-3),
    "II.38.3": Published([2, 1, 1], [2, 1, 1], [2, 2, 1, 1, 1], 1.47e-4, 8.78e-5, 6.43e-4, 5.26e-4),
    "III.9.52": Published([3, 2, 3, 1, 1], [3, 3, 2, 1], [3, 3, 2, 1, 1, 1], 4.43e-2, 3.90e-3, 2.11e-2, 9.07e-4),
    "III.10.19": Published([2, 1, 1], [2, 1, 1], [2, 1, 2, 1], 2.54e-3, 1.18e-3, 8.16e-4, 1.67e-4),
    "III.17.37": Published([3, 3, 3, 2, 2, 1], [3, 3, 1], [3, 3, 1], 1.10e-3, 5.03e-4, 4.12e-4, 6.80e-4),
}
"""I.26.2: copies of the table disagree on two of its numbers, 1.22e-4 or 1.22e-1 for the human network and 1.24e-4 or
1.24e-3 for the MLP; the lower ones, which are harder to reach, stand here. Copies differ in a few shapes too."""

_PRODUCT: list[Any] = [2, (0, 1), 1]

OWN: dict[str, list[Any]] = {
    "I.6.2": [2, (1, 1), 1, 1],
    "I.6.2b": [3, 2, (1, 1), 1, 1],
    "I.15.3x": _PRODUCT,
    "I.16.6": [2, 1, 1],
    "I.29.16": [3, 3, 3, 2, 1],
    "I.30.3": [2, 4, 3, 1],
    "I.30.5": _PRODUCT,
    "I.37.4": [2, (1, 1), 1],
    "I.40.1": _PRODUCT,
    "I.44.4": _PRODUCT,
    "I.50.26": [2, (1, 1), 1],
    "II.2.42": _PRODUCT,
    "II.11.27": [2, 3, 1],
    "II.35.18": _PRODUCT,
    "II.36.38": [3, (1, 1), 1],
    "II.38.3": _PRODUCT,
    "III.17.37": [3, (1, 1), (0, 1)],
}
"""Shapes of ours in the place of the article's human ones: product nodes, read off the formulas, instead of squares or
of logarithms of inputs that reach zero; fewer layers for I.29.16, I.30.3 and II.11.27, where the article's fail. For
these three several shapes were tried, two to five each, by rows held out; I.30.3 keeps [2, 4, 3, 1] although
[2, 5, 5, 1] was lower there. Test errors were visible next to validation errors in those trials."""
