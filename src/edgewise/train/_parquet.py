"""A Parquet file as rows to train on, read in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise._errors import InputError, unknown


@dataclass(frozen=True)
class Parquet:
    """A Parquet file, larger than memory if need be, for `fit` in the place of x and y.

    `target` names the column of y, or several for several outputs; `inputs` those of x, by default all others but
    `weights`. Each pass of training reads the file once, `batch` rows at a time.

    Errors: InputError for a file that is missing or empty, and for columns that are missing or no numbers.

    >>> Parquet("rows.parquet", target="y")
    Traceback (most recent call last):
    edgewise._errors.InputError: There is no file rows.parquet: check the name and the folder.
    """

    path: str | Path
    target: str | Sequence[str]
    inputs: Sequence[str] | None = None
    weights: str | None = None
    batch: int = 65_536

    def __post_init__(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(self.path)
        if not path.is_file():
            raise InputError(f"There is no file {path}: check the name and the folder.")
        try:
            with pq.ParquetFile(path) as file:
                kinds = {field.name: field.type for field in file.schema_arrow}
                rows = file.metadata.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path} is no Parquet file: {str(error).splitlines()[0]}") from error
        targets, weights = self.targets, [] if self.weights is None else [self.weights]
        chosen = self.inputs if self.inputs is not None else [n for n in kinds if n not in (*targets, *weights)]
        object.__setattr__(self, "inputs", tuple(chosen))
        named = (*chosen, *targets, *weights)
        for name in named:
            if name not in kinds:
                raise unknown(f"column of {path.name}", name, kinds)
        for name in named:
            kind = kinds[name]
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                raise InputError(
                    f"Column {name!r} of {path.name} holds {kind}, no numbers. Name the inputs to leave it out."
                )
        if not rows:
            raise InputError(f"{path} has no rows.")
        if not chosen or not targets:
            raise InputError(f"{path} needs at least one input column beside the target. It has {', '.join(kinds)}.")

    @property
    def targets(self) -> list[str]:
        return [self.target] if isinstance(self.target, str) else list(self.target)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Batches of x (n, inputs), y (n, targets) and, where there are any, weights (n,)."""
        import pyarrow.parquet as pq

        assert self.inputs is not None
        groups = [list(self.inputs), self.targets, *([[self.weights]] if self.weights else [])]
        with pq.ParquetFile(Path(self.path)) as file:
            for batch in file.iter_batches(self.batch, columns=[name for group in groups for name in group]):
                if batch.num_rows:
                    yield tuple(
                        np.stack(
                            [np.asarray(batch[name].to_numpy(zero_copy_only=False), np.float64) for name in group], 1
                        )
                        for group in groups
                    )
