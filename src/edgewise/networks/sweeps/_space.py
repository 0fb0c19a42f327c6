"""What a sweep may vary, and what each setting means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError, unknown
from edgewise.nn.bases import BASE_FUNCTIONS, HIGHEST_DEGREE, named

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

Range = tuple[float, float]
Setting = Any
"""What one setting is: nodes of hidden layers, a word, a number, or None."""

USUAL: Mapping[str, Setting] = {
    "hidden": (5,), "basis": "bspline", "grid": "auto", "degree": 3, "base": "silu", "sparsity": 0.0,
}  # fmt: skip
"""The settings of `KAN` and `fit` that a sweep begins with."""
_SPACE: Mapping[str, Any] = {
    "hidden": [(), (2,), (3,), (5,), (10,), (5, 5)],
    "basis": ["bspline", "rbf", "chebyshev"],
    "grid": ["auto", 3, 5, 10, 20],
    "degree": [2, 3, 5],
    "sparsity": [0.0, 1e-3, 1e-2],
}
_WHOLE = ("grid", "degree")


@dataclass(frozen=True)
class Space:
    """The values that each setting may have.

    Parameters
    ----------
    choices
        Lists of values, by setting.
    ranges
        Two ends of a range, by setting.

    Examples
    --------
    >>> from edgewise.sweeps import Space
    >>> space = Space.of({"hidden": [(), (5,)], "sparsity": (1e-4, 1e-1)})
    >>> sorted(space.choices), sorted(space.ranges)
    (['hidden'], ['sparsity'])
    """

    choices: Mapping[str, Sequence[Setting]]
    ranges: Mapping[str, Range]

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Space:
        """Return a space.

        Parameters
        ----------
        given
            Settings and their values, as in `sweep`; None for the space of edgewise.

        Raises
        ------
        InputError
            For settings that do not exist, values that a setting cannot have, and empty lists.
        """
        if given is None:
            given = _SPACE
        if not isinstance(given, Mapping) or not given:
            raise InputError(f"'space' must be a dict of settings and their values, or None. Got {given!r}.")
        choices: dict[str, Sequence[Setting]] = {}
        ranges: dict[str, Range] = {}
        for name, values in given.items():
            if name not in USUAL:
                raise unknown("setting of a sweep", name, list(USUAL))
            if name != "hidden" and isinstance(values, tuple):
                ranges[name] = _range(name, values)
            elif isinstance(values, list) and values:
                choices[name] = [_value(name, value) for value in values]
            else:
                raise InputError(f"{name!r} must be a list of values, or a range (low, high). Got {values!r}.")
        return cls(choices, ranges)

    @property
    def names(self) -> list[str]:
        return [*self.choices, *self.ranges]

    def start(self) -> dict[str, Any] | None:
        """Return the usual settings as parameters of a trial, None where the space does not hold them."""
        found: dict[str, Any] = {}
        for name, values in self.choices.items():
            if USUAL[name] not in values:
                return None
            found[name] = _text(USUAL[name])
        for name, (low, high) in self.ranges.items():
            if not is_number(USUAL[name], low, high):
                return None
            found[name] = USUAL[name]
        return found

    def combinations(self) -> dict[str, list[Any]] | None:
        """Return the values of all settings as a sampler holds them; None where there are ranges.

        Examples
        --------
        >>> from edgewise.sweeps import Space
        >>> Space.of({"hidden": [(), (5,)], "grid": [3]}).combinations()
        {'hidden': ['none', '5'], 'grid': [3]}
        """
        return None if self.ranges else {name: [_text(v) for v in values] for name, values in self.choices.items()}

    def drawn(self, trial: Trial) -> dict[str, Setting]:
        """Return settings that the sampler of a trial draws; those that do not vary are as usual.

        Parameters
        ----------
        trial
            A trial of Optuna.
        """
        for name, values in self.choices.items():
            trial.suggest_categorical(name, [_text(value) for value in values])
        for name, (low, high) in self.ranges.items():
            log = low > 0 and high / low >= 10
            if name in _WHOLE:
                trial.suggest_int(name, int(low), int(high), log=log)
            else:
                trial.suggest_float(name, low, high, log=log)
        return self.settings(trial)

    def settings(self, trial: Trial | FrozenTrial) -> dict[str, Setting]:
        """Return the settings of a trial, without those that do not vary.

        Parameters
        ----------
        trial
            A trial of Optuna.
        """
        found: dict[str, Setting] = {}
        for name, value in trial.params.items():
            values = self.choices.get(name, ())
            found[name] = next((each for each in values if _text(each) == value), value)
        return found

    def described(self) -> dict[str, Any]:
        """Return the space as JSON holds it."""
        words = {name: [_text(value) for value in values] for name, values in self.choices.items()}
        return {**words, **{name: list(ends) for name, ends in self.ranges.items()}}


def shown(settings: Mapping[str, Setting]) -> str:
    """Return settings as one line.

    >>> shown({"hidden": (5, 5), "grid": "auto", "sparsity": 0.00123456})
    'hidden 5,5; grid auto; sparsity 0.00123'
    """
    return "; ".join(f"{name} {_shown(value)}" for name, value in settings.items())


def _shown(value: Setting) -> Any:
    return f"{value:.3g}" if isinstance(value, float) else _text(value)


def _text(value: Setting) -> Any:
    """Return a setting as a sampler holds it: nodes of layers as text, words and numbers as they are."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else value


def _value(name: str, value: Any) -> Setting:
    if name == "hidden":
        if not isinstance(value, list | tuple) or not all(is_int(nodes, 1) for nodes in value):
            raise InputError(f"'hidden' must list nodes of hidden layers, such as [(), (5,), (5, 5)]. Got {value!r}.")
        return tuple(int(nodes) for nodes in value)
    allowed = {
        "basis": name == "basis" and named(value).name == value,
        "grid": value == "auto" or is_int(value, 1),
        "degree": is_int(value, 1, HIGHEST_DEGREE),
        "base": value in (None, *BASE_FUNCTIONS),
        "sparsity": is_number(value, 0),
    }  # fmt: skip
    if not allowed[name]:
        raise InputError(f"{name!r} cannot be {value!r}.")
    return float(value) if name == "sparsity" else value


def _range(name: str, ends: tuple[Any, ...]) -> Range:
    if name in ("basis", "base"):
        raise InputError(f"{name!r} has no range. List its values: {name}=[...].")
    low, high = ends if len(ends) == 2 else (None, None)
    least = 1 if name in _WHOLE else 0
    fits = (lambda end: is_int(end, least)) if name in _WHOLE else (lambda end: is_number(end, least))
    if not fits(low) or not fits(high) or not low < high:  # type: ignore[operator]
        raise InputError(f"The range of {name!r} must be two numbers (low, high) from {least} on. Got {ends!r}.")
    return _value(name, low), _value(name, high)
