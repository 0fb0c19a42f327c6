"""Writes the table of named laws into docs/forms.md: `python docs/make_forms.py`. A test compares the two."""

from __future__ import annotations

from pathlib import Path

from edgewise import forms

PAGE = Path(__file__).with_name("forms.md")
BEGIN, END = "<!-- the table, by docs/make_forms.py -->\n", "<!-- end of the table -->\n"


def table() -> str:
    """Return the laws as tables of Markdown, one for each subject."""
    parts = []
    for subject in dict.fromkeys(forms.get(name).subject for name in forms.names()):
        rows = "".join(_row(forms.get(name)) for name in forms.names(subject))
        head = "| law | formula | constants | source |\n|---|---|---|---|\n"
        parts.append(f"### {subject.capitalize()}\n\n{head}{rows}")
    return "\n".join(parts)


def _row(form: forms.Form) -> str:
    constants = "; ".join(f"{each.symbol}: {each.meaning}" for each in form.parameters)
    inputs = "; ".join(f"{symbol}: {what}" for symbol, what in form.inputs.items())
    same = f" (as {form.like})" if form.like else ""
    return f"| {form.name}{same} | `{form.formula}` | {constants}. {inputs} | {form.source} |\n"


def with_table(page: str) -> str:
    """Return the page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
