"""The pure law: what knows the rules has no socket and no clock (docs/architecture.md)."""

from __future__ import annotations

import ast
import importlib
from importlib.util import find_spec
from pathlib import Path

import pytest

PURE = [
    "lifetime.phases",
    "lifetime.sequence",
    "lifetime.timers",
    "lifetime.report",
    "lifetime.console.protocol",
    "lifetime.console.commands",
    "lifetime.protection.configuration",
    "lifetime.protection.requests",
    "lifetime.testing.dialects",
    "lifetime.testing.events",
    "lifetime.testing.laws",
    "lifetime.testing.live.response",
    "lifetime.testing.telling.chart",
    "lifetime.testing.telling.coverage",
    "lifetime.testing.telling.story",
    "lifetime.testing.trace",
    "lifetime.testing.world.tape",
    "servers.command.budget",
    "servers.dns",
    "servers.fcgi.conversation",
    "servers.fcgi.gateway",
    "servers.fcgi.records",
    "servers.frontends.findings",
    "servers.frontends.followers",
    "servers.frontends.haproxy_state",
    "servers.frontends.proxy_protocol",
    "servers.frontends.state",
    "servers.allowance",
    "servers.icp.message",
    "servers.icp.responder",
    "servers.networks",
    "servers.http.amendment",
    "servers.http.grammar",
    "servers.http.leniency",
    "servers.http.parcel",
    "servers.http.parser",
    "servers.http.body",
    "servers.http.target",
    "servers.http.framing",
    "servers.http.limits",
    "servers.http.ranges",
    "servers.http.negotiation",
]
IMPURE = {
    "asyncio",
    "datetime",
    "select",
    "selectors",
    "signal",
    "socket",
    "threading",
    "time",
}


def imports_of(module: str, known: frozenset[str] = frozenset()) -> set[str]:
    """What a module imports, and what those of ours import that it imports."""
    path = importlib.import_module(module).__file__
    assert path is not None
    found: set[str] = set()
    known |= {module}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` imports the module, not what else the package has.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if _is_module(name)]
            found |= set(modules) or {node.module}
    for inner in [name for name in found if name.startswith(("lifetime.", "servers."))]:
        if inner not in known:
            found |= imports_of(inner, known)
    return found


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("module", PURE)
def test_the_rules_import_no_socket_and_no_clock(module: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(module)} & IMPURE


def test_the_search_finds_an_impure_module() -> None:
    assert {"socket", "select"} & imports_of("lifetime.loop")
