"""What became of the tests of others, from what their runner has written."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

#: "passed", "failure", "error" or "skipped", by the test's name.
Outcomes = dict[str, str]


def read_outcomes(*reports: Path) -> Outcomes:
    """Read reports in JUnit's form."""
    found = {}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            kinds = [each.tag for each in case if each.tag in ("failure", "error", "skipped")]
            name = f"{case.get('classname')}.{case.get('name')}"
            found[name] = kinds[0] if kinds else "passed"
    return found
