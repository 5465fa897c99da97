"""Data connections: how they come about, and the transfer that uses one.

pyftpdlib's classes with our rules: nothing is read before a command says what it is, strangers
are not heard of, what a full disk says at the very end is told, and a broken transfer looks broken.
"""

from __future__ import annotations

import errno
import logging
import random
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.ioloop import Acceptor

from lifetime import Phase

log = logging.getLogger("servers")

#: Whoever connects besides the client must not keep it out.
BACKLOG = 5


class PassiveData(Acceptor):  # type: ignore[misc]
    """Waits on a port of its own for the one connection that the client makes.

    channel: the control connection.
    Raises OSError if there is no port for it.
    """

    def __init__(self, channel: Any) -> None:
        super().__init__(ioloop=channel.ioloop)
        self.cmd_channel = channel
        try:
            self.create_socket(channel.socket.family, socket.SOCK_STREAM)
            self._bind(channel.socket.getsockname()[0], channel.passive_ports)
            self.listen(BACKLOG)
        except OSError:
            self.close()
            raise
        self.addr: Any = self.socket.getsockname()
        self.call_later(channel.limits.data_time, self.handle_timeout)

    def _bind(self, host: str, ports: Any) -> None:
        if not ports:
            self.bind((host, 0))
            return
        self.set_reuse_addr()
        # In random order, for a port that can be guessed can be stolen (RFC 2577, section 8).
        for port in random.sample(list(ports), len(ports)):
            try:
                self.bind((host, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
            return
        raise OSError(errno.EADDRINUSE, "every port for data is in use")

    def accept_now(self) -> None:
        """Accept the client if it is in the queue already."""
        try:
            self.handle_accept()
        except OSError:
            self.handle_error()

    def handle_accepted(self, sock: socket.socket, addr: Any) -> None:
        """The client has connected; anybody else is turned away without a word to the client."""
        channel = self.cmd_channel
        if addr[0] != channel.remote_ip and not channel.permit_foreign_addresses:
            log.warning("%s: a data connection from %s is refused", channel.shutdown_name, addr[0])
            sock.close()
            return
        self.close()
        channel.data_connected(sock)

    def close(self) -> None:
        """Stop listening; the client must ask for another port."""
        if self.cmd_channel._dtp_acceptor is self:
            self.cmd_channel._dtp_acceptor = None
        super().close()

    def handle_timeout(self) -> None:
        """Nobody has come."""
        self.close()
        self.cmd_channel.give_up_transfer("425 No data connection was made in time.")

    def handle_error(self) -> None:
        """What fails in here ends the waiting, not the session."""
        log.exception("%s: accepting a data connection failed", self.cmd_channel.shutdown_name)
        self.close()
        self.cmd_channel.give_up_transfer("425 The data connection could not be accepted.")

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 2: close, unless the client was promised that it may connect."""
        if phase != Phase.REFUSING or not self.accepting:
            return None
        self.accept_now()
        if self._closed:
            return None
        promise = self.cmd_channel.promise(time_in_phase)
        if promise is None:
            self.close()
        return promise


class ActiveData(FTPHandler.active_dtp):  # type: ignore[misc]
    """Connects to where the client said that it listens."""

    #: What the client is told when that has been done; "" if it has been told already.
    reply = "200 Active data connection established."
    socket: Any

    def __init__(self, ip: str, port: int, channel: Any) -> None:
        self.timeout = channel.limits.data_time
        super().__init__(ip, port, channel)

    def handle_connect(self) -> None:
        """The connection has been made: it becomes a transfer's, and this one is through."""
        if self._idler is not None:
            self._idler.cancel()
        sock, self._closed = self.socket, True
        self.del_channel()
        self.socket = self._fileno = None
        if not self.cmd_channel.connected:
            sock.close()
            return
        self.cmd_channel._dtp_connector = None
        if self.reply:
            self.cmd_channel.respond(self.reply)
        self.cmd_channel.data_connected(sock)

    def handle_timeout(self) -> None:
        """The client does not answer."""
        self.handle_close()

    def handle_close(self) -> None:
        """The client cannot be reached."""
        if self._closed:
            return
        self.close()
        if self.cmd_channel.connected:
            self.cmd_channel._dtp_connector = None
            self.cmd_channel.data_refused("425 No data connection can be made to that address.")


class Transfer(DTPHandler):  # type: ignore[misc]
    """A data connection, and what goes over it once a command says so."""

    _resp: tuple[Any, ...]  # the reply at its end, and how that is logged

    def __init__(self, sock: socket.socket, channel: Any) -> None:
        self.timeout = channel.limits.stall_time
        super().__init__(sock, channel)
        if not self._closed:
            # pyftpdlib would take early data, and an early end, for a client that has gone.
            self.modify_ioloop_events(0)

    @property
    def begun(self) -> bool:
        """Whether a command has said what goes over it."""
        return bool(self._initialized)

    def enable_receiving(self, type: str, cmd: str) -> None:
        """Take a file; what has come early is read now."""
        super().enable_receiving(type, cmd)
        self.transfer_finished = False

    def handle_read(self) -> None:
        """Write what has come to the file."""
        try:
            chunk = self.socket.recv(self.ac_in_buffer_size)
        except BlockingIOError:
            return
        except OSError as error:  # a reset is no end of file
            self.break_off(error.strerror)
            return
        if not chunk:
            super().handle_close()
            return
        self.tot_bytes_received += len(chunk)
        if self._data_wrapper is not None:
            chunk = self._data_wrapper(chunk)
        try:
            self.file_obj.write(chunk)
        except OSError as error:
            self.break_off(error.strerror)

    handle_read_event = handle_read

    def handle_close(self) -> None:
        """All has been sent, or the peer has hung up: for an upload, reading on tells how."""
        if self.receive:
            self.handle_read()
        else:
            super().handle_close()

    def break_off(self, reason: str | None) -> None:
        """End without being through, and say why."""
        self._resp = (f"426 {reason or 'Failure'}; transfer aborted.", log.info)
        self.close()

    def handle_error(self) -> None:
        """An exception: reading the file has failed, or something of ours."""
        error = sys.exc_info()[1]
        cause = getattr(error, "__cause__", None) or error
        if isinstance(cause, OSError):
            self.break_off(cause.strerror)
            return
        log.exception("%s: a transfer failed", self.cmd_channel.shutdown_name)
        self.break_off("Internal error")

    def abort(self) -> None:
        """Patience is over: the peer must see that something is missing."""
        if self.begun and not self._closed:
            self.ioloop.lifetime.tally.cut += 1
            self.break_off("The server ends")
        self.close()

    def close(self) -> None:
        """Close the connection, and the file of an upload first: a full disk may say so only then.

        A download that is not through ends with a reset, for an orderly end means a whole file.
        """
        if self._closed:
            return
        if self.receive and self.file_obj is not None:
            try:
                if self._had_cr and self.transfer_finished:
                    self.file_obj.write(b"\r")
                self.file_obj.close()
            except OSError as error:
                self.transfer_finished = False
                self._resp = (f"426 {error.strerror}; transfer aborted.", log.warning)
        elif self.begun and not self.receive and not self.transfer_finished:
            with suppress(OSError):
                self.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
        if self.begun and self.transfer_finished:
            self.cmd_channel.transfer_finished()
        super().close()
