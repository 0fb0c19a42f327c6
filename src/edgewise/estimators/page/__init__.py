"""Fitted tables as one HTML file: curves, maps, each prediction, edits by hand."""

from edgewise.estimators.page._content import PageContent as PageContent
from edgewise.estimators.page._content import PageRows as PageRows
from edgewise.estimators.page._content import page_values as page_values
from edgewise.estimators.page._overlay import overlaid as overlaid
from edgewise.estimators.page._write import render as render
from edgewise.estimators.page._write import table_section as table_section
