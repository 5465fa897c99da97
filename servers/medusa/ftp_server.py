"""medusa's ftp_server: `servers.ftp` under the old names.

The connections, their bounds and their end are those of `servers.ftp`.  The commands are the old
ones: methods `cmd_xxx(line)`, to be added and overridden, that answer from a filesystem object.
"""

from __future__ import annotations

import logging
import os
import pwd
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from servers.ftp import FTPChannel, FTPListener
from servers.ftp.data import ActiveData, PassiveData, Transfer
from servers.ftp.errand import Errand
from servers.ftp.unix_passwords import UnixPasswords
from servers.medusa import asynchat_25 as asynchat
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import filesys, logger, producers, status_handler
from servers.medusa.counter import counter
from servers.medusa.producers import encoded
from servers.producers import close as close_producer

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


class passive_acceptor(PassiveData):
    """Waits for the client's data connection; `addr` is where."""

    def __init__(self, control_channel: Any) -> None:
        self.control_channel = control_channel
        super().__init__(control_channel)


class active_connector(ActiveData):
    """Connects to the client, which has been told so already."""

    reply = ""


class data_connection(Transfer):
    """A data connection; what an old channel moves over it is never converted."""

    def enable_receiving(self, type: str, cmd: str) -> None:
        """Take a file as it is."""
        super().enable_receiving("i", cmd)

    def close(self) -> None:
        """Close it, and count what it has moved."""
        if not self._closed:
            server = self.cmd_channel.server
            server.total_bytes_out.increment(self.tot_bytes_sent)
            server.total_bytes_in.increment(self.tot_bytes_received)
        super().close()


class xmit_channel:
    """What is to be sent over the data connection, once there is one.

    It leaves when `close_when_done()` has been called.
    """

    name = "data"
    closed = False

    def __init__(self, channel: ftp_channel, client_addr: Any = None) -> None:
        self.channel = channel
        self.client_addr = client_addr
        self.bytes_out = 0
        self.producers: deque[Any] = deque()

    def push(self, data: str | bytes) -> None:
        """Send data."""
        self.push_with_producer(producers.simple_producer(data))

    def push_with_producer(self, producer: Any) -> None:
        """Send what a producer gives."""
        self.producers.append(producer)

    def close_when_done(self) -> None:
        """That is all: let it go."""
        self.channel.transmit(self)

    def more(self) -> bytes:
        """The next piece."""
        while self.producers:
            piece = encoded(self.producers[0].more())
            if piece:
                self.bytes_out += len(piece)
                return piece
            close_producer(self.producers.popleft())
        return b""

    def close(self) -> None:
        """Give back what has not been sent."""
        self.closed = True
        while self.producers:
            close_producer(self.producers.popleft())


class recv_channel:
    """Where that goes which comes over the data connection: a file, which is closed at the end."""

    def __init__(self, channel: ftp_channel, client_addr: Any, fd: Any) -> None:
        self.channel = channel
        self.client_addr = client_addr
        self.fd = fd
        self.name = getattr(fd, "name", "data")
        self.bytes_in = 0
        self.closed = False
        channel.receive(self)

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self.bytes_in += len(data)
        self.fd.write(data)

    def close(self) -> None:
        """Close the file.  Raises OSError if that fails."""
        if not self.closed:
            self.closed = True
            self.fd.close()


