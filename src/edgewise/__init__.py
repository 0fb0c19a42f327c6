"""Kolmogorov-Arnold networks that train to machine precision in seconds and can be read as formulas.

>>> import edgewise as ew
>>> model = ew.KAN([2, 5, 1])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from edgewise._errors import EdgewiseError as EdgewiseError
from edgewise._errors import InputError as InputError
from edgewise._extras import extras as _extras
from edgewise._later import LOADERS as _LOADERS
from edgewise._version import __version__ as __version__

if TYPE_CHECKING:
    from edgewise import discovery as discovery
    from edgewise import dynamics as dynamics
    from edgewise import estimators as estimators
    from edgewise import interpret as interpret
    from edgewise import kernels as kernels
    from edgewise import nn as nn
    from edgewise import pde as pde
    from edgewise import plot as plot
    from edgewise import studio as studio
    from edgewise import train as train
    from edgewise._callbacks import calling as calling
    from edgewise.discovery import discover as discover
    from edgewise.discovery import forms as forms
    from edgewise.discovery import regression as regression
    from edgewise.discovery import unsupervised as unsupervised
    from edgewise.discovery.regression import Censored as Censored
    from edgewise.discovery.regression import fit_formula as fit_formula
    from edgewise.discovery.unsupervised import find_relations as find_relations
    from edgewise.dynamics import discover_ode as discover_ode
    from edgewise.dynamics import discover_pde as discover_pde
    from edgewise.formulas import expressions as expressions
    from edgewise.formulas import functions as functions
    from edgewise.interpret import export as export
    from edgewise.interpret import prune as prune
    from edgewise.interpret import structure as structure
    from edgewise.interpret import symbolic as symbolic
    from edgewise.networks import pretrained as pretrained
    from edgewise.networks import session as session
    from edgewise.networks import sweeps as sweeps
    from edgewise.networks.pretrained import model_card as model_card
    from edgewise.networks.session import Session as Session
    from edgewise.networks.sweeps import sweep as sweep
    from edgewise.nn import KAN as KAN
    from edgewise.nn import bases as bases
    from edgewise.tables import datasets as datasets
    from edgewise.tables import encoding as encoding
    from edgewise.tables import io as io
    from edgewise.tables.io import load as load
    from edgewise.tables.io import save as save
    from edgewise.train import Options as Options
    from edgewise.train import fit as fit
    from edgewise.train import optim as optim
    from edgewise.train import update as update

_PACKAGES = (
    "bases", "datasets", "discovery", "dynamics", "encoding", "estimators", "export", "expressions", "forms",
    "functions", "interpret", "io", "kernels", "nn", "optim", "pde", "plot", "pretrained", "regression", "session",
    "structure", "studio", "sweeps", "symbolic", "train", "unsupervised",
)  # fmt: skip
#: name -> where it lives; loaded on first use: nothing heavy is imported that is not used, and the command can answer
#: Ctrl-C from its first moment on.
_LATER = {
    **dict.fromkeys(_PACKAGES, ""),
    "Censored": "edgewise.regression",
    "KAN": "edgewise.nn",
    "Options": "edgewise.train",
    "Session": "edgewise.session",
    "calling": "edgewise._callbacks",
    "discover": "edgewise.discovery",
    "discover_ode": "edgewise.dynamics",
    "discover_pde": "edgewise.dynamics",
    "find_relations": "edgewise.unsupervised",
    "fit": "edgewise.train",
    "fit_formula": "edgewise.regression",
    "load": "edgewise.io",
    "model_card": "edgewise.pretrained",
    "prune": "edgewise.interpret",
    "save": "edgewise.io",
    "sweep": "edgewise.sweeps",
    "update": "edgewise.train",
}


_LOADERS["plot"] = lambda: importlib.import_module("edgewise.plot")
_LOADERS["pretrained"] = lambda: importlib.import_module("edgewise.pretrained")

if not TYPE_CHECKING:  # to a type checker, a name that is not above is an error

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module 'edgewise' has no attribute {name!r}")
        home = _LATER[name]
        with _extras():
            if not home:
                return importlib.import_module(f"edgewise.{name}")
            return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER} - {"Any", "TYPE_CHECKING", "annotations", "importlib"})
