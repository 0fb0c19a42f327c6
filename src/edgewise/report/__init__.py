"""One self-contained HTML file that tells what was found and how."""

from edgewise._extras import extras as _extras

with _extras():
    from edgewise.plot import Candidate as Candidate
    from edgewise.report._typeset import typeset as typeset
    from edgewise.report._write import ReportContent as ReportContent
    from edgewise.report._write import write_report as write_report