class ftp_channel(FTPChannel):
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

    type_map: ClassVar = {"a": "ASCII", "i": "Binary", "e": "EBCDIC", "l": "Binary"}
    #: With what files are opened: for bytes, whatever the type.
    type_mode_map: ClassVar = {"a": "b", "i": "b", "e": "b", "l": "b"}

    bind_local_minus_one = 0
    persona: Any = (-1, -1)
    filesystem: Any = None
    client_dc: Any = None
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

    # Commands; the first line of each is what HELP says.

    def cmd_type(self, line: list[str]) -> None:
        """Specify data transfer type."""
        kind = line[1].lower() if len(line) > 1 else ""
        if kind not in ("a", "i", "l"):
            self.command_not_understood(" ".join(line))
            return
        self.current_mode = kind
        self.respond(f"200 Type set to {self.type_map[kind]}.")

    def cmd_quit(self, line: list[str]) -> None:
        """Terminate session."""
        self.respond("221 Goodbye.")
        if self.is_transferring:
            self._quit_pending = True
            self.del_channel()
        else:
            self.close_when_done()

    def cmd_port(self, line: list[str]) -> None:
        """Specify data connection port."""
        numbers = line[1].split(",") if len(line) > 1 else []
        if len(numbers) != 6 or not all(_is_octet(each) for each in numbers):
            self.command_not_understood(" ".join(line))
            return
        ip, port = ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
        if ip != self.remote_ip.removeprefix("::ffff:") or port < 1024:  # RFC 2577, section 3
            self.respond("501 PORT must name your own address, and a port above 1023.")
            return
        self._close_idle_data()
        self.client_addr = (ip, port)
        self.respond("200 PORT command successful.")

    def cmd_pasv(self, line: list[str]) -> None:
        """Prepare for server-to-server transfer."""
        self._close_idle_data()
        self._port_given = False
        try:
            acceptor = self.passive_acceptor = self.new_passive_acceptor()
        except OSError as error:
            self.respond(f"425 No data connection can be offered: {error.strerror}.")
            return
        port = acceptor.addr[1]
        ip = self.masquerade_address or self.socket.getsockname()[0].removeprefix("::ffff:")
        where = f"{ip.replace('.', ',')},{port // 256},{port % 256}"
        self.client_dc = None
        self.respond(f"227 Entering Passive Mode ({where})")

    def cmd_nlst(self, line: list[str]) -> None:
        """Give name list of files in directory."""
        self._list(line, long=0)

    def cmd_list(self, line: list[str]) -> None:
        """Give a list of files in a directory."""
        self._list(line, long=1)

    def _list(self, line: list[str], long: int) -> None:
        try:
            listing = self.get_dir_list(line, long)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be one"
            self.respond(f"550 Could not list directory: {reason}")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} mode data connection for file list")
        self.make_xmit_channel()
        self.client_dc.push_with_producer(listing)
        self.client_dc.close_when_done()

    def cmd_cwd(self, line: list[str]) -> None:
        """Change working directory."""
        if len(line) > 1 and self.cwd(line[1]):
            self.respond("250 CWD command successful.")
        else:
            self.respond("550 No such directory.")

    def cmd_cdup(self, line: list[str]) -> None:
        """Change to parent of current working directory."""
        if self.cdup():
            self.respond("250 CDUP command successful.")
        else:
            self.respond("550 No such directory.")

    def cmd_pwd(self, line: list[str]) -> None:
        """Print the current working directory."""
        folder = self.filesystem.current_directory().replace('"', '""')
        self.respond(f'257 "{folder}" is the current directory.')

    def cmd_mdtm(self, line: list[str]) -> None:
        """Show last modification time of file."""
        status = self._status_of_file(line)
        if status is not None:
            stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(status.st_mtime))
            self.respond(f"213 {stamp}")

    def cmd_size(self, line: list[str]) -> None:
        """Return size of file."""
        status = self._status_of_file(line)
        if status is not None:
            self.respond(f"213 {status.st_size}")

    def _status_of_file(self, line: list[str]) -> Any:
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return None
        if not self.filesystem.isfile(line[1]):
            self.respond(f'550 "{line[1]}" is not a file')
            return None
        return self.filesystem.stat(line[1])

    def cmd_noop(self, line: list[str]) -> None:
        """Do nothing."""
        self.respond("200 NOOP command successful.")

    def cmd_retr(self, line: list[str]) -> None:
        """Retrieve a file."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        position, self.restart_position = self.restart_position, 0
        if not self.filesystem.isfile(line[1]):
            self.respond("550 No such file")
            return
        try:
            fd = self.open(line[1], f"r{self.type_mode_map[self.current_mode]}")
        except OSError as error:
            self.respond(f"553 could not open file for reading: {error.strerror}")
            return
        if position and not _seek(fd, position):
            self.respond(f"554 the file does not go on at {position}")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} mode data connection for file '{line[1]}'")
        self.make_xmit_channel()
        self.client_dc.push_with_producer(producers.file_producer(fd))
        self.client_dc.close_when_done()

    def cmd_stor(self, line: list[str], mode: str = "w") -> None:
        """Store a file."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        position, self.restart_position = self.restart_position, 0
        if position:
            self.respond("553 restart on STOR not yet supported")
            return
        try:
            fd = self.open(line[1], f"{mode}{self.type_mode_map[self.current_mode]}")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no file can have that name"
            self.respond(f"553 could not open file for writing: {reason}")
            return
        kind = self.type_map[self.current_mode]
        self.respond(f"150 Opening {kind} connection for {line[1]}")
        self.make_recv_channel(fd)

    def cmd_appe(self, line: list[str]) -> None:
        """Append to a file."""
        self.cmd_stor(line, "a")

    def cmd_abor(self, line: list[str]) -> None:
        """Abort operation."""
        self._drop_queued()
        if self.is_transferring:
            self.data_channel.break_off("Aborted")
        self._close_idle_data()
        self.respond("226 ABOR command successful.")

    def cmd_dele(self, line: list[str]) -> None:
        """Delete a file."""
        self._change(line, "unlink", "250 DELE command successful.", "550 error deleting file.")

    def cmd_mkd(self, line: list[str]) -> None:
        """Make a directory."""
        self._change(line, "mkdir", "257 MKD command successful.", "550 error creating directory.")

    def cmd_rmd(self, line: list[str]) -> None:
        """Remove a directory."""
        self._change(line, "rmdir", "250 RMD command successful.", "550 error removing directory.")

    def _change(self, line: list[str], method: str, done: str, failed: str) -> None:
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        if method == "unlink" and not self.filesystem.isfile(line[1]):
            self.respond(f"550 {line[1]}: No such file.")
            return
        try:
            getattr(self.filesystem, method)(line[1])
        except (OSError, ValueError):
            self.respond(failed)
        else:
            self.respond(done)

    def cmd_user(self, line: list[str]) -> None:
        """Specify user name."""
        if len(line) < 2:
            self.command_not_understood(" ".join(line))
            return
        self.user = line[1]
        self.respond("331 Password required.")

    def cmd_pass(self, line: list[str]) -> None:
        """Specify password."""
        password = line[1] if len(line) > 1 else ""
        ok, message, filesystem = self.server.authorizer.authorize(self, self.user, password)
        self.username = self.user
        if ok:
            self.filesystem = filesystem
            self.authorized = 1
            self.logged_in()
            self.respond(f"230 {message}")
            self.log(f"Successful login: Filesystem={filesystem!r}")
        else:
            self.authorized = 0
            self.handle_auth_failed(message, password)

    def cmd_rest(self, line: list[str]) -> None:
        """Restart incomplete transfer."""
        position = line[1] if len(line) > 1 else ""
        if not (position.isascii() and position.isdigit() and len(position) <= 18):
            self.command_not_understood(" ".join(line))
            return
        self.restart_position = int(position)
        self.respond(
            f"350 Restarting at {int(position)}. Send STORE or RETRIEVE to initiate transfer."
        )

    def cmd_stru(self, line: list[str]) -> None:
        """Obsolete - set file transfer structure."""
        if len(line) > 1 and line[1] in ("f", "F"):
            self.respond("200 STRU F Ok")
        else:
            self.respond("504 Unimplemented STRU type")

    def cmd_mode(self, line: list[str]) -> None:
        """Obsolete - set file transfer mode."""
        if len(line) > 1 and line[1] in ("s", "S"):
            self.respond("200 MODE S Ok")
        else:
            self.respond("502 Unimplemented MODE type")

    def cmd_syst(self, line: list[str]) -> None:
        """Show operating system type of server system."""
        self.respond("215 UNIX Type: L8")

    def cmd_help(self, line: list[str]) -> None:
        """Give help information."""
        lines = []
        for name in sorted(dir(self)):
            text = getattr(self, name).__doc__ if name.startswith("cmd_") else None
            if text:
                says = text.strip().splitlines()[0].rstrip(".")
                lines.append(f"\t{name[4:]}\t{says[:1].lower()}{says[1:]}\r\n")
        self.push("214-The following commands are recognized\r\n" + "".join(lines))
        self.respond("214 That is all.")


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < 256


