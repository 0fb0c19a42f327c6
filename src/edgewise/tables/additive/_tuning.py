"""The numbers that steer the choice of an additive model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AdditiveTuning:
    """What a fit may have, and what the rows must show before it has more.

    Rows:

    - `few_rows`, `many_rows`: ten folds below the first, one held-out fifth above the second, five folds between.
    - `shape_rows`: rows that choose the shape where there are more.
    - `most_rows`: rows of which all but coefficients and smoothing are, where there are more: steps, means, intervals.

    Columns and target:

    - `skewed`, `less_skewed`: skewness from which a column is worth mapping, and by which the map has to lower it.
    - `map_slack`, `unmapped_bonus`: variance of the target within which scales count as equally good without steps, and
      log-likelihood that columns as they are have ahead.
    - `skewed_target`: skewness from which maps of a positive target are tried.

    Features:

    - `most_features`: of a fit, which costs rows features^2 + features^3.
    - `curve_functions`: functions of a column, at most.
    - `roughest`: ratio of roughness to the smoothest wiggle, beyond which functions are left out.
    - `levels`, `level_rows`: levels of a column, at most; rows of a level, at least.
    - `kept_edf`: degrees of freedom of a feature that is used.
    - `margin`: of log lambda, by how much it may fall before features are missing.

    Rough curves, tried where smooth ones explain little:

    - `rough_features`: features of all columns, at most.
    - `unexplained`: share of the sum of squares that smooth curves then leave, at least.
    - `rough_gain`: what rough curves must gain in score.
    - `rough_edf`: degrees of freedom that they may take, over rows.

    Products, hidden node and effects of single values:

    - `noise`: share of unexplained variance below which tests see nothing but the lack of fit.
    - `pairs`, `pair_inputs`: products, and inputs whose pairs are tested, at most.
    - `product_features`: features of products that there is always room for.
    - `factors`, `factor_levels`, `paired_levels`: functions of a curve and levels of a category that enter a product,
      and levels of each of two categories.
    - `nonadditive`, `nonadditive_share`: p-value below which a hidden node is tried, and share of the residual's
      variance that it has to promise.
    - `value_chance`: p-value below which single values have effects of their own.

    Average and tails:

    - `shrinkage`: of the candidates' weights toward equal ones, in rows of one mean squared error.
    - `least_weight`: smaller weights are zero.
    - `tail_doubt`: standard deviations of a continuation that are taken off it.

    Wide tables:

    - `wide_columns`: columns above which not each has a curve.
    - `rows_a_column`, `strongest`: rows for each column that has one, and how many have, at least and at most.
    - `false_discoveries`: share of those that matter by chance alone, where there are more than the least.
    - `same`: correlation from which of two columns only one has a curve.
    - `far`: median distances from the median, beyond which values count as that far where columns are compared.
    - `rank`: size of the smallest axis of a line, relative to the largest.

    Steps:

    - `step_rows`: rows from which steps are tried; `table_rows`: rows times outputs up to which tables are.
    - `steps_share`: of the steps in the average before rows have spoken, with many rows; half of it with `steps_doubt`.
    - `steps_shrinkage`: of the shares toward that, in rows; `least_step`: smaller weights are zero.
    - `faint`: share of the variance of all steps below which a table of several columns is left out.
    """

    few_rows: int = 300
    many_rows: int = 5000
    shape_rows: int = 20_000
    most_rows: int = 200_000
    skewed: float = 1.0
    less_skewed: float = 0.3
    skewed_target: float = 0.75
    map_slack: float = 0.02
    unmapped_bonus: float = 3.0
    most_features: int = 700
    curve_functions: int = 40
    roughest: float = 1e5
    levels: int = 500
    level_rows: int = 2
    kept_edf: float = 0.005
    margin: float = 2.5
    rough_features: int = 200
    unexplained: float = 0.5
    rough_gain: float = 20.0
    rough_edf: float = 0.5
    noise: float = 0.01
    pairs: int = 16
    pair_inputs: int = 50
    product_features: int = 100
    factors: int = 4
    factor_levels: int = 64
    paired_levels: int = 8
    nonadditive: float = 0.01
    nonadditive_share: float = 0.02
    value_chance: float = 1e-4
    shrinkage: float = 3.0
    least_weight: float = 0.05
    tail_doubt: float = 2.0
    wide_columns: int = 150
    rows_a_column: int = 5
    strongest: tuple[int, int] = (8, 60)
    false_discoveries: float = 0.2
    same: float = 0.98
    far: float = 6.0
    rank: float = 1e-10
    step_rows: int = 30
    table_rows: int = 3000
    steps_share: float = 0.5
    steps_doubt: float = 100.0
    steps_shrinkage: float = 30.0
    least_step: float = 0.03
    faint: float = 1e-4


TUNING = AdditiveTuning()
