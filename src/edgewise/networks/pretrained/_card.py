"""The model card: what a network computes, how well, where it may be used, and where it comes from."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._extras import installed
from edgewise._printable import printable
from edgewise._version import __version__
from edgewise.networks.pretrained._facts import Facts, Rows
from edgewise.networks.pretrained._markdown import front_matter, plain
from edgewise.networks.pretrained._sections import architecture, computes, limits, loading, measured, provenance
from edgewise.nn import KAN
from edgewise.tables.io import SavedModel, is_names, is_units
from edgewise.train import FitResult

CARD, PICTURE = "README.md", "network.png"
_SEAL = "<!-- Written by edgewise {}. SHA-256 of the text above: {} -->\n"
_SEALED = re.compile(r"<!-- Written by edgewise \S+\. SHA-256 of the text above: ([0-9a-f]{64}) -->\n\Z")
_ACCURACY = {"r2": "R²", "rmse": "root mean square error", "accuracy": "accuracy"}


@dataclass(frozen=True)
class About:
    """What the author says of a network, which nothing in it tells.

    Parameters
    ----------
    title
        Heads the card.
    description
        Markdown, taken as it is.
    intended_use
        Markdown, taken as it is.
    limits
        Markdown, taken as it is.
    license
        An identifier of the Hub, like "mit".
    tags
        Added to the card's own.
    repository
        The "user/name" that the card tells readers to load.
    dataset
        Name of the data.
    seed
        Seed of the training.
    """

    title: str = ""
    description: str = ""
    intended_use: str = ""
    limits: str = ""
    license: str = ""
    tags: Sequence[str] = ()
    repository: str = ""
    dataset: str = ""
    seed: int | None = None

    def check(self) -> None:
        """Raise InputError for a field of another type."""
        for name, value in vars(self).items():
            if name not in ("tags", "seed") and not isinstance(value, str):
                raise InputError(f"'{name}' of About must be a text. Got {value!r:.80}.")
        if isinstance(self.tags, str) or not all(isinstance(tag, str) and tag for tag in self.tags):
            raise InputError(f"'tags' of About must list texts. Got {self.tags!r:.80}.")
        if self.seed is not None and not is_int(self.seed):
            raise InputError(f"'seed' of About must be an int or None. Got {self.seed!r:.80}.")


@dataclass(frozen=True)
class ModelCard:
    """A model card; `save_pretrained(folder, card=card)` writes all of it.

    Parameters
    ----------
    saved
        The network with the columns that the card is about.
    text
        Markdown with a YAML front matter.
    picture
        The PNG that it shows; None without one.
    """

    saved: SavedModel
    text: str
    picture: bytes | None

    def __str__(self) -> str:
        return self.text


def model_card(
    source: KAN | SavedModel | FitResult,
    data: tuple[Any, Any] | None = None,
    *,
    held_out: tuple[Any, Any] | None = None,
    names: Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    about: About | None = None,
) -> ModelCard:
    """Return the model card of a network, for its folder on the Hugging Face Hub.

    It shows the formula of a network whose edges are all symbolic, else which edges are splines; the diagram; the
    architecture; the errors; the range of each input outside which the network extrapolates; code that loads it; and
    where it comes from. Any name is shown as it is: nothing in it becomes Markdown, HTML or YAML.

    Parameters
    ----------
    source
        A network, one that was loaded with its names, or what `edgewise.fit` returned, whose errors and history the
        card then holds. Of classes only the result of a fit knows.
    data
        The rows (x, y) that trained it; errors are measured over them.
    held_out
        Other rows (x, y); errors over them are said apart.
    names
        Names of the inputs, as in `edgewise.save`.
    target
        Name of the output, or a list of names.
    units
        Units of some of the names.
    about
        What the author says of the network.

    Raises
    ------
    InputError
        For another source, and data, names and units that do not fit the network.

    Examples
    --------
    >>> import edgewise as ew, numpy as np
    >>> from edgewise import model_card
    >>> x = np.linspace(-1, 1, 60).reshape(30, 2)
    >>> model = ew.nn.set_function(ew.KAN([2, 1]), (0, 0, 0), "x^2")
    >>> model = ew.nn.set_function(model, (0, 0, 1), "exp")
    >>> card = model_card(model, (x, x[:, 0] ** 2 + np.exp(x[:, 1])), names=["mass", "speed"], target="energy")
    >>> "energy = mass**2 + exp(speed)" in card.text
    True
    """
    about = About() if about is None else about
    if not isinstance(about, About):
        raise InputError(f"'about' must be an edgewise.pretrained.About. Got {type(about).__name__}.")
    about.check()
    result = source if isinstance(source, FitResult) else None
    saved = _named(source, names, target, units, data[0] if isinstance(data, tuple | list) and data else None)
    classes = result is not None and result.loss == "cross_entropy"
    given = {
        what: Rows.of(what, pair, saved.model, saved.inputs, classes)
        for what, pair in (("data", data), ("held_out", held_out))
        if pair is not None
    }
    facts = Facts.of(saved, result, given.get("data"), given.get("held_out"), classes)
    drawn = facts.n_edges <= 300 and installed("matplotlib")
    picture = _picture(facts) if drawn else None
    title = about.title or f"{', '.join(facts.targets[:3])} by a Kolmogorov–Arnold network"
    lines = [
        *front_matter(_metadata(facts, about, title)),
        "", f"# {plain(title)}", "", facts.summary(), *(["", about.description] if about.description else []),
        *computes(facts, PICTURE if picture else None), *architecture(facts), *measured(facts),
        *limits(facts, about.intended_use, about.limits), *loading(facts, about.repository),
        *provenance(facts, about.dataset, about.seed), "",
    ]  # fmt: skip
    text = "\n".join(lines) + "\n"
    return ModelCard(saved, text + _SEAL.format(__version__, _digest(text)), picture)


def is_untouched(path: Path) -> bool:
    """Whether a card may be replaced: there is none, or it is as edgewise wrote it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    seal = _SEALED.search(text)
    return seal is not None and seal[1] == _digest(text[: seal.start()])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _named(source: Any, names: Any, target: Any, units: Any, x: Any) -> SavedModel:
    """Return the network with its columns: those that are given, else its own, else those of the table x."""
    if isinstance(source, FitResult):
        source = SavedModel(source.model, None, None, __version__, inputs=source.inputs)
    elif isinstance(source, KAN):
        source = SavedModel(source, None, None, __version__)
    elif not isinstance(source, SavedModel):
        raise InputError(f"A model card is of a network, or of the result of a fit. Got {type(source).__name__}.")
    model = source.model
    known = source.names or (None if source.inputs is None else source.inputs.names)
    if known is None and hasattr(x, "columns"):
        known = [str(column) for column in x.columns]
    names = known if names is None else names
    target, units = source.target if target is None else target, source.units if units is None else units
    if names is not None and not is_names(names, model.n_in):
        raise InputError(f"'names' must be {model.n_in} different texts, one for each input. Got {names!r:.200}.")
    targets = [target] if isinstance(target, str) else target
    if targets is not None and not is_names(targets, len(targets) if isinstance(target, str) else model.n_out):
        raise InputError(f"'target' must be a text, or {model.n_out} different ones. Got {target!r:.200}.")
    columns = [*(names or ()), *(targets or ())]
    if units is not None and not is_units(units, columns):
        raise InputError(f"'units' must map some of the names {columns} to short texts. Got {units!r:.200}.")
    return SavedModel(
        model, None if names is None else list(names), target if isinstance(target, str | None) else list(target),
        __version__, units, None, source.decimals, source.inputs,
    )  # fmt: skip


