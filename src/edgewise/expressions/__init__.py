"""Formulas as sympy expressions, without a network: grammar, values, constants, simplification, units."""

from edgewise.expressions._budget import Budget as Budget
from edgewise.expressions._constants import SimpleConstant as SimpleConstant
from edgewise.expressions._constants import exact_constant as exact_constant
from edgewise.expressions._constants import readable_float as readable_float
from edgewise.expressions._constants import shorten as shorten
from edgewise.expressions._constants import simple_constants as simple_constants
from edgewise.expressions._grammar import SyntaxNode as SyntaxNode
from edgewise.expressions._grammar import syntax_tree as syntax_tree
from edgewise.expressions._parse import check_names as check_names
from edgewise.expressions._parse import parse as parse
from edgewise.expressions._parse import parse_within as parse_within
from edgewise.expressions._vocabulary import library_function as library_function
from edgewise.expressions._vocabulary import primitives as primitives
