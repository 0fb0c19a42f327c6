"""The search for formulas where rows are judged by a likelihood: censored values, events of trials, correlated rows."""

from edgewise.discovery.likely._search import LikelihoodSearch as LikelihoodSearch
