"""A sampled curve in standard units, read as one function of the library: ``y = c f(a z + b) + d``."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import sympy
import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.formulas import functions as library
from edgewise.formulas.functions import Function
from edgewise.interpret.symbolic._varpro import Batch, refine, screen, start_grid, traits


@dataclass(frozen=True)
class Samples:
    """Checked data of a curve, sorted by z, with the standardised argument t in [-1, 1].

    Parameters
    ----------
    z : (n,)
        The arguments.
    y : (n,)
        The values.
    weight : (n,)
        Factors of the residuals.
    center
        The z of t = 0.
    half_width
        The z of t = 1, from the center.
    spread
        Standard deviation of y.
    """

    z: Tensor
    y: Tensor
    weight: Tensor
    center: float
    half_width: float
    spread: float

    @property
    def origin(self) -> float:
        """The t of z = 0."""
        return -self.center / self.half_width

    def sample(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return t (n,), standardised y (1, n) and weights (1, n) of some points, ends too.

        Parameters
        ----------
        size
            How many points, at most.
        """
        n = len(self.z)
        rows = torch.linspace(0, n - 1, min(n, size), dtype=torch.float64).round().long()
        t = (self.z[rows] - self.center) / self.half_width
        mean = self.y[rows].mean()
        return t, ((self.y[rows] - mean) / self.spread)[None], self.weight[rows][None]

    def residual(self, prediction: Tensor) -> Tensor:
        """Return weighted residuals (n,); where the prediction is undefined the mean is predicted.

        Parameters
        ----------
        prediction : (n,)
            Predictions of y.
        """
        w2 = self.weight.square()
        mean = (w2 * self.y).sum() / w2.sum()
        return self.weight * (self.y - torch.where(torch.isfinite(prediction), prediction, mean))

    def error(self, prediction: Tensor) -> float:
        """Return the weighted root mean square residual over the standard deviation of y.

        Parameters
        ----------
        prediction : (n,)
            Predictions of y.
        """
        return float(self.residual(prediction).norm() / self.weight.norm()) / self.spread


def curve_samples(z: Tensor, y: Tensor, weight: Tensor | None = None) -> Samples:
    """Return the points of positive weight, sorted by z.

    Parameters
    ----------
    z : (n,)
        The arguments.
    y : (n,)
        The values.
    weight : (n,)
        Factors of the residuals, not negative; None for 1.

    Raises
    ------
    InputError
        For points that are no curve: fewer than three, values that are not finite, lengths that differ, a constant y or
        z.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import curve_samples
    >>> samples = curve_samples(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([9.0, 1.0, 4.0]))
    >>> samples.z.tolist(), samples.y.tolist(), samples.center
    ([1.0, 2.0, 3.0], [1.0, 4.0, 9.0], 2.0)
    """
    z, y = (torch.as_tensor(v, dtype=torch.float64).detach().cpu() for v in (z, y))
    if z.ndim != 1 or z.shape != y.shape:
        raise InputError(
            f"z and y must be one-dimensional and of equal length. Got {tuple(z.shape)} and {tuple(y.shape)}."
        )
    weight = torch.ones_like(y) if weight is None else torch.as_tensor(weight).detach().to(y)
    if weight.shape != y.shape or not bool((torch.isfinite(weight) & (weight >= 0)).all()):
        raise InputError(
            "The weights must be finite, not negative, and one for each point. Got "
            f"{tuple(weight.shape)} for {len(y)} points."
        )
    bad = int((~torch.isfinite(z) | ~torch.isfinite(y)).sum())
    if bad:
        raise InputError(f"z and y must be finite. {bad} of {len(z)} points are not: leave them out.")
    used = weight > 0
    if int(used.sum()) < 3:
        raise InputError(f"A curve needs at least 3 points of positive weight. Got {int(used.sum())}.")
    order = torch.argsort(z[used])
    z, y, weight = z[used][order], y[used][order], weight[used][order]
    half = float(z[-1] / 2 - z[0] / 2)
    if not half > 0:
        raise InputError(f"All z are {float(z[0])}: a curve needs different ones.")
    weight = weight / weight.max()
    spread = deviation(y, weight)
    if not spread > 1e-15 * float(y.abs().max()):
        raise InputError(f"y is constant, {float(y[0])}: there is no curve to read.")
    return Samples(z, y, weight, float(z[0] / 2 + z[-1] / 2), half, spread)


