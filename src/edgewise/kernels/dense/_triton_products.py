"""Basis expansion fused into matrix products: the dense kernels, the same for every basis.

A basis brings a function `BASIS(x, seed, points, columns, COUNT, DEGREE, ORDER)` that turns points (rows, inputs) into
a tile of values (rows, inputs, columns), multiplied by the seed. Tiles live in registers and shared memory; a tensor
(rows, n_in, columns) is never written. Columns go by chunks of COLUMNS, so that little of the product is padding.

No two programs add to the same number, so that results do not depend on who comes first. Where the outputs are too few
to fill the device, sums are split: each part is written to a separate place, and the parts are summed afterwards.
"""

# pyright: reportInvalidTypeForm=false

from __future__ import annotations

from edgewise.kernels.runtime._triton import jit, tl


@jit
def wide(value):
    """The value in the type that is computed in: double precision stays, everything else becomes float32."""
    if value.dtype != tl.float64:
        value = value.to(tl.float32)
    return value


@jit
def add_product(left, right, total, PRECISION: tl.constexpr, PRODUCT: tl.constexpr):
    """total + left right, with both factors rounded to the type of the right one, then multiplied in PRODUCT."""
    left = left.to(right.dtype).to(PRODUCT)
    return tl.dot(left, right.to(PRODUCT), total, input_precision=PRECISION, out_dtype=total.dtype)


@jit
def block(x, scale, n, i, n_rows, n_in, stop, SCALED: tl.constexpr):
    """Points (rows, inputs) of a block and the seed of their basis values, both zero beyond the block's end."""
    live = (n[:, None] < n_rows) & (i[None, :] < stop)
    place = n[:, None].to(tl.int64) * n_in + i[None, :]
    points = wide(tl.load(x + place, mask=live, other=0.0))
    seed = wide(tl.load(scale + place, mask=live, other=0.0)) if SCALED else live.to(points.dtype)
    return points, seed


