"""What importing edgewise brings, what it offers, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import edgewise

HEAVY = [
    "matplotlib", "pandas", "sklearn", "sympy", "typer", "rich", "scipy", "pyarrow", "jinja2", "safetensors", "joblib",
]  # fmt: skip


def python(code: str, folder: Path) -> str:
    """Run code in a fresh interpreter in an empty folder; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:edgewise", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    return done.stdout


def test_import_brings_nothing_heavy_and_a_network_only_torch(tmp_path: Path) -> None:
    code = f"import sys, edgewise; print([name for name in {['torch', 'numpy', *HEAVY]} if name in sys.modules])"
    assert python(code, tmp_path) == "[]\n"
    code = f"import sys, edgewise; edgewise.KAN; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code, tmp_path) == "[]\n"


def test_the_command_can_be_interrupted_before_torch_is_there(tmp_path: Path) -> None:
    code = "import sys, edgewise.cli; print([name for name in ('torch', 'numpy', 'typer') if name in sys.modules])"
    assert python(code, tmp_path) == "[]\n"


WORK = """
import random, sys
import numpy as np
import torch
torch.set_num_threads(1)
before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
threads = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
import edgewise as ew
x = np.linspace(-1, 1, 120).reshape(60, 2)
y = x[:, 0] * x[:, 1]
kept = x.copy(), y.copy()
model = ew.KAN([2, 2, 1])
model(torch.as_tensor(x))
for solver in ("lm", ew.optim.LBFGS(steps=5), ew.optim.Adam(epochs=2)):
    ew.fit(model, x, y, grids=[3], solver=solver, options=ew.Options(restarts=1))
assert np.array_equal(x, kept[0]) and np.array_equal(y, kept[1])
assert torch.equal(torch.get_rng_state(), before[0])
assert random.getstate() == before[1] and str(np.random.get_state()) == before[2]
assert threads == (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled())
print([name for name in HEAVY if name in sys.modules])
"""


def test_building_calling_and_fitting_write_nothing_and_change_nothing(tmp_path: Path) -> None:
    """torch's own optimisers bring sympy with them, and curves are smoothed with scipy; the rest stays away."""
    heavy = [name for name in HEAVY if name not in ("sympy", "scipy")]
    assert python(f"HEAVY = {heavy}\n{WORK}", tmp_path) == "[]\n"


