"""The rows of a fit in memory, and the processes that share them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from edgewise._errors import InputError, first_line
from edgewise.nn import KAN
from edgewise.tables.encoding import by_name, is_frame


@dataclass(frozen=True)
class Ranks:
    """The ranks of a process group, each of which holds rows of its own; without a group, one process.

    Every method but `is_first` is collective: all ranks call it, in the same order. Tensors travel on `device`.

    >>> Ranks().total(1.0, 2.0)
    [1.0, 2.0]
    """

    group: Any = None
    device: torch.device | None = None

    @classmethod
    def of(cls, group: Any, device: torch.device) -> Ranks:
        """Return the ranks of a group, or raise InputError if it cannot sum tensors of this device."""
        if group is None:
            return cls()
        backend = torch.distributed.get_backend(group)
        if "nccl" in str(backend) and "gloo" not in str(backend) and device.type != "cuda":
            raise InputError(f"Process groups of nccl sum tensors on GPUs, and this network is on {device}: move it.")
        return cls(group, device)

    @property
    def alone(self) -> bool:
        """True without a group; a group of one rank works as one of several."""
        return self.group is None

    @property
    def number(self) -> int:
        return 0 if self.group is None else torch.distributed.get_rank(self.group)

    @property
    def count(self) -> int:
        return 1 if self.group is None else torch.distributed.get_world_size(self.group)

    def add(self, *tensors: Tensor) -> None:
        """Replace tensors by their sums over the ranks, in one message."""
        self._reduce(torch.distributed.ReduceOp.SUM if self.group is not None else None, *tensors)

    def highest(self, *tensors: Tensor) -> None:
        """Replace tensors by their largest values over the ranks."""
        self._reduce(torch.distributed.ReduceOp.MAX if self.group is not None else None, *tensors)

    def add_lower(self, matrix: Tensor) -> None:
        """Replace the lower triangle of a square matrix by its sum over the ranks; what is above it means nothing."""
        block = 512  # rows that are summed at once, up to their last diagonal entry
        for start in range(0, 0 if self.group is None else len(matrix), block):
            self.add(matrix[start : start + block, : start + block])

    def total(self, *numbers: float, tensors: Sequence[Tensor] = ()) -> list[float]:
        """Return the sums of numbers over the ranks, and replace tensors by theirs in the same message."""
        if self.group is None:
            return list(numbers)
        values = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        self.add(values, *tensors)
        return values.tolist()

    def largest(self, number: float) -> float:
        """Return the largest of one number of each rank."""
        if self.group is None:
            return number
        value = torch.tensor([number], dtype=torch.float64, device=self.device)
        self.highest(value)
        return value.item()

    def before(self, count: int) -> int:
        """Return the sum of the counts of all ranks before this one."""
        return sum(map(len, self.gathered(torch.empty(count, 0))[: self.number]))

    def gathered(self, values: Tensor) -> list[Tensor]:
        """Return the tensors (n, ...) of all ranks, in their order; their lengths n may differ."""
        if self.group is None:
            return [values]
        counts = torch.zeros(self.count, dtype=torch.int64, device=self.device)
        counts[self.number] = len(values)
        self.add(counts)
        most = int(counts.max())
        padded = values.new_zeros((most, *values.shape[1:]))
        padded[: len(values)] = values
        found = [torch.empty_like(padded) for _ in range(self.count)]
        if padded.numel():
            torch.distributed.all_gather(found, padded, group=self.group)
        return [part[:count] for part, count in zip(found, counts.tolist(), strict=True)]

    def from_first(self, values: Tensor) -> Tensor:
        """Return the tensor of rank 0; all have its shape and dtype."""
        if self.group is None:
            return values
        sent = values.detach().clone().contiguous()
        torch.distributed.broadcast(sent, group=self.group, group_src=0)
        return sent

    def require(self, error: InputError | None) -> None:
        """Raise an error on all ranks if there is one on any: on the others it names the first rank that has one."""
        failed = self.largest(0.0 if error is None else float(self.count - self.number))
        if error is not None:
            raise error
        if failed:
            raise InputError(f"Rank {self.count - int(failed)} of {self.count} refused its rows: see its message.")

    def require_same(self, model: KAN, settings: Sequence[object]) -> None:
        """Raise InputError unless all ranks were given the same network, with all of its values, and settings."""
        if self.group is None:
            return
        digest = hashlib.sha256(repr(settings).encode())
        for name, value in model.state_dict().items():
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        number = float(int.from_bytes(digest.digest()[:6], "big"))  # exact in float64
        if self.largest(number) != -self.largest(-number):
            raise InputError("The ranks must give 'fit' the same network and settings: give KAN the same seed on each.")

    def _reduce(self, operation: Any, *tensors: Tensor) -> None:
        if self.group is None:
            return
        sent = tensors[0].contiguous() if len(tensors) == 1 else torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(sent, op=operation, group=self.group)
        parts = sent.reshape(-1).split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.reshape(tensor.shape))


ALONE = Ranks()


class Rows(Protocol):
    """Rows in memory (`Table`), in a file, behind a loader or on several ranks (`Stream`)."""

    @property
    def ranks(self) -> Ranks:
        """The processes whose rows these are together."""
        ...

    def batches(self, rows: int) -> Iterator[Table]:
        """Return all rows of this process, in batches of at most that size."""
        ...

    def __len__(self) -> int:
        """Return the number of rows of all ranks."""
        ...


@dataclass(frozen=True)
class Table:
    """Rows to fit, all float64 on one device.

    Parameters
    ----------
    x : (n, n_in)
        The inputs.
    y : (n, n_out)
        The targets; for classes (n, 1), the class numbers.
    weights : (n,)
        Weights of the rows, of mean one.

    Examples
    --------
    >>> import torch
    >>> from edgewise.train import Table
    >>> rows = torch.arange(3, dtype=torch.float64)[:, None]
    >>> len(Table(rows, rows**2, torch.ones(3)).part(slice(2)))
    2
    """

    x: Tensor
    y: Tensor
    weights: Tensor

    @property
    def ranks(self) -> Ranks:
        return ALONE

    def part(self, index: Tensor | slice) -> Table:
        """Return some of the rows; a slice gives views.

        Parameters
        ----------
        index
            An index, a mask or a slice.
        """
        return Table(self.x[index], self.y[index], self.weights[index])

    def rows(self, index: Tensor) -> Table:
        """Return some of the rows, their weights scaled to mean one.

        Parameters
        ----------
        index
            An index or a mask.
        """
        chosen = self.part(index)
        return Table(chosen.x, chosen.y, chosen.weights / chosen.weights.mean())

    def batches(self, rows: int) -> Iterator[Table]:
        """Return the table in batches, each a view.

        Parameters
        ----------
        rows
            Rows of a batch, at most.
        """
        for k in range(0, len(self), rows):
            yield self.part(slice(k, k + rows))

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Shape:
    """What rows have to match: a network's inputs and outputs, its device, and what the outputs are.

    Parameters
    ----------
    n_in
        Number of inputs.
    n_out
        Number of outputs.
    classes
        Whether the outputs are for classes.
    device
        Device of the network; None leaves rows where they are.
    """

    n_in: int
    n_out: int
    classes: bool = False
    device: torch.device | None = None


def as_matrix(values: Any, what: str, first: int = 0) -> Tensor:
    """Return a float64 tensor of two dimensions.

    Parameters
    ----------
    values
        An array, a tensor, a table or a list; one dimension is a column.
    what
        What messages call the values.
    first
        Number of the first row, for messages.

    Raises
    ------
    InputError
        For values that are not numbers, not finite or beyond 1e150, and other shapes.

    Examples
    --------
    >>> from edgewise.train import as_matrix
    >>> as_matrix([1, 2], "x").tolist()
    [[1.0], [2.0]]
    >>> as_matrix([[1, float("nan")]], "x")
    Traceback (most recent call last):
    edgewise._errors.InputError: x has nan in row 0, column 1. Drop or fill such rows.
    """
    try:
        tensor = values.detach().to_dense() if isinstance(values, Tensor) else _from_array(values)
        if tensor.is_meta:
            raise TypeError("a meta tensor has no values")
        if tensor.is_complex():
            raise TypeError("the numbers are complex")
        tensor = tensor.to(torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(
            f"{what} must be numbers in an array or tensor. Got {type(values).__name__}: {first_line(error)}."
        ) from error
    if tensor.dim() == 1:
        tensor = tensor.unsqueeze(1)
    if tensor.dim() != 2 or 0 in tensor.shape:
        raise InputError(f"{what} must have shape (rows, columns) with at least one row. Got {tuple(tensor.shape)}.")
    if not torch.isfinite(tensor).all():
        row, column = (~torch.isfinite(tensor)).nonzero()[0].tolist()
        raise InputError(
            f"{what} has {tensor[row, column].item()} in row {first + row}, column {column}. Drop or fill such rows."
        )
    if float(tensor.abs().max()) > 1e150:
        raise InputError(
            f"{what} has values beyond 1e150, whose squares overflow. Rescale the column, for example its units."
        )
    return tensor


def own_columns(model: KAN, x: Any) -> Any:
    """Return x, of a data frame the columns that the network was trained on, in its order.

    Errors: InputError for a frame that lacks one.
    """
    return x if model.input_names is None or not is_frame(x) else by_name(x, model.input_names)


def as_inputs(values: Any, model: KAN, what: str = "x") -> Tensor:
    """Return inputs (n, n_in) of a network, as a float64 tensor on its device.

    Parameters
    ----------
    values
        An array, a tensor, a table or a list; of a data frame the columns that the network was trained on.
    model
        The network.
    what
        What messages call the values.

    Raises
    ------
    InputError
        For another number of columns, and values that are not finite numbers.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.train import as_inputs
    >>> as_inputs([[1, 2]], ew.KAN([2, 1])).tolist()
    [[1.0, 2.0]]
    """
    x = as_matrix(own_columns(model, values), what)
    if x.shape[1] != model.n_in:
        raise InputError(f"This KAN takes {model.n_in} input columns. {what} has {x.shape[1]}.")
    return x.to(model.device)


def _from_array(values: Any) -> Tensor:
    """Return a tensor of an array, table or list; Python's numbers become float64, not torch's default dtype."""
    if isinstance(values, np.ma.MaskedArray):  # what is masked is missing
        values = np.ma.filled(values.astype(np.float64), np.nan)
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    if array.dtype == object:  # from tables of mixed types
        array = array.astype(np.float64)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"it holds {'text' if array.dtype.kind in 'SUT' else array.dtype}")
    array = array.copy() if min(array.strides, default=0) < 0 else array  # which torch does not take
    return torch.as_tensor(array) if array.flags.writeable else torch.tensor(array)


def as_table(x: Any, y: Any, weights: Any, n_in: int, n_out: int) -> Table:
    """Return rows for a network of these numbers of inputs and outputs, as `as_rows` does.

    Parameters
    ----------
    x : (n, n_in)
        The inputs.
    y : (n, n_out)
        The targets; (n,) for one output.
    weights : (n,)
        Weights of the rows, not negative; None for equal ones.
    n_in
        Number of inputs.
    n_out
        Number of outputs.

    Raises
    ------
    InputError
        For shapes that do not match, values that are not finite, and fewer than three rows.

    Examples
    --------
    >>> from edgewise.train import as_table
    >>> len(as_table([1, 2, 3], [1, 4, 9], None, 1, 1))
    3
    """
    return as_rows(x, y, weights, Shape(n_in, n_out))


def as_rows(x: Any, y: Any, weights: Any, shape: Shape) -> Table:
    """Return rows for a network of a shape, checked; rows of weight zero are left out.

    Parameters
    ----------
    x : (n, n_in)
        The inputs.
    y : (n, n_out)
        The targets; (n,) for one output, class numbers for classes.
    weights : (n,)
        Weights of the rows, not negative; None for equal ones.
    shape
        What the rows have to match.

    Raises
    ------
    InputError
        For shapes that do not match, values that are not finite, negative weights, and fewer than three rows.

    Examples
    --------
    >>> from edgewise.train import Shape, as_rows
    >>> as_rows([1, 2, 3, 4], [1, 4, 9, 16], [1, 1, 0, 4], Shape(1, 1)).weights.tolist()
    [0.5, 0.5, 2.0]
    """
    x, y, w = _checked(x, y, weights, shape, 0)
    if len(x) < 3:
        raise InputError(f"Fitting needs at least 3 rows. Got {len(x)}.")
    if weights is None:
        return Table(x, y, w)
    if float(w.sum()) == 0:
        raise InputError("weights must be non-negative and not all zero.")
    counts = w > 0  # rows of weight zero are left out
    if int(counts.sum()) < 3:
        raise InputError(f"Fitting needs at least 3 rows of positive weight. Got {int(counts.sum())}.")
    x, y, w = x[counts], y[counts], w[counts]
    return Table(x, y, w / w.mean())


def as_batch(batch: Any, shape: Shape, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return x, y and weights of one batch, checked; `first` is the number of its first row."""
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise InputError(f"Batches must be (x, y) or (x, y, weights). Got {type(batch).__name__}{size}.")
    return _checked(batch[0], batch[1], batch[2] if len(batch) == 3 else None, shape, first)


