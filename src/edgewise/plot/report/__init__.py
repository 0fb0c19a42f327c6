"""One self-contained HTML file that tells what was found and how."""

from edgewise._extras import extras as _extras

with _extras():
    from edgewise.plot import Candidate as Candidate
    from edgewise.plot.report._write import ReportContent as ReportContent
    from edgewise.plot.report._write import typeset as typeset
    from edgewise.plot.report._write import write_report as write_report
