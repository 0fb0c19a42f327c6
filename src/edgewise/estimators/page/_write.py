"""One HTML file of a fitted table, with its styles, scripts and values inside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from edgewise._printable import printable
from edgewise.estimators.page._content import PageContent, finite

_HERE = Path(__file__).parent
_SOURCE = _HERE.parents[1]
#: what the report and the studio have too is read from there
_STYLES = (_SOURCE / "plot" / "report" / "report.css", _HERE / "page.css")
_SHARED = [_SOURCE / "studio" / "static" / name for name in ("elements.js", "words.js", "takeaway.js")]
_OWN = ("sums.js", "edits.js", "axes.js", "panels.js", "maps.js", "prediction.js", "editing.js", "page.js")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render(content: PageContent) -> str:
    """Return the page as text."""
    title = escape(printable(content.title))
    facts = "".join(
        f"<div><dt>{escape(printable(name))}</dt><dd>{escape(printable(value))}</dd></div>"
        for name, value in content.facts
    )
    values = json.dumps(finite(content.values), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<title>{title}</title>\n<style>\n',
            *(path.read_text(encoding="utf-8") for path in _STYLES),
            f'</style>\n</head>\n<body>\n<main class="table-page">\n<header>\n<h1>{title}</h1>\n',
            f'<p class="subtitle">{escape(printable(content.subtitle))}</p>\n',
            f'<dl class="figures facts">{facts}</dl>\n</header>\n',
            *content.lead,
            '<div id="page"></div>\n',
            "<noscript><p>This page needs JavaScript to draw the model.</p></noscript>\n",
            *content.sections,
            "<footer>Written by edgewise. This page is complete in itself: it loads nothing.</footer>\n</main>\n",
            '<script type="application/json" id="values">',
            values.replace("<", "\\u003c"),
            '</script>\n<script type="module">\n',
            script(),
            "</script>\n</body>\n</html>\n",
        ]
    )


def script() -> str:
    """Return the modules of the page as one, without their imports and exports."""
    lines = []
    for path in [*_SHARED, *(_HERE / name for name in _OWN)]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("import "):
                lines.append(line.removeprefix("export "))
    return "\n".join(lines).replace("</script", "<\\/script") + "\n"


def table_section(table: Any, digits: int = 3) -> str:
    """Return a DataFrame as a section, under the title and with the note that its `attrs` hold.

    Columns `a_low` and `a_high` are the interval of a column `a`, and stand with it.
    """
    title, note = (str(table.attrs.get(name, "")) for name in ("title", "note"))
    names = [str(name or "") for name in table.index.names]
    bounds = {name: (f"{name}_low", f"{name}_high") for name in table.columns if f"{name}_low" in table.columns}
    shown = [name for name in table.columns if not any(name in pair for pair in bounds.values())]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    for name in shown:
        first = table[name].iloc[0] if len(table) else ""
        head += f'<th scope="col"{_aligned(first)}>{escape(printable(_said(name)))}</th>'
    body = []
    for place, index in enumerate(table.index):
        keys: Sequence[Any] = index if isinstance(index, tuple) else (index,)
        cells = "".join(f'<th scope="row">{escape(printable(str(key)))}</th>' for key in keys)
        row = table.iloc[place]
        for name in shown:
            text = _shown(row[name], digits)
            if name in bounds:
                text += " ({} to {})".format(*(_shown(row[each], digits) for each in bounds[name]))
            cells += f"<td{_aligned(row[name])}>{escape(printable(text))}</td>"
        body.append(f"<tr>{cells}</tr>")
    heading = f"<h2>{escape(printable(title))}</h2>" if title else ""
    said = f'<p class="hint">{escape(printable(note))}</p>' if note else ""
    label = escape(title or "Table")
    return (
        f'<section>{heading}{said}<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div></section>\n"
    )


def _said(name: Any) -> str:
    parts = name if isinstance(name, tuple) else (name,)
    return " ".join(str(part) for part in parts).replace("_", " ")


def _aligned(value: Any) -> str:
    return ' class="n"' if isinstance(value, int | float | np.number) else ""


def _shown(value: Any, digits: int) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if not np.isfinite(value):
            return "–"
        return f"{value:.0f}" if 10**digits <= abs(value) < 1e9 else f"{value:.{digits}g}"
    return str(value)