PUBLIC = {
    "edgewise": """
        Censored EdgewiseError InputError KAN Options Session bases calling datasets discover discover_ode
        discover_pde discovery dynamics encoding estimators export expressions find_relations fit fit_formula forms
        functions interpret io kernels load model_card nn optim pde plot pretrained prune regression save session
        structure studio sweep sweeps symbolic train unsupervised update
    """,
    "edgewise.nn": """
        Architecture Block Config Coverage Direction Edge FeedForward FrozenKAN GaussNewtonMatrix KAN KANConv1d
        KANConv2d KANConv3d KANFeedForward KANLayer Layout MARGINS Malformed Nodes Pass Rational RationalConv1d
        RationalConv2d RationalConv3d RationalLayer Rule Scheme Trace Width adapt_grid add_constant add_input ascending
        center clone compact coverage derivatives edge_derivatives edge_of edges_of_node find_feed_forwards frozen
        has_shapes held_knots initial_values is_readable knots_over layer_of lock monotone parameter_groups perturb
        quantize refine_grid refine_grids regularization remove_edges remove_node replace_by_mean replace_convs
        replace_feed_forwards replace_parameters require restore_edges scale_outputs select set_function shaped
        shift_outputs shiftable smooth spline_functions spline_name stack subnode_formulas symbolic_derivatives
        symmetrize to_splines trace unlock update_grids widen widen_grids with_locked
    """,
    "edgewise.train": """
        Cauchy CrossEntropy FitResult FitStep Huber Loss LossName Monitor Objective Options Outcome Parquet Quadratic
        RefitPass Row SOLVERS Shape SolverName Squared Table Words as_inputs as_matrix as_rows as_table choose_loss
        error_of fit penalty
        refit refit_check rescale_knots step_callback update
    """,
    "edgewise.optim": """
        Adam BatchProblem CG DampedSolver DampedState GaussNewtonOperator GradientSolver LBFGS LM LeastSquaresProblem
        LeastSquaresSolver MatrixFreeProblem Needs NormalEquations PrecisionName ScheduleName Solver Step StopReason
    """,
    "edgewise.kernels": """
        BSplineFamily Backend BackendName Chain ChainCall ChebyshevFamily Choice Factor Family FourierFamily
        Link Operation RBFFamily RationalFamily Route Sizes cached_on chain_call clear_dispatch_cache contract
        evaluate_basis explain factor_for forced is_eager is_full is_traced kept one_thread prepare quick_contract
        rational vjp_coefficients vjp_inputs
    """,
    "edgewise.bases": """
        ACTIVATIONS ActivationName BASES BASE_FUNCTIONS BSpline BaseName Basis BasisName Chebyshev Fourier
        HIGHEST_DEGREE RBF adapted_knots base_function fit_curves joined_rows least_squares named rational_start
        refined_knots register spline_range transfer uniform_knots
    """,
    "edgewise.datasets": "names path",
    "edgewise.encoding": """
        Category CellTypeError Column Dates Encoder Inputs Label Number as_array by_name check_names
        column_names is_frame iso_dates
        warn_of_index
    """,
    "edgewise.estimators": """
        Comparison CurvesDisplay Edit KANClassifier KANRegressor KANSurvival KANTransformer NumericTargets
        SupervisedEstimator SymbolicClassifier SymbolicRegressor SymbolicTransformer TableClassifier TableEstimator
        TableRegressor Training compare
    """,
    "edgewise.session": "ACTIONS Action Comparison Preview Session State Steering Variable acting",
    "edgewise.studio": "Desk Moved REQUESTS Request Studio StudioWidget desk_of open serve widget",
    "edgewise.forms": "Form Parameter fit get names register",
    "edgewise.functions": "Function get names register registered",
    "edgewise.structure": """
        CAP FLOOR Finding Findings Surrogate Tree Verdict additive combined exclusive exponential find irrelevant
        monomial multiplicative network offset_product power_sum scaling separable surrogate translation tree
    """,
    "edgewise.sweeps": "Space Sweep Trial sweep",
    "edgewise.interpret.symmetries": """
        Coordinates GaussianProcess Gradients Measured POWERS Scales TableProcess choices gaussian_process has_power
        heavy_tailed inner_rows measured off_zero waves
    """,
    "edgewise.export": """
        FormulaModule Language OnnxGraph OnnxSource OnnxValue Printer Program Source c excel identifiers language
        languages latex latex_names latex_with_error_bars numpy onnx_formulas onnx_function onnx_network program
        register text text_with_error_bars to_onnx torch torch_source
    """,
    "edgewise.regression": "Censored FitOutcome FormulaFit LossName fit_form fit_formula",
    "edgewise.interpret": """
        Arrangement Cut EdgeCurve Narrow PruneResult Removal arrange curve_table edge_curves edge_means
        edge_scores edge_table end_names hessians input_scores interaction_table interactions node_names
        node_scores node_table prune rows_of shape_of straightness without
    """,
    "edgewise.dynamics": """
        Constant Dynamics DynamicsCandidate FieldCandidate FieldEquations Outcome Population discover_ode discover_pde
    """,
    "edgewise.pde": """
        Ball Boundary Box Branch Coefficient Condition Corner Disk Domain Errors Face FoundCoefficient Integral
        Interface Jet JetPass Marched Outcome Periodic Polygon Problem Reading Singular Solution Table Trajectory Weak
        continue_in load march measured periodic products read solve table
    """,
    "edgewise.pretrained": "About ModelCard load model_card save",
    "edgewise.io": """
        EXCEL LARGEST Malformed MixedSelection SavedModel Selection Separator Sign Table config_text frame_of is_names
        is_units iso_dates limits_of load load_with_metadata model_bytes network_inputs open_parquet read_config
        read_model read_table read_weights save select_mixed sheet_names sniff why_no_class with_classes
    """,
}


LISTING = """
import importlib, json, sys, types
for module in json.loads(sys.argv[1]):
    home = importlib.import_module(module)
    modules = vars(home).get("_LATER", [])
    names = [
        name
        for name in dir(home)
        if not name.startswith("_")
        and name not in ("annotations", "TYPE_CHECKING", "Any")
        and (name in modules or not isinstance(vars(home).get(name), types.ModuleType))
    ]
    print(*sorted(names))
"""


