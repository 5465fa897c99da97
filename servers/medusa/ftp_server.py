"""medusa's ftp_server: `servers.ftp` under the old names.

The connections, their bounds and their end are those of `servers.ftp`.  The commands are the old
ones, in ftp_commands.py: they answer from a filesystem object.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from servers.ftp import FTPListener
from servers.ftp.errand import Errand
from servers.medusa import asynchat_25 as asynchat
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import filesys, logger, producers, status_handler
from servers.medusa.counter import counter
from servers.medusa.ftp_authorizers import (
    anon_authorizer,
    dummy_authorizer,
    unix_authorizer,
    unix_authorizer_with_anonymous,
)
from servers.medusa.ftp_commands import ftp_commands
from servers.medusa.ftp_data import (
    active_connector,
    data_connection,
    passive_acceptor,
    recv_channel,
    xmit_channel,
)

__all__ = [
    "VERSION_STRING",
    "anon_authorizer",
    "asynchat",
    "asyncore",
    "counter",
    "dummy_authorizer",
    "filesys",
    "ftp_channel",
    "ftp_server",
    "logger",
    "passive_acceptor",
    "producers",
    "recv_channel",
    "status_handler",
    "unix_authorizer",
    "unix_authorizer_with_anonymous",
    "xmit_channel",
]

log = logging.getLogger("servers")

#: What the original said.
VERSION_STRING = "1.10"


class ftp_channel(ftp_commands):
    """One client.

    A command is a method `cmd_xxx(line)`; line is `[word]`, or `[word, rest]`.
    """

    passive_dtp = passive_acceptor
    active_dtp = active_connector
    dtp_handler = data_connection

    #: Whether commands that write are refused; the authorizer says so.
    read_only: Any = 1
    write_commands: ClassVar = ["appe", "dele", "mkd", "rmd", "rnfr", "rnto", "stor", "stou"]

    #: Commands that need no login.
    open_commands = ("user", "pass", "help", "quit")

    bind_local_minus_one = 0
    persona: Any = (-1, -1)
    filesystem: Any = None
    user = ""

    def __init__(self, server: Any, conn: Any, addr: Any) -> None:
        self._client_addr = addr
        self._port_given = False
        super().__init__(conn, server)

    # What the old names stand for

    @property
    def authorized(self) -> Any:
        """Whether the client has logged in."""
        return self.authenticated

    @authorized.setter
    def authorized(self, authorized: Any) -> None:
        self.authenticated = authorized

    @property
    def current_mode(self) -> Any:
        """The transfer type: 'a', 'i' or 'l'."""
        return self._current_type

    @current_mode.setter
    def current_mode(self, mode: Any) -> None:
        self._current_type = mode

    @property
    def restart_position(self) -> Any:
        """Where the next transfer begins, in bytes."""
        return self._restart_position

    @restart_position.setter
    def restart_position(self, position: Any) -> None:
        self._restart_position = position

    @property
    def passive_acceptor(self) -> Any:
        """What waits for a data connection, or None."""
        return self._dtp_acceptor

    @passive_acceptor.setter
    def passive_acceptor(self, acceptor: Any) -> None:
        self._dtp_acceptor = acceptor

    @property
    def client_addr(self) -> Any:
        """Where the client wants to be connected to; before PORT, where it is."""
        return self._client_addr

    @client_addr.setter
    def client_addr(self, address: Any) -> None:
        self._client_addr = address
        self._port_given = True

    @property
    def errand(self) -> Errand:
        """What we are in the middle of."""
        return Errand.TRANSFER if self._port_given else super().errand

    # Talking

    def handle(self) -> None:
        """Greet the client."""
        self.respond(f"220 {self.banner}")

    def log(self, msg: str, logfun: object = None) -> None:
        """A line for the server's logger."""
        self.server.logger.log(self.remote_ip, f"{self.remote_port} {msg}")

    def respond(self, resp: str, logfun: object = None) -> None:
        """Send a reply."""
        self.log(f"==> {resp}")
        self.push(f"{resp}\r\n")

    def command_not_understood(self, command: str) -> None:
        """Say so."""
        self.respond(f"500 '{command}': command not understood.")

    def command_not_authorized(self, command: str) -> None:
        """Say so."""
        self.respond(f"530 You are not authorized to perform the '{command}' command")

    def check_command_authorization(self, command: str) -> Any:
        """Whether this client may do that; command is in lower case."""
        return not (command in self.write_commands and self.read_only)

    def perform(self, line: str, cmd: str, arg: str) -> None:
        """Call the method of a command."""
        words = line.split(" ", 1)
        if cmd.endswith("ABOR"):  # an urgent one has Telnet's signals in front
            words = ["abor"]
        command = words[0].lower()
        self.log(f"<== {line if command != 'pass' else 'PASS ********'}")
        if not line:
            return
        method = getattr(self, f"cmd_{command}", None)
        if method is None:
            self.command_not_understood(words[0])
        elif not self.authorized and command not in self.open_commands:
            self.respond("530 Please log in with USER and PASS")
        elif not self.check_command_authorization(command):
            self.command_not_authorized(command)
        else:
            self.call_command(method, words)

    def call_command(self, method: Callable[[list[str]], object], line: list[str]) -> None:
        """Let it answer; if it fails, the client learns that, and the log why."""
        try:
            method(line)
        except Exception:
            log.exception("%s: %s failed", self.shutdown_name, line[0])
            self.server.total_exceptions.increment()
            self._drop_queued()
            if not self._closed:
                self.respond("451 Server Error: the log of the server says why.")

    # Data connections

    def new_passive_acceptor(self) -> Any:
        """Somebody to wait for the client."""
        return passive_acceptor(self)

    def make_xmit_channel(self) -> None:
        """Have `client_dc` for sending."""
        self.client_dc = xmit_channel(self, self.client_addr)

    def make_recv_channel(self, fd: Any) -> None:
        """Have `client_dc`, which writes what comes to `fd`."""
        self.client_dc = recv_channel(self, self.client_addr, fd)

    def transmit(self, channel: xmit_channel) -> None:
        """Send it now, or when the data connection is there."""
        self._out_dtp_queue = (channel, True, channel, "RETR")
        self._connect_data()

    def receive(self, channel: recv_channel) -> None:
        """Write to it what comes now, or when the data connection is there."""
        self._in_dtp_queue = (channel, "STOR")
        self._connect_data()

    def _connect_data(self) -> None:
        """Begin what waits for a data connection, or see to it that there will be one."""
        wanted, self._port_given = self._port_given, False
        if self.data_channel is not None:
            self._on_dtp_connection()
        elif self._dtp_acceptor is None and wanted:
            ip, port = self._client_addr[:2]
            self._dtp_connector = active_connector(ip, port, self)
        elif self._dtp_acceptor is None:
            self.give_up_transfer("425 Use PASV or PORT first.")

    def transfer_finished(self) -> None:
        """All of a file has been moved."""
        super().transfer_finished()
        server = self.server
        (server.total_files_in if self.data_channel.receive else server.total_files_out).increment()

    def close(self) -> None:
        """End the session."""
        if not self._closed:
            self.server.closed_sessions.increment()
        super().close()

    # The filesystem

    def cwd(self, path: str) -> Any:
        """Change the current directory; true if that was possible."""
        return self.filesystem.cwd(path)

    def cdup(self) -> Any:
        """Change to the folder above."""
        return self.filesystem.cdup()

    def open(self, path: str, mode: str) -> Any:
        """An open file."""
        return self.filesystem.open(path, mode)

    def listdir(self, path: str, long: Any = 0) -> Any:
        """A producer of a listing."""
        return self.filesystem.listdir(path, long)

    def get_dir_list(self, line: list[str], long: Any = 0) -> Any:
        """A producer of what LIST and NLST ask for; options are passed over."""
        path = line[1].strip() if len(line) > 1 else ""
        while path.startswith("-"):
            path = path.partition(" ")[2].lstrip()
        return self.listdir(path or ".", long)

