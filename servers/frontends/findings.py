"""What a health endpoint has found, as text and as JSON.  Pure.

The text is that of Kubernetes' own server: `ok`, or with `?verbose` a line for each finding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    problem: why it fails, in a few words of one line; None: it does not.
    excluded: whoever asks does not want it to count.
    """

    name: str
    problem: str | None = None
    excluded: bool = False

    @property
    def fails(self) -> bool:
        """Whether it speaks against us."""
        return self.problem is not None and not self.excluded

    def __str__(self) -> str:
        if self.excluded:
            return f"[+]{self.name} excluded: ok"
        if self.problem is None:
            return f"[+]{self.name} ok"
        return f"[-]{self.name} failed: {self.problem}"


def as_text(findings: Sequence[Finding]) -> str:
    """The whole body: what fails, or that nothing does."""
    return "".join(f"{each.name}: {each.problem}\n" for each in findings if each.fails) or "ok\n"


def as_verbose_text(endpoint: str, findings: Sequence[Finding], unknown: Sequence[str]) -> str:
    """The whole body, with a line for each finding.

    unknown: what was to be excluded and is not looked at here.
    """
    failing = any(each.fails for each in findings)
    lines = [str(each) for each in findings]
    lines += [f"no check is called {name}, so it cannot be excluded" for name in unknown]
    lines.append(f"{endpoint} check {'failed' if failing else 'passed'}")
    return "".join(f"{line}\n" for line in lines)


def as_json(endpoint: str, findings: Sequence[Finding], state: dict[str, object]) -> str:
    """The same for programs.

    state: more members, such as phase and seconds.
    """
    checks = {each.name: "excluded" if each.excluded else each.problem or "ok" for each in findings}
    ok = not any(each.fails for each in findings)
    return json.dumps({"endpoint": endpoint, "ok": ok, **state, "checks": checks}) + "\n"