def deviation(y: Tensor, weight: Tensor) -> float:
    """Return the weighted rms deviation of y from its weighted mean; overflow-safe."""
    scale = float(y.abs().max()) or 1.0
    v, w2 = y / scale, weight.square()
    mean = (w2 * v).sum() / w2.sum()
    return scale * float(((w2 * (v - mean).square()).sum() / w2.sum()).sqrt())


_FINE = 2000
_EXACT = 1e-13
_TRIVIAL = 1e-9


@dataclass(frozen=True)
class CurveFit:
    """One function fitted to a curve, ``y = c f(a z + b) + d``, in the units of the data.

    Parameters
    ----------
    function
        f.
    a
        Factor of the argument.
    b
        Shift of the argument.
    c
        Factor of the function.
    d
        Added constant.
    error
        Weighted root mean square residual, divided by the weighted root mean square deviation of y from its mean.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.symbolic import CurveFit
    >>> from edgewise import functions
    >>> fit = CurveFit(functions.get("sin"), 2.0, 0.0, 1.0, 0.5, 0.0)
    >>> fit.expression(sympy.Symbol("z")), fit.complexity
    (sin(2.0*z) + 0.5, 4)
    """

    function: Function
    a: float
    b: float
    c: float
    d: float
    error: float

    @property
    def complexity(self) -> int:
        """The function's, plus one for each constant that is not trivial: a = +-1, b = 0, c = 1, d = 0."""
        trivial = (abs(abs(self.a) - 1) <= _TRIVIAL, self.b == 0, abs(self.c - 1) <= _TRIVIAL, self.d == 0)
        return self.function.complexity + 4 - sum(trivial)

    def expression(self, z: sympy.Expr) -> sympy.Expr:
        """Return the formula as a sympy expression; trivial constants are left out.

        Parameters
        ----------
        z
            The argument.
        """
        inner = _number(self.a) * z + _number(self.b)
        return _number(self.c) * self.function.sympy(inner) + _number(self.d)

    def predict(self, z: Tensor) -> Tensor:
        """Return ``c f(a z + b) + d``, of the shape of ``z``.

        Parameters
        ----------
        z
            The arguments, of any shape.
        """
        return self.c * self.function.torch(self.a * z + self.b) + self.d


def _number(value: float) -> sympy.Number:
    return sympy.Integer(int(value)) if value in (-1.0, 0.0, 1.0) else sympy.Float(value)


def fit_curve(function: Function | str, z: Tensor, y: Tensor, weight: Tensor | None = None) -> CurveFit:
    """Fit ``y = c f(a z + b) + d`` by variable projection and return the constants.

    c and d are solved in closed form for each (a, b); (a, b) come from a coarse grid scaled by the data, then
    Levenberg-Marquardt until no relative progress of 1e-12 is left. Exact data give errors near 1e-15. The error is
    infinite if the function cannot be defined on all points.

    Redundant constants are fixed by the function's gauge: a is +-1 for powers, b is 0 for exp. Otherwise a is
    positive for odd and even functions; sin and cos have c > 0 and b in (-pi, pi], or c < 0 and b near 0
    where that b would be near pi. Constants within 1e-9 of a trivial value are set to it if the fit allows.

    Parameters
    ----------
    function
        f, or its name.
    z : (n,)
        The arguments, in any order and unit.
    y : (n,)
        The values, in any unit.
    weight : (n,)
        Factors of the residuals; None for 1.

    Raises
    ------
    InputError
        For an unknown function, fewer than 3 points, values that are not finite, lengths that differ, or a constant y
        or z.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import fit_curve
    >>> z = torch.linspace(0, 2, 50, dtype=torch.float64)
    >>> fit = fit_curve("exp", z, 3 * torch.exp(-2 * z) + 1)
    >>> [round(v, 9) for v in (fit.a, fit.b, fit.c, fit.d)], fit.error < 1e-12
    ([-2.0, 0.0, 3.0, 1.0], True)
    """
    function = library.get(function) if isinstance(function, str) else function
    return _fit_all([function], curve_samples(z, y, weight))[0]


