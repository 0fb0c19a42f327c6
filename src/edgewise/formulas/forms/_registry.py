"""The laws by name: those of the tables, and new ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from edgewise._errors import InputError, unknown
from edgewise._plugins import add
from edgewise.formulas.forms._ecology import ECOLOGY
from edgewise.formulas.forms._form import Form, in_order
from edgewise.formulas.forms._growth import GROWTH
from edgewise.formulas.forms._kinetics import KINETICS
from edgewise.formulas.forms._physics import PHYSICS
from edgewise.formulas.forms._society import SOCIETY
from edgewise.formulas.forms._waves import WAVES

_FORMS = in_order(itertools.chain(GROWTH, KINETICS, PHYSICS, WAVES, SOCIETY, ECOLOGY))


def names(subject: str | None = None) -> list[str]:
    """Return the names of the laws.

    Parameters
    ----------
    subject
        Only those of this subject, like "kinetics"; None for all.

    Raises
    ------
    InputError
        For an unknown subject.

    Examples
    --------
    >>> from edgewise.forms import names
    >>> names("kinetics")[:3]
    ['Michaelis-Menten', 'Hill', 'Haldane']
    """
    add("forms", _FORMS, register)
    subjects = list(dict.fromkeys(form.subject for form in _FORMS.values()))
    if subject is not None and subject not in subjects:
        raise unknown("subject", subject, subjects)
    return [name for name, form in _FORMS.items() if subject in (None, form.subject)]


def get(name: str) -> Form:
    """Return the law of a name.

    Parameters
    ----------
    name
        The name, as `names` lists it; capitals do not matter.

    Raises
    ------
    InputError
        For an unknown name, with those that are most alike.

    Examples
    --------
    >>> from edgewise.forms import get
    >>> get("Michaelis-Menten").formula
    'Vmax*S/(Km + S)'
    """
    found = _found(name)
    if found is None:
        add("forms", _FORMS, register)
        found = _found(name)
    if found is not None:
        return found
    raise unknown("form", name, list(_FORMS))


def _found(name: object) -> Form | None:
    lower = name.lower() if isinstance(name, str) else None
    return next((form for known, form in _FORMS.items() if known.lower() == lower), None)


def register(form: Form) -> Form:
    """Add a law for this process and return it: `edgewise.discover` tries it, and calls formulas by its name.

    Parameters
    ----------
    form
        The law.

    Raises
    ------
    InputError
        When the name is taken, or formula, inputs and constants do not fit together.

    Examples
    --------
    >>> from edgewise.forms import Form, Parameter, get, register
    >>> register(get("Hill"))
    Traceback (most recent call last):
    edgewise._errors.InputError: The form name 'Hill' is taken. Choose another name.
    """
    if not isinstance(form, Form):
        raise InputError(f"'form' must be an edgewise.forms.Form. Got {type(form).__name__}.")
    if form.name.lower() in map(str.lower, _FORMS):
        raise InputError(f"The form name {form.name!r} is taken. Choose another name.")
    if form.like:
        get(form.like)
    _FORMS[form.name] = form.checked()
    return form


def families(count: int) -> Iterable[tuple[Form, tuple[Form, ...]]]:
    """Yield the laws of a number of inputs that are different functions, each with those that equal it."""
    add("forms", _FORMS, register)
    alike: dict[str, list[Form]] = {}
    for form in _FORMS.values():
        if form.like:
            alike.setdefault(form.like, []).append(form)
    for form in _FORMS.values():
        if not form.like and len(form.inputs) == count:
            yield form, tuple(alike.get(form.name, ()))
