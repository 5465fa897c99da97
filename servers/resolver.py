"""Resolver: asks a DNS server for names and addresses, and keeps nobody waiting.

Each try has a socket of its own, connected to the server: so the system gives it a port that
nobody can foresee, and drops what others send.  The id is random as well, and an answer has to
repeat our question.  What is malformed or strange is as if it had not come.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
from collections import OrderedDict
from collections.abc import Callable

import lifetime as lifetime_module
from lifetime import Dispatcher, ExitNow, Lifetime, Phase, Veto, event_driven
from servers.dns import (
    NO_ERROR,
    NO_SUCH_NAME,
    Answer,
    Kind,
    MalformedReply,
    Reply,
    find_answer,
    read_name,
    read_reply,
    reverse_name,
    write_question,
)

log = logging.getLogger("servers")

Callback = Callable[[Answer], object]

#: More than any datagram.
MAX_DATAGRAM = 65536

#: Datagrams read in one turn of the loop, so that a flood of strange ones does not keep it.
BATCH = 16

#: Callbacks that may wait at a time; the next ones are told that nothing was found.
MAX_CALLBACKS = 10_000


class Resolver:
    """Looks up names by asking one server.

    server: its IP address; it has to be one that asks others in turn.
    timeout: seconds for one try; tries: how many there are.
    max_pending: questions on their way at a time; the next ones are told that nothing was found.
    cache_size: answers that are remembered, for as long as they say; 0 for none.
    Raises ValueError if the server is not an address.
    """

    def __init__(
        self,
        server: str = "127.0.0.1",
        *,
        port: int = 53,
        lifetime: Lifetime | None = None,
        timeout: float = 3.0,
        tries: int = 3,
        max_pending: int = 200,
        cache_size: int = 10_000,
    ) -> None:
        try:
            self.family = (
                socket.AF_INET6 if ipaddress.ip_address(server).version == 6 else socket.AF_INET
            )
        except ValueError:
            raise ValueError(
                f"a resolver needs the IP address of a DNS server, not {server!r}"
            ) from None
        self.server = server
        self.port = port
        self.lifetime = lifetime_module.default() if lifetime is None else lifetime
        self.timeout = timeout
        self.tries = tries
        self.max_pending = max_pending
        self.remembered = Cache(cache_size, self.lifetime.clock)
        self.pending: dict[tuple[str, int], Lookup] = {}
        self.callbacks = 0  # that wait
        self.turned_away = 0  # lookups for which there was no room

    def look_up(self, name: str, callback: Callback, kind: int = Kind.A) -> None:
        """Call `callback(answer)`, perhaps before this returns; `answer.values` may be empty.

        Raises ValueError if no name can look so.
        """
        question = write_question(0, name, kind)
        key = read_name(question, 12)[0].lower(), int(kind)
        answer = self.remembered.get(key)
        if answer is not None:
            tell(callback, answer)
            return
        lookup = self.pending.get(key)
        is_full = self.callbacks >= MAX_CALLBACKS
        is_full = is_full or (lookup is None and len(self.pending) >= self.max_pending)
        # In phase 4 of a run that goes on, everything is being closed.
        is_over = self.lifetime.phase is Phase.TERMINATED and self.lifetime.thread is not None
        if is_full or is_over:
            self.turned_away += 1
            tell(callback, Answer(name, kind, 0, ()))
            return
        self.callbacks += 1
        if lookup is not None:
            lookup.callbacks.append(callback)
            return
        lookup = self.pending[key] = Lookup(self, key, question)
        lookup.callbacks.append(callback)
        lookup.try_again()

    def look_up_address(self, ip: str, callback: Callback) -> None:
        """The same for the name of an address.  Raises ValueError if it is none."""
        self.look_up(reverse_name(ip), callback, Kind.PTR)

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.server}:{self.port}"


class Lookup:
    """One question on its way: so many tries, and those who wait for the answer."""

    def __init__(self, resolver: Resolver, key: tuple[str, int], question: bytes) -> None:
        self.resolver = resolver
        self.key = key
        self.question = question
        self.callbacks: list[Callback] = []
        self.tries_left = resolver.tries
        self.current: Try | None = None
        self._timer: lifetime_module.Timer | None = None

    def try_again(self) -> None:
        """Ask once more; give up if that was often enough, or in a shutdown."""
        self._end_try()
        resolver = self.resolver
        stopping = resolver.lifetime.phase >= Phase.DRAINING and self.tries_left < resolver.tries
        while self.tries_left > 0 and not stopping:
            self.tries_left -= 1
            try:
                self.current = Try(self)
            except OSError as error:
                log.info("%s cannot be asked for %s: %s", resolver, self.key[0], error)
                continue
            self._timer = resolver.lifetime.call_later(resolver.timeout, self.try_again)
            return
        self.finish(None)

    def answered(self, reply: Reply) -> None:
        """The server has answered: perhaps that it cannot."""
        answer = find_answer(reply)
        if reply.code not in (NO_ERROR, NO_SUCH_NAME):
            self.try_again()
        elif reply.truncated and not answer.values:
            self.finish(None)  # it would be there by TCP; what is asked for here never is so long
        else:
            self.resolver.remembered.put(self.key, answer)
            self.finish(answer)

    def finish(self, answer: Answer | None) -> None:
        """Tell everybody; None: nothing is known."""
        self._end_try()
        resolver = self.resolver
        if resolver.pending.get(self.key) is not self:
            return
        del resolver.pending[self.key]
        callbacks, self.callbacks = self.callbacks, []
        resolver.callbacks -= len(callbacks)
        for callback in callbacks:
            tell(callback, answer or Answer(*self.key, 0, ()))

    def _end_try(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        current, self.current = self.current, None
        if current is not None:
            current.close()


class Try(Dispatcher):
    """One datagram to the server, and the wait for another.

    Raises OSError if it cannot be sent.
    """

    announces_changes = True

    def __init__(self, lookup: Lookup) -> None:
        resolver = lookup.resolver
        super().__init__(None, resolver.lifetime.map)
        self.lookup = lookup
        self.id = secrets.randbelow(65536)
        self.until = resolver.lifetime.clock() + resolver.timeout
        sock = socket.socket(resolver.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.connect((resolver.server, resolver.port))
            sock.send(self.id.to_bytes(2, "big") + lookup.question[2:])
        except OSError:
            sock.close()
            raise
        self.connected = True
        self.set_socket(sock)

    @property
    def shutdown_name(self) -> str:
        """What reports of a shutdown call it."""
        return f"{self.lookup.resolver}, asked for {self.lookup.key[0]}"

    @event_driven
    def readable(self) -> bool:
        """Always: an answer may come."""
        return True

    @event_driven
    def writable(self) -> bool:
        """Never: the question has been sent."""
        return False

    def handle_read(self) -> None:
        """Look for our answer among what has come."""
        for _ in range(BATCH):
            try:
                data = self.socket.recv(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # mostly: nobody listens there
                self.handle_close()
                return
            try:
                reply = read_reply(data)
            except MalformedReply as error:
                log.debug("%s has sent something strange: %s", self.lookup.resolver, error)
                continue
            if (reply.id, reply.name.lower(), reply.kind) == (self.id, *self.lookup.key):
                self.lookup.answered(reply)
                return

    def handle_close(self) -> None:
        """The server cannot be reached, or we failed."""
        self.lookup.try_again()

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: wait for the answer, but only for the time of this one try."""
        if phase < Phase.DRAINING:
            return None
        remaining = max(self.until - self.lookup.resolver.lifetime.clock(), 0.0)
        return Veto(f"the name server is asked for {self.lookup.key[0]}", remaining)

    def abort(self) -> None:
        """Patience has ended: nothing was found."""
        self.lookup.finish(None)