def rank_curves(
    z: Tensor, y: Tensor, weight: Tensor | None = None, *, floor: float = 0.0,
    functions: Iterable[Function | str] | None = None,
) -> list[CurveFit]:  # fmt: skip
    """Fit many functions and return the fits, the simplest adequate one first; see `score`.

    Functions that cannot be defined on all points are left out.

    Parameters
    ----------
    z : (n,)
        The arguments, in any order and unit.
    y : (n,)
        The values, in any unit.
    weight : (n,)
        Factors of the residuals; None for 1.
    floor
        The relative error that the data are known to have: noise, or the error of the network they were read from.
    functions
        Functions or names; None for all of the library.

    Raises
    ------
    InputError
        As `fit_curve` does.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import rank_curves
    >>> z = torch.linspace(0.5, 2, 50, dtype=torch.float64)
    >>> [fit.function.name for fit in rank_curves(z, 2 * torch.log(z))][0]
    'log'
    """
    chosen = library.names() if functions is None else functions
    rows = [library.get(f) if isinstance(f, str) else f for f in chosen]
    fits = _fit_all(rows, curve_samples(z, y, weight))
    return sorted((f for f in fits if math.isfinite(f.error)), key=lambda f: (score(f, floor), f.error))


def score(fit: CurveFit, floor: float = 0.0) -> float:
    """Return what `rank_curves` sorts by: complexity, and a price for error above the floor.

    ``complexity + 3 max(0, log10(error / (5 floor))) + max(0, log10(error / floor))`` with the floor at least
    1e-13. A decade of error beyond five floors costs four units of complexity; between one and five floors it
    costs one, so that among equally simple functions the better one comes first.

    Parameters
    ----------
    fit
        The fit.
    floor
        The relative error that the data are known to have.

    Examples
    --------
    >>> from edgewise.symbolic import CurveFit, score
    >>> from edgewise import functions
    >>> score(CurveFit(functions.get("x"), 1.0, 0.0, 1.0, 0.0, 1e-14))
    1.0
    """
    ratio = math.log10(max(fit.error, 1e-300) / max(floor, _EXACT))
    return fit.complexity + 3 * max(0.0, ratio - math.log10(5)) + max(0.0, ratio)


def _landmarks(curve: Samples) -> Tensor:
    """Return t of the highest and lowest point, of the steepest rise, and of gaps around the largest |y|."""
    t, y, _ = curve.sample(_FINE)
    y = y[0]
    high, low = int(y.argmax()), int(y.argmin())
    level = int((y - (y.max() + y.min()) / 2).abs().argmin())
    peak = int((y - y.median()).abs().argmax())
    rows = [i for i in range(peak - 2, peak + 2) if 0 <= i < len(t) - 1]
    gaps = [(t[i] + t[i + 1]) / 2 for i in rows]
    return torch.stack([t[high], t[low], t[level], *gaps])


