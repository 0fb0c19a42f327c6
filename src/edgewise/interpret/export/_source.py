"""What is exported: formulas or a network, with names and units of variables, and what source texts share."""

import keyword
import re
import sys
import textwrap
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanTrue

from edgewise._errors import InputError, unknown
from edgewise._printable import printable
from edgewise._typing import Formula, Part
from edgewise._version import __version__
from edgewise.formulas.expressions import conditions, decimals, factored, in_plain_symbols, shorten, used_names
from edgewise.nn import KAN, is_readable
from edgewise.tables.io import SavedModel, is_names, is_units

Names = Sequence[str] | None
Target = str | Sequence[str] | None
Units = Mapping[str, str] | None
Exportable = Any  # KAN, SavedModel, a sympy expression or a Named one, or several of the last two

_NOT_NUMBERS = tuple(type(value) for value in (sympy.I, sympy.nan, sympy.zoo, sympy.oo, -sympy.oo))
_KINDS = (
    sympy.Symbol, sympy.Number, sympy.NumberSymbol, sympy.Add, sympy.Mul, sympy.Pow, sympy.Function, sympy.Max,
    sympy.Min, ExprCondPair, Relational, BooleanTrue,
)  # fmt: skip
_LARGEST = sys.float_info.max


@runtime_checkable
class Named(Protocol):
    """A formula that knows the names of its inputs, as the candidates of a discovery do."""

    @property
    def names(self) -> Sequence[str]: ...

    def sympy(self) -> Formula: ...


@dataclass(frozen=True)
class Source:
    """Formulas over named inputs, or a network of which none can be written.

    Parameters
    ----------
    names
        Names of the inputs.
    targets
        Names of the outputs.
    units
        Units by names of inputs and outputs.
    expressions
        The formulas, one for each output; None for a network of which none can be written.
    model
        The network; None for formulas.
    titled
        Whether the outputs were named, so that a formula is an equation.
    """

    names: tuple[str, ...]
    targets: tuple[str, ...]
    units: Mapping[str, str]
    expressions: tuple[Formula, ...] | None
    model: KAN | None
    titled: bool = False

    def label(self, name: str) -> str:
        """Return a name with its unit: `mass [kg]`.

        Parameters
        ----------
        name
            The name of an input or an output.
        """
        return f"{name} [{self.units[name]}]" if name in self.units else name

    def formulas(self, what: str) -> tuple[Formula, ...]:
        """Return the formulas, for a language that has no functions of several steps.

        Parameters
        ----------
        what
            What the formulas are written as, for the message of the error.

        Raises
        ------
        InputError
            For a network of which no formula can be written, or one that is too long.
        """
        if self.expressions is None:
            assert self.model is not None
            if self.model.spline_edges():
                self.model.formula(self.names)  # says which
            remedy = "prune it, or export it to NumPy or C"
            raise InputError(f"The formula of this network is too long to be written as {what}: {remedy}.")
        return self.expressions


def read(
    source: Exportable, names: Names, target: Target = None, units: Units = None, *, as_formula: bool = True
) -> Source:  # fmt: skip
    """Check what is to be exported.

    With `as_formula` the formula of a network is taken where it has one of readable size.
    """
    titled = target is not None or isinstance(source, SavedModel)
    if isinstance(source, SavedModel):
        names = source.names if names is None else names
        target = _saved_target(source) if target is None else target
        units = source.units if units is None else units
        source = source.model
    if isinstance(source, KAN):
        model, formulas, n_out = source, None, source.n_out
        known = [f"x{i + 1}" for i in range(source.n_in)]
    else:
        model, formulas = None, _expressions(source)
        n_out, known = len(formulas), _names_of(source) or used_names(formulas)
    inputs = _names(known if names is None else names, model.n_in if model else None)
    targets = _targets(target, n_out, inputs)
    checked_units = _units(units, inputs, targets)
    if model is not None and as_formula and is_readable(model):
        written = model.formula(inputs)
        formulas = written if isinstance(written, list) else [written]
    expressions = None if formulas is None else tuple(_checked(e, inputs) for e in formulas)
    return Source(inputs, targets, checked_units, expressions, model, titled)


def _saved_target(saved: SavedModel) -> str | list[str] | None:
    """Return the name of the target; several outputs that were saved under one name are numbered."""
    if isinstance(saved.target, str) and saved.model.n_out > 1:
        return [f"{saved.target}_{k + 1}" for k in range(saved.model.n_out)]
    return saved.target


