"""A session as a Python script that replays it."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

import safetensors.torch
import torch

from edgewise._errors import InputError
from edgewise._replacing import check_place, writing
from edgewise._version import __version__
from edgewise.networks.session._history import History, State
from edgewise.networks.session._rows import Rows
from edgewise.tables import datasets, io
from edgewise.train import as_matrix

_ASKS = '''

def rows():
    """Return the inputs and the targets that the session was made with: x (rows, {inputs}), y (rows, {outputs})."""
    raise NotImplementedError("fill in rows(): read x and y here")


x, y = rows()
'''
_READS = """
table = ew.io.read_table({data})
x, y = table.inputs({names!r}), table.inputs({targets!r})
"""
_LOADS = """
rows = load_file({data})
x, y = rows["x"], rows["y"]
"""
_END = """
if __name__ == "__main__":
    {}
"""


def export(
    session: History, path: str | PathLike[str], data: str | PathLike[str] | None, whole: bool, rows: bool
) -> None:
    """Write the script, and the first network next to it; with `rows`, these too."""
    path = Path(path)
    if path.suffix != ".py":
        raise InputError(f"A script is written to a .py file. Got {str(path)!r}.")
    if rows and data is not None:
        raise InputError("'rows=True' saves the rows next to the script: leave 'data' out.")
    check_place(path)
    if data is not None:
        _check_rows(session, Path(data))
    start, saved = path.with_suffix(".safetensors"), path.with_suffix(".rows.safetensors")
    place = f"here / {saved.name!r}" if rows else None if data is None else _place(Path(data), path.parent)
    text = script(session, f"here / {start.name!r}", place, whole, beside=True, saved=rows)
    with writing(path) as file:
        file.write(text.encode())
        file.flush()  # a full disk leaves the network of an older script, too
        if rows:
            _save_rows(session, saved)
        io.save(session.states[0].situation.model, start, names=session._rows.names)


def _save_rows(session: History, path: Path) -> None:
    table = session._rows.whole
    with writing(path) as file:
        file.write(safetensors.torch.save({"x": table.x.cpu().contiguous(), "y": table.y.cpu().contiguous()}))


def _place(data: Path, folder: Path) -> str:
    """The expression that finds the table: by its name if it ships with edgewise, or relative to the script."""
    data, folder = data.resolve(), folder.resolve()
    for name in datasets.names():
        if data == datasets.path(name).resolve():
            return f"ew.datasets.path({name!r})"
    if data.is_relative_to(folder):
        return f"here / {data.relative_to(folder).as_posix()!r}"
    return repr(str(data))


def _check_rows(session: History, data: Path) -> None:
    """Raise InputError for a table that does not hold the session's rows, bit for bit."""
    table, rows = io.read_table(data), session._rows
    read = [as_matrix(table.inputs(names), str(data)) for names in (list(rows.names), _answers(rows))]
    for found, own in zip(read, (rows.whole.x, rows.whole.y), strict=True):
        if found.shape != own.shape or not torch.equal(found, own.cpu()):
            columns = ", ".join([*rows.names, *_answers(rows)])
            raise InputError(
                f"{data} does not hold the rows of this session in columns {columns}. "
                "Write them there, or leave 'data' out and fill in the script's rows()."
            )


def _answers(rows: Rows) -> list[str]:
    """The columns of the targets; that of classes holds their numbers."""
    return list(rows.targets) if rows.target is None else [rows.target]


def script(
    session: History, start: str, data: str | None, whole: bool, *, beside: bool = False, saved: bool = False
) -> str:
    """Return the text of the script; `start` and `data` are expressions, `beside` over `here`, the script's folder.

    `data` is a table, or where the rows are `saved` a file of tensors x and y.
    """
    rows = session._rows
    if saved:
        source = _LOADS.format(data=data)
    elif data is None:
        source = _ASKS.format(inputs=len(rows.names), outputs=len(_answers(rows)))
    else:
        source = _READS.format(data=data, names=list(rows.names), targets=_answers(rows))
    answers = _answers(rows)
    targets = answers[0] if len(answers) == 1 else answers
    more = f", units={rows.units!r}" * bool(rows.units) + f", classes={list(rows.classes)!r}" * bool(rows.classes)
    more += f", held_out={rows.held_out!r}" * bool(rows.held_out)
    states = list(session.states) if whole else session.path()
    return "".join(
        [
            f'"""Replays a session of edgewise {__version__}: {len(states) - 1} actions."""\n\n',
            "from pathlib import Path\n\n" if beside else "",
            "from safetensors.torch import load_file\n\n" if saved else "",
            "import edgewise as ew\n",
            "\nhere = Path(__file__).parent\n" if beside else "",
            source,
            f"\nsession = ew.Session(ew.load({start}), x, y, {list(rows.names)!r}, target={targets!r}{more})\n",
            *_steps(states),
            f"session = session.goto({session.state.id})\n" if whole else "",
            "model = session.model\n",
            _END.format(_shows(session.state, rows.targets)),
        ]
    )


def _shows(end: State, targets: Sequence[str]) -> str:
    """A line that prints the formula, or where splines are left the error of every step."""
    if any(bool(layer.spline_mask().any()) for layer in end.situation.model.layers):
        return "print(session.log())"
    if len(targets) == 1:
        return f"print({f'{targets[0]} ='!r}, session.formula())"
    return 'print(*(f"{name} = {one}" for name, one in zip(session.targets, session.formula())), sep="\\n")'


def _steps(states: list[State]) -> Iterator[str]:
    """One line for each step, with the error that it left as a comment."""
    at = states[0]
    if at.note:
        yield f"session = session.note({at.note!r})\n"
    by_id = {state.id: state for state in states}
    for state in states[1:]:
        if state.parent != at.id:
            yield f"session = session.goto({state.parent})\n"
        if state.parent is not None and state.branch != by_id[state.parent].branch:
            yield f"session = session.branch({state.branch!r})\n"
        yield f"session = session.{state.call}  # error {state.error:.3g}\n"
        if state.note:
            yield f"session = session.note({state.note!r})\n"
        at = state