def polish_curve(function: Function, samples: Samples, theta: Tensor) -> CurveFit:
    """Fit from known (a, b) of the standardised argument, without a search.

    Parameters
    ----------
    function
        f.
    samples
        The curve.
    theta : (2,)
        a and b to start from.

    Examples
    --------
    >>> import torch
    >>> from edgewise import functions
    >>> from edgewise.symbolic import curve_samples, polish_curve
    >>> z = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> start = torch.tensor([2.9, 0.2], dtype=torch.float64)
    >>> round(polish_curve(functions.get("sin"), curve_samples(z, torch.sin(3 * z)), start).a, 9)
    3.0
    """
    t, y, w = samples.sample(_FINE)
    theta, _ = refine(Batch.of(function), t, y, w, theta[None])
    return _finish(function, samples, theta[0].tolist())


def _fit_all(functions: Sequence[Function], curve: Samples) -> list[CurveFit]:
    """Fit all functions: grid, refinement of the best starts on a thinned curve, refinement of the winner."""
    coarse = 200
    kept = 4
    t, y, w = curve.sample(coarse)
    landmarks = _landmarks(curve)
    chosen = []
    for function in functions:
        grid = start_grid(function, curve.origin, landmarks)
        chosen.append(grid[_lowest(screen(function, t, grid, y, w)[0], kept)])
    owner = torch.repeat_interleave(torch.arange(len(functions)), torch.tensor([len(g) for g in chosen]))
    batch, theta = Batch(functions, owner), torch.cat(chosen)
    theta, rss = refine(batch, t, y, w, theta, steps=25, tolerance=1e-4)
    winners = [int(torch.where(owner == i, rss, torch.inf).argmin()) for i in owner.unique()]
    batch, theta = batch.take(torch.tensor(winners, dtype=torch.long)), theta[winners]
    t, y, w = curve.sample(_FINE)
    theta, _ = refine(batch, t, y, w, theta)
    found = dict(zip(batch.owner.tolist(), theta.tolist(), strict=True))
    return [_finish(f, curve, found.get(i)) for i, f in enumerate(functions)]


def _lowest(rss: Tensor, count: int) -> Tensor:
    """Return the indices of the lowest finite local minima along the grid."""
    padded = torch.nn.functional.pad(rss[None], (1, 1), value=torch.inf)[0]
    local = (rss <= padded[:-2]) & (rss <= padded[2:]) & torch.isfinite(rss)
    order = torch.argsort(torch.where(local, rss, torch.inf))
    return order[: min(count, int(local.sum()))]


def _finish(function: Function, curve: Samples, theta: list[float] | None) -> CurveFit:
    """Return to the units of the data; fix gauge and trivial constants."""
    failed = CurveFit(function, 1.0, 0.0, 0.0, float(curve.y.mean()), math.inf)
    if theta is None:
        return failed
    fit = _canonical(_outer(function, curve, *_original(function, curve, *theta)))
    return _tidy(fit, curve) if math.isfinite(fit.error) else failed


def _original(function: Function, curve: Samples, a: float, b: float) -> tuple[float, float]:
    """Turn (a, b) of t into those of z, gauge fixed."""
    if function.gauge == "affine":
        return 1.0, 0.0
    if function.gauge == "scale":
        return a, b * curve.half_width - a * curve.center
    if function.gauge == "shift":
        a = a / curve.half_width
        largest = a * float(curve.z[-1] if a > 0 else curve.z[0])
        return a, (-largest if abs(largest) > 300 or abs(a * curve.center) > 300 else 0.0)
    return a / curve.half_width, b - a * curve.center / curve.half_width


def _outer(function: Function, curve: Samples, a: float, b: float) -> CurveFit:
    """Solve c and d by weighted least squares on all points, and measure the error."""
    f = Batch.at(function, a, b, curve.z)
    scale = float(f.abs().max())
    if not (math.isfinite(scale) and scale > 0):
        return CurveFit(function, a, b, 0.0, 0.0, math.inf)
    w2 = curve.weight.square()
    total = w2.sum()
    v, y = f / scale, curve.y / curve.spread
    v_mean, y_mean = (w2 * v).sum() / total, (w2 * y).sum() / total
    v0 = v - v_mean
    slope = (w2 * v0 * (y - y_mean)).sum() / (w2 * v0.square()).sum().clamp_min(1e-300)
    slope = slope + (w2 * v0 * (y - y_mean - slope * v0)).sum() / (w2 * v0.square()).sum().clamp_min(1e-300)
    d = y_mean - slope * v_mean
    return _measured(CurveFit(function, a, b, float(slope) / scale * curve.spread, float(d) * curve.spread, 0.0), curve)