class ftp_server(FTPListener):
    """Serves FTP on `port` of `ip`; "" is everywhere, port 0 any free one.

    authorizer: `authorize(channel, user, password)` gives (success, message, filesystem).
    resolver: with `resolve_ptr(ip, callback)`, gives names for the log; mostly None.
    logger_object: with `log(message)`; by default lines go to standard output.
    settings: those of FTPListener, such as limits.
    """

    SERVER_IDENT = f"FTP Server (V{VERSION_STRING})"
    ftp_channel_class: Any = ftp_channel

    def __init__(
        self,
        authorizer: Any,
        hostname: str | None = None,
        ip: str = "",
        port: int = 21,
        resolver: Any = None,
        logger_object: Any = None,
        **settings: Any,
    ) -> None:
        self.ip = ip
        self.hostname = hostname or socket.gethostname()
        inner = logger_object or logger.file_logger(sys.stdout)
        self.logger: Any = (
            logger.resolving_logger(resolver, inner)
            if resolver
            else logger.unresolving_logger(inner)
        )
        settings.setdefault("banner", self.greeting())
        super().__init__(ip, int(port), authorizer=authorizer, **settings)
        self.total_sessions = counter()
        self.closed_sessions = counter()
        self.total_files_out = counter()
        self.total_files_in = counter()
        self.total_bytes_out = counter()
        self.total_bytes_in = counter()
        self.total_exceptions = counter()
        self.log_info(f"FTP server started at {time.ctime()}\n\tPort: {self.port}\n")

    def greeting(self) -> str:
        """What a client is told first, behind the number."""
        return f"{self.hostname} FTP server (Medusa Async V{VERSION_STRING} [experimental]) ready."

    def __getattr__(self, name: str) -> Any:
        # The socket's own methods, such as getsockname: Python 2's dispatchers passed them on.
        sock = None if name.startswith("_") else self.__dict__.get("socket")
        if sock is None or not hasattr(sock, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(sock, name)

    def build_channel(self, sock: socket.socket, addr: Any) -> Any:
        """The channel for a connection."""
        self.total_sessions.increment()
        return self.ftp_channel_class(self, sock, addr)

    def status(self) -> Any:
        """A producer of HTML about this server."""
        return producers.simple_producer(
            f"<h2>{self.SERVER_IDENT}</h2>\r\n"
            f"<br>Listening on <b>Host:</b> {self.hostname} <b>Port:</b> {self.port}\r\n"
            f"<br>Sessions: <b>Total:</b> {self.total_sessions}"
            f" <b>Current:</b> {len(self.channels)}\r\n"
            f"<br>Files: <b>Sent:</b> {self.total_files_out}"
            f" <b>Received:</b> {self.total_files_in}\r\n"
            f"<br>Bytes: <b>Sent:</b> {self.total_bytes_out}"
            f" <b>Received:</b> {self.total_bytes_in}\r\n"
            f"<br>Exceptions: {self.total_exceptions}\r\n"
        )
