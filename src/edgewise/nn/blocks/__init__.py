"""Feed-forward blocks of transformers: as KANs, and those of models that others wrote."""

from edgewise.nn.blocks._feedforward import KANFeedForward as KANFeedForward
from edgewise.nn.blocks._feedforward import replace_feed_forwards as replace_feed_forwards
from edgewise.nn.blocks._find import FeedForward as FeedForward
from edgewise.nn.blocks._find import find_feed_forwards as find_feed_forwards
