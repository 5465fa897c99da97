"""The configuration files and commands in docs/how-to/, taken from the pages as they stand.

`<!-- configuration: NAME -->` marks a file, `<!-- servers: NAME -->` the commands of the servers
that go with it, one in a line.  Only the ports are substituted: each one of `PORTS` by a free one.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.ports import free_ports_for

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"

#: What the pages call the ports: of clients, servers, agents, and of HAProxy's statistics.
PORTS = (8080, 8081, 8082, 9081, 9082, 8404)


def block(page: str, mark: str) -> str:
    """The fenced block behind a mark."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    match = re.search(rf"<!-- {re.escape(mark)} -->\n```\w+\n(.*?)^```$", text, re.M | re.S)
    assert match is not None, f"docs/how-to/{page} has no <!-- {mark} -->"
    return match[1]


def free_ports() -> dict[int, int]:
    """For each port of the pages one on which nobody listens."""
    return free_ports_for(PORTS)


def with_ports(text: str, ports: dict[int, int]) -> str:
    """The text with every port of the pages substituted."""
    pattern = "|".join(rf"\b{port}\b" for port in ports)
    return re.sub(pattern, lambda match: str(ports[int(match[0])]), text)


def commands(text: str) -> list[list[str]]:
    """The words of each command, one in a line."""
    return [shlex.split(line) for line in text.splitlines() if line.strip()]