class Cache:
    """Answers, for as long as they are good; the oldest make room.

    size: how many; clock: seconds, monotonic.
    """

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self.size = size
        self.hits = 0
        self._clock = clock
        self._entries: OrderedDict[tuple[str, int], tuple[float, Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> list[tuple[tuple[str, int], float, Answer]]:
        """(name and kind, seconds on the clock until which it is good, answer) of each."""
        return [(key, until, answer) for key, (until, answer) in self._entries.items()]

    def get(self, key: tuple[str, int]) -> Answer | None:
        """What is known, with the seconds for which it still will be; None if nothing is."""
        until, answer = self._entries.get(key, (0.0, None))
        remaining = until - self._clock()
        if answer is None:
            return None
        if remaining <= 0:
            del self._entries[key]
            return None
        self.hits += 1
        return answer._replace(ttl=int(remaining))

    def put(self, key: tuple[str, int], answer: Answer) -> None:
        """Remember an answer, unless it is good for this moment only."""
        self._entries.pop(key, None)
        if answer.ttl <= 0 or self.size <= 0:
            return
        self._entries[key] = self._clock() + answer.ttl, answer
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)


def tell(callback: Callback, answer: Answer) -> None:
    """Call somebody else's callback; what it raises is logged and harms nobody."""
    try:
        callback(answer)
    except ExitNow:
        raise
    except Exception:
        log.exception("%r failed with what was found for %s", callback, answer.name)
