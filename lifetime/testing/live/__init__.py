"""Check a real server, any server: what does it lose when it is told to stop?

`check_command` starts a command, drives it with real clients, sends it a signal at drawn moments,
and accounts for every request.  It sees processes, sockets and bytes and nothing else, so the
server may be written in anything.  The standard library is all it needs.
"""

from lifetime.testing.live.check import check_command
from lifetime.testing.live.errors import CannotRun
from lifetime.testing.live.laws import Finding
from lifetime.testing.live.request import Fate
from lifetime.testing.live.verdict import Verdict

__all__ = ["CannotRun", "Fate", "Finding", "Verdict", "check_command"]