@jit
def evaluate(
    x, points, scale, out, n_rows, n_in, width,
    BASIS: tl.constexpr, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr, SCALED: tl.constexpr,
    ROWS: tl.constexpr, INPUTS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """out[n, i, m] = v_ni B_m(x_ni)."""
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    i = tl.program_id(1) * INPUTS + tl.arange(0, INPUTS)
    m = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    at, seed = block(x, scale, n, i, n_rows, n_in, n_in, SCALED)
    row = points + tl.minimum(i, n_in - 1)[None, :] * width
    values = BASIS(at, seed, row, m, COUNT, DEGREE, ORDER)
    place = (n[:, None].to(tl.int64) * n_in + i[None, :])[:, :, None] * COUNT + m[None, None, :]
    live = ((n[:, None] < n_rows) & (i[None, :] < n_in))[:, :, None] & (m[None, None, :] < COUNT)
    tl.store(out + place, values.to(out.dtype.element_ty), mask=live)


@jit
def contract(
    x, coefficients, points, scale, out, n_rows, n_in, n_out, width, inputs_each,
    BASIS: tl.constexpr, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr,
    SCALED: tl.constexpr, PRECISION: tl.constexpr, SUM: tl.constexpr, PRODUCT: tl.constexpr,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """out[part, n, j] = sum of v_ni C[i, m, j] B_m(x_ni) over all m and the part's inputs i."""
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    j = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    part = tl.program_id(2)
    start = part * inputs_each
    stop = tl.minimum(start + inputs_each, n_in)
    pair = tl.arange(0, INPUTS * COLUMNS)
    total = tl.zeros((ROWS, OUTPUTS), dtype=SUM)
    for first in range(start, stop, INPUTS):
        i = first + tl.arange(0, INPUTS)
        at, seed = block(x, scale, n, i, n_rows, n_in, stop, SCALED)
        row = points + tl.minimum(i, n_in - 1)[None, :] * width
        pair_i, pair_m = first + pair // COLUMNS, pair % COLUMNS
        for begin in tl.static_range(0, COUNT, COLUMNS):
            values = BASIS(at, seed, row, begin + tl.arange(0, COLUMNS), COUNT, DEGREE, ORDER)
            live = ((pair_i < stop) & (begin + pair_m < COUNT))[:, None] & (j[None, :] < n_out)
            place = (pair_i * COUNT + begin + pair_m)[:, None].to(tl.int64) * n_out + j[None, :]
            right = tl.load(coefficients + place, mask=live, other=0.0)
            left = tl.reshape(values, (ROWS, INPUTS * COLUMNS))
            total = add_product(left, right, total, PRECISION, PRODUCT)
    place = (part * n_rows + n)[:, None].to(tl.int64) * n_out + j[None, :]
    tl.store(out + place, total.to(out.dtype.element_ty), mask=(n[:, None] < n_rows) & (j[None, :] < n_out))


@jit
def vjp_inputs(
    x, coefficients, grad, points, out, n_rows, n_in, n_out, width,
    BASIS: tl.constexpr, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr,
    PRECISION: tl.constexpr, SUM: tl.constexpr, PRODUCT: tl.constexpr,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """out[n, i] = sum over m of B_m(x_ni) sum over j of g_nj C[i, m, j]."""
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    i = tl.program_id(1) * INPUTS + tl.arange(0, INPUTS)
    at, seed = block(x, x, n, i, n_rows, n_in, n_in, False)
    row = points + tl.minimum(i, n_in - 1)[None, :] * width
    pair = tl.arange(0, INPUTS * COLUMNS)
    pair_i, pair_m = tl.program_id(1) * INPUTS + pair // COLUMNS, pair % COLUMNS
    result = tl.zeros((ROWS, INPUTS), dtype=at.dtype)
    for begin in tl.static_range(0, COUNT, COLUMNS):
        total = tl.zeros((ROWS, INPUTS * COLUMNS), dtype=SUM)
        pair_live = (pair_i < n_in) & (begin + pair_m < COUNT)
        pair_row = (pair_i * COUNT + begin + pair_m).to(tl.int64) * n_out
        for first in range(0, n_out, OUTPUTS):
            j = first + tl.arange(0, OUTPUTS)
            place = n[:, None].to(tl.int64) * n_out + j[None, :]
            left = tl.load(grad + place, mask=(n[:, None] < n_rows) & (j[None, :] < n_out), other=0.0)
            live = pair_live[:, None] & (j[None, :] < n_out)
            right = tl.load(coefficients + pair_row[:, None] + j[None, :], mask=live, other=0.0)
            total = add_product(left, tl.trans(right), total, PRECISION, PRODUCT)
        values = BASIS(at, seed, row, begin + tl.arange(0, COLUMNS), COUNT, DEGREE, ORDER)
        result += tl.sum(values * tl.reshape(total, (ROWS, INPUTS, COLUMNS)), axis=2)
    place = n[:, None].to(tl.int64) * n_in + i[None, :]
    tl.store(out + place, result.to(out.dtype.element_ty), mask=(n[:, None] < n_rows) & (i[None, :] < n_in))


@jit
def vjp_coefficients(
    x, grad, points, scale, out, n_rows, n_in, n_out, width, rows_each,
    BASIS: tl.constexpr, COUNT: tl.constexpr, DEGREE: tl.constexpr, ORDER: tl.constexpr,
    SCALED: tl.constexpr, PRECISION: tl.constexpr, SUM: tl.constexpr, PRODUCT: tl.constexpr,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """out[part, i, m, j] = sum of g_nj v_ni B_m(x_ni) over the part's rows n."""
    CHUNKS: tl.constexpr = (COUNT + COLUMNS - 1) // COLUMNS
    first = tl.program_id(0) // CHUNKS * INPUTS
    begin = tl.program_id(0) % CHUNKS * COLUMNS
    i = first + tl.arange(0, INPUTS)
    j = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    part = tl.program_id(2)
    start = part * rows_each
    stop = tl.minimum(start + rows_each, n_rows)
    row = points + tl.minimum(i, n_in - 1)[None, :] * width
    total = tl.zeros((INPUTS * COLUMNS, OUTPUTS), dtype=SUM)
    for top in range(start, stop, ROWS):
        n = top + tl.arange(0, ROWS)
        at, seed = block(x, scale, n, i, stop, n_in, n_in, SCALED)
        values = BASIS(at, seed, row, begin + tl.arange(0, COLUMNS), COUNT, DEGREE, ORDER)
        place = n[:, None].to(tl.int64) * n_out + j[None, :]
        right = tl.load(grad + place, mask=(n[:, None] < stop) & (j[None, :] < n_out), other=0.0)
        left = tl.trans(tl.reshape(values, (ROWS, INPUTS * COLUMNS)))
        total = add_product(left, right, total, PRECISION, PRODUCT)
    pair = tl.arange(0, INPUTS * COLUMNS)
    pair_i, pair_m = first + pair // COLUMNS, begin + pair % COLUMNS
    live = ((pair_i < n_in) & (pair_m < COUNT))[:, None] & (j[None, :] < n_out)
    place = ((part * n_in + pair_i).to(tl.int64) * COUNT + pair_m)[:, None] * n_out + j[None, :]
    tl.store(out + place, total.to(out.dtype.element_ty), mask=live)


@jit
def along_tangents(x, seed, points, columns, EVALUATE: tl.constexpr, COUNT: tl.constexpr, ORDER: tl.constexpr):
    """Values (rows, inputs, columns) of points (rows, inputs), multiplied by the seed; all NaN at a point that is NaN.

    EVALUATE(inside, low, high, columns, COUNT, ORDER) gives them within the range, and finite numbers in columns beyond
    the last function.
    """
    low, high = tl.load(points), tl.load(points + 1)
    inside = tl.minimum(tl.maximum(x, low), high)
    out = EVALUATE(inside, low, high, columns, COUNT, ORDER)
    if ORDER == 0:
        out += EVALUATE(inside, low, high, columns, COUNT, 1) * (x - inside)[:, :, None]
    if ORDER > 1:
        out = tl.where(((x < low) | (x > high))[:, :, None], 0.0, out)
    return out * tl.where(x == x, seed, float("nan"))[:, :, None]


@jit
def powers(base, EXPONENT: tl.constexpr):
    """The base multiplied by itself."""
    out = tl.full(base.shape, 1.0, dtype=base.dtype)
    for _ in tl.static_range(EXPONENT):
        out = out * base
    return out