def _metadata(facts: Facts, about: About, title: str) -> dict[str, Any]:
    """The front matter: what the Hub filters by, and the errors on held-out rows."""
    task = "tabular-classification" if facts.classes else "tabular-regression"
    own = ["kan", "kolmogorov-arnold-network", *(["symbolic-regression"] if facts.n_splines == 0 else [])]
    fields: dict[str, Any] = {"license": about.license} if about.license else {}
    fields |= {"library_name": "edgewise", "tags": list(dict.fromkeys([*own, *about.tags])), "pipeline_tag": task}
    held_out = facts.held_out_metrics()
    found = [
        {"type": key, "value": value, "name": f"{_ACCURACY[key]} of {name}" if name else _ACCURACY[key]}
        for name, values in held_out
        for key, value in values.items()
        if key in _ACCURACY and math.isfinite(value)
    ]
    if found:
        data = {"name": about.dataset or "held-out rows", "type": "tabular"}
        result = {"task": {"type": task}, "dataset": data, "metrics": found}
        fields["model-index"] = [{"name": printable(title), "results": [result]}]
    return fields


def _picture(facts: Facts) -> bytes:
    x = None if facts.rows is None else facts.rows.x
    names, targets = ([printable(name) for name in each] for each in (facts.names, facts.targets))
    from edgewise import plot

    figure = plot.network(facts.model, x, names=names, target=targets).figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, facecolor="white", bbox_inches="tight")  # type: ignore[union-attr]
    return buffer.getvalue()
