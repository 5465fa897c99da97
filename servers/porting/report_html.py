"""The report for whoever plans the work: one page, nothing to load, nothing that runs."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from servers.porting.examining import Examined
from servers.porting.names import State
from servers.porting.report_text import said_of, shown_path, tabs_in
from servers.porting.totals import Totals, counted, effort

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { border-bottom: 1px solid #8886; padding: .3rem .6rem; text-align: left;
  vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td.n { white-space: nowrap }
td a { overflow-wrap: anywhere }
tfoot td { font-weight: bold }
code, del, ins { font: 14px/1.4 ui-monospace, monospace; text-decoration: none;
  white-space: pre-wrap; overflow-wrap: anywhere }
del { background: #f002 } ins { background: #0a02 }
.missing { color: #b00020 } .different { color: #8a5a00 }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8cf }
  .missing { color: #ff8a80 } .different { color: #ffcc80 } }
"""

#: Lines of changes that are shown for one file; the diff has all of them.
MOST_CHANGES = 500


def page_of(totals: Totals) -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in lines(totals))


def lines(totals: Totals) -> Iterator[str]:
    """The page, line by line."""
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>What is left to port</title><style>{STYLE}</style></head><body>"
    yield "<h1>What is left to port</h1>"
    yield f"<p>{summary(totals)}</p>"
    yield from table_of_files(totals)
    yield from table_of_rules(totals)
    yield from table_of_names(totals)
    for number, file in enumerate(totals.files):
        yield from section_of_file(file, number)
    yield "</body></html>"


def summary(totals: Totals) -> str:
    """What matters, in a few sentences."""
    changed = "have been changed" if totals.written else "can be changed"
    return (
        f"{counted(len(totals.files) + len(totals.unreadable), 'file')}. "
        f"{counted(totals.lines_changed, 'line')} {changed} mechanically, "
        f"{counted(totals.findings, 'line')} are for a person, "
        f"{counted(len(totals.unreadable), 'file')} cannot be read. "
        f"Effort left: roughly <strong>{effort(totals.minutes)}</strong>, by a fixed number of "
        "minutes for each kind of finding; tests and surprises are not in it."
    )


def table_of_files(totals: Totals) -> Iterator[str]:
    """A row for each file, and the total."""
    yield "<h2>Files</h2><table><thead><tr><th>file<th class=n>Python<th class=n>mechanical lines"
    yield "<th class=n>for a person<th class=n>names that differ<th class=n>names missing"
    yield "<th class=n>effort left</tr></thead><tbody>"
    for number, file in enumerate(totals.files):
        yield (
            f'<tr><td><a href="#file{number}">{escape(shown_path(file.path))}</a>'
            f"<td class=n>{file.python}<td class=n>{file.lines_changed}"
            f"<td class=n>{len(file.findings)}<td class=n>{file.count(State.DIFFERENT)}"
            f"<td class=n>{file.count(State.MISSING)}<td class=n>{effort(file.minutes)}</tr>"
        )
    for each in totals.unreadable:
        where = f"line {each.line}: " if each.line else ""
        yield (
            f"<tr><td>{escape(shown_path(each.path))}<td colspan=5 class=missing>cannot be read: "
            f"{where}{escape(each.reason)}<td></tr>"
        )
    yield (
        f"</tbody><tfoot><tr><td>total<td><td class=n>{totals.lines_changed}"
        f"<td class=n>{totals.findings}"
        f"<td class=n>{sum(file.count(State.DIFFERENT) for file in totals.files)}"
        f"<td class=n>{sum(file.count(State.MISSING) for file in totals.files)}"
        f"<td class=n>{effort(totals.minutes)}</tr></tfoot></table>"
    )


def table_of_rules(totals: Totals) -> Iterator[str]:
    """What kinds of findings there are."""
    if not totals.rules:
        return
    yield "<h2>What needs a person</h2><table><thead><tr><th>what<th class=n>lines<th>why"
    yield "<th>what to do<th class=n>each</tr></thead><tbody>"
    for rule, count in totals.rules:
        yield (
            f"<tr><td>{escape(rule.title)}<td class=n>{count}<td>{escape(rule.why)}"
            f"<td>{escape(rule.fix)}<td class=n>{effort(rule.minutes)}</tr>"
        )
    yield "</tbody></table>"


def table_of_names(totals: Totals) -> Iterator[str]:
    """The old names that are not simply there."""
    if not totals.names:
        return
    yield f"<h2>Old names</h2><p>{counted(totals.count(State.WORKS), 'old name')} as before."
    others = [(old, count) for old, count in totals.names if old.state is not State.WORKS]
    if others:
        yield "<table><thead><tr><th>name<th>state<th>what to know<th class=n>files</tr></thead>"
        yield "<tbody>"
        for old, count in others:
            name = f"{old.module}.{old.name}" if old.name else old.module
            kind = "missing" if old.state is State.MISSING else "different"
            yield (
                f"<tr><td><code>{escape(name)}</code><td class={kind}>{old.state.value}"
                f"<td>{escape(old.note)}<td class=n>{count}</tr>"
            )
        yield "</tbody></table>"


def section_of_file(file: Examined, number: int) -> Iterator[str]:
    """One file, line by line."""
    yield f'<h2 id="file{number}">{escape(shown_path(file.path))}</h2>'
    if not (file.findings or file.changes or file.uses):
        yield "<p>Nothing to do."
    if file.findings:
        yield "<table><thead><tr><th class=n>line<th>needs a person<th>seen</tr></thead><tbody>"
        for finding in file.findings:
            yield (
                f"<tr><td class=n>{finding.line}<td>{escape(finding.rule.title)}"
                f"<td><code>{escape(finding.seen)}</code></tr>"
            )
        yield "</tbody></table>"
    if file.changes:
        yield "<details><summary>Mechanical changes</summary><table><tbody>"
        shown = [change for change in file.changes if not change.is_of_margin]
        for change in shown[:MOST_CHANGES]:
            old, new = (escape("\n".join(each)) for each in (change.old, change.new))
            yield f"<tr><td class=n>{change.line}<td><del>{old}</del><br><ins>{new}</ins></tr>"
        yield "</tbody></table>"
        if len(shown) > MOST_CHANGES:
            yield f"<p>And {len(shown) - MOST_CHANGES} more."
        if len(shown) < len(file.changes):
            yield f"<p>{tabs_in(len(file.changes) - len(shown)).capitalize()}."
        yield "</details>"
    if file.uses:
        yield "<details><summary>Old names</summary><ul>"
        for use in file.uses:
            yield f"<li>{escape(said_of(use.old))} (line {', '.join(map(str, use.lines))})"
        yield "</ul></details>"
