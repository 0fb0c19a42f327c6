"""Pictures of networks, fits, candidates and trials: nothing here shows a window or writes a file."""

from edgewise._extras import extras as _extras

with _extras():
    from edgewise.plot._curves import curves as curves
    from edgewise.plot._curves import unit_curve as unit_curve
    from edgewise.plot._effects import CurveEffect as CurveEffect
    from edgewise.plot._effects import LevelEffect as LevelEffect
    from edgewise.plot._effects import effects as effects
    from edgewise.plot._field import PairEffect as PairEffect
    from edgewise.plot._field import Side as Side
    from edgewise.plot._field import Surface as Surface
    from edgewise.plot._field import heat_map as heat_map
    from edgewise.plot._field import profiles as profiles
    from edgewise.plot._field import span as span
    from edgewise.plot._fit import fit_quality as fit_quality
    from edgewise.plot._fit import history as history
    from edgewise.plot._fit import residual_panels as residual_panels
    from edgewise.plot._layout import diagram as diagram
    from edgewise.plot._network import network as network
    from edgewise.plot._network import tree as tree
    from edgewise.plot._rows import Line as Line
    from edgewise.plot._rows import curve_among_rows as curve_among_rows
    from edgewise.plot._rows import fitted_curve as fitted_curve
    from edgewise.plot._rows import map_among_rows as map_among_rows
    from edgewise.plot._scores import Tie as Tie
    from edgewise.plot._scores import interactions as interactions
    from edgewise.plot._scores import relations as relations
    from edgewise.plot._scores import scores as scores
    from edgewise.plot._spots import Diagram as Diagram
    from edgewise.plot._spots import EdgeSpot as EdgeSpot
    from edgewise.plot._spots import NameSpot as NameSpot
    from edgewise.plot._spots import NodeSpot as NodeSpot
    from edgewise.plot._style import Picture as Picture
    from edgewise.plot._style import svg as svg
    from edgewise.plot._text import Label as Label
    from edgewise.plot._text import edge_formula as edge_formula
    from edgewise.plot._text import edge_label as edge_label
    from edgewise.plot._text import math_name as math_name
    from edgewise.plot._text import name_label as name_label
    from edgewise.plot._text import outline as outline
    from edgewise.plot._text import path_data as path_data
    from edgewise.plot._text import typesets as typesets
    from edgewise.plot._trials import Candidate as Candidate
    from edgewise.plot._trials import Trial as Trial
    from edgewise.plot._trials import pareto as pareto
    from edgewise.plot._trials import trials as trials
