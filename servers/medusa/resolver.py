"""medusa's resolver: `servers.resolver.Resolver` under the old names, and its helpers for DNS."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from servers import dns
from servers.dns import Answer, Kind, MalformedReply
from servers.medusa.counter import counter
from servers.medusa.producers import simple_producer
from servers.resolver import Resolver

Callback = Callable[[str, int, Any], object]


class resolver(Resolver):
    """Asks the DNS server at an address; nothing is remembered.

    server: an address, or a name that the system knows.
    Callbacks are called with (host, ttl, answer); answer is None if nothing was found.
    """

    cache_size = 0

    def __init__(self, server: str = "127.0.0.1", **settings: Any) -> None:
        settings.setdefault("cache_size", self.cache_size)
        super().__init__(socket.gethostbyname(server) if ":" not in server else server, **settings)

    def resolve(self, host: str | bytes, callback: Callback) -> None:
        """Find the address of a name."""
        name = _text(host)
        _ask(lambda tell: self.look_up(name, tell), name, callback)

    def resolve_ptr(self, host: str | bytes, callback: Callback) -> None:
        """Find the name of an address."""
        ip = _text(host)
        _ask(lambda tell: self.look_up_address(ip, tell), ip, callback)


def _ask(
    look_up: Callable[[Callable[[Answer], object]], None], host: str, callback: Callback
) -> None:
    def tell(answer: Answer) -> None:
        callback(host, answer.ttl, answer.values[0] if answer.values else None)

    try:
        look_up(tell)
    except ValueError:  # such a name or address there cannot be
        callback(host, 0, None)


class caching_resolver(resolver):
    """The same, and answers are remembered, for as long as they say."""

    SERVER_IDENT = "Caching DNS Resolver (V1.1)"
    cache_size = 10_000

    def __init__(self, server: str = "127.0.0.1", **settings: Any) -> None:
        super().__init__(server, **settings)
        self.forward_requests = counter()
        self.reverse_requests = counter()
        self.cache_hits = counter()

    @property
    def cache(self) -> dict[str, tuple[float, int, Any]]:
        """A copy of what is remembered: (when it ends, seconds left, answer) by name."""
        now, moment = time.time(), self.lifetime.clock()
        return {
            name: (now + until - moment, int(until - moment), (answer.values or (None,))[0])
            for (name, _), until, answer in self.remembered.items()
        }

    def resolve(self, host: str | bytes, callback: Callback) -> None:
        """Find the address of a name."""
        self.forward_requests.increment()
        self._count_hit(lambda: super(caching_resolver, self).resolve(host, callback))

    def resolve_ptr(self, host: str | bytes, callback: Callback) -> None:
        """Find the name of an address."""
        self.reverse_requests.increment()
        self._count_hit(lambda: super(caching_resolver, self).resolve_ptr(host, callback))

    def _count_hit(self, ask: Callable[[], None]) -> None:
        hits = self.remembered.hits
        ask()
        if self.remembered.hits > hits:
            self.cache_hits.increment()

    def status(self) -> simple_producer:
        """A producer of HTML about this resolver."""
        return simple_producer(
            f"<h2>{self.SERVER_IDENT}</h2>\r\n"
            f"<br>Server: {self.server}\r\n"
            f"<br>Cache Entries: {len(self.remembered)}\r\n"
            f"<br>Outstanding Requests: {len(self.pending)}\r\n"
            f"<br>Forward Requests: {self.forward_requests}\r\n"
            f"<br>Reverse Requests: {self.reverse_requests}\r\n"
            f"<br>Cache Hits: {self.cache_hits}\r\n"
        )


class hooked_callback:
    """Calls a hook with what a callback is called with, and then that."""

    def __init__(self, hook: Callable[..., object], callback: Callable[..., object]) -> None:
        self.hook = hook
        self.callback = callback

    def __call__(self, *args: Any) -> None:
        self.hook(*args)
        self.callback(*args)


# Helpers for DNS


def _text(host: str | bytes) -> str:
    return host.decode("latin-1") if isinstance(host, bytes) else host


def fast_address_request(host: str | bytes, id: int = 0) -> bytes:
    """A question for the address of a name."""
    return dns.write_question(id, _text(host), Kind.A)


def fast_ptr_request(host: str | bytes, id: int = 0) -> bytes:
    """A question for the name of an address."""
    return dns.write_question(id, dns.reverse_name(_text(host)), Kind.PTR)


def unpack_name(r: bytes, pos: int) -> str:
    """The name at `pos`.  Raises MalformedReply."""
    return dns.read_name(r, pos)[0]


def skip_name(r: bytes, pos: int) -> int:
    """Where what follows the name at `pos` begins.  Raises MalformedReply."""
    return dns.read_name(r, pos)[1]


def unpack_ttl(r: bytes, pos: int) -> int:
    """The number of seconds at `pos`."""
    return int.from_bytes(r[pos : pos + 4], "big")


def unpack_address_reply(r: bytes) -> tuple[int, str | None]:
    """(ttl, address) of an answer; (0, None) if it has none."""
    return _unpack(r)


def unpack_ptr_reply(r: bytes) -> tuple[int, str | None]:
    """(ttl, name) of an answer; (0, None) if it has none."""
    return _unpack(r)


def _unpack(r: bytes) -> tuple[int, str | None]:
    try:
        answer = dns.find_answer(dns.read_reply(r))
    except MalformedReply:
        return 0, None
    return (answer.ttl, answer.values[0]) if answer.values else (0, None)
