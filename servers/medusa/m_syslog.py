"""medusa's m_syslog: a client of syslog over its socket."""

from __future__ import annotations

import socket
from contextlib import suppress
from logging.handlers import SysLogHandler

facility_names = dict(SysLogHandler.facility_names)
priority_names = dict(SysLogHandler.priority_names)

LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = range(8)
LOG_KERN, LOG_USER, LOG_MAIL, LOG_DAEMON, LOG_AUTH, LOG_SYSLOG, LOG_LPR, LOG_NEWS = range(8)
LOG_UUCP, LOG_CRON, LOG_AUTHPRIV = range(8, 11)
LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3 = range(16, 20)
LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7 = range(20, 24)


def LOG_MAKEPRI(fac: int, pri: int) -> int:
    """Facility and priority in one number."""
    return fac << 3 | pri


class syslog_client:
    """Sends messages to a path, or to (host, port) over UDP.

    Nobody waits for syslog: what cannot be sent at once is lost.
    """

    log_format_string = "<%d>%s\000"

    def __init__(self, address: str | tuple[str, int] = "/dev/log") -> None:
        self.address = address
        self.stream = 0
        is_path = isinstance(address, str)
        self.unix = 1 if is_path else 0
        family = socket.AF_UNIX if is_path else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        if is_path:
            with suppress(OSError):
                self.socket.connect(address)
                return
            self.socket.close()
            self.stream = 1
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with suppress(OSError):
                self.socket.connect(address)
            self.socket.setblocking(False)

    def encode_priority(self, facility: str | int, priority: str | int) -> int:
        """Facility and priority, by name or number, in one number."""
        first = facility_names[facility] if isinstance(facility, str) else facility
        second = priority_names[priority] if isinstance(priority, str) else priority
        return LOG_MAKEPRI(first, second)

    def log(
        self, message: str, facility: str | int = LOG_USER, priority: str | int = LOG_INFO
    ) -> None:
        """Send a message."""
        text = self.log_format_string % (self.encode_priority(facility, priority), message)
        data = text.encode("utf-8", "backslashreplace")
        with suppress(OSError):
            if self.unix:
                self.socket.send(data)
            else:
                self.socket.sendto(data, self.address)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
