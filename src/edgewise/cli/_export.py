"""`edgewise export`: a saved network in another language."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgewise._errors import InputError
from edgewise._replacing import replacing
from edgewise.cli._console import console
from edgewise.cli._input import ModelFile
from edgewise.cli._output import check_file


def export(
    model: ModelFile,
    to: Annotated[str, typer.Option(metavar="LANGUAGE", help="A language of edgewise.export: numpy, c, latex, ...")],
    out: Annotated[
        Path | None, typer.Option("--out", "--output", metavar="FILE", help="The file to write; printed when left out.")
    ] = None,
) -> None:
    """Write a network as a formula of Excel or LaTeX, or a function of C99, NumPy or PyTorch."""
    import edgewise as ew

    language = ew.export.language(to)
    if out is not None:
        check_file(out, language.endings)
    if not model.exists():
        raise InputError(f"There is no file {model}: train and save a network with edgewise fit.")
    text = ew.export.text(ew.io.load_with_metadata(model), language)
    lines = [text] if isinstance(text, str) else text
    written = "\n".join(lines).rstrip("\n") + "\n"
    if out is None:
        sys.stdout.write(written)
        return
    with replacing(out) as place:
        place.write(written.encode())
    console().print(f"Written: {out}")
