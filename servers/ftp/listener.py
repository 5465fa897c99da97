"""FTPListener: the FTP server as its users see it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from lifetime import Lifetime, Phase
from servers.ftp.channel import GOODBYE, FTPChannel
from servers.ftp.engine import Engine
from servers.ftp.limits import FTPLimits
from servers.listener import Listener


class FTPListener(Listener):
    """Listens for FTP clients.

    host, port: where; host "" for everywhere, port 0 for any free one.
    authorizer: who may log in, see `Authorizer` and `anonymous`; any of pyftpdlib's will do.
    sock: a listening socket that somebody else made, instead of host and port.
    passive_ports: the ports for data connections; None for any.
    masquerade_address: the IPv4 address that clients are told instead of ours, behind a NAT.
    banner: what a client is told first.
    Raises OSError if the address cannot be had.
    """

    channel_class: Any = FTPChannel

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        *,
        authorizer: Any,
        sock: socket.socket | None = None,
        lifetime: Lifetime | None = None,
        limits: FTPLimits | None = None,
        passive_ports: Sequence[int] | None = None,
        masquerade_address: str | None = None,
        banner: str = "FTP server ready.",
    ) -> None:
        self.limits = limits or FTPLimits()
        self.authorizer = authorizer
        self.passive_ports = passive_ports
        self.masquerade_address = masquerade_address
        self.banner = banner
        self.ip_map: list[str] = []  # pyftpdlib's channels take themselves out of it
        super().__init__(
            None if sock is not None else (host, port),
            sock=sock,
            lifetime=lifetime,
            max_channels=self.limits.connections,
        )
        self.engine = Engine(self.lifetime)

    @property
    def port(self) -> int:
        """The port that was bound."""
        port: int = self.addr[1]
        return port

    def make_channel(self, sock: socket.socket, addr: Any) -> object:
        """Serve a client, or tell it why not."""
        channel = self.build_channel(sock, addr)
        if not channel.connected:
            return channel  # it has gone again
        self.channel_opened(channel)
        self.ip_map.append(channel.remote_ip)
        if self.lifetime.phase >= Phase.REFUSING:
            channel.refuse(GOODBYE)
        elif self.ip_map.count(channel.remote_ip) > self.limits.connections_per_address:
            channel.refuse("421 Too many connections from your address.")
        else:
            channel.handle()
        return channel

    def build_channel(self, sock: socket.socket, addr: Any) -> Any:
        """The channel for a connection."""
        return self.channel_class(sock, self)

    def _accept_new_cons(self) -> bool:
        """What pyftpdlib asks before a data connection; what bounds those is one per channel."""
        return True