def test_the_public_names_are_these() -> None:
    """Frozen: a name that comes or goes is a line in this file."""
    command = [sys.executable, "-c", LISTING, json.dumps(list(PUBLIC))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for (module, expected), found in zip(PUBLIC.items(), done.stdout.splitlines(), strict=True):
        assert found.split() == expected.split(), module


def test_dir_names_what_is_public_and_nothing_else() -> None:
    assert not {"Any", "TYPE_CHECKING", "annotations", "importlib"} & {*dir(edgewise)}
    assert {"open", "widget", "Studio"} <= {*dir(edgewise.studio)}


SIGNATURES = {
    "KAN": "(widths, *, basis='bspline', grid=5, degree=3, base=None, domain=(-1.0, 1.0), init='auto', seed=0, "
    "device=None, dtype=torch.float64)",
    "fit": (
        "(model, x, y=None, *, weights=None, loss='squared', grids='auto', sparsity=0.0, solver='auto', options=None)"
    ),
    "fit_formula": (
        "(formula, x, y, *, names=None, start=None, bounds=None, sigma=None, absolute_sigma=False, weights=None, "
        "groups=None, varying=None, between='full', restricted=True, loss='squared', covariance=None, trials=None, "
        "sigma_x=None, correlated=None)"
    ),
    "update": "(model, x, y, *, weights=None, keep=10.0, anchors=None, steps=100)",
    "save": "(model, path, *, names=None, target=None, units=None, decimals=None, inputs=None, classes=None)",
    "load": "(path)",
    "Options": (
        "(validation='auto', smoothing='auto', restarts='auto', seed=0, time_limit=None, callbacks=None, "
        "progress='auto', test='auto', process_group=None, checkpoint=None, n_jobs=None)"
    ),
    "nn.KANLayer": (
        "(n_in, n_out, *, basis='bspline', grid=5, degree=3, base='silu', domain=(-1.0, 1.0), init='auto', "
        "device=None, dtype=None, generator=None)"
    ),
    "nn.adapt_grid": "(model, x, grid=None, *, margins=(0.02, 0.05), quantiles=0.0)",
    "nn.refine_grid": "(model, factor)",
    "nn.remove_edges": "(model, edges)",
    "nn.set_function": "(model, edge, name, affine=(1.0, 0.0, 1.0, 0.0))",
    "nn.scale_outputs": "(model, factors)",
    "nn.compact": "(model, x)",
    "nn.clone": "(model, dtype=None)",
    "nn.trace": "(model, x)",
    "nn.widen": "(model, depth, nodes, *, seed=0)",
    "nn.to_splines": "(model, x, edges=None, *, grid=None)",
    "nn.perturb": "(model, scale=0.01, *, seed=0)",
    "symbolic.parse": "(text, names=None)",
    "symbolic.network_of": "(formula, names=None, *, layers=1)",
    "optim.LM": "(steps=60, tolerance=0.0001, damping=1e-08)",
    "optim.LBFGS": "(steps=300, history=20, patience=None)",
    "optim.Adam": (
        "(epochs=200, batch=256, rate=0.003, schedule='cosine', weight_decay=0.0, clip=None, accumulate=1, "
        "precision=None, patience=None)"
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signatures_are_these(name: str) -> None:
    import inspect

    value = edgewise
    for part in name.split("."):
        value = getattr(value, part)
    signature = inspect.signature(value)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    shown = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    assert str(shown) == SIGNATURES[name]


def test_every_public_name_is_found_and_documented() -> None:
    for name in PUBLIC["edgewise"].split():
        if name in ("discover", "plot", "symbolic"):  # made elsewhere
            continue
        assert getattr(edgewise, name).__doc__, name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        edgewise.nothing  # noqa: B018 (the access is the test)
    assert edgewise.__version__.count(".") == 2


def test_an_estimator_of_curves_loads_no_search_for_formulas(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
import edgewise as ew
x = np.random.default_rng(0).normal(size=(60, 2))
ew.estimators.KANRegressor().fit(x, x[:, 0] ** 2 + x[:, 1]).predict(x)
searches = ("edgewise.discovery", "edgewise.formulas.programs", "edgewise.interpret.reading", "edgewise.plot")
print([name for name in sys.modules if name.startswith(searches)])
"""
    assert python(code, tmp_path) == "[]\n"