def _several(source: Exportable) -> list[Any]:
    return list(source) if isinstance(source, list | tuple) else [source]


def _names_of(source: Exportable) -> list[str]:
    """Return the inputs of the formulas that know theirs."""
    return list(dict.fromkeys(name for one in _several(source) if isinstance(one, Named) for name in one.names))


def _expressions(source: Exportable) -> list[Formula]:
    several = [one.sympy() if isinstance(one, Named) else one for one in _several(source)]
    for expression in several:
        number = isinstance(expression, int | float) and not isinstance(expression, bool)
        if not number and not isinstance(expression, sympy.Expr):
            raise InputError(
                "Exports take a network, a saved model, a candidate of a discovery (found.best), a sympy expression "
                f"or a list of expressions. Got {type(expression).__name__}. A model of torch that holds layers of "
                "edgewise is written by torch.onnx.export(model, (rows,), path, dynamo=False)."
            )
    if not several:
        raise InputError("There is nothing to export: the list of formulas is empty.")
    return [sympy.sympify(e) for e in several]


def _names(names: Any, count: int | None) -> tuple[str, ...]:
    number = count if count is not None else len(names) if hasattr(names, "__len__") else 0
    if not is_names(names, number):
        raise InputError(f"'names' must be {number} different texts, one for each input. Got {names!r}.")
    return tuple(names)


def _targets(target: Any, count: int, names: tuple[str, ...]) -> tuple[str, ...]:
    if target is None:
        plain = ["y"] if count == 1 else [f"y{k + 1}" for k in range(count)]
        return tuple(f"{name}_out" if name in names else name for name in plain)
    targets = [target] if isinstance(target, str) else target
    if not is_names(targets, count):
        raise InputError(f"'target' must be {count} different texts, one for each output. Got {target!r}.")
    return tuple(targets)


def _units(units: Any, names: tuple[str, ...], targets: tuple[str, ...]) -> Mapping[str, str]:
    units = {} if units is None else units
    if isinstance(units, Mapping):
        for name in units:
            if name not in names + targets:
                raise unknown("column with a unit", name, names + targets)
    if not is_units(units, [*names, *targets]):
        raise InputError(f"'units' must map names of columns to short texts, like {{'mass': 'kg'}}. Got {units!r}.")
    return dict(units)


def _checked(expression: Part, names: tuple[str, ...]) -> Part:
    """Return the expression over plain symbols, real and over known names."""
    expression = in_plain_symbols(expression)
    for symbol in sorted(expression.free_symbols, key=str):
        if symbol.name not in names:
            raise InputError(f"The formula uses {symbol.name!r}, which is not among the inputs {list(names)}.")
    for part in sympy.preorder_traversal(expression):
        _check_part(part)
    return decimals(expression)


def _is_complex(number: Formula) -> bool:
    """Whether a number is not real; sympy alone takes log(tanh(50)), which is 0 in doubles, for one at times."""
    return number.is_real is False and sympy.im(sympy.N(number, 17)) != 0


def _check_part(part: Part) -> None:
    if not isinstance(part, (*_KINDS, *_NOT_NUMBERS)) or isinstance(part, AppliedUndef):
        raise InputError(f"The formula holds {part}, a {type(part).__name__}, which cannot be exported.")
    if isinstance(part, _NOT_NUMBERS) or (isinstance(part, sympy.Expr) and part.is_number and _is_complex(part)):
        raise InputError(f"The formula holds {part}, which is not a real and finite number.")
    if part.is_Float and part != 0 and float(part) == 0:
        raise InputError(f"The formula holds {sympy.N(part, 6)}, which is too small for a double.")
    numbers = (part.p, part.q) if isinstance(part, sympy.Rational) else (part,) if isinstance(part, sympy.Float) else ()
    if any(abs(number) > _LARGEST for number in numbers):
        raise InputError(f"The formula holds {sympy.N(part, 6)}, which is too large for a double.")


_WIDTH = 100
_LETTERS = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d"}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)")
_OTHER = re.compile(r"[^A-Za-z0-9]+")


def check_function(function: object, reserved: Collection[str]) -> None:
    """Raise unless this is the name of a function in Python and in C."""
    plain = function if isinstance(function, str) and function.isascii() and function.isidentifier() else "_"
    if plain in reserved or keyword.iskeyword(plain) or plain.startswith("_"):
        raise InputError(f"'function' must be a free name like 'f' or 'energy_of'. Got {function!r}.")


