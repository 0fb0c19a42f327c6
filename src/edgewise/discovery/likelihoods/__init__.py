"""Likelihoods of rows: values beyond limits, events of trials, errors in the inputs, errors that are correlated."""

from edgewise.discovery.likelihoods._binomial import Binomial as Binomial
from edgewise.discovery.likelihoods._binomial import rates as rates
from edgewise.discovery.likelihoods._censored import Censored as Censored
from edgewise.discovery.likelihoods._censored import CensoredNormal as CensoredNormal
from edgewise.discovery.likelihoods._censored import imputed as imputed
from edgewise.discovery.likelihoods._correlated import Correlated as Correlated
from edgewise.discovery.likelihoods._correlated import check_positions as check_positions
from edgewise.discovery.likelihoods._likelihood import Likelihood as Likelihood
from edgewise.discovery.likelihoods._likelihood import OfValues as OfValues
from edgewise.discovery.likelihoods._likelihood import Summary as Summary
from edgewise.discovery.likelihoods._maximum import Maximum as Maximum
from edgewise.discovery.likelihoods._maximum import maximum as maximum
from edgewise.discovery.likelihoods._orthogonal import Orthogonal as Orthogonal
