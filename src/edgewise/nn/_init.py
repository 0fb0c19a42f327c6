"""First values of a layer's parameters: the schemes behind `init=`."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise._errors import unknown
from edgewise._memory import require

Scheme = Literal["auto", "smooth", "variance", "power", "noise"]
"""Names of the initialization schemes."""
Draw = Callable[..., Tensor]  # shape -> independent N(0, 1)
Layer = Any  # a `KANLayer`, whose module imports this one
Values = tuple[Tensor, Tensor]  # coefficients (n_out, n_in, K), base weights (n_out, n_in)


def initial_values(layer: Layer, generator: torch.Generator | None = None) -> Values:
    """Return fresh coefficients (n_out, n_in, K) and base weights (n_out, n_in) by the layer's scheme, float64.

    With K coefficients an edge and independent draws, the schemes are

        smooth    phi(t) = s sin(2 u t + 3 v) / sqrt(n_in), u, v ~ N(0, 1), t from -1 to 1 along the range;
                  s = 1, w = 0 without a base function; s = 0.1, w ~ N(0, 1/n_in) with one, which carries the layer
        variance  c_m ~ N(0, a V / (n_in sum_m E B_m^2)),  w ~ N(0, a V / (n_in E b^2)),  a = 1/2 with a base, else 1
        power     c_m ~ N(0, (K + 1)^(-7/2) n_in^(-7/2)),  w ~ N(0, (K + 1)^(-1/2) n_in^(-1/2))
        noise     c_m ~ N(0, 0.01/n_in),  w ~ N(0, 1/n_in)

    "auto" is "power" with a base function; without one it is "smooth" for the narrow networks of second order, and
    "noise" for a layer with 32 nodes or more on either side. `docs/initialization.md` has the measurements.

    "variance" hands a layer's input variance on. For independent inputs and zero-mean values,
    Var y = sum_i (Var c sum_m E B_m(x_i)^2 + Var w E b(x_i)^2); with x uniform on the knots' range, V its variance,
    and the two parts equal, that is V at the values above.

    Parameters
    ----------
    layer
        The layer.
    generator
        The generator of the random numbers; torch's global one by default.

    References
    ----------
    Power: Rigas et al., Initialization Schemes for Kolmogorov-Arnold Networks (2025), arXiv:2509.03417.

    Examples
    --------
    >>> from edgewise.nn import initial_values
    >>> from edgewise.nn import KANLayer
    >>> [tuple(values.shape) for values in initial_values(KANLayer(3, 2, grid=5))]
    [(2, 3, 8), (2, 3)]
    """
    device = "cpu" if generator is None else generator.device  # the same numbers wherever the layer lives

    def draw(*shape: int) -> Tensor:
        values = torch.randn(*shape, generator=generator, dtype=torch.float64, device=device)
        return values.to(layer.knots.device)

    curves, weights = SCHEMES[_chosen(layer)](layer, draw)
    counts = layer.basis.counts(layer.knots, _count(layer))
    if min(counts) < _count(layer):
        own = torch.tensor(counts, device=curves.device).unsqueeze(1)
        curves = curves * (torch.arange(_count(layer), device=curves.device) < own)
    return curves, weights


def check_scheme(name: str) -> None:
    """Raise InputError for a name that is no scheme."""
    if not isinstance(name, str) or (name != "auto" and name not in SCHEMES):
        raise unknown("initialization", name, ["auto", *SCHEMES])


def check_size(n_in: int, n_out: int, count: int, dtype: torch.dtype) -> None:
    """Refuse a layer that memory cannot hold while it is drawn; a device other than the CPU speaks for itself."""
    if torch.empty(0).device.type != "cpu":
        return
    numbers = n_out * n_in * (count + 6) + n_in * (count + 6)
    require(
        numbers * (dtype.itemsize + 4 * 8),
        f"A layer of {_number(n_out * n_in)} edges with {_number(count)} coefficients each",
        "Use fewer nodes or a coarser grid.",
    )


def _number(value: int) -> str:
    """
    >>> _number(1200), _number(10**18)
    ('1200', '1e+18')
    """
    return str(value) if value < 10**9 else f"{min(value, 10**300):.0e}"


def _chosen(layer: Layer) -> str:
    if layer.init != "auto":
        return layer.init
    if layer.base is not None:
        return "power"
    return "smooth" if max(layer.n_in, layer.n_out) < 32 else "noise"  # a wide layer is trained by first order


def _smooth(layer: Layer, draw: Draw) -> Values:
    u, v = draw(2, layer.n_out, layer.n_in, 1)
    weights = draw(layer.n_out, layer.n_in) / layer.n_in**0.5

    def drawn(count: int) -> Tensor:
        found = layer.basis.approximate(lambda t: torch.sin(2 * u * t.to(u.device) + 3 * v) / layer.n_in**0.5, count)
        return torch.nn.functional.pad(found, (0, _count(layer) - count))

    counts = layer.basis.counts(layer.knots, _count(layer))
    each = {count: drawn(count) for count in set(counts)}
    curves = each[counts[0]] if len(each) == 1 else torch.stack([each[n][:, i] for i, n in enumerate(counts)], 1)
    return (curves, 0 * weights) if layer.base is None else (0.1 * curves, weights)


def _variance(layer: Layer, draw: Draw) -> Values:
    lo, hi = layer.basis.ends(layer.knots)
    points = 1024
    position = (torch.arange(points, dtype=lo.dtype, device=lo.device).unsqueeze(-1) + 0.5) / points
    squares = layer.evaluate_basis(lo + (hi - lo) * position).double().square().mean(0)  # (n_in, K [+ 1])
    share = (hi - lo).double().square() / 12 / layer.n_in / (1 if layer.base is None else 2)
    spline = (share / squares[:, : _count(layer)].sum(-1)).sqrt()
    base = torch.zeros_like(spline) if layer.base is None else (share / squares[:, -1]).sqrt()
    return _normal(layer, draw, spline.unsqueeze(-1), base)


def _power(layer: Layer, draw: Draw) -> Values:
    size = (_count(layer) + 1) * layer.n_in
    return _normal(layer, draw, size**-1.75, size**-0.25)


def _noise(layer: Layer, draw: Draw) -> Values:
    return _normal(layer, draw, 0.1 / layer.n_in**0.5, 1 / layer.n_in**0.5)


def _normal(layer: Layer, draw: Draw, spline: Tensor | float, base: Tensor | float) -> Values:
    """Independent values of the given standard deviations, base weights zero where there is no base function."""
    coefficients, weights = draw(layer.n_out, layer.n_in, _count(layer)), draw(layer.n_out, layer.n_in)
    return coefficients * spline, weights * (0 if layer.base is None else base)


def _count(layer: Layer) -> int:
    """Coefficients of an edge."""
    return layer.coefficients.shape[-1]


#: name -> what draws the values of a layer
SCHEMES: dict[str, Callable[[Layer, Draw], Values]] = {
    "smooth": _smooth, "variance": _variance, "power": _power, "noise": _noise
}  # fmt: skip