def _seek(fd: Any, position: int) -> bool:
    """Go on at `position`; False, and the file closed, if it is not so long."""
    try:
        if position <= fd.seek(0, 2):
            fd.seek(position)
            return True
    except (OSError, ValueError):
        pass
    fd.close()
    return False


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


class dummy_authorizer:
    """Everybody may look at everything below `root`."""

    def __init__(self, root: str = "/") -> None:
        self.root = root

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        channel.persona = (-1, -1)
        channel.read_only = 1
        return 1, "Ok.", filesys.os_filesystem(self.root)


class anon_authorizer(dummy_authorizer):
    """Users `ftp` and `anonymous` may look at everything below `root`."""

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        if username in ("ftp", "anonymous"):
            return super().authorize(channel, username, password)
        return 0, "Password invalid.", None


class unix_authorizer:
    """Users of the system may do what they may, from their home on; the server must be root."""

    def __init__(self) -> None:
        self.passwords = UnixPasswords()

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        if not self.passwords.check(username, password):
            return 0, "Password invalid.", None
        user = pwd.getpwnam(username)
        channel.persona = (user.pw_uid, user.pw_gid)
        channel.read_only = 0
        home = user.pw_dir if os.path.isdir(user.pw_dir) else "/"
        return 1, "Login successful.", self.filesystem_of(home, channel.persona)

    def filesystem_of(self, home: str, persona: tuple[int, int]) -> Any:
        """All files, seen as that user, who begins at home."""
        return filesys.schizophrenic_unix_filesystem("/", home, persona=persona)


class unix_authorizer_with_anonymous(unix_authorizer):
    """The same, and `ftp` and `anonymous` may look below `root`; real_users: the others too."""

    def __init__(self, root: str | None = None, real_users: Any = 0) -> None:
        self.root = root
        self.real_users = real_users
        if real_users:
            super().__init__()

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        if username in ("ftp", "anonymous"):
            root = self.root or pwd.getpwnam("ftp").pw_dir
            return dummy_authorizer(root).authorize(channel, username, password)
        if self.real_users:
            return super().authorize(channel, username, password)
        return 0, "Password invalid.", None
