"""The Unix stream socket: the usual way to a console.

Who connects is known by the kernel's word; whoever may not is answered, logged and closed before a
byte of theirs is read.  What is said on a connection is in clients.py.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lifetime.console import threads
from lifetime.console.places import Unbindable, place
from lifetime.console.prompt_calls import accept
from lifetime.console.sources.clients import Client
from lifetime.console.sources.peers import may_ask, peer_of
from lifetime.console.waiter import READ

if TYPE_CHECKING:
    from lifetime.console.hub import Console

try:
    fcntl: Any = import_module("fcntl")
except ImportError:  # Windows, where a server can still be imported, and has a named pipe instead
    fcntl = None

log = logging.getLogger("lifetime.console")

#: So many clients at once; the next ones wait in the system's queue.
MAX_CLIENTS = 64

#: So many of them may wait for the end of the process; there must be room for those who ask.
MAX_STAYING = 32

#: Seconds for which another start of the same name may take.
LOCK_TIME = 2.0


class UnixSocket:
    """A console at a path.

    name: a name, which gets a path in the runtime directory; or a path, with a slash in it.
    groups: whose members may ask as well as root and our own user; the socket then belongs to the
        first of them and has mode 0660.
    `open` raises Unbindable.
    """

    in_waiter = True

    def __init__(self, name: str, groups: Iterable[int] = ()) -> None:
        self.groups = tuple(groups)
        self.name = name
        self.path = ""  # known once it is open
        self._whole_path = ""  # the same wherever the program goes meanwhile
        self._identity: tuple[int, int] | None = None
        self._owner = 0
        self._sock: socket.socket | None = None
        self._console: Console | None = None
        self._clients: set[Client] = set()
        self._full = False

    def open(self, console: Console) -> None:
        """Bind, and listen from now on."""
        self._console = console
        self.path = place(self.name)
        self._whole_path = os.path.abspath(self.path)
        with _alone_in(os.path.dirname(self.path) or "."):
            self._sock = self._bind()
        status = os.stat(self.path)
        self._identity = status.st_dev, status.st_ino
        self._owner = os.getpid()
        threads.waiter.call(self._watch)

    def _bind(self) -> socket.socket:
        _remove_stale(self.path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        old_mask = os.umask(0o077)  # of the whole process, for these few microseconds
        try:
            sock.bind(self.path)
        except OSError as error:
            sock.close()
            raise Unbindable(
                f"the console cannot be at {self.path!r}: {error.strerror}; name another path"
            ) from error
        finally:
            os.umask(old_mask)
        try:
            if self.groups:
                os.chown(self.path, -1, self.groups[0])
            os.chmod(self.path, 0o660 if self.groups else 0o600)
            sock.listen(MAX_CLIENTS)
        except OSError as error:
            sock.close()
            os.unlink(self.path)
            raise Unbindable(
                f"the console at {self.path!r} cannot be given to its group: {error.strerror};"
                " choose a group of this user"
            ) from error
        return sock

    # In the waiter's thread

    def _watch(self) -> None:
        if self._sock is not None:
            threads.waiter.watch(self._sock.fileno(), READ, self._accept)

    def _accept(self, events: int) -> None:
        console, listener = self._console, self._sock
        if console is None or listener is None:
            return
        while len(self._clients) < MAX_CLIENTS:
            try:
                sock = accept(listener)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.ECONNABORTED, errno.EINTR):
                    # Out of descriptors: those who wait stay in the queue for a moment.
                    log.error("the console cannot accept: %s", error.strerror)
                    self._rest()
                    threads.waiter.call_later(1.0, self._wake)
                    return
                continue
            self._welcome(console, sock)
        self._rest()

    def _welcome(self, console: Console, sock: socket.socket) -> None:
        try:
            peer = peer_of(sock)
        except OSError as error:
            log.error("the console does not learn who has connected: %s", error.strerror)
            sock.close()
            return
        client = Client(console, sock, peer, self._client_gone, self._may_stay)
        self._clients.add(client)
        if may_ask(peer, self.groups):
            client.begin()
        else:
            log.warning(
                "user %s (process %d) may not use the console %s", peer.name, peer.pid, self.path
            )
            client.refuse(
                f"user {peer.name} may not; ask as the server's user, as root, or as a member of"
                " its group"
            )

    def _client_gone(self, client: Client) -> None:
        """There is room for another."""
        self._clients.discard(client)
        if self._full:
            self._wake()

    def _may_stay(self) -> bool:
        return sum(client.stays for client in self._clients) < MAX_STAYING

    def _rest(self) -> None:
        if self._sock is not None:
            self._full = True
            threads.waiter.unwatch(self._sock.fileno())

    def _wake(self) -> None:
        if self._full:
            self._full = False
            self._watch()

    def close(self) -> None:
        """Listen no more; the path goes if it still is ours."""
        self._unlink()
        sock, self._sock = self._sock, None
        if sock is not None:
            threads.waiter.unwatch(sock.fileno())
            sock.close()
        for client in list(self._clients):
            client.server_closes()

    def _unlink(self) -> None:
        identity, self._identity = self._identity, None
        # A forked child that runs `atexit` must not take the console away from its parent.
        if identity is None or self._owner != os.getpid():
            return
        with suppress(OSError):
            status = os.stat(self._whole_path)
            if (status.st_dev, status.st_ino) == identity:
                os.unlink(self._whole_path)

    def forget(self) -> None:
        """In a forked child: our copies go, so that the peers see the end of the parent."""
        self._identity = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        for client in self._clients:
            client.sock.close()
        self._clients.clear()

    def __repr__(self) -> str:
        return f"<console at {self.path or self.name}>"


@contextmanager
def _alone_in(directory: str) -> Iterator[None]:
    """Two starts of one name come one after the other.  Raises Unbindable.

    The lock is on the folder itself, so that nothing is left behind.
    """
    folder = os.open(directory, os.O_RDONLY)
    try:
        until = time.monotonic() + LOCK_TIME
        while not _locked(folder):
            if time.monotonic() > until:
                raise Unbindable(
                    f"another server is just starting in {directory!r}, and does not get on;"
                    " try again"
                )
            time.sleep(0.01)  # it takes microseconds, and nothing tells us when it is done
        yield
    finally:
        os.close(folder)


def _locked(folder: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_stale(path: str) -> None:
    """Make room.  Raises Unbindable if something is there that is alive, or no socket."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise Unbindable(f"{path!r} is there and is no socket; name another path")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        outcome = probe.connect_ex(path)
    if outcome == errno.ENOENT:  # its server has just ended
        return
    if outcome != errno.ECONNREFUSED:
        raise Unbindable(
            f"a server with the console {path!r} is running; stop it, or choose another name"
        )
    os.unlink(path)
