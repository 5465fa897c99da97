"""FTPChannel: one client's control connection, and how it ends.

pyftpdlib answers the commands; what we use of its own, unpromised names is listed in
tests/ftp/test_borrowed.py.  Ours are the bounds, the order (a command waits while a transfer
is in flight), and the phase-3 rule: a session is in flight while a transfer is, while a command
comes in or waits, and for a moment between commands that belong together; else it is told 421.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyftpdlib.handlers import FTPHandler

from lifetime import Phase, Veto
from servers.ftp.data import ActiveData, PassiveData, Transfer
from servers.ftp.errand import (
    CONNECTING,
    DURING_TRANSFERS,
    PASSIVE,
    TRANSFERS,
    Errand,
    belongs,
)

if TYPE_CHECKING:
    from servers.ftp.listener import FTPListener

log = logging.getLogger("servers")

#: RFC 959, section 4.2: a reply to any command if the service knows it must shut down.
GOODBYE = "421 The server is shutting down; this connection is closed."

#: What may end a line, or a name, somewhere below us.
UNSPEAKABLE = frozenset("\0\r\n")


class FTPChannel(FTPHandler):  # type: ignore[misc]
    """One client.

    sock: connected and non-blocking; server: whose limits and users hold.
    """

    passive_dtp: Any = PassiveData
    active_dtp: Any = ActiveData
    dtp_handler: Any = Transfer
    unicode_errors = "surrogateescape"  # names that are no UTF-8 come back as they went

    # pyftpdlib deletes these when it closes.
    data_channel: Any = None
    _in_dtp_queue: Any = None
    _out_dtp_queue: Any = None

    # What it makes in its constructor, and we use.
    _in_buffer: list[bytes]
    _in_buffer_len: int
    _dtp_acceptor: Any
    _dtp_connector: Any
    _rnfr: str | None

    def __init__(self, sock: socket.socket, server: FTPListener) -> None:
        limits = self.limits = server.limits
        self.authorizer = server.authorizer
        self.banner = server.banner
        self.passive_ports = server.passive_ports
        self.masquerade_address = server.masquerade_address
        self.timeout = limits.idle_time
        self.auth_failed_timeout = limits.login_delay
        self.max_login_attempts = limits.login_attempts
        self.last_heard = server.lifetime.clock()
        self.lingering = False  # our last word has been said, and the client has to hang up
        self._discarded = 0  # bytes that have come behind it
        self._pipelined: deque[tuple[str, str, str]] = deque()
        super().__init__(sock, server, ioloop=server.engine)
        if self.connected:
            self._login = self.call_later(limits.login_time, self.handle_timeout)

    @property
    def lifetime(self) -> Any:
        """The Lifetime that serves us."""
        return self.server.lifetime

    @property
    def shutdown_name(self) -> str:
        """What reports call us."""
        return f"{type(self).__name__} {self.remote_ip}:{self.remote_port}"

    # Commands

    def collect_incoming_data(self, data: bytes) -> None:
        """A piece of a command; one that is too long ends the session."""
        self.last_heard = self.ioloop.now()
        if self._closing:
            self._discarded += len(data)
            if self._discarded > self.limits.linger_bytes:
                self.close()
        if self._closed or self._closing:
            return
        self._in_buffer.append(data)
        self._in_buffer_len += len(data)
        if self._in_buffer_len > self.limits.line:
            self._in_buffer, self._in_buffer_len = [], 0
            self.respond_w_warning("500 Command too long.")
            self.close_when_done()

    def found_terminator(self) -> None:
        """A command is complete."""
        if self._closed or self._closing:
            return
        if len(self.producer_fifo) > self.limits.replies:
            log.warning("%s takes no replies, and is closed", self.shutdown_name)
            self.close()
            return
        super().found_terminator()

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """Obey a command now, or behind what goes on.

        line: as sent; cmd: its first word in upper case; arg: the rest.
        """
        if self._dtp_acceptor is not None and cmd in TRANSFERS | CONNECTING:
            self._dtp_acceptor.accept_now()
        if not self._must_wait(cmd):
            self._decide(line, cmd, arg)
        elif len(self._pipelined) < self.limits.pipelined:
            self._pipelined.append((line, cmd, arg))
        else:
            self.refuse("421 Too many commands at once.")

    def _must_wait(self, cmd: str) -> bool:
        if self._is_held():
            return self._is_delayed() or not (
                cmd[-4:] in DURING_TRANSFERS
                # Another data connection may be asked for if one does not come.
                or (cmd in CONNECTING and self.awaits_data and not self._pipelined)
            )
        return bool(self._pipelined)

    def _is_held(self) -> bool:
        """Whether what goes on must end before the next command."""
        return self.is_transferring or self.awaits_data or self._is_delayed()

    def _is_delayed(self) -> bool:
        """Whether a wrong password is still to be answered."""
        delayed: bool = self.ioloop.is_paused(self._fileno)
        return delayed

    def _go_on(self) -> None:
        """What commands waited for is over."""
        while self._pipelined and not (self._closed or self._closing or self._is_held()):
            self._decide(*self._pipelined.popleft())

    def _decide(self, line: str, cmd: str, arg: str) -> None:
        if self.must_refuse(cmd):
            self.refuse(GOODBYE)
        else:
            self.obey(line, cmd, arg)

    def obey(self, line: str, cmd: str, arg: str) -> None:
        """Obey a command now."""
        if not UNSPEAKABLE.isdisjoint(line):
            self.respond("501 A command holds no NUL, CR or LF.")
            return
        if cmd in CONNECTING:
            self.give_up_transfer("425 Another data connection has been asked for.")
        self.perform(line, cmd, arg)

    def perform(self, line: str, cmd: str, arg: str) -> None:
        """Do what a command says."""
        if cmd in TRANSFERS and self.authenticated and self.errand is not Errand.TRANSFER:
            self.respond("425 Use PASV or PORT first.")
            return
        super().pre_process_command(line, cmd, arg)

    def must_refuse(self, cmd: str) -> bool:
        """Whether a stop has gone too far for this command."""
        phase = self.lifetime.phase
        if phase < Phase.REFUSING or self._is_held() or belongs(cmd, self.errand):
            return False
        # Phase 2 is for those who listen: nobody begins to do so in it.
        return phase > Phase.REFUSING or cmd in PASSIVE

    def refuse(self, reply: str) -> None:
        """Say that the session ends, and end it."""
        if self.lifetime.phase is not Phase.RUNNING:
            self.lifetime.tally.refused += 1
        self._pipelined.clear()
        self.respond(reply)
        self.close_when_done()

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        """Call what answers a command; its failure is told, and harms nobody else."""
        try:
            super().process_command(cmd, *args, **kwargs)
        except Exception:
            log.exception("%s: %s failed", self.shutdown_name, cmd)
            if not self._closed:
                self.respond("451 The command failed; the server's log says why.")

    def push(self, data: str | bytes) -> None:
        """Send a piece of a reply."""
        if isinstance(data, str):
            data = data.encode(self.encoding, self.unicode_errors)
        super(FTPHandler, self).push(data)

    def logged_in(self) -> None:
        """The client has time now."""
        self._login.cancel()

    def handle_auth_success(self, home: str, password: str, msg_login: str) -> None:
        """The password was right."""
        self.logged_in()
        super().handle_auth_success(home, password, msg_login)

    def handle_auth_failed(self, msg: str, password: str) -> None:
        """The password was wrong: after a pause that is said, and the next command looked at."""
        super().handle_auth_failed(msg, password)
        self.call_later(self.auth_failed_timeout, self._go_on)

    def ftp_ABOR(self, line: str) -> None:
        """Break off the transfer, also one that waits for its connection."""
        self._drop_queued()
        super().ftp_ABOR(line)

    # Data connections

    def _make_epasv(self, extmode: bool = False) -> None:
        self._close_idle_data()
        ip = self.masquerade_address or self.socket.getsockname()[0].removeprefix("::ffff:")
        if not extmode and ":" in ip:
            self.respond("425 PASV is for IPv4; use EPSV.")
            return
        try:
            self._dtp_acceptor = self.passive_dtp(self)
        except OSError as error:
            self.respond(f"425 No data connection can be offered: {error.strerror}.")
            return
        port = self._dtp_acceptor.addr[1]
        if extmode:
            self.respond(f"229 Entering extended passive mode (|||{port}|).")
        else:
            where = f"{ip.replace('.', ',')},{port // 256},{port % 256}"
            self.respond(f"227 Entering passive mode ({where}).")

    def _make_eport(self, ip: str, port: int) -> None:
        try:
            super()._make_eport(ip, port)
        except OSError as error:
            self.respond(f"425 No data connection can be made: {error.strerror}.")
        if self._dtp_connector is not None and self._dtp_connector._closed:
            self._dtp_connector = None

    def _close_idle_data(self) -> None:
        self._shutdown_connecting_dtp()
        if self.data_channel is not None:
            self.data_channel.close()

    def data_connected(self, sock: socket.socket) -> None:
        """The data connection is there; what waits for it begins."""
        self._dtp_acceptor = None
        transfer = self.dtp_handler(sock, self)
        if transfer.connected:
            self.data_channel = transfer
            self._on_dtp_connection()
        else:  # it was reset while it waited to be accepted
            self.give_up_transfer("426 Connection reset by peer; transfer aborted.")

    def data_refused(self, reply: str) -> None:
        """An active data connection cannot be made."""
        if not self.give_up_transfer(reply):
            self.respond(reply)

    def give_up_transfer(self, reply: str) -> bool:
        """No data connection will come for the command that waits for one; False if none does."""
        if not self._drop_queued():
            return False
        self.respond(reply)
        self._go_on()
        return True

    def _drop_queued(self) -> bool:
        queued = self._out_dtp_queue or self._in_dtp_queue
        if queued is None or self._closed:
            return False
        file = queued[2] if self._out_dtp_queue else queued[0]
        self._out_dtp_queue = self._in_dtp_queue = None
        if file is not None:
            with suppress(OSError):
                file.close()
        return True

    def transfer_finished(self) -> None:
        """All of a file, or of a listing, has been moved."""
        if self.lifetime.phase is not Phase.RUNNING:
            self.lifetime.tally.finished += 1

    def _on_dtp_close(self) -> None:
        if self._quit_pending and not self._closed:
            self.data_channel = None
            self.close_when_done()
            return
        super()._on_dtp_close()
        self._go_on()

    @property
    def is_transferring(self) -> bool:
        """Whether data move, or are about to: a command has said which."""
        return self.data_channel is not None and self.data_channel.begun

    @property
    def awaits_data(self) -> bool:
        """Whether a command waits for its data connection."""
        return self._out_dtp_queue is not None or self._in_dtp_queue is not None

    @property
    def errand(self) -> Errand:
        """What we are in the middle of, between two commands."""
        if self._rnfr:
            return Errand.RENAME
        prepared = (self._dtp_acceptor, self._dtp_connector, self.data_channel)
        if self._restart_position or any(each is not None for each in prepared):
            return Errand.TRANSFER
        return Errand.NONE

    # The end

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: veto while in flight, and for a moment on an errand; else say 421 and close.

        time_in_phase: seconds.
        """
        if phase < Phase.DRAINING or self._closed:
            return None
        occupation = self.occupation()
        if occupation:
            return Veto(occupation)
        moment = self.promise(time_in_phase)
        if moment is not None:
            return moment
        self.respond(GOODBYE)
        self.close_when_done()
        return None if self._closed else Veto(self.occupation())

    def occupation(self) -> str:
        """What keeps us busy, in a few words; "" if we are not."""
        data = self.data_channel
        if self.is_transferring:
            return "receiving a file" if data.receive else "sending data"
        if self.awaits_data:
            return "waiting for a data connection"
        if self._dtp_connector is not None:
            return "making a data connection"
        if self.lingering:
            return "waiting for the client to hang up"
        if self.producer_fifo:
            return "sending a reply"
        if self._pipelined or (not self._in_buffer and self._has_unread()):
            return "answering a command"
        return ""

    def promise(self, time_in_phase: float) -> Veto | None:
        """The moment that is still left for the next command, or for a data connection.

        time_in_phase: seconds; the moment begins with the phase, or with what we have last heard.
        """
        if self.awaits_data:
            return Veto("waiting for a data connection")
        errand = "reading a command" if self._in_buffer else self.errand.value
        if errand == Errand.NONE.value:
            return None
        quiet = min(self.ioloop.now() - self.last_heard, time_in_phase)
        left: float = self.limits.quiet_time - quiet
        return Veto(errand, left) if left > 0 else None

    def _has_unread(self) -> bool:
        """Whether a command has arrived that we have not looked at; a hang-up is none."""
        if self._is_delayed():
            return False
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def close_when_done(self) -> None:
        """Our last word has been said: close when it has left."""
        self._closing = True
        self.initiate_send()

    def initiate_send(self) -> None:
        """Send what there is; behind the last of it, say that nothing follows."""
        super().initiate_send()
        if self._closing and not (self.producer_fifo or self.lingering or self._closed):
            self._linger()

    def _linger(self) -> None:
        """Close without a reset, which could take our last word back.

        A client that has been silent is silent; of one that has just spoken more may be on its way.
        """
        self.lingering = True
        self.add_channel()  # it may have been paused, and must see the client hang up
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self._discarded <= self.limits.linger_bytes:
                data = self.socket.recv(self.ac_in_buffer_size)
                if not data:
                    break
                self._discarded += len(data)
        except BlockingIOError:
            left = self.last_heard + self.limits.linger_time - self.ioloop.now()
            if left > 0:
                self.call_later(left, self.close)
                return
        except OSError:
            pass  # it has gone
        self.close()

    def abort(self) -> None:
        """Close although we are not through; the client is told, if it listens."""
        if self.data_channel is not None:
            self.data_channel.abort()
        elif self.awaits_data or self._pipelined:
            self.lifetime.tally.cut += 1
        if not self._closed:
            self._pipelined.clear()
            self.respond(GOODBYE)
            self.close()

    def handle_timeout(self) -> None:
        """The client was idle, or has not logged in, for too long."""
        if not (self._closed or self._closing or self.is_transferring):
            super().handle_timeout()

    def close(self) -> None:
        """Close both connections, and make room for another client."""
        if self._closed:
            return
        self._pipelined.clear()
        super().close()
        self.server.channel_closed(self)