def _checked(x: Any, y: Any, weights: Any, shape: Shape, first: int) -> tuple[Tensor, Tensor, Tensor]:
    x, y = as_matrix(x, "x", first), as_matrix(y, "y, as class numbers," if shape.classes else "y", first)
    if len(x) != len(y):
        raise InputError(f"x and y must have equally many rows. Got {len(x)} and {len(y)}.")
    if x.shape[1] != shape.n_in:
        raise InputError(f"This KAN takes {shape.n_in} input columns. x has {x.shape[1]}.")
    size = x.abs().amax(0)
    tiny = (size > 0) & (size < 1e-290)
    if bool(tiny.any()):
        column = int(tiny.nonzero()[0])
        raise InputError(
            f"x has values of at most {float(size[column]):.1g} in column {column}, too small to divide into cells. "
            "Rescale the column, for example its units."
        )
    if shape.classes:
        _check_classes(y, shape.n_out, first)
    elif y.shape[1] != shape.n_out:
        raise InputError(f"This KAN gives {shape.n_out} outputs. y has {y.shape[1]} columns.")
    if weights is None:
        w = torch.ones(len(x), dtype=torch.float64, device=x.device)
    else:
        matrix = as_matrix(weights, "weights", first)
        if matrix.shape != (len(x), 1):
            raise InputError(
                f"weights must hold one number for each of the {len(x)} rows. Got shape {tuple(matrix.shape)}."
            )
        if float(matrix.min()) < 0:
            raise InputError("weights must be non-negative and not all zero.")
        w = matrix[:, 0]
    return x.to(shape.device), y.to(shape.device), w.to(shape.device)


def _check_classes(y: Tensor, n_out: int, first: int) -> None:
    most = max(n_out, 2)
    if y.shape[1] != 1:
        raise InputError(f"For classes y must hold one class number for each row. It has {y.shape[1]} columns.")
    wrong = (y != y.round()) | (y < 0) | (y >= most)
    if wrong.any():
        row = int(wrong.nonzero()[0, 0])
        raise InputError(
            f"y must hold class numbers 0 to {most - 1} for a KAN of {n_out} output{'s' * (n_out > 1)}. "
            f"Got {y[row, 0].item():g} in row {first + row}."
        )
