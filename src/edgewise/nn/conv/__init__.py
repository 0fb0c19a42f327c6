"""Convolutions whose kernels hold functions, and the exchange of a model's convolutions for them."""

from edgewise.nn.conv._layers import KANConv1d as KANConv1d
from edgewise.nn.conv._layers import KANConv2d as KANConv2d
from edgewise.nn.conv._layers import KANConv3d as KANConv3d
from edgewise.nn.conv._layers import RationalConv1d as RationalConv1d
from edgewise.nn.conv._layers import RationalConv2d as RationalConv2d
from edgewise.nn.conv._layers import RationalConv3d as RationalConv3d
from edgewise.nn.conv._replace import replace_convs as replace_convs
