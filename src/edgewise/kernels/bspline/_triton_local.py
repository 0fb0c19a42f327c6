"""B-spline values on a GPU, as functions that kernels call: from points to tiles of basis values, never to memory.

Points and knots come in the type that values are computed in, float32 or float64.
"""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.runtime._triton import jit, tl


@jit
def cell_of(x, knots, COUNT: tl.constexpr, DEGREE: tl.constexpr):
    """Number, from 0, of the cell that holds each point; the outer cells hold what lies beyond, the last one NaN too.

    The largest c with c = 0 or t_{degree + c} <= x, bit by bit from the highest: a search without a branch.
    """
    GRID: tl.constexpr = COUNT - DEGREE
    cell = tl.zeros_like(x).to(tl.int32)
    for bit in tl.static_range(24):
        if (1 << (23 - bit)) < GRID:
            probe = cell + (1 << (23 - bit))
            edge = tl.load(knots + DEGREE + tl.minimum(probe, GRID - 1))
            cell = tl.where((probe < GRID) & ((x < edge) == 0), probe, cell)
    return cell


@jit
def _shares(values, window, P: tl.constexpr):
    """The P functions of degree P - 1 on a cell, each divided by the width of its support."""
    out = (values[0] / (tl.load(window + 1) - tl.load(window + 1 - P)),)
    for number in tl.static_range(1, P):
        out += (values[number] / (tl.load(window + 1 + number) - tl.load(window + 1 - P + number)),)
    return out


@jit
def _raised(shares, x, window, P: tl.constexpr):
    """The P + 1 functions of degree P on a cell, from the shares of degree P - 1."""
    out = (shares[0] * (tl.load(window + 1) - x),)
    for number in tl.static_range(1, P):
        rising = shares[number - 1] * (x - tl.load(window - P + number))
        out += (rising + shares[number] * (tl.load(window + 1 + number) - x),)
    out += (shares[P - 1] * (x - tl.load(window)),)
    return out


@jit
def _differentiated(shares, P: tl.constexpr):
    """The derivatives of the P + 1 functions of degree P on a cell, from the shares of degree P - 1."""
    out = (-P * shares[0],)
    for number in tl.static_range(1, P):
        out += (P * (shares[number - 1] - shares[number]),)
    out += (P * shares[P - 1],)
    return out


@jit
def _continued(values, slopes, beyond, DEGREE: tl.constexpr):
    """Values plus slopes times the distance beyond the interval: the tangent outside, nothing inside."""
    out = (values[0] + slopes[0] * beyond,)
    for number in tl.static_range(1, DEGREE + 1):
        out += (values[number] + slopes[number] * beyond,)
    return out


@jit
def _kept(values, keep, DEGREE: tl.constexpr):
    """Values where `keep` holds, else zero."""
    out = (tl.where(keep, values[0], 0.0),)
    for number in tl.static_range(1, DEGREE + 1):
        out += (tl.where(keep, values[number], 0.0),)
    return out


@jit
def local(x, seed, knots, cell, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """The degree + 1 functions that live on each point's cell, differentiated ORDER times and multiplied by the seed.

    The recursion is linear in what it starts with, so that a weight costs nothing; it starts from NaN at a point that
    is NaN, which makes all of its values NaN.
    """
    low, high = tl.load(knots + DEGREE), tl.load(knots + COUNT)
    inside = tl.minimum(tl.maximum(x, low), high)
    window = knots + DEGREE + cell
    values = (tl.where(x == x, seed, float("nan")).to(x.dtype),)
    for p in tl.static_range(1, DEGREE):
        shares = _shares(values, window, p)
        values = _raised(shares, inside, window, p) if p <= DEGREE - ORDER else _differentiated(shares, p)
    shares = _shares(values, window, DEGREE)
    slopes = _differentiated(shares, DEGREE)
    if ORDER == 0:
        values = _continued(_raised(shares, inside, window, DEGREE), slopes, x - inside, DEGREE)
    elif ORDER == 1:
        values = slopes
    else:
        values = _kept(slopes, ((x < low) | (x > high)) == 0, DEGREE)
    return values


@jit
def tile(x, seed, points, columns, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr):
    """Basis values (rows, inputs, columns) of points (rows, inputs), zero where a column is not on the point's cell."""
    cell = cell_of(x, points, COUNT, DEGREE)
    values = local(x, seed, points, cell, COUNT, DEGREE, ORDER)
    place = columns[None, None, :] - cell[:, :, None]
    out = tl.where(place == 0, values[0][:, :, None], 0.0)
    for number in tl.static_range(1, DEGREE + 1):
        out = tl.where(place == number, values[number][:, :, None], out)
    return out
