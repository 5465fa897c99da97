"""medusa's loggers.  One takes `log(message)`; a server's own takes `log(ip, message)`."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from servers.loggers import FileLogger
from servers.medusa.m_syslog import LOG_INFO, facility_names, syslog_client
from servers.overriding import Overridable, passed_by, replaceable


def strip_eol(line: str) -> str:
    """The line without line ends behind it."""
    return line.rstrip("\r\n")


class file_logger:
    """Lines go to a path, to `'-'` for standard output, or to a file object for text.

    What cannot be written is dropped and counted, see `servers.loggers.FileLogger`; so a full disk
    harms nobody.  `flush` has no meaning any more: every line is written at once.
    """

    def __init__(self, file: Any, flush: bool = True, mode: str = "a") -> None:
        if mode[:1] == "w" and isinstance(file, str | os.PathLike) and file != "-":
            open(file, "wb").close()
        self.file = file
        self.do_flush = flush
        self._logger = FileLogger(file)

    def __repr__(self) -> str:
        return f"<file logger: {self.file}>"

    def write(self, data: str) -> None:
        """Take a piece of text; it becomes a line."""
        if data:
            self._logger.log(data)

    def writeline(self, line: str) -> None:
        """Take a line."""
        self._logger.log(line)

    def writelines(self, lines: Iterable[str]) -> None:
        """Take lines."""
        for line in lines:
            self.writeline(line)

    def flush(self) -> None:
        """Every line has been written already."""

    maybe_flush = flush

    def softspace(self, *args: Any) -> None:
        """What `print` once wanted of a file."""

    def log(self, message: str) -> None:
        """Take a message; a line end is added unless it has one."""
        self._logger.log(message)

    def reopen(self) -> None:
        """Open the path anew, for whoever has renamed the old file."""
        self._logger.reopen()

    def close(self) -> None:
        """Close what was opened here."""
        self._logger.close()


class rotating_file_logger(file_logger):
    """A file that is renamed to `<file>.endsYYYYMMDD` now and then, and begun anew.

    freq: "daily", "weekly", "monthly" or None; maxsize: bytes, or None.
    """

    def __init__(
        self,
        file: str,
        freq: str | None = None,
        maxsize: int | None = None,
        flush: bool = True,
        mode: str = "a",
    ) -> None:
        super().__init__(file, flush, mode)
        self.filename = file
        self.freq = freq
        self.maxsize = maxsize
        self.rotate_when = self.next_backup(freq)

    def next_backup(self, freq: str | None) -> float | None:
        """When the file is to be renamed (seconds since 1970), None for never."""
        year, month, day, *_, weekday, _, _ = time.localtime()
        if freq == "daily":
            day += 1
        elif freq == "weekly":
            day += 7 - weekday
        elif freq == "monthly":
            month, day = month + 1, 1
        else:
            return None
        return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))

    def maybe_flush(self) -> None:
        """Rename the file if it is time."""
        try:
            size = os.path.getsize(self.filename)
        except OSError:
            return
        is_due = self.rotate_when is not None and time.time() > self.rotate_when
        if is_due or (self.maxsize is not None and size > self.maxsize):
            self.rotate()

    def rotate(self) -> None:
        """Rename the file and begin a new one; if that fails, go on with the old one."""
        name = time.strftime(f"{self.filename}.ends%Y%m%d")
        if os.path.exists(name):
            name = time.strftime(f"{name}-%H%M%S")
        self.rotate_when = self.next_backup(self.freq)
        try:
            os.rename(self.filename, name)
        except OSError:
            return
        self.reopen()

    def log(self, message: str) -> None:
        """Take a message, and rename the file if it is time."""
        super().log(message)
        self.maybe_flush()


class syslog_logger(syslog_client):
    """Messages go to syslog at level info."""

    def __init__(self, address: Any = "/dev/log", facility: str = "user") -> None:
        super().__init__(address)
        self.facility = facility_names[facility]

    def log(
        self, message: str, facility: str | int | None = None, priority: str | int = LOG_INFO
    ) -> None:
        """Take a message."""
        super().log(message, self.facility if facility is None else facility, priority)


class socket_logger:
    """Messages go over TCP, each as a line.  Never waits: what does not go out at once is lost."""

    def __init__(self, address: tuple[str, int]) -> None:
        # The standard library's way to reconnect, and to drop meanwhile.
        self.handler = logging.handlers.SocketHandler(*address)

    def log(self, message: str) -> None:
        """Take a message."""
        line = message if message.endswith("\n") else message + "\n"
        self.handler.send(line.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Hang up."""
        self.handler.close()


class multi_logger:
    """One message for several loggers."""

    def __init__(self, loggers: list[Any]) -> None:
        self.loggers = loggers

    def __repr__(self) -> str:
        return f"<multi logger: {self.loggers!r}>"

    def log(self, message: str) -> None:
        """Give everybody the message."""
        for logger in self.loggers:
            logger.log(message)


class tail_logger:
    """Passes messages on, and keeps the last ones in `messages`."""

    def __init__(self, logger: Any, size: int = 500) -> None:
        self.logger = logger
        self.size = size
        self.messages: list[str] = []

    def log(self, message: str) -> None:
        """Take a message."""
        self.messages.append(strip_eol(message))
        del self.messages[: -self.size]
        self.logger.log(message)


class unresolving_logger(metaclass=Overridable):
    """Writes `ip:message`."""

    as_written: bool

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    @replaceable
    def log(self, ip: str, message: str) -> None:
        """Take a message of a client."""
        self.logger.log(f"{ip}:{message}")


#: A request's access line goes to the inner logger at once.
passed_by(unresolving_logger, ("log",))


class resolving_logger:
    """Asks a resolver for the name of each ip first, and writes `name:message`."""

    def __init__(self, resolver: Any, logger: Any) -> None:
        self.resolver = resolver
        self.logger = logger

    def log(self, ip: str, message: str) -> None:
        """Take a message of a client; it is written when the name is known."""

        def resolved(host: str, ttl: int, answer: Any) -> None:
            self.logger.log(f"{answer or ip}:{message}")

        self.resolver.resolve_ptr(ip, resolved)


class python_logger:
    """Messages go to a logger of the standard library."""

    def __init__(self, log: Callable[[str], object] | None = None) -> None:
        self._log = log or logging.getLogger("servers.access").info

    def log(self, message: str) -> None:
        """Take a message."""
        self._log(strip_eol(message))


def test_logger(message: str = "a message") -> None:
    """Write a message to standard output, as the module did when it was run."""
    file_logger(sys.stdout).log(message)
