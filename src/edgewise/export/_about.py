"""What an exported function says about itself."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import sympy

from edgewise._printable import printable
from edgewise._version import __version__
from edgewise.export._source import Source
from edgewise.export._text import WIDTH
from edgewise.expressions import conditions, shorten


def about(source: Source, inputs: Mapping[str, str]) -> list[str]:
    """Return lines of text: the formulas, the variables with their units, where it is defined, who wrote it."""
    lines = [
        f"{target} = {sympy.sstr(shorten(expression), full_prec=False)}"
        for target, expression in zip(source.targets, source.expressions or (), strict=False)
    ]
    lines = [*lines, ""] if lines and all(len(line) < WIDTH for line in lines) else []
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
        part for line in lines for part in (textwrap.wrap(printable(line), WIDTH, subsequent_indent="    ") or [""])
    ]


def _ranges(source: Source) -> list[tuple[float, float, str]]:
    """Return the range of the splines of each input, for a network that has them."""
    if source.expressions is not None or source.model is None:
        return []
    layer = source.model.layers[0]
    on = layer.spline_mask().any(0).tolist()  # type: ignore[operator]
    lo, hi = (end.tolist() for end in layer.basis.ends(layer.knots))  # type: ignore[union-attr,operator]
    return [(a, b, name) for name, a, b, used in zip(source.names, lo, hi, on, strict=True) if used]
