"""Networks: of whom something is believed, such as front ends that say for whom they ask.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

#: The word for peers that come over a Unix socket, who have no address.
UNIX = "unix"

#: Answers about single hosts that are remembered at most.
REMEMBERED = 1024


class Networks:
    """A set of addresses: `"127.0.0.1" in Networks("127.0.0.0/8, ::1")`.

    networks: addresses and networks, as a list or as one text with commas; `unix` stands for
        whoever comes over a Unix socket.
    Raises ValueError with one sentence for anything else.
    """

    def __init__(self, networks: Iterable[str] | str) -> None:
        if isinstance(networks, str):
            networks = networks.split(",")
        names = [name.strip() for name in networks]
        self.unix = UNIX in names
        self._networks = [_network(name) for name in names if name != UNIX]
        self._known: dict[str, bool] = {}

    def __contains__(self, address: object) -> bool:
        """Whether a host, or the address of a socket's peer, is one of them."""
        if not isinstance(address, tuple):
            return self._has(address) if isinstance(address, str) and address else self.unix
        return self._has(str(address[0]))

    def _has(self, host: str) -> bool:
        known = self._known.get(host)
        if known is None:
            known = self._look_up(host)
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[host] = known
        return known

    def _look_up(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:  # the path of a Unix socket
            return self.unix
        # One socket may serve both families, and then writes IPv4 like this.
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def __str__(self) -> str:
        names = [str(network) for network in self._networks]
        return ", ".join([*names, UNIX] if self.unix else names)


def _network(name: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(name)
    except ValueError as error:
        raise ValueError(
            f"{name!r} is no network ({error}); give one such as 10.0.0.0/8, 192.0.2.7, ::1 or unix"
        ) from error


#: This machine itself.
LOOPBACK = ("127.0.0.0/8", "::1", UNIX)
