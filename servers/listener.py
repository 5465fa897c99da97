"""Listener: bind, accept, back off; and the phase-2 rule, written once.

Phase 2 empties the accept queue before it closes, for whoever is in it believes to be connected:
accept until nothing is left, close at the very next instruction, and only then look at whom we
accepted.  A listener inherited from a supervisor, or from the process that forked us, is just
closed: its queue is somebody else's.  One that `stays` is for those who ask how we are: it answers
until phase 4.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import sys
from collections.abc import Iterator
from typing import Any

import lifetime as lifetime_module
from lifetime import Lifetime, Phase, Veto, event_driven
from servers.succession.inheritance import pool
from servers.succession.lending import Lendable
from servers.syn_filter import accept_syn, drop_syn

log = logging.getLogger("servers")

Address = tuple[Any, ...] | str

#: Out of descriptors or memory: accepting again at once would fail again at once.
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

#: The peer gave up while it waited in the queue.
GONE = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ECONNRESET})

#: Seconds for which a listener that is out of descriptors rests.
REST = 0.5

#: Seconds in which handshakes that had begun may still end, once new ones are kept away.
SETTLE = 0.01

#: Connections taken from the queue in phase 2 at most: more than any backlog.
MAX_FROM_QUEUE = 65536

#: So many channels fewer than the limit, or a tenth of it, are a clear drop: reaching it is news.
CLEAR_DROP = 10


class Listener(Lendable):
    """Accepts connections and makes a channel for each; `make_channel` says which.

    address: (host, port), port 0 for any free one, host "" for everywhere; or the path of a
        Unix socket, whose stale file is replaced.
    sock: a listening socket that somebody else made, instead of an address.
    max_channels: accepting pauses while so many are open; never more than the system's limit.
    batch: accepted at most in one turn of the loop.
    Only in its own process does it empty the queue and remove the file, see `Lendable`.
    Raises OSError if the address cannot be had, with the address in its text.
    """

    announces_changes = True
    #: Whether it answers until phase 4, and holds nobody; nor may its channels.
    stays = False

    def __init__(
        self,
        address: tuple[str, int] | str | None,
        *,
        sock: socket.socket | None = None,
        lifetime: Lifetime | None = None,
        backlog: int = 1024,
        max_channels: int = 1000,
        batch: int = 64,
    ) -> None:
        self.lifetime = lifetime_module.default() if lifetime is None else lifetime
        super().__init__(None, self.lifetime.map)
        self.channels: set[Any] = set()
        self.batch = batch
        self.max_channels = min(max_channels, _descriptor_limit())
        self.inherited = sock is not None
        self.owner = os.getpid()
        self._resting = False
        self._settled_at: float | None = None  # when the last handshakes have had their time
        self._full = False  # has been at its limit, without a clear drop since
        self._path_identity: tuple[int, int] | None = None
        if sock is None:
            if address is None:
                raise ValueError("a listener needs an address or a socket; give one of them")
            sock = pool.take(address)
            self.inherited = sock is not None
            if sock is None:
                sock = _bind(address)
                sock.listen(backlog)
        sock.setblocking(False)
        if sock.family != getattr(socket, "AF_UNIX", None):
            # Linux hands this on to every accepted socket, which saves a call for each.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepting = True
        self.addr: Any = sock.getsockname()
        if isinstance(self.addr, str) and not self.inherited:
            self._path_identity = _identity(self.addr)
        self.set_socket(sock)
        self._end_subscription = (
            self.lifetime.on_phase(self._phase_entered) if self.stays else lambda: None
        )

    # Accepting

    def make_channel(self, sock: socket.socket, addr: Any) -> object:
        """Serve an accepted connection.

        sock: non-blocking.
        The channel must call `channel_opened` when it begins and `channel_closed` at its end, or
        `max_channels` bounds nothing.
        An exception closes this connection, never the listener; OSError says that it broke by
        itself, anything else is logged with its traceback.
        """
        raise NotImplementedError("a Listener's subclass says what serves a connection")

    def channel_opened(self, channel: object) -> None:
        """A channel of ours has begun."""
        self.channels.add(channel)
        if len(self.channels) == self.max_channels:
            self.changed()
            if not self._full:
                self._full = True
                log.warning("%s serves %d connections, its limit: a pause", self, self.max_channels)

    def channel_closed(self, channel: object) -> None:
        """A channel of ours has ended: there may be room for another."""
        if len(self.channels) == self.max_channels:
            self.changed()
        self.channels.discard(channel)
        if self._full:
            drop = max(CLEAR_DROP, self.max_channels // 10)
            self._full = len(self.channels) >= self.max_channels - drop

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for connections: not while full, and not while resting."""
        return (
            self.accepting
            and not self._resting
            and not self.lent
            and len(self.channels) < self.max_channels
        )

    @event_driven
    def writable(self) -> bool:
        """A listener never writes."""
        return False

    def handle_accept(self) -> None:
        """Accept what waits, up to a batch, so that those who are served come first."""
        for _ in range(min(self.batch, self.max_channels - len(self.channels))):
            accepted = self._accept()
            if accepted is None:
                return
            self._welcome(*accepted)
            if self._settled_at is not None:  # nobody new comes in: these have been in the queue
                self.lifetime.tally.from_queue += 1

    def _accept(self) -> tuple[socket.socket, Any] | None:
        """The next connection in the queue; None if there is none, or if we must rest."""
        tries = self.batch  # they cannot all have gone: a firewall may say EPERM for ever
        while True:
            try:
                accepted: tuple[socket.socket, Any] = self.socket.accept()
            except (BlockingIOError, InterruptedError):
                return None
            except OSError as error:
                tries -= 1
                if error.errno in GONE and tries > 0:
                    continue
                if error.errno in GONE or error.errno in EXHAUSTED:
                    self._rest(error)
                elif error.errno == errno.EINVAL:  # it does not listen any more
                    self.handle_close()
                else:
                    raise
                return None
            return accepted

    def _empty_queue(self) -> Iterator[tuple[socket.socket, Any]]:
        """Everybody who waits; ends early, and rests, if they cannot be accepted."""
        for _ in range(MAX_FROM_QUEUE):
            accepted = self._accept()
            if accepted is None:
                return
            yield accepted

    def _welcome(self, sock: socket.socket, addr: Any) -> None:
        try:
            sock.setblocking(False)
            if not sys.platform.startswith("linux") and isinstance(self.addr, tuple):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.make_channel(sock, addr)
        except OSError as error:  # also every SSLError: a port scan, a reset, no TLS
            # As text: a log record that is kept would keep the half-made TLS socket open.
            log.info("a connection from %s has broken at its beginning: %s", addr, str(error))
            sock.close()
        except Exception as error:
            log.error("a connection from %s cannot be served: %s", addr, error, exc_info=error)
            sock.close()

    def _rest(self, error: OSError) -> None:
        if self._resting:
            return
        log.error("%s cannot accept: %s; resting for %.1f s", self, error.strerror, REST)
        self._resting = True
        self.changed()
        self.lifetime.call_later(REST, self._wake)

    def _wake(self) -> None:
        self._resting = False
        self.changed()

    # Stopping

    def own(self) -> None:
        """Whoever we have inherited the socket from accepts no more: queue and file are ours."""
        super().own()
        accept_syn(self.socket)  # it may have begun to close the door before we came
        if isinstance(self.addr, str):
            self._path_identity = _identity(self.addr)

    def leave_file(self) -> None:
        """Another process has a copy of the socket and may yet serve on it: its file stays."""
        self._path_identity = None

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 2: empty the accept queue, then close.  Vetoes while the queue cannot be emptied.

        time_in_phase: seconds.
        """
        if phase < Phase.REFUSING or not self.accepting or (self.stays and not self.lent):
            return None
        if not self.is_ours:
            self.close()
            return None
        self._unlink()  # nobody finds us any more, those who did are in the queue
        settling = self._time_to_settle() if phase == Phase.REFUSING else 0.0
        if settling > 0:
            return Veto("the last handshakes end", settling)
        self._resting = False
        accepted = list(self._empty_queue())
        emptied = not self._resting
        if emptied:
            self.close()
        for sock, addr in accepted:
            self._welcome(sock, addr)
        self.lifetime.tally.from_queue += len(accepted)
        if not emptied:
            return Veto("those in the accept queue cannot be accepted now", REST)
        log.info("%s accepts no more; %d connections came from its queue", self, len(accepted))
        return None

    def _phase_entered(self, phase: Phase) -> None:
        """One that stays goes in phase 4, in which nobody is asked any more."""
        if phase is Phase.TERMINATED:
            for channel in list(self.channels):
                channel.close()
            self.close()

    def _time_to_settle(self) -> float:
        """Seconds for which the last handshakes may go on, now that new ones are kept away.

        None where those cannot be kept away, or if patience ends before that.  Counted from the
        filter, not from the phase: a busy loop may come to us late in it.
        """
        now = self.lifetime.clock()
        if self._settled_at is None:
            sequence = self.lifetime.sequence
            has_time = sequence is None or sequence.remaining(now) > SETTLE
            self._settled_at = now + SETTLE if has_time and drop_syn(self.socket) else now
        return self._settled_at - now

    def abort(self) -> None:
        """Close although patience ended before the queue was empty.

        Who waits in it is closed visibly; who has sent something already was owed an answer, and
        counts as cut.
        """
        if self.accepting and self.is_ours:
            self._unlink()
            for sock, _ in self._empty_queue():
                self.lifetime.tally.from_queue += 1
                self.lifetime.tally.cut += _has_sent(sock)
                sock.close()
        self.close()

    def handle_close(self) -> None:
        """The socket listens no more, and we have not closed it: somebody shut it down."""
        if self.accepting:
            log.error("%s listens no more: its socket was shut down by somebody else", self)
        self.close()

    def close(self) -> None:
        """Stop listening; the file of a Unix socket goes if it still is ours."""
        self._end_subscription()
        self._unlink()
        super().close()

    def _unlink(self) -> None:
        identity, self._path_identity = self._path_identity, None
        if identity is None or not self.is_ours or _identity(self.addr) != identity:
            return
        try:
            os.unlink(self.addr)
        except OSError as error:
            log.warning("%s cannot remove its file: %s", self, error.strerror)

    def handle_error(self) -> None:
        """What fails in here is logged; the listener lives on, or the server would be deaf."""
        log.exception("%s has met an error, and goes on", self)

    def __str__(self) -> str:
        if isinstance(self.addr, tuple):
            return f"{type(self).__name__} {self.addr[0]}:{self.addr[1]}"
        # An abstract name of Linux is bytes that begin with a zero; tools write an @ for that.
        abstract = isinstance(self.addr, bytes)
        where = "@" + self.addr[1:].decode("utf-8", "replace") if abstract else self.addr
        return f"{type(self).__name__} {where}"


def _has_sent(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def _bind(address: tuple[str, int] | str) -> socket.socket:
    if isinstance(address, str):
        return _bind_unix(address)
    host, port = address
    if port not in range(65536):  # the system would take the rest of a division
        raise OSError(errno.EINVAL, f"{host}:{port}: a port is a number from 0 to 65535")
    try:
        choices = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise OSError(errno.EADDRNOTAVAIL, f"{host}: {error.strerror}") from error
    except ValueError as error:  # mostly a UnicodeError: a label that is empty or too long
        raise OSError(errno.EADDRNOTAVAIL, f"{host!r}: {error}") from error
    # "" means everywhere; IPv4 first, as it always has.
    family, kind, protocol, _, where = min(choices, key=lambda each: each[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let others steal the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from error
    return sock


def _bind_unix(path: str) -> socket.socket:
    if not path or "\0" in path:  # Linux would make up an abstract name
        raise OSError(errno.EINVAL, f"{path!r}: not the path of a file")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_stale(path):
            os.unlink(path)
        sock.bind(path)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{path}: {error.strerror or error}") from error
    return sock


def _is_stale(path: str) -> bool:
    """Whether `path` is a socket on which nobody listens any more."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _descriptor_limit() -> int:
    """So many connections leave some descriptors for files, logs and the loop."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return sys.maxsize
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else max(limit - 32, 1)
