"""A trained network in a file, with what `edgewise predict` has to know of the table that it was trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError

if TYPE_CHECKING:
    from edgewise.nn import KAN
    from edgewise.tables.encoding import Inputs


def keep_network(
    model: KAN, place: Path, decimals: Mapping[str, str], names: Sequence[str], target: str, made: Inputs | None
) -> None:  # fmt: skip
    """Save a network at its place, and elsewhere where that fails: training it may have taken hours."""
    known = {name: sign for name, sign in decimals.items() if name in (*names, target)}
    about: dict[str, Any] = {"names": names, "target": target, "decimals": known}
    if made is not None:
        about["inputs"] = made

    from edgewise import save

    try:
        save(model, place, **about)
    except InputError as error:
        spare = Path(tempfile.mkdtemp(prefix="edgewise-")) / place.name
        try:
            save(model, spare, **about)
        except InputError:
            spare.parent.rmdir()
            raise error from None
        raise InputError(f"{error} The network is in {spare}.") from None