def docstring(lines: Sequence[str]) -> list[str]:
    """Return the lines between triple quotes, so that nothing in them ends the text."""
    safe = [line.replace("\\", "\\\\").replace('"', "'") for line in lines]
    return [f'"""{safe[0]}', *safe[1:], '"""']


def statement(start: str, expression: str, end: str = "") -> str:
    """Return one statement; a long one in parentheses or braces, over several lines."""
    if len(start) + len(expression) + len(end) <= _WIDTH or " " not in expression:
        return start + expression + end
    bracketed = expression[0] + expression[-1] in ("{}", "[]")
    left, right = (expression[0], expression[-1]) if bracketed else "()"
    inner = expression[1:-1] if bracketed else expression
    lines = textwrap.wrap(inner, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{start}{left}\n" + textwrap.indent("\n".join(lines), "    ") + f"\n{right}{end}"


def about(source: Source, inputs: Mapping[str, str]) -> list[str]:
    """Return lines of text: the formulas, the variables with their units, where it is defined, who wrote it."""
    lines = [
        f"{target} = {sympy.sstr(factored(shorten(expression)), full_prec=False)}"
        for target, expression in zip(source.targets, source.expressions or (), strict=False)
    ]
    lines = [*lines, ""] if lines and all(len(line) < _WIDTH for line in lines) else []
    width = max(len(plain) for plain in inputs.values()) if inputs else 0
    for name, plain in inputs.items():
        said = source.label(name) if plain != name else f"[{source.units[name]}]" if name in source.units else ""
        lines.append(f"{plain:{width}}  {said}".rstrip())
    lines.append(f"returns {', '.join(source.label(target) for target in source.targets)}")
    for lo, hi, name in _ranges(source):
        lines.append(f"the curves of {name} lie between {lo:.6g} and {hi:.6g}; beyond they go on straight")
    needed = conditions(source.expressions or ())
    if needed:
        lines.append(f"defined where {' and '.join(map(str, needed))}")
    lines.append(f"(written by edgewise {__version__})")
    return [
        part for line in lines for part in (textwrap.wrap(printable(line), _WIDTH, subsequent_indent="    ") or [""])
    ]


def _ranges(source: Source) -> list[tuple[float, float, str]]:
    """Return the range of the splines of each input, for a network that has them."""
    if source.expressions is not None or source.model is None:
        return []
    layer = source.model.layers[0]
    on = layer.spline_mask().any(0).tolist()  # type: ignore[operator]
    lo, hi = (end.tolist() for end in layer.basis.ends(layer.knots))  # type: ignore[union-attr,operator]
    return [(a, b, name) for name, a, b, used in zip(source.names, lo, hi, on, strict=True) if used]


def identifiers(names: Sequence[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """Return an ASCII identifier for each name, all different and none reserved.

    Parameters
    ----------
    names
        The names.
    reserved
        Identifiers that are taken, as words of a language.

    Examples
    --------
    >>> from edgewise.export import identifiers
    >>> identifiers(["mass (kg)", "lambda", "θ", "größe", "2nd", "mass_kg", "质"], {"lambda"})
    {'mass (kg)': 'mass_kg', 'lambda': 'lambda_', 'θ': 'theta', 'größe': 'grosse', '2nd': 'x_2nd',
    'mass_kg': 'mass_kg_2', '质': 'x7'}
    """
    out: dict[str, str] = {}
    taken = set(reserved)
    for position, name in enumerate(names, start=1):
        plain = _OTHER.sub("_", "".join(_ascii(c) for c in unicodedata.normalize("NFKC", name))).strip("_")
        if not plain:
            plain = f"x{position}"
        elif plain[0].isdigit():
            plain = f"x_{plain}"
        found = plain if plain not in reserved else f"{plain}_"
        number = 2
        while found in taken:
            found, number = f"{plain}_{number}", number + 1
        taken.add(found)
        out[name] = found
    return out


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(c for c in parts if c.isascii())
    return greek_letter(parts[0]) or _LETTERS.get(character) or plain or "_"


def greek_letter(character: str) -> str | None:
    """Return the name of a Greek letter, that of a capital one capitalized."""
    found = _GREEK.fullmatch(unicodedata.name(character, ""))
    return found and (found[2].lower() if found[1] == "SMALL" else found[2].capitalize())
