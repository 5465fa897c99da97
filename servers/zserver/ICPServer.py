"""ZServer's ICPServer: tells neighbours that ask whether to send us traffic.

Silent from phase 1 of a shutdown, as it was; `servers.icp.ICPListener` can say more than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from servers.icp import ICPListener, Opcode

ICP_OP_QUERY = Opcode.QUERY
ICP_OP_HIT = Opcode.HIT
ICP_OP_MISS = Opcode.MISS
ICP_OP_ERR = Opcode.ERR
ICP_OP_MISS_NOFETCH = Opcode.MISS_NOFETCH
ICP_OP_DENIED = Opcode.DENIED


class BaseICPServer(ICPListener):
    """Answers queries over UDP; to be subclassed.

    ip: "" for everywhere.
    REQUESTS_PER_LOOP: datagrams that are read in one turn, at most.
    """

    REQUESTS_PER_LOOP = 4

    def __init__(self, ip: str, port: int) -> None:
        super().__init__((ip or "", port), answer=self._opcode, nofetch_time=0.0)

    def check_whence(self, whence: Any) -> Any:
        """Whether the sender, (host, port), is answered; everybody is."""
        return 1

    def check_url(self, url: str) -> int:
        """The answer, one of ICP_OP_*; bytes of the URL above 127 are as in Latin-1."""
        return ICP_OP_MISS

    def is_peer(self, addr: Any) -> bool:
        """Ask `check_whence`; of whom it cannot say, he hears nothing."""
        return bool(self.check_whence(addr))

    def handle_read_event(self) -> None:
        """Answer what has come, up to REQUESTS_PER_LOOP."""
        self.batch = self.REQUESTS_PER_LOOP
        super().handle_read_event()

    def _opcode(self, url: str, requester: str) -> int:
        return self.check_url(url)


class ICPServer(BaseICPServer):
    """Asks its hooks.

    hooks: functions of a URL that return one of ICP_OP_*, or None to leave it to the next; all
        leave it: a miss.
    """

    hooks: list[Callable[[str], int | None]] = []  # noqa: RUF012 - of the class, as old code fills it

    def check_url(self, url: str) -> int:
        """The answer of the first hook that has one."""
        for hook in self.hooks:
            answer = hook(url)
            if answer is not None:
                return answer
        return ICP_OP_MISS