def _measured(fit: CurveFit, curve: Samples) -> CurveFit:
    """Return the fit with its error on the curve."""
    residual = (curve.y - fit.d - fit.c * Batch.at(fit.function, fit.a, fit.b, curve.z)) / curve.spread
    w2 = curve.weight.square()
    error = float(((w2 * residual.square()).sum() / w2.sum()).sqrt())
    return replace(fit, error=error if math.isfinite(error) else math.inf)


def _canonical(fit: CurveFit) -> CurveFit:
    """Choose the representative of equal formulas: a > 0 by parity, then phase and sign of sin and cos."""
    near_pi = 0.1
    parity = traits(fit.function).parity
    if parity and fit.a < 0:
        fit = replace(fit, a=-fit.a, b=-fit.b, c=parity * fit.c)
    if fit.function.name not in ("sin", "cos"):
        return fit
    turn = math.pi if fit.c < 0 else 0.0
    b = math.remainder(fit.b + turn, 2 * math.pi)
    if math.pi - abs(b) < near_pi:
        turn, b = turn + math.pi, math.remainder(b - math.pi, 2 * math.pi)
    sign = -1.0 if round(turn / math.pi) % 2 else 1.0
    return replace(fit, b=b, c=sign * fit.c)


def _tidy(fit: CurveFit, curve: Samples) -> CurveFit:
    """Set constants within 1e-9 of a trivial value to it, unless the error rises."""
    fit = _measured(fit, curve)
    reach = abs(fit.a) * max(abs(curve.center), curve.half_width)
    sizes = {"b": reach, "a": 1.0, "d": max(curve.spread, float(curve.y.abs().max())), "c": 1.0}
    for name, size in sizes.items():
        if 0 < abs(getattr(fit, name) - _trivial(fit, name)) <= _TRIVIAL * size:
            trial = _with_trivial(fit, name, curve)
            fit = trial if trial.error <= max(3 * fit.error, _EXACT) else fit
    return fit


def _trivial(fit: CurveFit, name: str) -> float:
    return 0.0 if name in "bd" else math.copysign(1.0, getattr(fit, name))


def _with_trivial(fit: CurveFit, name: str, curve: Samples) -> CurveFit:
    """Return the fit with one constant at its trivial value; c and d are solved again after a and b."""
    fit = replace(fit, **{name: _trivial(fit, name)})
    return _outer(fit.function, curve, fit.a, fit.b) if name in "ab" else _measured(fit, curve)


def without_trivial_constants(fit: CurveFit, curve: Samples, floor: float) -> CurveFit:
    """Set constants to trivial values where the error stays within 1.2 times what it was, or the floor (2 % at most).

    A curve that is known to 1e-3 does not tell sin(3 z + 0.0004) from sin(3 z).

    >>> z = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> rough = curve_samples(z, torch.sin(3 * z + 0.0004))
    >>> without_trivial_constants(fit_curve("sin", rough.z, rough.y), rough, 1e-3).complexity
    3
    """
    unsure = 0.02  # of a curve's spread: changes beyond it are visible, however little is known of the curve
    for name in "badc":
        if getattr(fit, name) != _trivial(fit, name) and not (name == "a" and fit.function.gauge != "none"):
            trial = _with_trivial(fit, name, curve)
            fit = trial if trial.error <= max(1.2 * fit.error, min(floor, unsure)) else fit
    return fit
