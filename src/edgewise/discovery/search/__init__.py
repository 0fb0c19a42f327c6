"""The stages of one discovery, and the choice among what they find."""

from edgewise.discovery.search._search import Search as Search
