"""The B-spline kernels on GPUs: values on a point's cell, and sums in which only these take part.

Points and knots come in the type that values are computed in, float32 or float64. `local` and `tile` turn points into
basis values, which never go to memory. `contract` and `vjp_inputs` gather rows of coefficients, contiguous over the
outputs. `vjp_coefficients` would scatter; it gathers instead: points come sorted, input by input, so that those who
touch a band of coefficients lie together, and one program sums each band by a matrix product. No atomic addition, so
that results do not depend on who comes first.
"""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.dense._triton_products import add_product, wide
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


@jit
def contract(
    x, coefficients, knots, scale, out, n_rows, n_in, n_out, width, inputs_each,
    COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr, SCALED: tl.constexpr,
    SUM: tl.constexpr, ROWS: tl.constexpr, OUTPUTS: tl.constexpr,
):  # fmt: skip
    """out[part, n, j] = sum of v_ni C[i, c + l, j] B_{c+l}(x_ni) over l = 0..degree and the part's inputs i."""
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    j = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    part = tl.program_id(2)
    start = part * inputs_each
    live = (n[:, None] < n_rows) & (j[None, :] < n_out)
    total = tl.zeros((ROWS, OUTPUTS), dtype=SUM)
    for i in range(start, tl.minimum(start + inputs_each, n_in)):
        place = n.to(tl.int64) * n_in + i
        at = wide(tl.load(x + place, mask=n < n_rows, other=0.0))
        if SCALED:
            seed = wide(tl.load(scale + place, mask=n < n_rows, other=0.0))
        else:
            seed = tl.full((ROWS,), 1.0, dtype=at.dtype)
        row = knots + i * width
        cell = cell_of(at, row, COUNT, DEGREE)
        values = local(at, seed, row, cell, COUNT, DEGREE, ORDER)
        base = coefficients + (i * COUNT + cell)[:, None].to(tl.int64) * n_out + j[None, :]
        for number in tl.static_range(DEGREE + 1):
            total += values[number][:, None].to(SUM) * tl.load(base + number * n_out, mask=live, other=0.0)
    place = (part * n_rows + n)[:, None].to(tl.int64) * n_out + j[None, :]
    tl.store(out + place, total.to(out.dtype.element_ty), mask=live)


@jit
def vjp_inputs(
    x, coefficients, grad, knots, out, n_rows, n_in, n_out, width, inputs_each,
    COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr,
    SUM: tl.constexpr, ROWS: tl.constexpr, OUTPUTS: tl.constexpr,
):  # fmt: skip
    """out[n, i] = sum over j of g_nj sum over l = 0..degree of C[i, c + l, j] B_{c+l}(x_ni)."""
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    start = tl.program_id(1) * inputs_each
    for i in range(start, tl.minimum(start + inputs_each, n_in)):
        place = n.to(tl.int64) * n_in + i
        at = wide(tl.load(x + place, mask=n < n_rows, other=0.0))
        row = knots + i * width
        cell = cell_of(at, row, COUNT, DEGREE)
        values = local(at, tl.full((ROWS,), 1.0, dtype=at.dtype), row, cell, COUNT, DEGREE, ORDER)
        base = coefficients + (i * COUNT + cell)[:, None].to(tl.int64) * n_out
        total = tl.zeros((ROWS, OUTPUTS), dtype=SUM)
        for first in range(0, n_out, OUTPUTS):
            j = first + tl.arange(0, OUTPUTS)
            live = (n[:, None] < n_rows) & (j[None, :] < n_out)
            pull = tl.zeros((ROWS, OUTPUTS), dtype=SUM)
            for number in tl.static_range(DEGREE + 1):
                loaded = tl.load(base + number * n_out + j[None, :], mask=live, other=0.0)
                pull += values[number][:, None].to(SUM) * loaded
            left = tl.load(grad + n[:, None].to(tl.int64) * n_out + j[None, :], mask=live, other=0.0)
            total += pull * left
        tl.store(out + place, tl.sum(total, axis=1).to(out.dtype.element_ty), mask=n < n_rows)


@jit
def vjp_coefficients(
    x, rows, starts, grad, knots, scale, out, n_rows, n_in, n_out, width, parts,
    COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr, SCALED: tl.constexpr, PRECISION: tl.constexpr,
    SUM: tl.constexpr, PRODUCT: tl.constexpr, ROWS: tl.constexpr, OUTPUTS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """out[part, i, m, j] = sum of g_nj v_ni B_m(x_ni) over the part's share of the rows n that touch the band of m.

    x (n_in, N) comes cell by cell; `rows` (n_in, N) says which row each point is of, starts (n_in, G + 1) where cells
    start.
    """
    GRID: tl.constexpr = COUNT - DEGREE
    BANDS: tl.constexpr = (COUNT + COLUMNS - 1) // COLUMNS
    i = tl.program_id(0) // BANDS
    begin = tl.program_id(0) % BANDS * COLUMNS
    j = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    part = tl.program_id(2)
    head = tl.load(starts + i * (GRID + 1) + tl.maximum(begin - DEGREE, 0))
    tail = tl.load(starts + i * (GRID + 1) + tl.minimum(begin + COLUMNS, GRID))
    share = (tail - head + parts - 1) // parts
    stop = tl.minimum(head + (part + 1) * share, tail)
    m = begin + tl.arange(0, COLUMNS)
    total = tl.zeros((COLUMNS, OUTPUTS), dtype=SUM)
    for top in range(head + part * share, stop, ROWS):
        s = top + tl.arange(0, ROWS)
        place = i.to(tl.int64) * n_rows + s
        at = wide(tl.load(x + place, mask=s < stop, other=0.0))
        n = tl.load(rows + place, mask=s < stop, other=0).to(tl.int64)
        seed = wide(tl.load(scale + n * n_in + i, mask=s < stop, other=0.0)) if SCALED else (s < stop).to(at.dtype)
        values = tile(at[:, None], seed[:, None], knots + i * width, m, COUNT, DEGREE, ORDER)
        live = (s[:, None] < stop) & (j[None, :] < n_out)
        right = tl.load(grad + n[:, None] * n_out + j[None, :], mask=live, other=0.0)
        left = tl.trans(tl.reshape(values, (ROWS, COLUMNS)))
        total = add_product(left, right, total, PRECISION, PRODUCT)
    place = ((part * n_in + i).to(tl.int64) * COUNT + m)[:, None] * n_out + j[None, :]
    tl.store(out + place, total.to(out.dtype.element_ty), mask=(m[:, None] < COUNT) & (j[None, :] < n_out))
