"""The matrix operations that cost time, by torch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Vector = NDArray[np.floating[Any]]
Matrix = Vector


def inner(a: Matrix, b: Matrix) -> Matrix:
    """Return a' b, by torch's matrix product."""
    return (torch.from_numpy(a).T @ torch.from_numpy(b)).numpy()


def batched_inner(a: Matrix) -> Matrix:
    """Return a_j' a_j of each of a stack of matrices (J, n, m)."""
    stack = torch.from_numpy(a)
    return (stack.transpose(1, 2) @ stack).numpy()


def eigen(a: Matrix) -> tuple[Vector, Matrix]:
    """Return the eigenvalues, ascending, and eigenvectors of a symmetric matrix, or of a stack of them."""
    values, vectors = torch.linalg.eigh(torch.from_numpy(a))
    return values.numpy(), vectors.numpy()
