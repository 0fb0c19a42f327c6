"""Functions that make tables: special functions, solutions of equations, electrons on chains; and a text."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import EdgewiseError, InputError, unknown
from edgewise._typing import Array


@dataclass(frozen=True)
class Special:
    """A special function of two variables on a rectangle.

    call: SciPy's name for it, and how its arguments are x and y. low, high: the corners of the rectangle.
    """

    name: str
    call: str
    low: tuple[float, float]
    high: tuple[float, float]
    values: Callable[[Array, Array], Array]

    def table(self, rows: int, seed: int) -> tuple[Array, Array]:
        """Uniform points (rows, 2) of the rectangle and the values there (rows,).

        >>> x, y = special("ellipj")[0].table(100, seed=0)
        >>> x.shape, y.shape
        ((100, 2), (100,))
        """
        if not is_int(rows, 1):
            raise InputError(f"'rows' must be an int >= 1. Got {rows!r}.")
        x = np.random.default_rng(seed).uniform(self.low, self.high, (rows, 2))
        return x, self.values(x[:, 0], x[:, 1])


def special(*names: str) -> list[Special]:
    """Fifteen special functions by name, all of them when none is named.

    Jacobi's sn, elliptic integrals, Bessel functions of real order, associated Legendre functions of real degree and
    spherical harmonics (real parts): the list of the KAN article, which states no domains; those here keep clear of
    singularities.

    >>> [s.name for s in special()][:3]
    ['ellipj', 'ellipkinc', 'ellipeinc']

    Source: Liu et al., KAN (2024), table 1, for the list.
    """
    known = {row.name: row for row in _ROWS}
    for name in names:
        if name not in known:
            raise unknown("special function", name, known)
    return [known[name] for name in names] or list(_ROWS)


def _harmonic(degree: int, order: int) -> Callable[[Array, Array], Array]:
    """The real part of Y_degree^order at azimuth x and polar angle y: N P_degree^order(cos y) cos(order x)."""
    size = (2 * degree + 1) / (4 * math.pi) * math.factorial(degree - order) / math.factorial(degree + order)
    return lambda x, y: np.sqrt(size) * _scipy("lpmv", order, degree, np.cos(y)) * np.cos(order * x)


def _scipy(name: str, *arguments: Array | float) -> Any:
    from scipy import special as functions

    return getattr(functions, name)(*arguments)


_BALL = ((0.0, 0.0), (2 * math.pi, math.pi))
_ROWS = (
    Special("ellipj", "ellipj(x, y)[0]", (0.0, 0.0), (4.0, 0.95), lambda x, y: _scipy("ellipj", x, y)[0]),
    Special("ellipkinc", "ellipkinc(x, y)", (0.0, 0.0), (math.pi / 2, 0.95), partial(_scipy, "ellipkinc")),
    Special("ellipeinc", "ellipeinc(x, y)", (0.0, 0.0), (math.pi / 2, 0.95), partial(_scipy, "ellipeinc")),
    Special("jv", "jv(x, y)", (0.0, 0.5), (3.0, 5.0), partial(_scipy, "jv")),
    Special("yv", "yv(x, y)", (0.0, 1.0), (2.0, 5.0), partial(_scipy, "yv")),
    Special("kv", "kv(x, y)", (0.0, 1.0), (2.0, 5.0), partial(_scipy, "kv")),
    Special("iv", "iv(x, y)", (0.0, 0.5), (3.0, 5.0), partial(_scipy, "iv")),
    Special("lpmv0", "lpmv(0, x, y)", (0.0, -0.9), (3.0, 0.95), partial(_scipy, "lpmv", 0.0)),
    Special("lpmv1", "lpmv(1, x, y)", (1.0, -0.9), (3.0, 0.95), partial(_scipy, "lpmv", 1.0)),
    Special("lpmv2", "lpmv(2, x, y)", (2.0, -0.9), (4.0, 0.95), partial(_scipy, "lpmv", 2.0)),
    Special("sph01", "sph_harm_y(1, 0, y, x)", *_BALL, _harmonic(1, 0)),
    Special("sph11", "sph_harm_y(1, 1, y, x)", *_BALL, _harmonic(1, 1)),
    Special("sph02", "sph_harm_y(2, 0, y, x)", *_BALL, _harmonic(2, 0)),
    Special("sph12", "sph_harm_y(2, 1, y, x)", *_BALL, _harmonic(2, 1)),
    Special("sph22", "sph_harm_y(2, 2, y, x)", *_BALL, _harmonic(2, 2)),
)


_REACH, _NODES = 20.0, 1500  # of the quadrature: exp(-20^2) is nothing


def burgers_at(points: Array, viscosity: float, nodes: int = _NODES) -> Tensor:
    """Return value and derivatives by t and x (n, 3) at points (n, 2) of t > 0 and x.

    By Cole and Hopf u is the mean of u0(y), u0 = -sin(pi x), over y = x - sqrt(4 nu t) s with weights
    exp(-cos(pi y) / (2 pi nu) - s^2); derivatives are means and covariances under the same weights. The trapezoidal
    rule over s converges faster than any power.
    """
    chunk = 500
    beyond = 10.0  # what is reached beyond the place that a characteristic, at most as fast as 1, comes from
    reach = max(_REACH, beyond + np.sqrt(points[:, 0].max() / (4 * viscosity)))
    s = np.linspace(-reach, reach, round(nodes * reach / _REACH))
    parts = []
    for start in range(0, len(points), chunk):
        t, x = points[start : start + chunk].T[:, :, None]
        y = x - np.sqrt(4 * viscosity * t) * s
        power = -np.cos(np.pi * y) / (2 * np.pi * viscosity) - s**2
        weights = np.exp(power - power.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        first, second, drift = -np.sin(np.pi * y), -np.pi * np.cos(np.pi * y), (y - x) / (2 * t)

        def mean(g: Array, weights: Array = weights) -> Array:
            return (weights * g).sum(1)

        u = mean(first)
        by_x = mean(second) - (mean(first**2) - u**2) / (2 * viscosity)
        by_t = mean(second * drift) - (mean(first**2 * drift) - u * mean(first * drift)) / (2 * viscosity)
        parts.append(np.stack([u, by_t, by_x], axis=1))
    return torch.from_numpy(np.concatenate(parts))


_RATIO = (1 + math.sqrt(5)) / 2


class States(NamedTuple):
    """Energies (n,) of a chain in order, and the fractal dimension (n,) of each state: 0 localized, 1 extended."""

    energy: Array
    dimension: Array


@dataclass(frozen=True)
class Chain:
    """A model of a chain of sites.

    parameters: the names of what its Hamiltonian takes. edge: a function of those and the energy that is zero at the
    mobility edge, negative where states are extended.
    """

    name: str
    parameters: tuple[str, ...]
    hamiltonian: Callable[..., Tensor]
    edge: Callable[..., Array]

    def states(self, sites: int = 610, phase: float = 0.0, **values: float) -> States:
        """All states of one chain: H psi = E psi,  D = -log(sum |psi|^4) / log(sites)  for psi of norm 1.

        >>> found = chain("aubry-andre generalized").states(sites=144, lam=0.5, alpha=0.0)
        >>> bool(found.dimension.mean() > 0.8)                   # weak and without alpha: all states extend
        True
        """
        if not is_int(sites, 10):
            raise InputError(f"'sites' must be an int >= 10. Got {sites!r}.")
        if set(values) != set(self.parameters):
            given = ", ".join(values) or "none"
            raise InputError(f"The model {self.name!r} takes {', '.join(self.parameters)}. Got {given}.")
        energy, psi = torch.linalg.eigh(self.hamiltonian(sites, phase, **values))
        share = psi.pow(4).sum(0)
        return States(energy.numpy(), (-share.log() / math.log(sites)).numpy())


def chain(name: str) -> Chain:
    """A model by name.

        mosaic                    V_n = 2 lam cos(2 pi b n + phase) at every kappa-th site, else 0; edge
                                  lam |U_{kappa-1}(E / 2)| = 1, U Chebyshev's polynomials of the second kind
        aubry-andre generalized   V_n = 2 lam cos(.) / (1 - alpha cos(.)); edge  alpha E = 2 (1 - lam)
        aubry-andre modified      hopping exp(p - p |n - m|), V_n = lam cos(.); edge  lam cosh(p) = E + exp(p)

    b is the golden mean; hopping between neighbors is 1.

    >>> chain("mosaic").parameters
    ('lam', 'kappa')

    Source: Liu et al., KAN (2024), section 4.4, and the articles named there; the mosaic potential is written with the
    factor 2 that its edge needs.
    """
    if name not in _CHAINS:
        raise unknown("chain", name, _CHAINS)
    return _CHAINS[name]


def _wave(sites: int, phase: float) -> Tensor:
    return torch.cos(2 * math.pi * _RATIO * torch.arange(1, sites + 1, dtype=torch.float64) + phase)


def _neighbors(sites: int) -> Tensor:
    ones = torch.ones(sites - 1, dtype=torch.float64)
    return torch.diag(ones, 1) + torch.diag(ones, -1)


def _mosaic(sites: int, phase: float, lam: float, kappa: int) -> Tensor:
    at = torch.arange(1, sites + 1) % int(kappa) == 0
    return _neighbors(sites) + torch.diag(2 * lam * _wave(sites, phase) * at)


def _mosaic_edge(energy: Array, lam: Array, kappa: int) -> Array:
    from scipy.special import eval_chebyu

    return lam * np.abs(eval_chebyu(int(kappa) - 1, energy / 2)) - 1


def _generalized(sites: int, phase: float, lam: float, alpha: float) -> Tensor:
    wave = _wave(sites, phase)
    return _neighbors(sites) + torch.diag(2 * lam * wave / (1 - alpha * wave))


def _modified(sites: int, phase: float, lam: float, p: float) -> Tensor:
    place = torch.arange(sites, dtype=torch.float64)
    away = (place.unsqueeze(1) - place).abs()
    hopping = torch.exp(p - p * away).fill_diagonal_(0.0)
    return hopping + torch.diag(lam * _wave(sites, phase))


_CHAINS = {
    row.name: row
    for row in (
        Chain("mosaic", ("lam", "kappa"), _mosaic, _mosaic_edge),
        Chain(
            "aubry-andre generalized", ("lam", "alpha"), _generalized,
            lambda energy, lam, alpha: alpha * energy + 2 * (lam - 1),
        ),
        Chain(
            "aubry-andre modified", ("lam", "p"), _modified,
            lambda energy, lam, p: lam * np.cosh(p) - energy - np.exp(p),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Characters:
    """A text whose k-th character is alphabet[codes[k]]."""

    alphabet: str
    codes: Array

    def text(self, codes: Iterable[int] | None = None) -> str:
        """The characters of some codes, by default of the whole text."""
        return "".join(self.alphabet[code] for code in (self.codes if codes is None else codes))


def characters() -> Characters:
    """The help topics of Python's standard library, as `help()` shows them: each paragraph once, topics by name.

    About 400 thousand characters of English on the language, with short programs. Topics quote each other, so a
    paragraph that came before is left out: no part of the text stands in another one. The text differs between
    versions of Python; its size belongs beside any figure.

    Errors: EdgewiseError where the installation of Python comes without the topics.

    >>> known = characters()
    >>> known.text(known.codes[:24])
    'The "assert" statement\\n*'
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise EdgewiseError("This Python has no help topics: pydoc_data.topics can not be imported.") from error
    paragraphs = (part.strip() for name in sorted(topics) for part in topics[name].split("\n\n"))
    text = "\n\n".join(part for part in dict.fromkeys(paragraphs) if part)
    alphabet = "".join(sorted(set(text)))
    place = {character: code for code, character in enumerate(alphabet)}
    return Characters(alphabet, np.array([place[character] for character in text], dtype=np.int64))
