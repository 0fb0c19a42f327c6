"""Electrons on chains whose potential never repeats: spectra, how far states spread, the exact mobility edge."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._typing import Array

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
