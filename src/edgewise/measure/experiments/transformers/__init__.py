"""KAN blocks in transformers: a language model and a vision transformer."""

from __future__ import annotations

from edgewise.measure.experiments.transformers._digits import Digits as Digits
from edgewise.measure.experiments.transformers._language import Language as Language
