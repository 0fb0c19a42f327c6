"""Formulas of one form for all groups, with constants that differ by group."""

from edgewise.discovery.groups._search import GroupSearch as GroupSearch
