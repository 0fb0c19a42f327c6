"""Formulas and networks as steps of a program: each a name for a value, then the results."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import sympy

from edgewise._typing import Formula, Part
from edgewise.interpret.export._curves import Curve, curve_of
from edgewise.interpret.export._printer import guarded, in_core
from edgewise.interpret.export._source import Source
from edgewise.interpret.export._text import identifiers
from edgewise.nn import KANLayer, spline_name, subnode_formulas

_HIGHEST = 8  # integer powers up to this are products
_BOUNDED = sympy.Function("bounded")  # NaN for infinity, as what a network gives of an infinite node


@dataclass
class Program:
    """What a function computes: its inputs by identifier, steps `symbol = formula`, results, curves that they call."""

    function: str
    inputs: dict[str, str]
    steps: list[tuple[sympy.Symbol, Formula]] = field(default_factory=list)
    results: list[Formula] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def formulas(self) -> list[Formula]:
        """Return those of the steps and of the results."""
        return [*(value for _, value in self.steps), *self.results]

    def is_constant(self, formula: Formula) -> bool:
        """Return whether no input takes part in a formula."""
        values: dict[Part, Part] = dict(self.steps)
        return all(s in values and self.is_constant(values[s]) for s in formula.free_symbols)

    def helpers(self, texts: Mapping[str, str], spline: str, curve: Callable[[Curve], str]) -> list[str]:
        """Return the texts of the functions that are called, those of the curves last."""
        parts = [part for formula in self.formulas() for part in formula.atoms(sympy.Function, sympy.Max, sympy.Min)]
        called = {part.func.__name__ for part in parts}
        found = [text for name, text in texts.items() if name in called]
        return [*found, spline, *map(curve, self.curves)] if self.curves else found


def program(source: Source, function: str, reserved: Collection[str], products: bool = False) -> Program:
    """Write formulas with common parts named once, a network without a formula node by node.

    The curves of a network are named after the function. With `products`, the base of each whole power up to 8 is a
    symbol, so that it can be multiplied by itself.
    """
    curves = [] if source.model is None else [spline_name(*edge) for edge in source.model.spline_edges()]
    reserved = {function, *reserved, *(f"{function}_{curve}" for curve in curves)}
    inputs = identifiers(source.names, reserved)
    out = Program(function, inputs)
    taken = {*reserved, *inputs.values()}
    if source.expressions is None:
        _walk(source, out, taken)
    fresh = sympy.numbered_symbols("t", start=1, exclude=[sympy.Symbol(name) for name in taken])
    if source.expressions is not None:
        names = {sympy.Symbol(name): sympy.Symbol(plain) for name, plain in inputs.items()}
        formulas = [guarded(in_core(e)).xreplace(names) for e in source.expressions]
        found: Part = sympy.cse(formulas, symbols=fresh)
        out.steps, out.results = found
    if products:
        _name_bases(out, fresh)
    return out


def _walk(source: Source, out: Program, taken: set[str]) -> None:
    """Return one step for each node that is computed, layer by layer."""
    assert source.model is not None
    values: list[Part] = [sympy.Symbol(out.inputs[name]) for name in source.names]
    for number, (layer, nodes) in enumerate(zip(source.model.layers, source.model.nodes[1:], strict=True)):
        subnodes = subnode_formulas(layer, values, partial(_spline, layer, number, out))
        formulas = nodes.formulas([in_core(subnode) for subnode in subnodes])
        if number == len(source.model.layers) - 1:
            out.results = formulas
            return
        plain = identifiers([f"h{number + 1}_{q + 1}" for q in range(len(formulas))], taken)
        taken.update(plain.values())
        values = [sympy.Symbol(name) for name in plain.values()]
        if source.model.layers[number + 1].active_symbols():
            formulas = [_BOUNDED(formula) for formula in formulas]
        out.steps += zip(values, formulas, strict=True)


def _spline(layer: KANLayer, number: int, out: Program, j: int, i: int, x: Formula) -> Formula:
    """A call of a spline edge's curve, which is added to the program, and its base function."""
    curve = curve_of(layer, f"{out.function}_{spline_name(number, j, i)}", j, i)
    out.curves.append(curve)
    call = sympy.Function(curve.name)(x)
    weight = 0.0 if layer.base is None else float(layer.base_weight[j, i].detach())
    if not weight:
        return call
    return call + sympy.Float(weight, 17) * {"identity": x, "silu": x / (1 + sympy.exp(-x))}[layer.base or "identity"]


def is_product(part: Part) -> bool:
    """Return whether a power is written as its base times itself."""
    return part.is_Pow and part.exp.is_Integer and 2 <= abs(int(part.exp)) <= _HIGHEST


def _name_bases(out: Program, fresh: Iterator[sympy.Symbol]) -> None:
    steps, named = [], {}

    def named_bases(formula: Part) -> Part:
        if not formula.args:
            return formula
        formula = formula.func(*(named_bases(a) for a in formula.args))
        if is_product(formula) and not formula.base.is_Symbol:
            base = formula.base
            if base not in named:
                named[base] = next(fresh)
                steps.append((named[base], base))
            return named[base] ** formula.exp
        return formula

    for symbol, formula in out.steps:
        steps.append((symbol, named_bases(formula)))
    out.results = [named_bases(formula) for formula in out.results]
    out.steps = steps
